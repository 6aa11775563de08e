"""The wing that faces Slack: it holds the tokens, dials out, and acknowledges what the broker settles."""

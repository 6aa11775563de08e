"""The side that faces Slack: tokens and connections. It writes no journal and never imports the broker."""

"""slackd: Slack's Socket Mode for servers that nothing outside can reach."""

__version__ = "0.1.0"


class SlackdError(Exception):
    """The root of every error that slackd raises on purpose (the tree is in `slackd.errors`)."""

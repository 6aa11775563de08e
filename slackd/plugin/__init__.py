"""The SDK for plugins: ten lines of Python that answer Slack, without a token in their hands.

    from slackd.plugin import Envelope, Plugin

    plugin = Plugin("deploybot")

    @plugin.command("/deploy")
    async def deploy(envelope: Envelope) -> str:
        return f"Deploying {envelope.text}"

    plugin.run()

Standard library alone; asyncio is imported when a plugin runs, not before. The protocol that this speaks is
docs/protocol.md; `Plugin` says how handlers are chosen and what their answers mean.
"""

from slackd import SlackdError
from slackd.jsonrpc import NotJsonError
from slackd.plugin.app import Plugin
from slackd.plugin.context import Context
from slackd.plugin.envelope import Envelope, Gap, Identity, Late, Ready
from slackd.plugin.errors import (
    CallFailed,
    DuplicateHandler,
    InvalidAnswer,
    InvalidHandler,
    NotRunning,
    Permanent,
    PluginError,
    PluginRefused,
    Retry,
    SlackError,
    TooLarge,
)
from slackd.plugin.view_state import ViewState

__all__ = [
    "CallFailed",
    "Context",
    "DuplicateHandler",
    "Envelope",
    "Gap",
    "Identity",
    "InvalidAnswer",
    "InvalidHandler",
    "Late",
    "NotJsonError",
    "NotRunning",
    "Permanent",
    "Plugin",
    "PluginError",
    "PluginRefused",
    "Ready",
    "Retry",
    "SlackError",
    "SlackdError",
    "TooLarge",
    "ViewState",
]

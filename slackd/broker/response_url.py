"""Messages to a `response_url`: tried until Slack has taken them, or never will.

A connector may die, or be away, while it posts. Nobody can know then whether Slack has the message, and it is
posted again: a person would rather read an answer twice than never.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from enum import Enum

from slackd.broker.connector_calls import ConnectorCalls
from slackd.link.messages import Returned
from slackd.slack.limits import RESPONSE_URL_LIFETIME

log = logging.getLogger(__name__)

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 60.0
SERVER_ERRORS = 3
"""How often a 5xx of Slack is tried again: it answers so to a message that it doesn't like, too."""


class PostVerdict(Enum):
    """What an attempt came to."""

    TAKEN = "taken"
    REFUSED = "refused"
    AGAIN = "again"


def verdict(returned: Returned, server_errors: int) -> PostVerdict:
    """What to make of Slack's answer, or of none, after so many server errors before it."""
    if 200 <= returned.status < 300:
        refused = returned.body is not None and returned.body.get("ok") is False
        return PostVerdict.REFUSED if refused else PostVerdict.TAKEN
    if returned.status == 429 or returned.status <= 0:
        return PostVerdict.AGAIN
    if returned.status >= 500 and server_errors < SERVER_ERRORS:
        return PostVerdict.AGAIN
    return PostVerdict.REFUSED


class Posting:
    """Posts through the connectors."""

    def __init__(
        self, calls: ConnectorCalls, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    ) -> None:
        self._calls, self._sleep = calls, sleep

    async def post(
        self, app: str, response_url: str, body: str, patience: float = RESPONSE_URL_LIFETIME
    ) -> bool:
        """Post a message (JSON text); whether Slack took it. Tries again for about `patience` seconds."""
        pause, waited, server_errors = FIRST_PAUSE, 0.0, 0
        while True:
            returned = await self._calls.respond(app, response_url, body)
            match verdict(returned, server_errors):
                case PostVerdict.TAKEN:
                    return True
                case PostVerdict.REFUSED:
                    break
            if waited >= patience:
                break
            server_errors += returned.status >= 500
            rest = pause if returned.retry_after is None else returned.retry_after
            await self._sleep(rest)
            waited, pause = waited + rest, min(2 * pause, LONGEST_PAUSE)
        extra = {"event": "response-url-failed", "app": app}
        why = returned.error or f"Slack answered {returned.status}"
        log.warning("%s: a message was not sent through its response_url: %s", app, why, extra=extra)
        return False

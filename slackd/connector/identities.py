"""Who each app's bot is: a connector asks Slack's `auth.test` once, and reports it after every new link.

By its bot's id alone one knows some of the app's own messages ("bot_message": a `bot_id` and nothing else),
which subscriptions leave out (`ignore_self`); and plugins are sent the ids.
"""

import asyncio
import logging
from typing import Final

from slackd.connector.webapi import WebApi
from slackd.link import SendToBroker
from slackd.link.messages import AppIdentity, Call, CallKind, Identified, Returned

LONGEST_WAIT: Final = 300.0
"""Seconds between two questions to a Slack that doesn't answer, at the most; and to one that refuses the token,
until somebody has repaired that."""
_TRANSIENT: Final = frozenset(
    {"ratelimited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}
)
"""Errors of Slack's that pass ("auth.test")."""

log: Final = logging.getLogger(__name__)


class AppIdentities:
    """What is known of each app; reports to the broker through `send`, which is None while there is no link."""

    def __init__(self) -> None:
        self.send: SendToBroker | None = None
        self._known: dict[str, AppIdentity] = {}

    def catch_up(self) -> None:
        """After the Hello of a new link."""
        for identity in self._known.values():
            self._report(identity)

    async def ask(self, app: str, web: WebApi) -> None:
        """Ask until Slack says it, and report it; without a bot token, ask nothing."""
        if not web.has_bot_token:
            return
        question = Call(0, app, CallKind.PROBE, "auth.test", {})
        said = None
        while True:
            returned = await web.carry_out(question)
            if _is_no_answer(returned):
                returned = await _ask_again(web, question, returned)
            body = returned.body or {}
            if body.get("ok") is True:
                break
            if (error := str(body.get("error"))) != said:
                said, extra = error, {"event": "identity-unknown", "app": app}
                log.warning("%s: Slack does not say whose the bot token is: %s", app, error, extra=extra)
            await asyncio.sleep(LONGEST_WAIT)
        ids = {name: str(body.get(name) or "") for name in ("team_id", "bot_id", "user_id")}
        identity = AppIdentity(app, web.app_id, ids["team_id"], ids["bot_id"], ids["user_id"])
        self._known[app] = identity
        self._report(identity)

    def _report(self, identity: AppIdentity) -> None:
        if self.send is not None:
            self.send(Identified(identity))


async def _ask_again(web: WebApi, question: Call, first: Returned) -> Returned:
    # Imported where Slack has not answered: a start has no use for it, and takes a fortieth longer with it.
    from tenacity import AsyncRetrying, retry_if_result
    from tenacity.wait import wait_random_exponential

    answers = [first]

    async def ask() -> Returned:
        return answers.pop() if answers else await web.carry_out(question)

    wait = wait_random_exponential(multiplier=1, max=LONGEST_WAIT)
    returned: Returned = await AsyncRetrying(wait=wait, retry=retry_if_result(_is_no_answer))(ask)
    return returned


def _is_no_answer(returned: Returned) -> bool:
    body = returned.body
    return body is None or (body.get("ok") is not True and body.get("error") in _TRANSIENT)

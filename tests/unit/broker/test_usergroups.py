"""Groups that come and go: who was in one that is gone may no more, from the moment at which Slack says so."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, cast

import pytest

from slackd.broker.access import FRESH_FOR, GroupMembers
from slackd.broker.connector_calls import ConnectorCalls
from slackd.broker.usergroups import AGAIN_AFTER, LOOK_UP_EVERY, UserGroups
from slackd.link.messages import Returned

OPS = ("main", "S0OPS")
THERE = {"ok": True, "users": ["U1", 7]}
GONE = {"ok": False, "error": "no_such_subteam"}


class Rounds:
    """Slack's answers, one a round, and how long was waited after each."""

    def __init__(self, *answers: Mapping[str, Any] | None) -> None:
        self.members, self.time, self.pauses = GroupMembers(), 0.0, list[float]()
        self._answers = list(answers)
        self.known: list[frozenset[str] | None] = []

    async def ask(self, app: str, method: str, args: Mapping[str, Any]) -> Returned:
        body = self._answers.pop(0)
        return Returned(1, body, error="" if body else "Slack is away")

    async def sleep(self, seconds: float) -> None:
        self.known.append(self.members.of(OPS, self.time))
        self.pauses.append(seconds)
        self.time += seconds
        if not self._answers:
            raise asyncio.CancelledError

    async def run(self) -> None:
        calls = cast(ConnectorCalls, self)
        groups = UserGroups(calls, [OPS], self.members, clock=lambda: self.time, sleep=self.sleep)
        with pytest.raises(asyncio.CancelledError):
            await groups.keep_fresh()


async def test_of_a_group_that_vanishes_nobody_may_at_once(caplog: pytest.LogCaptureFixture) -> None:
    rounds = Rounds(THERE, GONE, GONE, THERE)
    await rounds.run()
    assert rounds.known == [{"U1"}, frozenset(), frozenset(), {"U1"}]
    assert rounds.pauses == [LOOK_UP_EVERY] * 4
    [line] = [each.getMessage() for each in caplog.records if each.levelno == logging.ERROR]
    assert line == "main: the user group S0OPS: Slack has no such group (no_such_subteam): nobody of it may"


async def test_of_one_that_cannot_be_looked_up_those_known_may_for_ten_minutes() -> None:
    rounds = Rounds(THERE, *([None] * 130))
    await rounds.run()
    assert rounds.pauses[:3] == [LOOK_UP_EVERY, AGAIN_AFTER, AGAIN_AFTER]
    lost = rounds.known.index(None)
    assert sum(rounds.pauses[:lost]) == FRESH_FOR

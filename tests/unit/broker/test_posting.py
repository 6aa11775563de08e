"""A late answer reaches its person whatever happens to connectors, unless Slack will never take it."""

import pytest

from slackd.broker.connector_calls import ConnectorCalls
from slackd.broker.response_url import SERVER_ERRORS, Posting, PostVerdict, verdict
from slackd.link.messages import Returned
from slackd.slack.limits import RESPONSE_URL_LIFETIME

TAKEN = Returned(1, {"ok": True}, 200)
NOBODY = Returned(1, None, 0, error="no connector is there")
DIED = Returned(1, None, -1, error="the connector died meanwhile")
LIMITED = Returned(1, {"ok": False}, 429, retry_after=7.0)
BROKEN = Returned(1, {"ok": False}, 502)
EXPIRED = Returned(1, {"ok": False, "error": "expired_url"}, 404)


class Scripted(ConnectorCalls):
    def __init__(self, *answers: Returned) -> None:
        self.answers = list(answers)

    async def respond(self, app: str, response_url: str, body: str) -> Returned:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Sleeper:
    def __init__(self) -> None:
        self.slept: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)


async def post(*answers: Returned) -> tuple[bool, list[float]]:
    sleeper = Sleeper()
    taken = await Posting(Scripted(*answers), sleeper).post("main", "https://hooks.slack.com/x", "{}")
    return taken, sleeper.slept


async def test_once_is_enough_when_slack_takes_it() -> None:
    assert await post(TAKEN) == (True, [])


@pytest.mark.parametrize("first", [NOBODY, DIED, BROKEN])
async def test_it_is_tried_again_when_nobody_knows(first: Returned) -> None:
    taken, slept = await post(first, first, TAKEN)
    assert taken
    assert slept == [0.5, 1.0]


async def test_slack_says_when() -> None:
    assert await post(LIMITED, TAKEN) == (True, [7.0])


async def test_what_slack_will_never_take_is_not_tried_again() -> None:
    assert await post(EXPIRED) == (False, [])


async def test_a_no_of_slacks_in_a_good_status_is_a_no() -> None:
    assert verdict(Returned(1, {"ok": False, "error": "used_url"}, 200), 0) is PostVerdict.REFUSED
    assert verdict(Returned(1, {"ok": True}, 200), 0) is PostVerdict.TAKEN


async def test_server_errors_have_an_end() -> None:
    taken, slept = await post(BROKEN)
    assert not taken
    assert len(slept) == SERVER_ERRORS


async def test_so_has_the_life_of_a_response_url() -> None:
    taken, slept = await post(NOBODY)
    assert not taken
    assert RESPONSE_URL_LIFETIME <= sum(slept) < RESPONSE_URL_LIFETIME + 61

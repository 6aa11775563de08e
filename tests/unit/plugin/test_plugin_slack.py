"""What slackd says of a call, as an author gets it: Slack's yes, Slack's no, or no answer of Slack's."""

from typing import Any

import pytest

from slackd import jsonrpc
from slackd.plugin import CallFailed, SlackError
from slackd.plugin.slack import Slack


class Caller:
    """Gives this answer to every request."""

    def __init__(self, outcome: jsonrpc.Result | jsonrpc.Failure) -> None:
        self.outcome = outcome
        self.asked: list[tuple[str, dict[str, Any]]] = []

    async def request(self, method: str, params: dict[str, Any]) -> jsonrpc.Result | jsonrpc.Failure:
        return self.request_from_thread(method, params)

    def request_from_thread(self, method: str, params: dict[str, Any]) -> jsonrpc.Result | jsonrpc.Failure:
        self.asked.append((method, params))
        return self.outcome


def answered(result: Any) -> Slack:
    return Slack(Caller(jsonrpc.Result(1, result)))


async def test_slacks_yes_is_the_answer() -> None:
    assert await answered({"ok": True, "ts": "1.0"}).call("chat.postMessage") == {"ok": True, "ts": "1.0"}


async def test_slacks_no_is_raised_with_its_word() -> None:
    with pytest.raises(SlackError) as raised:
        await answered({"ok": False, "error": "channel_not_found"}).call("chat.postMessage")
    assert raised.value.error == "channel_not_found"


@pytest.mark.parametrize("body", [{}, {"message": "Forbidden"}, {"error": "bad gateway"}])
async def test_an_answer_without_ok_is_no_success(body: dict[str, Any]) -> None:
    with pytest.raises(CallFailed) as raised:
        await answered(body).call("chat.postMessage")
    assert raised.value.code == jsonrpc.OUTCOME_UNKNOWN
    assert raised.value.data == body

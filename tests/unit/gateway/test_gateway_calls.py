"""An app's calls where the broker has no answer."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from slackd import jsonrpc
from slackd.gateway import webapi
from slackd.gateway.call_turns import OF_METHOD
from slackd.gateway.counters import GatewayCounters
from slackd.gateway.plugin_client import PluginClient
from slackd.slack_server.errors import MethodError


async def test_a_call_is_refused_before_its_sdk_gives_up_where_there_is_no_broker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webapi, "LONGEST_WAIT", 0.05)
    calls = webapi.AppCalls("bot", PluginClient(tmp_path / "plugins.sock", "bot"), GatewayCounters())
    with pytest.raises(MethodError) as raised:
        await calls.call("chat.postMessage", {"channel": "C1", "text": "hello"}, None)
    assert (raised.value.status, raised.value.body["error"]) == (503, "service_unavailable")
    with pytest.raises(webapi.CallFailedInside, match="no answer"):
        await calls.respond("https://hooks.slack.com/commands/1", {"text": "hello"})


class FullBroker:
    """As in `PluginClient`; there is room for what has begun, and for nothing more."""

    refusal = ""

    def __init__(self) -> None:
        self.ready = asyncio.Event()
        self.ready.set()

    async def request(
        self, method: str, params: dict[str, Any], timeout: float
    ) -> jsonrpc.Result | jsonrpc.Failure:
        if "transfer" in params:
            return jsonrpc.Result(1, {"end": True})
        return jsonrpc.Failure(1, jsonrpc.TOO_MANY_CALLS, "16 transfers are under way already")


async def test_transfers_that_wait_for_room_leave_those_that_have_it_their_turns() -> None:
    client: Any = FullBroker()
    calls = webapi.AppCalls("bot", client, GatewayCounters())
    waiting = [
        asyncio.create_task(calls.request("slack.download", {"url": f"https://files.slack.com/{number}"}))
        for number in range(OF_METHOD + 1)
    ]
    await asyncio.sleep(0)
    async with asyncio.timeout(2.0):
        assert await calls.request("slack.download", {"transfer": "1"}) == {"end": True}
    assert not any(task.done() for task in waiting)
    for task in waiting:
        task.cancel()


async def test_a_call_that_the_broker_has_no_room_for_is_a_rate_limit() -> None:
    client: Any = FullBroker()
    calls = webapi.AppCalls("bot", client, GatewayCounters())
    with pytest.raises(MethodError) as raised:
        await calls.call("chat.postMessage", {"channel": "C1"}, 0.2)
    assert (raised.value.status, raised.value.headers) == (429, {"Retry-After": "1"})

"""An app's calls where the broker has no answer."""

from pathlib import Path

import pytest

from slackd.gateway import webapi
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

"""The emulator in a process of its own, driven by HTTP alone."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

PATIENCE = 30


class Remote:
    """The control API, and one client connection."""

    def __init__(self, announced: dict[str, Any], http: aiohttp.ClientSession) -> None:
        self.announced = announced
        self.http = http

    async def get(self, what: str) -> Any:
        async with self.http.get(self.announced["control_url"] + what) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def post(self, what: str, *, status: int = 200, **fields: Any) -> Any:
        async with self.http.post(self.announced["control_url"] + what, json=fields) as response:
            assert response.status == status, await response.text()
            return await response.json()

    async def connect(self) -> aiohttp.ClientWebSocketResponse:
        headers = {"Authorization": f"Bearer {self.announced['apps'][0]['app_token']}"}
        url = self.announced["api_url"] + "apps.connections.open"
        async with self.http.post(url, headers=headers) as response:
            socket = await self.http.ws_connect((await response.json())["url"])
        assert json.loads((await socket.receive()).data)["type"] == "hello"
        return socket


@pytest.fixture
async def remote() -> AsyncIterator[Remote]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "slackd.emulator", "--json", "--time-scale", "0.9"),
        *("--app-token", "xapp-1-A-1-one", "--bot-token", "xoxb-one", "--setting", "warning_grace=0.5"),
        *("--app-token", "xapp-1-A-2-two", "--setting", "ack_deadline=60"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE):
            announced = json.loads(await process.stdout.readline())
        async with aiohttp.ClientSession() as http:
            yield Remote(announced, http)
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def answer_all(socket: aiohttp.ClientWebSocketResponse) -> None:
    async for message in socket:
        envelope = json.loads(message.data)
        if "envelope_id" in envelope:
            payload = {"payload": {"text": "done"}} if envelope["accepts_response_payload"] else {}
            await socket.send_str(json.dumps({"envelope_id": envelope["envelope_id"], **payload}))


async def test_a_person_with_curl_can_do_all_of_it(remote: Remote) -> None:
    assert [app["app_token"] for app in remote.announced["apps"]] == ["xapp-1-A-1-one", "xapp-1-A-2-two"]
    assert remote.announced["apps"][0]["bot_token"] == "xoxb-one"
    index = await remote.get("")
    assert "POST /control/fault" in index

    socket = await remote.connect()
    answering = asyncio.create_task(answer_all(socket))
    await remote.post("wait", until="ready")
    mention = await remote.post("mention", text="deploy api", wait=10)
    assert (mention["type"], mention["acknowledged"]) == ("events_api", True)
    command = await remote.post("command", command="/deploy", text="api", wait=10)
    assert command["response"] == {"text": "done"}
    ts = mention["message_ts"]
    for what, fields in (
        ("message", {"text": "hello", "channel": "C1"}),
        ("edit_message", {"text": "hello again", "ts": ts}),
        ("event", {"event": {"type": "team_join", "user": {"id": "U1"}}}),
        ("reaction", {"reaction": "eyes", "item_ts": ts}),
        ("remove_reaction", {"reaction": "eyes", "item_ts": ts}),
        ("delete_message", {"ts": ts}),
        ("share_file", {"name": "plan.txt", "content": "first this"}),
        ("join", {"user": "U0DAVE00001"}),
        ("leave", {"user": "U0DAVE00001"}),
        ("open_home", {}),
        ("run_step", {"callback_id": "approve_step", "inputs": {"amount": 7}}),
        ("start_assistant_thread", {}),
        ("app_rate_limited", {}),
        ("click", {"action_id": "approve", "value": "1", "made_up": True}),
        ("submit_view", {"callback_id": "ask", "values": {}, "made_up": True}),
        ("close_view", {"callback_id": "ask", "made_up": True}),
        ("shortcut", {"callback_id": "go"}),
        ("message_shortcut", {"callback_id": "go", "message": {"ts": "1.2", "text": "hi"}}),
        ("options", {"action_id": "pick", "value": "a", "made_up": True}),
        ("envelope", {"envelope_type": "new_thing", "payload": {"type": "?"}}),
    ):
        assert (await remote.post(what, wait=10, **fields))["acknowledged"], what

    batch = await remote.post("batch", count=500, rate=5000, channels=5, size=1000, wait=20)
    assert (batch["sent"], batch["acknowledged"], batch["complete"]) == (500, 500, True)
    summary = await remote.post("wait", until="idle")
    assert summary["sent"] == summary["acked"] == 524
    page = await remote.get("ledger?limit=10&type=events_api&state=acked")
    assert (len(page["entries"]), page["next"]) == (10, 10)

    struck = await remote.post("fault", kind="warning")
    assert struck == {"connections": ["c1"]}
    async with asyncio.timeout(PATIENCE):
        await answering
    connections = await remote.get("connections")
    assert connections[0]["state"] == "ended"
    assert len((await remote.get("summary"))["ready_gaps"]) == 1

    await remote.post("reset")
    assert (await remote.get("summary"))["sent"] == 0
    assert len(await remote.get("calls")) == 0


async def test_settings_and_faults_can_be_seen_and_changed(remote: Remote) -> None:
    assert (await remote.get("settings"))["time_scale"] == 0.9
    changed = await remote.post("settings", time_scale=0.5, max_connections=1)
    assert (changed["time_scale"], changed["max_connections"]) == (0.5, 1)
    assert "warning" in (await remote.get("faults"))["now"]


async def test_what_makes_no_sense_is_answered_in_words(remote: Remote) -> None:
    for what, fields in (
        ("fault", {"kind": "earthquake"}),
        ("fault", {}),
        ("command", {"colour": "red"}),
        ("command", {"command": "/x", "app": "nobody"}),
        ("settings", {"time_scale": 0}),
        ("batch", {"speed": 7}),
        ("wait", {"until": "godot"}),
        ("wait", {"until": "acked", "key": "unknown"}),
        ("mention", {"text": "hi", "chanel": "C1"}),
        ("mention", {"text": 7}),
        ("mention", {"text": "hi", "channel": {"id": "C1"}}),
        ("message", {"text": "hi", "wait": "long"}),
        ("click", {"action_id": "aprove"}),
        ("submit_view", {"callback_id": "never_opened"}),
        ("edit_message", {"text": "x", "ts": "1.2"}),
        ("press_stop", {"ts": "1.2"}),
        ("run_step", {"callback_id": "x", "inputs": ["a"]}),
        ("envelope", {"envelope_type": "x", "payload": "y"}),
    ):
        assert "error" in await remote.post(what, status=400, **fields)
    answer = await remote.post("wait", status=408, until="ready", timeout=0.05)
    assert "READY" in answer["error"]


async def test_an_answer_names_the_field_that_is_wrong_or_missing(remote: Remote) -> None:
    for what, fields, words in (
        ("batch", {"count": -1}, "count="),
        ("batch", {"count": "7"}, "count="),
        ("batch", {"count": 1.5}, "count="),
        ("batch", {"count": True}, "count="),
        ("batch", {"count": None}, "count="),
        ("batch", {}, "count"),
        ("batch", {"count": 1, "channels": 0}, "channels="),
        ("batch", {"count": 1, "rate": 0}, "rate="),
        ("batch", {"count": 1, "rate": float("nan")}, "rate="),
        ("batch", {"count": 1, "rate": float("inf")}, "rate="),
        ("batch", {"count": 1, "window": 0}, "window="),
        ("batch", {"count": 1, "size": -1}, "size="),
        ("batch", {"count": 1, "label": ["x"]}, "label="),
        ("batch", {"count": 9, "sent": 9}, "sent"),
        ("wait", {}, "until="),
        ("wait", {"until": "call"}, "method="),
        ("wait", {"until": "acked"}, "key="),
        ("wait", {"until": "post"}, "key="),
        ("wait", {"until": "batch"}, "label="),
        ("wait", {"until": "acked", "key": "unknown"}, "'unknown'"),
        ("wait", {"until": "batch", "label": "unknown"}, "'unknown'"),
        ("wait", {"until": "call", "method": "chat.update", "count": 0}, "count="),
        ("wait", {"until": "ready", "count": "many"}, "count="),
        ("wait", {"until": "ready", "timeout": "long"}, "timeout="),
    ):
        error = (await remote.post(what, status=400, **fields))["error"]
        assert words in error, (fields, error)
        assert "KeyError" not in error
    assert await remote.get("batch") == {}, "what is refused has not begun"
    assert (await remote.post("batch", count=0))["complete"]

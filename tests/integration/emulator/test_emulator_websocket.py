"""Each rule of Slack's sockets, tried with a bare client."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import trustme

from slackd.emulator import Emulator, EmulatorClient, EmulatorSettings
from slackd.slack_server.connections import ServerState
from slackd.slack_server.frames import unmask

PATIENCE = 20


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
        yield session


def serving(**settings: Any) -> Any:
    """A Slack that leaves a slow machine its time to acknowledge, unless told otherwise."""
    settings = {"ack_deadline": 60.0, **settings}
    return Emulator(settings=EmulatorSettings(**settings)).serving()


async def open_url(slack: EmulatorClient, http: aiohttp.ClientSession) -> str:
    headers = {"Authorization": f"Bearer {slack.apps[0].app_token}"}
    async with http.post(f"{slack.api_url}apps.connections.open", headers=headers) as response:
        return str((await response.json())["url"])


async def connect(slack: EmulatorClient, http: aiohttp.ClientSession) -> aiohttp.ClientWebSocketResponse:
    socket = await http.ws_connect(await open_url(slack, http))
    assert (await text(socket))["type"] == "hello"
    return socket


async def frame(socket: aiohttp.ClientWebSocketResponse) -> aiohttp.WSMessage:
    async with asyncio.timeout(PATIENCE):
        return await socket.receive()


async def text(socket: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    message = await frame(socket)
    assert message.type is aiohttp.WSMsgType.TEXT, message
    found: dict[str, Any] = json.loads(message.data)
    return found


class RawWebSocketClient:
    """A WebSocket client that sends what the test says, byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def dial(cls, url: str) -> RawWebSocketClient:
        host, _, rest = url.removeprefix("ws://").partition("/")
        name, _, port = host.partition(":")
        reader, writer = await asyncio.open_connection(name, int(port))
        writer.write(
            f"GET /{rest} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
        assert head.startswith(b"HTTP/1.1 101 ")
        assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head
        return cls(reader, writer)

    def send(self, opcode: int, payload: bytes, *, fin: bool = True) -> None:
        assert len(payload) < 126
        head = bytes([(0x80 if fin else 0) | opcode, 0x80 | len(payload)])
        self.writer.write(head + b"mask" + unmask(payload, b"mask"))

    async def receive(self) -> tuple[int, bytes]:
        async with asyncio.timeout(PATIENCE):
            first, length = await self.reader.readexactly(2)
            if length == 126:
                length = int.from_bytes(await self.reader.readexactly(2), "big")
            return first & 0x0F, await self.reader.readexactly(length)

    async def eof(self) -> bool:
        async with asyncio.timeout(PATIENCE):
            return await self.reader.read() == b""


async def test_a_ticket_opens_one_socket(http: aiohttp.ClientSession) -> None:
    async with serving() as slack:
        url = await open_url(slack, http)
        first = await http.ws_connect(url)
        assert (await text(first))["type"] == "hello"
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await http.ws_connect(url)
        assert caught.value.status == 404


async def test_the_eleventh_socket_is_told_in_place_of_hello_and_closed(http: aiohttp.ClientSession) -> None:
    async with serving() as slack:
        sockets = [await connect(slack, http) for _ in range(10)]
        surplus = await http.ws_connect(await open_url(slack, http))
        assert (await text(surplus))["reason"] == "too_many_websockets"
        assert (await frame(surplus)).type is aiohttp.WSMsgType.CLOSE
        await sockets[0].close()
        await slack.wait_until(lambda: slack.summary().ready_now == 9)
        await connect(slack, http)


async def test_an_event_and_a_command_are_acknowledged(http: aiohttp.ClientSession) -> None:
    async with serving() as slack:
        socket = await connect(slack, http)
        event, command = slack.post_message("hi"), slack.command("/deploy", "api")
        for payload in ({}, {"payload": {"text": "done"}}):
            envelope = await text(socket)
            await socket.send_str(json.dumps({"envelope_id": envelope["envelope_id"], **payload}))
        await slack.wait_for_ack(event)
        await slack.wait_for_ack(command)
        assert command.response == {"text": "done"}


async def test_a_frame_over_20480_bytes_is_closed_with_1009(http: aiohttp.ClientSession) -> None:
    async with serving() as slack:
        socket = await connect(slack, http)
        await socket.send_str("x" * 20480)
        await slack.wait_until(lambda: slack.summary().oddities)
        await socket.send_str("x" * 20481)
        closed = await frame(socket)
        assert (closed.type, closed.data) == (aiohttp.WSMsgType.CLOSE, 1009)
        assert closed.extra == "Max frame length of 20480 has been exceeded."
        assert slack.summary().ready_now == 0


async def test_a_fragmented_acknowledgement_is_none(http: aiohttp.ClientSession) -> None:
    async with serving() as slack:
        client = await RawWebSocketClient.dial(await open_url(slack, http))
        await client.receive()
        entry = slack.mention("hi")
        envelope_id = json.loads((await client.receive())[1])["envelope_id"]
        whole = json.dumps({"envelope_id": envelope_id}).encode()
        client.send(0x1, whole[:20], fin=False)
        client.send(0x0, whole[20:])
        await slack.wait_until(lambda: slack.summary().oddities.get("fragmented message") == 2)
        assert not entry.acks
        client.send(0x1, whole)
        await slack.wait_for_ack(entry)
        client.writer.close()


async def test_text_that_is_not_utf8_is_closed_with_1007(http: aiohttp.ClientSession) -> None:
    async with serving() as slack:
        client = await RawWebSocketClient.dial(await open_url(slack, http))
        await client.receive()
        client.send(0x1, b"\xff")
        opcode, payload = await client.receive()
        assert (opcode, int.from_bytes(payload[:2], "big")) == (0x8, 1007)
        assert await client.eof()
        client.writer.close()


async def test_pings_are_answered_with_their_payload(http: aiohttp.ClientSession) -> None:
    async with serving(ping_interval=0.05) as slack:
        client = await RawWebSocketClient.dial(await open_url(slack, http))
        await client.receive()
        assert await client.receive() == (0x9, b"Ping from applink-1")
        client.send(0x9, b"sdk-ping-pong:1")
        client.send(0xA, b"Ping from applink-1")
        while (heard := await client.receive()) == (0x9, b"Ping from applink-1"):
            pass
        assert heard == (0xA, b"sdk-ping-pong:1")
        connection = slack.core.connections["c1"]
        await slack.wait_until(lambda: connection.pongs)
        client.writer.close()


async def test_a_close_is_answered_and_the_tcp_connection_ended(http: aiohttp.ClientSession) -> None:
    async with serving() as slack:
        client = await RawWebSocketClient.dial(await open_url(slack, http))
        await client.receive()
        client.send(0x8, b"\x03\xe8")
        assert await client.receive() == (0x8, b"\x03\xe8")
        assert await client.eof()
        assert slack.summary().ready_now == 0
        client.writer.close()


async def test_slack_may_leave_a_close_unanswered_and_the_tcp_connection_open(
    http: aiohttp.ClientSession,
) -> None:
    async with serving(answers_close=False, closes_tcp=False) as slack:
        client = await RawWebSocketClient.dial(await open_url(slack, http))
        await client.receive()
        client.send(0x8, b"\x03\xe8")
        await slack.wait_until(lambda: slack.core.connections["c1"].state is ServerState.ENDED)
        client.writer.write(b"still open")
        await client.writer.drain()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.reader.read(1), 0.1)
        client.writer.close()


async def test_a_warning_comes_and_then_the_end(http: aiohttp.ClientSession) -> None:
    async with serving(time_scale=0.01) as slack:
        socket = await connect(slack, http)
        slack.fault("warning")
        assert (await text(socket))["reason"] == "warning"
        closed = await frame(socket)
        assert (closed.type, closed.data) == (aiohttp.WSMsgType.CLOSE, 1000)


@pytest.mark.parametrize("reset", [False, True])
async def test_a_drop_has_no_close_frame(http: aiohttp.ClientSession, reset: bool) -> None:
    async with serving() as slack:
        socket = await connect(slack, http)
        slack.fault("drop", reset=reset)
        message = await frame(socket)
        assert message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
        assert socket.close_code == 1006


async def test_a_stalled_socket_swallows_its_share_and_becomes_a_ghost(http: aiohttp.ClientSession) -> None:
    async with serving() as slack:
        socket = await connect(slack, http)
        slack.fault("stall")
        entry = slack.mention("lost")
        assert entry.sends[0].swallowed
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(socket.receive(), 0.1)
        await socket.close()
        await slack.wait_until(lambda: slack.core.connections["c1"].state is ServerState.GHOST)
        second = await http.ws_connect(await open_url(slack, http))
        assert (await text(second))["num_connections"] == 2


@pytest.mark.parametrize(("status", "body"), [(404, ""), (408, ""), (200, "<html>proxy</html>"), (503, "")])
async def test_a_handshake_fails_as_told(http: aiohttp.ClientSession, status: int, body: str) -> None:
    async with serving() as slack:
        slack.fault("handshake", status=status, body=body)
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await http.ws_connect(await open_url(slack, http))
        assert caught.value.status == status
        await connect(slack, http)


async def test_a_handshake_is_reset_or_never_answered(http: aiohttp.ClientSession) -> None:
    async with serving() as slack:
        slack.fault("handshake", reset=True)
        with pytest.raises(aiohttp.ClientError):
            await http.ws_connect(await open_url(slack, http))
        slack.fault("handshake", hang=True)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(http.ws_connect(await open_url(slack, http)), 0.1)


async def test_malformed_texts_and_binary_frames_can_be_sent(http: aiohttp.ClientSession) -> None:
    async with serving() as slack:
        socket = await connect(slack, http)
        slack.fault("raw", text='{"envelope_id": "1", "payload": ')
        slack.fault("raw", binary=base64.b64encode(b"\x00\x01").decode())
        slack.fault("raw", wire=base64.b64encode(b"\x81\x02hi").decode())
        assert (await frame(socket)).data == '{"envelope_id": "1", "payload": '
        assert (await frame(socket)).data == b"\x00\x01"
        assert (await frame(socket)).data == "hi"


async def test_an_unacknowledged_event_comes_again_on_the_wire(http: aiohttp.ClientSession) -> None:
    async with serving(time_scale=0.02, ack_deadline=3.0) as slack:
        socket = await connect(slack, http)
        entry = slack.post_message("hi")
        first, second = await text(socket), await text(socket)
        assert (first["retry_attempt"], second["retry_attempt"]) == (0, 1)
        assert second["retry_reason"] == "timeout"
        assert first["payload"] == second["payload"]
        assert len(entry.sends) >= 2


async def test_wss_with_a_certificate() -> None:
    authority = trustme.CA()
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(server_side)
    client_side = ssl.create_default_context()
    authority.configure_trust(client_side)
    connector = aiohttp.TCPConnector(ssl=client_side)
    async with (
        Emulator().serving(tls=server_side) as slack,
        aiohttp.ClientSession(connector=connector) as http,
    ):
        assert slack.api_url.startswith("https://")
        url = await open_url(slack, http)
        assert url.startswith("wss://")
        socket = await http.ws_connect(url)
        assert (await text(socket))["type"] == "hello"
        slack.fault("drop", reset=True)
        assert (await frame(socket)).type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)


async def test_a_batch_arrives_whole_in_order_and_is_counted(http: aiohttp.ClientSession) -> None:
    async with serving(ack_deadline=60) as slack:
        socket = await connect(slack, http)
        batch = slack.batch(count=2000, channels=3, size=2000, label="load")
        seen: dict[str, list[int]] = {}
        for _ in range(2000):
            envelope = await text(socket)
            event = envelope["payload"]["event"]
            label, _, number = event["text"].split()
            assert label == "load"
            seen.setdefault(event["channel"], []).append(int(number))
            await socket.send_str(json.dumps({"envelope_id": envelope["envelope_id"]}))
        await slack.wait_until(lambda: batch.acknowledged == 2000)
        assert len(seen) == 3
        assert all(numbers == list(range(len(numbers))) for numbers in seen.values())
        assert slack.summary().acked == 2000


async def test_a_batch_can_be_commands_at_a_rate(http: aiohttp.ClientSession) -> None:
    async with serving() as slack:
        socket = await connect(slack, http)
        batch = slack.batch(count=5, rate=1000, command="/deploy")
        for number in range(5):
            envelope = await text(socket)
            assert envelope["type"] == "slash_commands"
            assert envelope["payload"]["text"] == f"{batch.label} {number} {number}"
        assert batch.complete


async def test_a_socket_may_be_dialled_on_a_connection_that_served_a_call_before() -> None:
    async with serving() as slack, aiohttp.ClientSession() as keeps_alive:
        socket = await connect(slack, keeps_alive)
        slack.mention("hi")
        assert (await text(socket))["type"] == "events_api"

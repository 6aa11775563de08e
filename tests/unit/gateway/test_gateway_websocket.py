"""The server's end of a WebSocket: who reads nothing gets no answers that would fill the memory."""

import asyncio
import os
from typing import Any, cast

from slackd.gateway.settings import GatewayContext
from slackd.slack_server.admission import Admit
from slackd.slack_server.connections import ServerConnection
from slackd.slack_server.listener import MOST_AHEAD, HandshakeListener, UnknownClients
from slackd.slack_server.websocket import ServerWebSocket


class FakeTransport:
    def __init__(self) -> None:
        self.written, self.unread, self.aborted = b"", 0, False
        self.is_reading = [True]

    def pause_reading(self) -> None:
        self.is_reading.append(False)

    def resume_reading(self) -> None:
        self.is_reading.append(True)

    def write(self, data: bytes) -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return self.unread

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        self.aborted = True


def ping(payload: bytes) -> bytes:
    mask = os.urandom(4)
    masked = bytes(each ^ mask[place % 4] for place, each in enumerate(payload))
    return bytes((0x89, 0x80 | len(payload))) + mask + masked


async def test_pings_of_a_client_that_does_not_read_are_not_answered() -> None:
    transport = FakeTransport()
    connection = ServerConnection(id="c", app="A", number=1, lifetime=60.0, announced=60)
    server = cast(Any, GatewayContext())
    socket = ServerWebSocket(server, Admit(connection, cast(Any, None)), cast(Any, transport))
    socket.data_received(ping(b"one"))
    await asyncio.sleep(0)
    assert transport.written == b"\x8a\x03one"
    transport.unread = 1 << 20
    socket.data_received(ping(b"two"))
    await asyncio.sleep(0)
    assert transport.written == b"\x8a\x03one"


class ReadsAhead(asyncio.Protocol):
    """An HTTP server as Debian 12's: it keeps every request that came, and answers one when it is told to."""

    def __init__(self) -> None:
        self._messages: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._messages += data.split()

    def answer(self) -> None:
        self._transport.write(self._messages.pop(0))


def test_requests_that_wait_for_those_before_them_are_bounded() -> None:
    """With Debian 12's aiohttp a connection without credentials took gigabytes."""
    transport, http = FakeTransport(), ReadsAhead()
    listener = HandshakeListener(cast(Any, None), lambda: http, set())
    listener.connection_made(cast(asyncio.Transport, transport))
    listener.data_received(b"GET " * MOST_AHEAD)
    assert transport.is_reading == [True]
    listener.data_received(b"GET ")
    for _ in range(MOST_AHEAD // 2):
        assert transport.is_reading == [True, False]
        http.answer()
    http.answer()
    assert transport.is_reading == [True, False, True]


def test_of_too_many_unknown_clients_the_first_one_ends() -> None:
    unknown, transports = UnknownClients(2, 100), [FakeTransport() for _ in range(4)]
    for each in transports[:2]:
        unknown.add(cast(asyncio.Transport, each))
    unknown.discard(cast(asyncio.Transport, transports[0]))
    for each in transports[2:]:
        unknown.add(cast(asyncio.Transport, each))
    assert [each.aborted for each in transports] == [False, True, False, False]
    assert len(unknown) == 2


def test_of_unknown_clients_that_send_too_much_the_one_that_sent_most_ends() -> None:
    unknown, transports = UnknownClients(9, 100), [FakeTransport() for _ in range(3)]
    one, two, known = (cast(asyncio.Transport, each) for each in transports)
    for each in (one, two, known):
        unknown.add(each)
    unknown.discard(known)
    unknown.received(known, 1_000)
    unknown.received(one, 60)
    unknown.answered(one)
    unknown.received(one, 30)
    unknown.received(two, 60)
    assert not any(each.aborted for each in transports)
    unknown.received(one, 20)
    assert [each.aborted for each in transports] == [False, True, False]
    assert len(unknown) == 1


def test_without_descriptors_unknown_clients_end() -> None:
    unknown, transport = UnknownClients(9, 100), FakeTransport()
    unknown.add(cast(asyncio.Transport, transport))
    unknown.end_all()
    assert transport.aborted
    assert not len(unknown)

"""A transfer may take its time; one that moves no further is given up, and who waits for a piece is told."""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import attrs
import pytest

from slackd.connector import file_transfers
from slackd.connector.credentials import Secret
from slackd.connector.file_transfers import READ_AHEAD, FileMover
from slackd.connector.http_session import file_session, slack_session
from slackd.connector.trust import tls_context
from slackd.emulator import EmulatorClient
from slackd.link.messages import OUTCOME_UNKNOWN, Call, CallKind, Returned
from tests.support.connector_rig import PATIENCE, app_of

PIECE = base64.b64encode(bytes(32_768)).decode()
TAKEN = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"

Host = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Transfer:
    """One transfer of a connector's, asked for piece by piece as a broker does."""

    def __init__(self, mover: FileMover, session: aiohttp.ClientSession, url: str, kind: CallKind) -> None:
        self._mover, self._session, self._url, self._kind = mover, session, url, kind

    async def begin(self, **args: Any) -> Returned:
        return await self._ask(self._url, args, 30.0)

    async def piece(self, timeout: float = 30.0, **args: Any) -> Returned:
        return await self._ask("", args, timeout)

    async def _ask(self, target: str, args: dict[str, Any], timeout: float) -> Returned:
        call = Call(1, "emulated", self._kind, target, {"transfer": "one", **args}, timeout)
        asked = asyncio.create_task(self._mover.carry_out(call, self._session, tls_context(None)))
        async with asyncio.timeout(PATIENCE):
            await asyncio.wait({asked})
        assert not asked.cancelled(), "nobody is answered"
        return asked.result()


@contextlib.asynccontextmanager
async def transfer(slack: EmulatorClient, kind: CallKind, host: Host) -> AsyncIterator[Transfer]:
    connections: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await host(reader, writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    mover = FileMover(attrs.evolve(app_of(slack), api_url=f"{url}/api/"), Secret("xoxb-1"))
    async with server, file_session(tls_context(None), READ_AHEAD) as session:
        yield Transfer(mover, session, f"{url}/file", kind)
        await mover.close()
        assert len(mover) == 0
        for connection in connections:
            connection.transport.abort()


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes a minute takes a moment."""
    timeouts = (
        name for name, value in vars(file_transfers).items() if isinstance(value, aiohttp.ClientTimeout)
    )
    for name in list(timeouts):
        whole = getattr(file_transfers, name)
        shorter = None if whole.sock_read is None else 0.3
        monkeypatch.setattr(file_transfers, name, attrs.evolve(whole, sock_read=shorter))
    monkeypatch.setattr(file_transfers, "IDLE", 0.3)


@pytest.mark.usefixtures("_impatient")
async def test_an_upload_may_take_as_long_as_it_goes_on(slack: EmulatorClient) -> None:
    """Of all aiohttps: 3.8 counts the silence of an answer from the request's beginning."""

    async def host(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(8 * 32_768)
        writer.write(TAKEN)

    async with transfer(slack, CallKind.UPLOAD, host) as upload:
        await upload.begin(length=8 * 32_768)
        for number in range(8):
            await asyncio.sleep(0.1)
            returned = await upload.piece(data=PIECE, end=number == 7)
            assert returned.error == ""
        assert returned.body == {"status": 200, "text": "OK", "end": True}


@pytest.mark.usefixtures("_impatient")
async def test_slack_may_take_as_long_for_the_last_piece_as_its_call_has(slack: EmulatorClient) -> None:
    async def host(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(32_768)
        await asyncio.sleep(0.8)
        writer.write(TAKEN)

    async with transfer(slack, CallKind.UPLOAD, host) as upload:
        await upload.begin(length=32_768)
        returned = await upload.piece(data=PIECE, end=True)
        assert returned.body == {"status": 200, "text": "OK", "end": True}


@pytest.mark.parametrize("reads", [True, False])
async def test_an_upload_that_moves_no_further_is_given_up_in_its_calls_time_and_that_is_said(
    slack: EmulatorClient, reads: bool
) -> None:
    async def host(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if reads:
            await reader.read(-1)
        await writer.wait_closed()

    async with transfer(slack, CallKind.UPLOAD, host) as upload:
        await upload.begin(length=1 << 30)
        returned = Returned(1, {})
        while returned.body == {}:
            returned = await upload.piece(timeout=0.5, data=PIECE, end=reads)
        assert (returned.body, returned.status) == (None, OUTCOME_UNKNOWN)
        assert returned.error == "no answer in time"


@pytest.mark.parametrize("kind", [CallKind.UPLOAD, CallKind.DOWNLOAD])
async def test_a_piece_that_is_under_way_when_its_transfer_is_cancelled_is_answered(
    slack: EmulatorClient, kind: CallKind
) -> None:
    async def host(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if kind is CallKind.DOWNLOAD:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        await reader.read(-1)
        await writer.wait_closed()

    async with transfer(slack, kind, host) as moving:
        await moving.begin(length=32_768)
        last: dict[str, Any] = {"data": PIECE, "end": True} if kind is CallKind.UPLOAD else {}
        under_way = asyncio.create_task(moving.piece(**last))
        await asyncio.sleep(0.05)
        assert (await moving.piece(cancel=True)).body == {"end": True}
        returned = await under_way
        assert (returned.body, returned.status) == (None, OUTCOME_UNKNOWN)


async def test_once_the_transfers_are_closed_nothing_is_sent_any_more(slack: EmulatorClient) -> None:
    """The host takes the connection, and never answers."""
    connections: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()
    host = await asyncio.start_server(lambda _, writer: connections.put_nowait(writer), "127.0.0.1", 0)
    url, tls = f"http://127.0.0.1:{host.sockets[0].getsockname()[1]}", tls_context(None)
    mover = FileMover(attrs.evolve(app_of(slack), api_url=f"{url}/api/"), None)
    async with host, slack_session(tls) as session:
        upload = Call(1, "emulated", CallKind.UPLOAD, f"{url}/upload", {"transfer": "one"})
        assert (await mover.carry_out(upload, session, tls)).error == ""
        connection = await connections.get()
        assert _posts() == 1
        await mover.close()
        assert _posts() == 0
        connection.close()


def _posts() -> int:
    return sum("FileMover._post" in repr(task) for task in asyncio.all_tasks())

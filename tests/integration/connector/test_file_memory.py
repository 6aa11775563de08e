"""How much of a file a connector has in memory, however slow the other side is: 64 KiB at most."""

import asyncio
import base64
import contextlib
import ssl
from collections.abc import AsyncIterator
from typing import Any

import attrs
import pytest
import trustme

from slackd.connector.credentials import Secret
from slackd.connector.file_transfers import PIECE, READ_AHEAD, FileMover, _Download, _Upload
from slackd.connector.http_session import file_session
from slackd.connector.trust import tls_context
from slackd.emulator import EmulatorClient
from slackd.link.messages import Call, CallKind, Returned
from tests.support.connector_rig import app_of

MOST = 65_536
LENGTH = 16 << 20


class Host:
    """A file host that reads and writes as a test says."""

    def __init__(self) -> None:
        self.connections: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()

    async def accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.put_nowait((reader, writer))


@attrs.frozen
class FileRig:
    """A connector's mover, and the host that it moves files from and to."""

    host: Host
    url: str
    mover: FileMover
    session: Any
    tls: ssl.SSLContext

    async def ask(self, kind: CallKind, target: str = "", **args: Any) -> Returned:
        call = Call(1, "emulated", kind, target, {"transfer": "one", **args})
        return await self.mover.carry_out(call, self.session, self.tls)


@contextlib.asynccontextmanager
async def rig(slack: EmulatorClient, encrypted: bool) -> AsyncIterator[FileRig]:
    authority, host = trustme.CA(), Host()
    served: ssl.SSLContext | None = None
    if encrypted:
        served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("127.0.0.1").configure_cert(served)
    with authority.cert_pem.tempfile() as ca_file:
        tls = tls_context(ca_file)
    server = await asyncio.start_server(host.accepted, "127.0.0.1", 0, ssl=served, limit=4_096)
    url = f"http{'s' * encrypted}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    mover = FileMover(attrs.evolve(app_of(slack), api_url=f"{url}/api/"), Secret("xoxb-1"))
    async with server, file_session(tls, READ_AHEAD) as session:
        yield FileRig(host, url, mover, session, tls)
        await mover.close()


@pytest.mark.parametrize("encrypted", [False, True])
async def test_of_a_download_that_nobody_asks_for_a_little_is_read(
    slack: EmulatorClient, encrypted: bool
) -> None:
    async with rig(slack, encrypted) as one:
        asking = asyncio.create_task(one.ask(CallKind.DOWNLOAD, f"{one.url}/file"))
        _, writer = await one.host.connections.get()
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n".encode() + bytes(LENGTH))
        assert (await asking).error == ""
        (transfer,) = one.mover._open.values()
        assert isinstance(transfer, _Download)
        held, piece, received = 0, 0, 0
        while received < LENGTH:
            for _ in range(10):  # What could be read meanwhile is.
                await asyncio.sleep(0)
            held = max(held, transfer.response.content._size + piece)
            answer = await one.ask(CallKind.DOWNLOAD)
            assert answer.body is not None
            piece = len(base64.b64decode(answer.body["data"]))
            assert 0 < piece <= PIECE
            received += piece
        assert READ_AHEAD < held <= MOST
        writer.close()


@pytest.mark.parametrize("encrypted", [False, True])
async def test_of_an_upload_that_slack_does_not_read_two_pieces_are_taken(
    slack: EmulatorClient, encrypted: bool
) -> None:
    async with rig(slack, encrypted) as one:
        layers = layers_of(one)
        answer = await one.ask(CallKind.UPLOAD, f"{one.url}/upload", length=LENGTH)
        assert answer.error == ""
        reader, writer = await one.host.connections.get()
        (transfer,) = one.mover._open.values()
        assert isinstance(transfer, _Upload)
        sent: list[Returned] = []
        sending = asyncio.create_task(send(one, sent))
        stuck = -1
        while len(sent) > stuck:  # It goes on until the kernel takes nothing more.
            stuck = len(sent)
            await asyncio.sleep(0.3)
        assert 0 < stuck < LENGTH // PIECE
        (connection,) = one.session.connector._acquired
        written = {connection.transport, *layers}
        waits = sum(each.get_write_buffer_size() for each in written) + transfer.pieces.qsize() * PIECE
        assert 0 < waits <= MOST + 1_024, "what is being written, with what TLS adds, and what waits"
        head = await reader.readuntil(b"\r\n\r\n")
        assert f"Content-Length: {LENGTH}".encode() in head
        await reader.readexactly(LENGTH)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK")
        await sending
        assert sent[-1].body == {"status": 200, "text": "OK", "end": True}
        writer.close()


def layers_of(one: FileRig) -> list[asyncio.Transport]:
    """The TCP connections that are made from now on."""
    found: list[asyncio.Transport] = []
    connect = one.session.connector.connect_unencrypted

    async def noting(*args: Any, **named: Any) -> tuple[asyncio.Transport, Any]:
        transport, protocol = await connect(*args, **named)
        found.append(transport)
        return transport, protocol

    one.session.connector.connect_unencrypted = noting
    return found


async def send(one: FileRig, sent: list[Returned]) -> None:
    piece = base64.b64encode(bytes(PIECE)).decode()
    for more in ({"data": piece},) * (LENGTH // PIECE) + ({"end": True},):
        sent += [await one.ask(CallKind.UPLOAD, **more)]

"""The least that keeps slackd's promises for plain events, to compare with: what the shape itself costs.

Two connectors, each with a WebSocket; a broker with one loop and one writer; a dedupe key and a delivery row
for each envelope; one commit a batch before anything is acknowledged. No order, no retries, no subscriptions,
no answers, nothing that could go wrong.

    python minimal.py broker FOLDER
    python minimal.py connector FOLDER API_URL      the app token in APP
    python minimal.py plugin FOLDER FIFO EVERY
"""

import asyncio
import json
import os
import queue
import sqlite3
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import aiohttp

Batch = list[tuple[asyncio.Transport, bytes]]


class Lines(asyncio.Protocol):
    """Whole lines of a socket, as they are read together."""

    def __init__(self, heard: Any) -> None:
        self._heard, self._rest = heard, b""
        self.transport = asyncio.Transport()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        if lines:
            self._heard(self, lines)


class Writer(threading.Thread):
    """Envelopes in, deliveries out: everything that waits goes into one commit."""

    def __init__(self, database: Path, committed: Any) -> None:
        super().__init__(daemon=True)
        self._database, self._committed = database, committed
        self._loop = asyncio.get_running_loop()
        self.queue: queue.SimpleQueue[tuple[Batch, list[int]]] = queue.SimpleQueue()
        self._last = 0

    def run(self) -> None:
        connection = sqlite3.connect(self._database, isolation_level=None)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "wal_autocheckpoint = 1000"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("CREATE TABLE envelope (id INTEGER PRIMARY KEY, text TEXT)")
        connection.execute("CREATE TABLE dedupe (key TEXT PRIMARY KEY) WITHOUT ROWID")
        connection.execute("CREATE TABLE delivery (id INTEGER PRIMARY KEY, channel TEXT)")
        while True:
            group = [self.queue.get()]
            while not self.queue.empty():
                group.append(self.queue.get())
            self._commit(connection, group)

    def _commit(self, connection: sqlite3.Connection, group: list[tuple[Batch, list[int]]]) -> None:
        connection.execute("BEGIN")
        told = []
        for batch, closed in group:
            for link, line in batch:
                frame = json.loads(line)
                payload = frame["payload"]
                key = payload["event_id"]
                if connection.execute("INSERT OR IGNORE INTO dedupe VALUES (?)", (key,)).rowcount:
                    self._last += 1
                    connection.execute("INSERT INTO envelope VALUES (?, ?)", (self._last, line.decode()))
                    channel = payload["event"].get("channel")
                    connection.execute("INSERT INTO delivery VALUES (?, ?)", (self._last, channel))
                    told.append((link, frame["envelope_id"], self._last, line))
            connection.executemany("DELETE FROM delivery WHERE id = ?", [(each,) for each in closed])
        connection.execute("COMMIT")
        self._loop.call_soon_threadsafe(self._committed, told)


async def broker(folder: Path) -> None:
    """Takes envelopes in, and hands them out once they are committed."""
    loop = asyncio.get_running_loop()
    plugins: list[Lines] = []
    registered = asyncio.Event()

    def committed(told: list[tuple[asyncio.Transport, str, int, bytes]]) -> None:
        acks: dict[asyncio.Transport, list[bytes]] = {}
        for link, envelope_id, _, _ in told:
            acks.setdefault(link, []).append(envelope_id.encode() + b"\n")
        for link, ids in acks.items():
            link.write(b"".join(ids))
        if plugins and told:
            plugins[0].transport.write(b"".join(b"%d %b\n" % (id_, line) for _, _, id_, line in told))

    def closed(lines: Lines, ids: list[bytes]) -> None:
        if ids == [b"plugin"]:
            plugins.append(lines)
            registered.set()
        else:
            writer.queue.put(([], list(map(int, ids))))

    writer = Writer(folder / "minimal.db", committed)
    writer.start()
    await loop.create_unix_server(lambda: Lines(closed), folder / "plugin.sock")
    await registered.wait()
    await loop.create_unix_server(
        lambda: Lines(lambda link, lines: writer.queue.put(([(link.transport, each) for each in lines], []))),
        folder / "link.sock",
    )
    await asyncio.Event().wait()


async def connector(folder: Path, api_url: str) -> None:
    """A WebSocket on one side, the broker on the other."""
    loop = asyncio.get_running_loop()
    headers = {"Authorization": f"Bearer {os.environ['APP']}"}
    request = urllib.request.Request(f"{api_url}apps.connections.open", method="POST", headers=headers)
    url = json.loads(await asyncio.to_thread(lambda: urllib.request.urlopen(request).read()))["url"]
    waiting: set[asyncio.Task[None]] = set()

    def settled(_: Lines, ids: list[bytes]) -> None:
        task = loop.create_task(acknowledge(ids))
        waiting.add(task)
        task.add_done_callback(waiting.discard)

    async def acknowledge(ids: list[bytes]) -> None:
        for each in ids:
            await socket.send_str(f'{{"envelope_id":"{each.decode()}"}}')

    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        link: asyncio.Transport
        link, _ = await loop.create_unix_connection(lambda: Lines(settled), str(folder / "link.sock"))
        async for message in socket:
            if '"envelope_id"' in message.data:
                link.write(message.data.encode() + b"\n")


async def plugin(folder: Path, fifo: str, every: int) -> None:
    """Counts what it is handed, as the plugin of slackd does."""
    pipe, handled = os.open(fifo, os.O_WRONLY), 0

    def heard(lines: Lines, texts: list[bytes]) -> None:
        nonlocal handled
        for text in texts:
            id_, _, envelope = text.partition(b" ")
            json.loads(envelope)
            lines.transport.write(id_ + b"\n")
            handled += 1
            if handled % every == 0:
                os.write(pipe, (json.dumps({"count": handled, "at": time.monotonic()}) + "\n").encode())

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_unix_connection(lambda: Lines(heard), str(folder / "plugin.sock"))
    transport.write(b"plugin\n")
    await asyncio.Event().wait()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["broker", where]:
            asyncio.run(broker(Path(where)))
        case ["connector", where, url]:
            asyncio.run(connector(Path(where), url))
        case ["plugin", where, pipe, every]:
            asyncio.run(plugin(Path(where), pipe, int(every)))

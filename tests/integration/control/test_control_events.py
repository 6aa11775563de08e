"""Watching envelopes pass: filtered, bounded, and never at the broker's cost."""

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from slackd.broker.control import watchers
from tests.integration.control.control_rig import World, message, plugin_file, refuses, world
from tests.support.broker import PATIENCE
from tests.support.slack_texts import command


class Stream:
    """An open stream of happenings."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader

    async def next(self) -> Any:
        """The next value; None at the end."""
        async with asyncio.timeout(PATIENCE):
            while True:
                size = int((await self._reader.readline()).strip() or b"0", 16)
                if not size:
                    return None
                lines = (await self._reader.readexactly(size + 2)).splitlines()
                self.waiting = [json.loads(line) for line in lines if line.strip()]
                if self.waiting:
                    return self.waiting

    async def until(self, what: str) -> list[Any]:
        """Everything up to the first happening of this kind."""
        found: list[Any] = []
        while not any(each.get("what") == what for each in found):
            batch = await self.next()
            assert batch is not None, found
            found += batch
        return found


@contextlib.asynccontextmanager
async def watching(here: World, query: str = "") -> AsyncIterator[Stream]:
    """A stream that is open: what happens from now on is in it."""
    before = len(here.daemon.watchers)
    reader, writer = await asyncio.open_unix_connection(str(here.control))
    writer.write(f"GET /v1/events{query} HTTP/1.1\r\nHost: slackd\r\n\r\n".encode())
    async with asyncio.timeout(PATIENCE):
        head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    assert len(here.daemon.watchers) == before + 1
    try:
        yield Stream(reader)
    finally:
        writer.close()
        await asyncio.wait_for(writer.wait_closed(), PATIENCE)


async def test_an_envelope_is_seen_recorded_and_done() -> None:
    async with world(plugin_file("deploy")) as here:
        await here.plugin("deploy")
        connector = here.both_connectors()
        async with watching(here) as stream:
            await connector.deliver_and_wait(message(1))
            recorded, done = await stream.until("done")
            assert (recorded["what"], recorded["app"], recorded["type"]) == ("recorded", "main", "events_api")
            assert recorded["events"] == ["message", "message.channels"]
            assert (recorded["channel"], recorded["user"]) == ("C1", "U1")
            assert (done["plugin"], done["attempt"], done["envelope"]) == ("deploy", 1, recorded["envelope"])
            assert "text" not in recorded


async def test_an_envelope_that_comes_again_is_seen() -> None:
    async with world(plugin_file("deploy")) as here:
        await here.plugin("deploy")
        connector = here.both_connectors()
        async with watching(here) as stream:
            await connector.deliver_and_wait(message(1))
            first = await stream.until("done")
            await connector.deliver_and_wait(message(1))
            again = (await stream.until("duplicate"))[-1]
            assert (again["what"], again["envelope"]) == ("duplicate", first[0]["envelope"])
            assert again["events"] == ["message", "message.channels"]


async def test_a_dead_letter_says_why() -> None:
    async with world(plugin_file("deploy")) as here:
        (await here.plugin("deploy")).answer = refuses
        connector = here.both_connectors()
        async with watching(here, "?what=dead") as stream:
            await connector.deliver_and_wait(message(1))
            (dead,) = await stream.until("dead")
            assert (dead["plugin"], dead["detail"]) == ("deploy", "the database is gone")


@pytest.mark.parametrize(
    ("query", "seen"),
    [
        ("?type=slash_commands", ["env-2"]),
        ("?event=/deploy", ["env-2"]),
        ("?event=message.channels&channel=C9", ["env-3"]),
        ("?event=message.*", ["env-1", "env-3"]),
        ("?event=/dep*", ["env-2"]),
        ("?app=main&what=recorded", ["env-1", "env-2", "env-3"]),
    ],
)
async def test_only_what_is_asked_for_is_seen(query: str, seen: list[str]) -> None:
    async with world() as here:
        connector = here.both_connectors()
        async with watching(here, query) as stream:
            await connector.deliver_and_wait(message(1), command(2), message(3, "C9"))
            found: list[Any] = []
            while len(found) < len(seen):
                found += await stream.next()
            assert [each["envelope_id"] for each in found] == seen


async def test_the_text_comes_when_it_is_asked_for() -> None:
    async with world() as here:
        connector = here.both_connectors()
        async with watching(here, "?text=1") as stream:
            await connector.deliver_and_wait(message(1))
            (recorded,) = await stream.until("recorded")
            assert json.loads(recorded["text"])["payload"]["event"]["text"] == "hello"
            assert json.loads(recorded["text"])["payload"]["token"] == ""


async def test_what_cannot_be_taken_is_counted_and_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchers, "BACKLOG", 5)
    async with world() as here:
        connector = here.both_connectors()
        async with watching(here) as stream:
            await connector.deliver_and_wait(*(message(n) for n in range(50)))
            found: list[Any] = []
            while sum(each.get("dropped", 1) for each in found) < 50:
                found += await stream.next()
            assert any(each.get("dropped", 0) >= 40 for each in found)


async def test_nothing_is_collected_when_nobody_watches() -> None:
    async with world() as here:
        connector = here.both_connectors()
        watched = [here.daemon.core.commits.watched]
        async with watching(here):
            watched.append(here.daemon.core.commits.watched)
        assert watched == [False, True]
        async with asyncio.timeout(PATIENCE):
            for number in itertools.count():
                if not here.daemon.core.commits.watched:
                    break
                # A stream learns that its reader has gone when it writes.
                await connector.deliver_and_wait(message(number))
                await asyncio.sleep(0.01)


async def test_there_is_an_end_to_how_many_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchers, "MOST_WATCHERS", 1)
    async with world() as here, watching(here):
        answer = await here.raw(b"GET /v1/events HTTP/1.1\r\nHost: slackd\r\nConnection: close\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 503")


async def test_a_stop_of_the_broker_ends_the_stream_as_http_ends_it() -> None:
    stream = None
    async with contextlib.AsyncExitStack() as stack:
        async with world() as here:
            stream = await stack.enter_async_context(watching(here))
        assert await stream.next() is None

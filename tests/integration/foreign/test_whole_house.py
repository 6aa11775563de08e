"""`slackd run` with a plugin, as processes, against Socket Mode servers that treat both connectors alike."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

from slackd.emulator import EmulatedApp, EmulatorClient
from tests.integration.foreign.sloppy_slack import (
    CLOSE,
    HELLO,
    TEXT,
    Line,
    SloppySlack,
    close,
    event,
    sloppy,
    text,
)
from tests.integration.system.house import EVERYTHING, House, home
from tests.integration.system.programs import running
from tests.support.connector_rig import PATIENCE


@contextlib.asynccontextmanager
async def run_against(slack: SloppySlack, level: str = "info") -> AsyncIterator[House]:
    slack.apps = [EmulatedApp.numbered(1)]
    async with home(cast(EmulatorClient, slack), together=True) as house:
        house.configure({"recorder": EVERYTHING})
        house.config.write_text(house.config.read_text() + f'\n[log]\nlevel = "{level}"\n')
        house.programs = [house.recorder("recorder"), house.daemon("slackd", "run")]
        async with running(house.programs, house.run) as house.ended:
            yield house


class Everybody:
    """A server that gives every envelope to every socket, and notes what each of them acknowledges."""

    def __init__(self, sockets: int) -> None:
        self.lines: list[Line] = []
        self.acks: dict[int, list[str]] = {}
        self._sockets = sockets
        self._news = asyncio.Event()

    async def play(self, line: Line, number: int) -> None:
        line.write(text(HELLO))
        self.lines.append(line)
        acks = self.acks[number] = []
        self._news.set()
        while True:
            opcode, payload = await line.frame()
            if opcode == CLOSE:
                line.write(close(1000))
                return
            if opcode == TEXT:
                acks.append(json.loads(payload)["envelope_id"])
                self._news.set()

    def give(self, envelope: str) -> None:
        for line in self.lines:
            line.write(text(envelope))

    async def until_acknowledged(self, count: int) -> None:
        """Every socket has acknowledged so many."""
        async with asyncio.timeout(PATIENCE):
            while not (
                len(self.acks) >= self._sockets and all(len(acks) >= count for acks in self.acks.values())
            ):
                self._news.clear()
                await self._news.wait()


async def test_what_everybody_gets_is_acknowledged_by_each_and_handled_once() -> None:
    server = Everybody(2)
    async with sloppy(server.play) as slack, run_against(slack) as house:
        await server.until_acknowledged(0)
        for number in range(20):
            server.give(event(number))
        await server.until_acknowledged(20)
        record = house.records["recorder"]
        await record.until(lambda: len(record.keys) == 20, "every event")
        assert len(record.handlings) == 20
        ids = [json.loads(event(number))["envelope_id"] for number in range(20)]
        assert all(sorted(acks) == ids for acks in server.acks.values())
        assert await house.program("slackd").stop() == 0


async def test_what_nobody_understands_is_kept_and_what_follows_is_handled() -> None:
    """Numbers for ids, pings as JSON, a byte order mark, acknowledgements that come back: no crash, no loop."""
    server = Everybody(2)
    async with sloppy(server.play) as slack, run_against(slack) as house:
        await server.until_acknowledged(0)
        for odd in (
            '{"type":"integration-test","envelope_id":12345}',
            '{"type":"ping"}',
            "ping",
            '\ufeff{"envelope_id":"with a mark","type":"events_api","payload":{}}',
            '{"envelope_id":"no type"}',
            '{"envelope_id":"deep","type":"events_api","payload":' + "[" * 5_000 + "]" * 5_000 + "}",
        ):
            server.give(odd)
        server.give(event(1))
        await server.until_acknowledged(4)
        for line in server.lines:
            line.write(text('{"envelope_id":"no type"}') * 3)
        server.give(event(2))
        await server.until_acknowledged(5)
        record = house.records["recorder"]
        await record.until(lambda: record.keys >= {"Ev1", "Ev2"}, "what follows")
        assert all(len(acks) == 5 for acks in server.acks.values())
        assert await house.program("slackd").stop() == 0


async def test_no_token_is_in_a_log_or_on_a_command_line() -> None:
    """At debug level too, with a server that refuses, redirects and talks nonsense before it behaves."""
    server = Everybody(2)
    async with sloppy(server.play) as slack:
        slack.answers += [
            b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n" + b'{"ok":tru',
            b"nonsense\r\n\r\n",
            b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 0\r\nContent-Length: 2\r\n\r\n{}",
        ]
        async with run_against(slack, "debug") as house:
            await server.until_acknowledged(0)
            server.give(event(1))
            await server.until_acknowledged(1)
            program = house.program("slackd")
            command_line = await asyncio.to_thread(Path(f"/proc/{program.pid}/cmdline").read_text)
            status = json.dumps(await house.ask("/v1/status"))
            assert await program.stop() == 0
            told = program.log.read_text() + command_line + status
            (app,) = slack.apps
            assert "dial failed" in told
            for secret in (app.app_token, app.bot_token, "one-use-ticket"):
                assert secret not in told

"""`POST /v1/intercepts`: held open by whoever asks, good for that user, one plugin and one person."""

import asyncio
import contextlib
import json
import os
import pwd
import socket
from collections.abc import AsyncIterator
from typing import Any

import attrs
import pytest

from slackd import jsonrpc
from slackd.control_client import ControlRefused
from tests.integration.control.control_rig import World, plugin_file, world
from tests.support.broker import PATIENCE

ASKED = {"plugin": "bot", "app": "main", "user": "U123"}
ME = {str(os.getuid()): ("U123",)}
"""This user may take what U123 does."""
BODY = json.dumps(ASKED).encode()
REQUEST = b"POST /v1/intercepts HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)


@contextlib.asynccontextmanager
async def intercept(here: World) -> AsyncIterator[str]:
    """An intercept in force until the block ends; yields its ticket."""
    reader, writer = await asyncio.open_unix_connection(str(here.control))
    body = json.dumps(ASKED).encode()
    writer.write(
        b"POST /v1/intercepts HTTP/1.1\r\nHost: slackd\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    )
    async with asyncio.timeout(PATIENCE):
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        await reader.readline()
        said = json.loads(await reader.readline())
    try:
        yield said["ticket"]
    finally:
        writer.close()
    async with asyncio.timeout(PATIENCE):
        while here.daemon.core.ingest.intercepts:
            await asyncio.sleep(0.005)


async def test_who_breaks_the_connection_off_ends_it_quietly(caplog: pytest.LogCaptureFixture) -> None:
    async with world(plugin_file("bot", users=("nobody",), developers=ME), foreground=False) as here:
        asking = socket.socket(socket.AF_UNIX)
        asking.connect(str(here.control))
        asking.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(asking, REQUEST)
        async with asyncio.timeout(PATIENCE):
            while not here.daemon.core.ingest.intercepts:
                await asyncio.sleep(0.005)
            asking.close()  # with the answer unread: the kernel says that the connection is reset
            while here.daemon.core.ingest.intercepts:
                await asyncio.sleep(0.005)
    assert not [record for record in caplog.records if record.exc_info]


async def initialize(here: World, plugin: str, ticket: str) -> tuple[Any, asyncio.StreamReader]:
    reader, writer = await asyncio.open_unix_connection(str(here.folder / "p.sock"))
    params = {"protocol": 1, "plugin": plugin, "session": "dev", "dev": ticket}
    writer.write(jsonrpc.encode_request(0, "initialize", params))
    async with asyncio.timeout(PATIENCE):
        return json.loads(await reader.readline()), reader


async def test_a_ticket_is_good_for_its_asker_its_plugin_and_its_time_alone() -> None:
    async with world(
        plugin_file("bot", users=("nobody",), developers=ME), plugin_file("other"), foreground=False
    ) as here:
        async with intercept(here) as ticket:
            answer, reader = await initialize(here, "bot", ticket)
            assert "result" in answer, "this user is not in the file, but has the ticket"
            for plugin, said, why in (("other", ticket, "alone"), ("bot", "wrong", "no intercept in force")):
                refused, _ = await initialize(here, plugin, said)
                assert refused["error"]["code"] == jsonrpc.NOT_PERMITTED
                assert why in refused["error"]["message"]
            (mine,) = here.daemon.core.ingest.intercepts._by_person.values()
            here.daemon.core.ingest.intercepts._by_person["bot", "main/U123"] = attrs.evolve(mine, uid=61_234)
            refused, _ = await initialize(here, "bot", ticket)
            assert "uid 61234 alone" in refused["error"]["message"]
            here.daemon.core.ingest.intercepts._by_person["bot", "main/U123"] = mine
            (session,) = (await here.get("/v1/plugins"))["plugins"][0]["sessions"]
            assert session["intercepts"] == "main/U123"
        async with asyncio.timeout(PATIENCE):
            assert await reader.read() == b"", "with the intercept its sessions end"
        refused, _ = await initialize(here, "bot", ticket)
        assert "no intercept in force" in refused["error"]["message"]


async def test_whoever_develops_takes_no_session_of_productions_by_its_name() -> None:
    async with world(plugin_file("bot", developers=ME)) as here:
        await here.plugin("bot", session="dev")
        async with intercept(here) as ticket:
            answer, _ = await initialize(here, "bot", ticket)
            assert "result" in answer
            sessions = (await here.get("/v1/plugins"))["plugins"][0]["sessions"]
            (production,) = (each for each in sessions if not each["intercepts"])
            assert not production["awaited"]


async def test_beginning_and_end_are_in_the_log_with_who_it_was(caplog: pytest.LogCaptureFixture) -> None:
    async with world(plugin_file("bot", developers=ME), foreground=False) as here, intercept(here):
        pass
    lines = [each.getMessage() for each in caplog.records if "intercept" in each.getMessage()]
    assert [line.rsplit(" ", 1)[1] for line in lines] == ["begins", "ends"]
    assert all("U123 of main by uid" in line for line in lines)


async def test_a_broker_that_stops_ends_it_at_once() -> None:
    async with world(plugin_file("bot", developers=ME), foreground=False) as here:
        reader, writer = await asyncio.open_unix_connection(str(here.control))
        body = json.dumps(ASKED).encode()
        writer.write(
            b"POST /v1/intercepts HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        )
        await reader.readuntil(b"\r\n\r\n")
    async with asyncio.timeout(PATIENCE):
        assert b"ticket" in await reader.read()
    writer.close()


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({**ASKED, "user": "alice"}, "expected a member ID"),
        ({**ASKED, "app": "mian"}, "did you mean 'main'"),
        ({**ASKED, "plugin": "bott"}, "did you mean 'bot'"),
        ({**ASKED, "plugin": "elsewhere"}, "is not for the app 'main'; it has side"),
        ({"plugin": "bot"}, "name all three"),
        ({**ASKED, "more": 1}, "is no member here"),
    ],
)
async def test_what_cannot_be_is_refused_with_words(asked: dict[str, Any], words: str) -> None:
    plugins = (plugin_file("bot"), plugin_file("elsewhere", apps=("side",)))
    async with world(*plugins, apps=("main", "side")) as here:
        with pytest.raises(ControlRefused, match=words):
            await here.post("/v1/intercepts", asked)


@pytest.mark.parametrize(
    "developers", [{}, {str(os.getuid()): ("U124",)}, {"61234": ("U123",)}, {"no-such-user": ("U123",)}]
)
async def test_whom_the_plugins_file_does_not_name_gets_nobodys_envelopes(
    developers: dict[str, tuple[str, ...]],
) -> None:
    """Root is nobody's developer by itself, either: these tests may run as root."""
    name = pwd.getpwuid(os.getuid()).pw_name
    async with world(plugin_file("bot", developers=developers), foreground=False) as here:
        with pytest.raises(ControlRefused, match=rf'\[developers\] {name} = "U123"'):
            await here.post("/v1/intercepts", ASKED)
        assert not here.daemon.core.ingest.intercepts


async def test_whoever_runs_slackd_in_the_foreground_is_its_developer() -> None:
    async with world(plugin_file("bot"), foreground=True) as here, intercept(here) as ticket:
        assert ticket

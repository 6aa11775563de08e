"""A real app: what one person does there goes to the plugin under development, all else to production.

The intercept is held open on slackd's control socket; where slackd is started again, it is asked for again. The
program connects to a relay of ours, which has the ticket.
"""

import asyncio
import collections
import contextlib
import json
import tomllib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp

from slackd.control_client import ControlRefused
from slackd.local.program import LocalStackError
from slackd.local.prompt import Act, PromptError
from slackd.local.relay import Entrance, Relay
from slackd.local.traffic import TrafficLine

SESSION_PATIENCE: Final = 10.0
"""Seconds in which a program must be connected."""
ASK_AGAIN_AFTER: Final = 0.5
"""Seconds after which a slackd that has gone is asked again."""
HERE: Final = "help      restart   stop        (what the person does, they do in Slack)"


class InterceptedWorld:
    """As `World`.

    Args:
        control: slackd's control socket.
        wanted: The body of `POST /v1/intercepts`: plugin, app and user.
        socket: Where the program is to connect.
    """

    def __init__(self, control: Path, wanted: Mapping[str, str], socket: Path) -> None:
        self._control, self._wanted, self._socket = control, wanted, socket
        self._news: collections.deque[TrafficLine] = collections.deque()
        self._entrance: asyncio.Future[Entrance] = asyncio.get_running_loop().create_future()
        self._relay = Relay(self._wait_for_entrance, self._news.append)
        self._installed: Path | None = None

    @property
    def environment(self) -> Mapping[str, str]:
        """As in `World`."""
        return {"SLACKD_PLUGINS_SOCKET": str(self._socket), "SLACKD_CONTROL_SOCKET": str(self._control)}

    @property
    def page(self) -> str:
        """As in `World`: Slack itself is the page."""
        return ""

    async def declare(self, name: str, declaration: str) -> Sequence[TrafficLine]:
        """As in `World`: slackd goes by the file that is installed; where this one differs, that is said."""
        self._relay.connected.clear()
        try:
            here = tomllib.loads(declaration)
        except ValueError as error:
            raise LocalStackError(f"{name}.toml: {error}") from None
        differs = _differences(here, self._installed)
        if not differs:
            return ()
        text = f"slackd goes by {self._installed}, which differs from {name}.toml here: {', '.join(differs)}"
        return (TrafficLine("late", text),)

    async def wait_for_session(self, name: str) -> None:
        """As in `World`."""
        try:
            async with asyncio.timeout(SESSION_PATIENCE):
                await self._relay.connected.wait()
        except TimeoutError:
            raise LocalStackError(f"waited {SESSION_PATIENCE:g} s for a session of {name}, in vain") from None

    async def settle(self) -> None:
        """As in `World`: nothing is typed here that could be under way."""

    def news(self) -> Sequence[TrafficLine]:
        """As in `World`."""
        lines = list(self._news)
        self._news.clear()
        return lines

    def play(self, act: Act) -> None:
        """As in `World`."""
        raise PromptError(f"{self._wanted['user']} does that in Slack; here there are: {HERE}")

    @asynccontextmanager
    async def in_force(self) -> AsyncIterator[None]:
        """Hold the intercept until the block ends.

        Raises:
            ControlRefused: slackd doesn't want to; the words are its own.
        """
        holding = asyncio.create_task(self._hold())
        try:
            await asyncio.wait((holding, self._entrance), return_when=asyncio.FIRST_COMPLETED)
            if holding.done():
                await holding
            async with self._relay.serving(self._socket):
                yield
        finally:
            holding.cancel()
            with contextlib.suppress(asyncio.CancelledError, ControlRefused):
                await holding

    async def _wait_for_entrance(self) -> Entrance:
        return await asyncio.shield(self._entrance)

    async def _hold(self) -> None:
        """Ask for the intercept, and again whenever slackd is started again; the first no is the last."""
        while True:
            try:
                await self._ask()
            except (aiohttp.ClientError, OSError, TimeoutError):
                pass
            except ControlRefused as refused:
                if not self._entrance.done():
                    raise
                self._news.append(TrafficLine("failed", f"✗ slackd: {refused}"))
            if self._entrance.done():
                self._news.append(TrafficLine("late", "slackd is away: until it is back, nothing comes here"))
                self._entrance = asyncio.get_running_loop().create_future()
            await asyncio.sleep(ASK_AGAIN_AFTER)

    async def _ask(self) -> None:
        connector = aiohttp.UnixConnector(str(self._control))
        timeout = aiohttp.ClientTimeout(total=None, sock_read=60)
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
            session.post("http://slackd/v1/intercepts", json=dict(self._wanted)) as answer,
        ):
            if answer.status != 200:
                raise ControlRefused(_words(answer.status, await answer.read()))
            async for line in answer.content:
                if line.strip():
                    said = json.loads(line)
                    self._installed = Path(said["file"])
                    self._entrance.set_result(Entrance(Path(said["plugins_socket"]), said["ticket"]))


def _words(status: int, body: bytes) -> str:
    if status == 404 and b'"paths"' in body:
        return "this slackd is too old for slackctl dev --as"
    try:
        return str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        return f"slackd answered {status}"


def _differences(here: Mapping[str, Any], installed: Path | None) -> list[str]:
    """The tables in which the two files differ that matter to who gets what; none where one can't be read."""
    try:
        there = tomllib.loads(installed.read_text("utf-8")) if installed is not None else here
    except (OSError, ValueError):
        return []
    return [name for name in ("subscribe", "slack", "delivery") if here.get(name) != there.get(name)]

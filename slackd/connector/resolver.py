"""Names to addresses: neither a name service that hangs nor an address that swallows packets costs much.

A look-up runs in a daemon thread of its own: asyncio's executor would be waited for when the process stops.
Such threads wait for as long as the name service pleases. There are only so many, since plugins name the hosts
of their `response_url`s.

Where aiohttp tries one address after the other (before its release 3.10), and there are addresses of both
families, the one that takes a TCP connection first goes first ("Happy Eyeballs", RFC 8305).
"""

import asyncio
import contextlib
import inspect
import socket
import threading
from collections.abc import Sequence
from typing import Any, Final

import aiohttp
from aiohttp.abc import AbstractResolver

RACE_DELAY: Final = 0.25
"""Seconds that one family is ahead of the other (RFC 8305)."""
RACE_LIMIT: Final = 5.0
"""Seconds after which nobody has won."""
MOST_LOOK_UPS: Final = 32
"""Hosts that are looked up at a time; of those that come to it with as many before them, none is."""
_AIOHTTP_RACES: Final = "happy_eyeballs_delay" in inspect.signature(aiohttp.TCPConnector.__init__).parameters

Address = tuple[Any, ...]
Found = list[tuple[int, int, int, str, Address]]


class HostResolver(AbstractResolver):
    """aiohttp's resolver, over the host's own name service."""

    def __init__(self, *, race: bool = not _AIOHTTP_RACES) -> None:
        self._race = race
        self._under_way: dict[tuple[str, int, int], asyncio.Future[Found]] = {}

    async def resolve(self, host: str, port: int = 0, family: int = socket.AF_INET) -> list[Any]:
        """All addresses of a host, in the order in which they are to be tried.

        Raises:
            OSError: The name service knows none.
        """
        found = await asyncio.shield(self._look_up(host, port, family))
        if self._race and len({each[0] for each in found}) > 1:
            found = await _winner_first(found)
        return [
            {
                "hostname": host,
                "host": address[0] if not _has_scope(address) else f"{address[0]}%{address[3]}",
                "port": address[1],
                "family": of,
                "proto": protocol,
                "flags": socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            }
            for of, _, protocol, _, address in found
        ]

    async def close(self) -> None:
        """Nothing is kept open; a thread that still waits ends with the process."""

    def _look_up(self, host: str, port: int, family: int) -> "asyncio.Future[Found]":
        key = (host, port, family)
        if key not in self._under_way:
            if len(self._under_way) >= MOST_LOOK_UPS:
                raise OSError(f"the name service owes answers to {MOST_LOOK_UPS} questions")
            loop = asyncio.get_running_loop()
            self._under_way[key] = future = loop.create_future()
            future.add_done_callback(lambda _: self._under_way.pop(key, None))
            # One that nobody waits for any more may fail.
            future.add_done_callback(lambda done: done.cancelled() or done.exception())
            threading.Thread(
                target=_ask_name_service,
                args=(loop, future, host, port, family),
                daemon=True,
                name="name service",
            ).start()
        return self._under_way[key]


def _ask_name_service(
    loop: asyncio.AbstractEventLoop, future: "asyncio.Future[Found]", host: str, port: int, family: int
) -> None:
    answer: Any
    try:
        answer = socket.getaddrinfo(
            host, port, family=family, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
        )
    except OSError as error:
        answer = error
    except UnicodeError:
        answer = OSError("not the name of a host")
    with contextlib.suppress(RuntimeError):  # The loop is closed: nobody waits for it.
        loop.call_soon_threadsafe(_answered, future, answer)


def _answered(future: "asyncio.Future[Found]", answer: Found | OSError) -> None:
    if future.done():
        return
    if isinstance(answer, OSError):
        future.set_exception(answer)
    else:
        future.set_result(answer)


def _has_scope(address: Address) -> bool:
    return len(address) > 3 and bool(address[3])


async def _winner_first(found: Found) -> Found:
    """The same addresses, the family first whose first address takes a connection first."""
    families = list(dict.fromkeys(each[0] for each in found))
    firsts = [next(each for each in found if each[0] == family) for family in families]
    winner = None
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(RACE_LIMIT), asyncio.TaskGroup() as race:
            runners = [
                race.create_task(_connect(each[0], each[4], position * RACE_DELAY))
                for position, each in enumerate(firsts)
            ]
            winner = await _first_true(runners)
            for runner in runners:
                runner.cancel()
    if winner is None:
        return found
    return sorted(found, key=lambda each: each[0] != families[winner])


async def _first_true(tasks: Sequence["asyncio.Task[bool]"]) -> int | None:
    pending = set(tasks)
    while pending:
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            if task.result():
                return tasks.index(task)
    return None


async def _connect(family: int, address: Address, delay: float) -> bool:
    await asyncio.sleep(delay)
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(probe, address)
        except OSError:
            return False
    return True

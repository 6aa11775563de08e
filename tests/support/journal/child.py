"""A broker's worth of journal in a process of its own (`python -m tests.support.journal.child`): it records for
ever, or until told to do something else.

Prints one line an acknowledged envelope, each in one write, so that what the parent read was said after the
commit.
"""

import asyncio
import os
import resource
import sys
import time
from pathlib import Path

from slackd.broker.journal.engines import open_journal
from slackd.broker.journal.writes import Lane, NewDelivery, Record
from slackd.config.values import JournalConfig
from slackd.envelope import ParsedEnvelope
from slackd.errors import JournalError
from slackd.slack.envelopes import EVENTS
from slackd.slack.facets import Facets
from tests.support.journal.writing import attempt

IN_FLIGHT = 50


def record(number: int, run: str) -> Record:
    key = f"{run}-{number}"
    envelope = ParsedEnvelope("main", key, EVENTS, '{"text":"' + "x" * 1_500 + '"}', (key,), Facets())
    return Record(envelope, time.time(), deliveries=(NewDelivery("bot", Lane.EVENTS, f"C{number % 7}"),))


async def hammer(folder: Path, run: str) -> None:
    journal, _ = await open_journal(JournalConfig(folder))
    places = asyncio.Semaphore(IN_FLIGHT)
    number = 0
    while True:
        await places.acquire()
        key = f"{run}-{number}"

        def tell(told: object, key: str = key) -> None:
            assert not isinstance(told, JournalError), told
            os.write(1, f"{key}\n".encode())
            places.release()

        journal.submit([record(number, run)], tell)
        number += 1


async def hold(folder: Path) -> None:
    await open_journal(JournalConfig(folder))
    os.write(1, b"held\n")
    await asyncio.Event().wait()


async def run_into_a_size_limit(folder: Path) -> None:
    """Write until files may not grow any more, then until they may again; print what was told, in turn."""
    journal, _ = await open_journal(JournalConfig(folder))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY))
    number, failures = 0, 0
    while failures < 3:
        told = await attempt(journal, record(number, "limit"))
        failures += isinstance(told, JournalError)
        number += 1
    print("failing", number, bool(journal.health().failing), type(told).__name__, flush=True)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    told = await attempt(journal, record(number, "limit"))
    kept = len(await journal.recorded(0, 100_000))
    print("recovered", number - failures + 1 == kept, repr(journal.health().failing), flush=True)
    await journal.close()


if __name__ == "__main__":
    verb, folder, *more = sys.argv[1:]
    match verb:
        case "hammer":
            asyncio.run(hammer(Path(folder), *more))
        case "hold":
            asyncio.run(hold(Path(folder)))
        case "limit":
            asyncio.run(run_into_a_size_limit(Path(folder)))

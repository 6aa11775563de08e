"""What waits for a plugin costs nobody anything: neither a person who waits for an answer, nor a restart."""

import contextlib
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from slackd.broker.journal.engines import OpenOptions, open_journal
from slackd.broker.journal.writes import Lane, NewDelivery, Record
from slackd.config.values import JournalConfig
from slackd.emulator import Emulator, EmulatorClient, EmulatorSettings
from slackd.envelope import ParsedEnvelope
from slackd.errors import JournalError
from slackd.slack.envelopes import EVENTS
from slackd.slack.facets import Facets
from tests.integration.system.house import EVERYTHING, House, living
from tests.integration.system.programs import PATIENCE

CHANNEL = "C0BATCH0000"
BEHIND = 10_000
OPEN = 100_000
BOUND = 1.5
RESTARTS = 7
ROUNDS = 15
AT_A_TIME = 20


@pytest.mark.load
async def test_a_command_overtakes_ten_thousand_events_of_its_channel() -> None:
    slow = 0.1
    settings = EmulatorSettings(repeat_same_envelope_after=None)
    async with (
        Emulator(settings=settings).serving() as slack,
        living(slack, recorders={"recorder": 2 * slow}) as house,
    ):
        events = slack.batch(count=BEHIND, channels=1, window=500)
        await slack.wait_until(lambda: events.acknowledged == BEHIND, timeout=PATIENCE, what="the events' acks")
        assert events.channel(0) == CHANNEL
        for again in (False, True):
            if again:
                house.broker.kill()
                await house.broker.wait_ready()
            (plugin,) = (await house.ask("/v1/status"))["plugins"]
            assert plugin["open"] > 0.9 * BEHIND
            for number in range(5):
                command = slack.command("/do", f"{again} {number}", channel=CHANNEL)
                await slack.wait_for_ack(command)
                assert command.response == {"text": f"done {again} {number}"}
                assert command.ack_seconds is not None
                assert command.ack_seconds < 3.0


@pytest.mark.load
@pytest.mark.timeout(300)
async def test_a_hundred_thousand_open_deliveries_cost_nothing() -> None:
    """Two houses side by side, measured in turns: one has a backlog for a plugin that isn't there."""
    plugins = {"recorder": EVERYTHING, "absent": '[[subscribe]]\ntype = "interactive"\n'}
    async with contextlib.AsyncExitStack() as stack:
        houses: list[House] = []
        for backlog in (0, OPEN):
            slack = await stack.enter_async_context(Emulator().serving())
            houses.append(
                await stack.enter_async_context(
                    living(slack, plugins, recorders={"recorder": 0.0}, prepare=_Backlog(backlog).write)
                )
            )
        (empty, full) = houses
        status = await full.until_status(lambda status: True, "the status")
        assert [each["open"] for each in status["plugins"] if each["name"] == "absent"] == [OPEN]

        acks: dict[House, list[float]] = {empty: [], full: []}
        for _ in range(ROUNDS):
            for house in houses:
                acks[house] += await _acks(house.slack)
        restarts: dict[House, list[float]] = {empty: [], full: []}
        for _ in range(RESTARTS):
            for house in houses:
                restarts[house].append(await _restart(house))
        found = {
            "ack": _compared(acks[empty], acks[full]),
            "restart": _compared(restarts[empty], restarts[full]),
        }
        for what, (without, with_backlog) in found.items():
            print(
                f"{what}: {without * 1e3:.1f} ms, with {OPEN} open deliveries {with_backlog * 1e3:.1f} ms, "
                f"ratio {with_backlog / without:.2f}"
            )
        assert all(with_backlog < BOUND * without for without, with_backlog in found.values()), found


async def _acks(slack: EmulatorClient) -> list[float]:
    """Seconds until each of a few mentions, one after the other, is acknowledged."""
    seconds = []
    for number in range(AT_A_TIME):
        entry = await slack.wait_for_ack(slack.mention("hello", channel=f"C0{number}"), timeout=PATIENCE)
        assert entry.ack_seconds is not None
        seconds.append(entry.ack_seconds)
    return seconds


async def _restart(house: House) -> float:
    """Seconds from a `kill -9` of the broker until an envelope is acknowledged and handled."""
    record = house.records["recorder"]
    killed = time.monotonic()
    house.broker.kill()
    entry = house.slack.mention("is anybody there?")
    await house.slack.wait_for_ack(entry, timeout=PATIENCE)
    await record.until(lambda: entry.key in record.keys, "it to be handled")
    took = record.handlings[-1].at - killed
    await house.broker.wait_ready()
    return took


def _compared(without: Sequence[float], with_backlog: Sequence[float]) -> tuple[float, float]:
    return statistics.median(without), statistics.median(with_backlog)


class _Backlog:
    """Open deliveries for the absent plugin, written before the broker starts."""

    def __init__(self, count: int) -> None:
        self._count = count

    async def write(self, folder: Path) -> None:
        """Into the journal in this folder."""
        journal, _ = await open_journal(JournalConfig(folder), OpenOptions(retention_by_itself=False))
        refused: list[JournalError] = []
        now = time.time()
        for start in range(0, self._count, 1_000):
            numbers = range(start, min(start + 1_000, self._count))
            journal.submit(
                [_record(number, now) for number in numbers],
                lambda told: refused.append(told) if isinstance(told, JournalError) else None,
            )
        await journal.close()
        assert not refused


def _record(number: int, now: float) -> Record:
    key = f"backlog-{number}"
    text = f'{{"envelope_id":"{key}","type":"events_api","payload":{{"event":{{"text":"{"x" * 500}"}}}}}}'
    envelope = ParsedEnvelope("emulated", key, EVENTS, text, (key,), Facets())
    return Record(envelope, now, deliveries=(NewDelivery("absent", Lane.EVENTS, f"emulated/C{number % 1000}"),))

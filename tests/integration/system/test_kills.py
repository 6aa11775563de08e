"""`kill -9` of any process at any moment, under load: what Slack's ledger says afterwards (P1 to P5)."""

import asyncio
import collections
import itertools
import json
import os
import random
import time
from collections.abc import Iterator
from typing import Any

import attrs
import pytest

from slackd.emulator import EmulatedApp, Emulator, EmulatorClient, EmulatorSettings, LedgerEntry
from tests.integration.system.house import EVERYTHING, Handling, House, Record, living
from tests.integration.system.programs import Program

KILLS = 50
CHANNELS = 12
EVENTS_A_SECOND = 40
COMMANDS_A_SECOND = 5
CLICKS_A_SECOND = 3
SLOWEST_HANDLER = 0.02
ANSWER_IN_HAND = 6.0
"""Seconds: what a plugin had answered this long before it was killed is committed, also across a restart of the
broker in between."""
GRACE_AND_MORE = 5.0
"""Seconds after a plugin's kill in which what its session held may still hold back a command (rule R7)."""
SLOW_RESTART = 1.5
"""Seconds in which a broker is back at the worst (it takes a third of one where nothing else runs). What a
longer one makes late is this machine's doing: it is counted, not judged."""
LAST_MOMENTS = 1.0
"""Seconds between a `kill -9` and the end of a connection as Slack notices it, at most."""

SLACK = EmulatorSettings(
    redelivery_delays=(1.0, 2.0, 4.0, 8.0), repeat_same_envelope_after=5.0, keep_payloads=True
)
"""Slack's own deadline; its redeliveries sooner than the minutes they take."""


@pytest.mark.load
@pytest.mark.timeout(400)
async def test_fifty_kills_under_load() -> None:
    seed = int(os.environ.get("SLACKD_SEED") or random.SystemRandom().randrange(1_000_000))
    print(f"SLACKD_SEED={seed} repeats the choices")
    async with (
        Emulator([EmulatedApp(events=("app_mention",))], SLACK).serving() as slack,
        living(slack, {"recorder": EVERYTHING}, recorders={"recorder": SLOWEST_HANDLER}) as house,
    ):
        async with asyncio.TaskGroup() as group:
            load = group.create_task(_load(slack, random.Random(seed)))
            stalls = group.create_task(_worst_stall())
            kills = await _kill(house, random.Random(seed + 1))
            await asyncio.sleep(2.0)  # the load goes on while the last one recovers
            load.cancel()
            stalls.cancel()
        await slack.wait_until(lambda: not slack.unanswered(), timeout=60.0, what="nothing unanswered")
        record = house.records["recorder"]
        owed = {entry.key for entry in slack.ledger.entries.values() if entry.acknowledged}
        await record.until(lambda: owed <= record.keys, "everything acknowledged to be handled")
        await _until_answered(slack)
        status = await house.until_status(lambda status: not status["plugins"][0]["open"], "an empty backlog")

        judgement = Judgement(slack, house, record)
        print(judgement.summary(kills))
        wrong = [*judgement.wrong(), *_status_is_wrong(status, await house.ask("/v1/gaps"))]
        assert not wrong, f"SLACKD_SEED={seed}, worst stall of this machine {WORST[0]:.2f} s:\n" + "\n".join(
            wrong
        )
        assert [each for each in house.ended if "SIGKILL" not in each] == []
        assert [await program.stop() for program in house.programs] == [0, 0, 0, 0]


WORST = [0.0]


async def _worst_stall() -> None:
    """How late this loop's timers ring: a machine that stands still for seconds explains a late answer."""
    while True:
        due = time.monotonic() + 0.02
        await asyncio.sleep(0.02)
        WORST[0] = max(WORST[0], time.monotonic() - due)


async def _load(slack: EmulatorClient, rng: random.Random) -> None:
    """Mentions, commands and clicks in several channels, evenly, until cancelled."""
    rates = {"mention": EVENTS_A_SECOND, "command": COMMANDS_A_SECOND, "click": CLICKS_A_SECOND}
    total = sum(rates.values())
    begun, sent = time.monotonic(), 0
    while True:
        while sent < (time.monotonic() - begun) * total:
            channel = f"C0KILLED{rng.randrange(CHANNELS):03}"
            match rng.choices(list(rates), list(rates.values()))[0]:
                case "mention":
                    slack.mention(f"number {sent}", channel=channel)
                case "command":
                    slack.command("/do", f"number {sent}", channel=channel)
                case _:
                    slack.click("press", made_up=True, value=f"number {sent}", channel=channel)
            sent += 1
        await asyncio.sleep(0.01)


async def _kill(house: House, rng: random.Random) -> collections.Counter[str]:
    """Kill something that is up and at work, `KILLS` times."""
    kills: collections.Counter[str] = collections.Counter()
    while kills.total() < KILLS:
        await asyncio.sleep(rng.uniform(0.1, 1.5))
        while not (victims := _victims(house)):
            await asyncio.sleep(0.01)
        victim = rng.choice(victims)
        victim.kill()
        kills[victim.name] += 1
        if victim.name.startswith("connector"):
            await house.slack.wait_until(
                lambda: len(house.slack.core.side().registry) < 2, what="the end of its connection"
            )
    return kills


def _is_back(house: House) -> bool:
    return all(each.ready.is_set() for each in house.programs if each.name.startswith("connector"))


def _victims(house: House) -> list[Program]:
    """Whose kill the promises cover: of the two connectors one at a time, since a gap is one by definition."""
    connectors = [each for each in house.programs if each.name.startswith("connector")]
    both = house.slack.core.side().ready_spans.count >= 2 and _is_back(house)
    plugin, record = house.program("recorder"), house.records["recorder"]
    at_work = any(each.pid == plugin.pid for each in record.handlings[-200:])
    return [
        *(connectors if both else []),
        *([house.broker] if house.broker.ready.is_set() else []),
        *([plugin] if at_work and plugin.pid not in plugin.kills else []),
    ]


async def _until_answered(slack: EmulatorClient) -> None:
    """Every command that was acknowledged without its answer gets it through its `response_url`."""
    commands = [each for each in slack.ledger.find(envelope_type="slash_commands") if each.acknowledged]
    await slack.wait_until(
        lambda: all(each.response or each.posts for each in commands),
        timeout=20.0,
        what="an answer to every command: none to "
        + ", ".join(each.key for each in commands if not each.response and not each.posts),
    )


@attrs.define
class Judgement:
    """Slack's ledger and the plugin's record, held against each other."""

    slack: EmulatorClient
    house: House
    record: Record

    def wrong(self) -> Iterator[str]:
        """Everything that should not be, in words."""
        for entry in self.slack.ledger.entries.values():
            yield from self._acknowledged(entry)
            if entry.name == "/do":
                yield from self._answered(entry)
        yield from self._handled()
        for channel, handlings in self._first_by_channel().items():
            yield from self._in_order(channel, handlings)
        summary = self.slack.summary()
        if summary.ready_gaps:
            yield f"no READY connection: {summary.ready_gaps}"
        if unwanted := {what: count for what, count in summary.oddities.items() if "again" not in what}:
            yield f"Slack found this odd: {unwanted}"

    def summary(self, kills: collections.Counter[str]) -> str:
        """What happened, in a few lines."""
        found = self.slack.summary()
        times = collections.Counter(each.key for each in self.record.handlings)
        late = [e for e in self.slack.ledger.find(name="/do") if e.acknowledged and not e.response]
        return (
            f"{kills.total()} kills {dict(kills)}: sent {found.by_type}, acknowledged {found.acked}, "
            f"redelivered {found.redelivered}, handled {len(times)}, "
            f"handled again after a plugin's kill {sum(count - 1 for count in times.values())}, "
            f"answered through response_url after a plugin's kill {len(late)}, "
            f"interactive ones lost with a connector {sum(not e.acknowledged for e in self._all())}, "
            f"broker away {_range([b - a for a, b in self.house.broker.outages])}, "
            f"slow starts {len(self.slow_starts())}, "
            f"slowest ack {found.slowest_ack:.2f} s, {found.ack_percentiles}, stall {WORST[0]:.2f} s"
        )

    def _all(self) -> list[LedgerEntry]:
        return list(self.slack.ledger.entries.values())

    def _acknowledged(self, entry: LedgerEntry) -> Iterator[str]:
        for ack in entry.acks:
            if (ack.late or (ack.after > 3.0 and not ack.again)) and not self._waited_for_a_slow_start(entry):
                yield f"{_named(entry)} was acknowledged after {ack.after:.2f} s"
        if entry.acknowledged:
            return
        if entry.redelivers:
            yield f"{_named(entry)} was never acknowledged: {entry.sends}"
        elif not self._died_with_a_connector(entry) and not self._waited_for_a_slow_start(entry):
            yield f"{_named(entry)} was not acknowledged, although its connector lived: {entry.sends}"

    def _waited_for_a_slow_start(self, entry: LedgerEntry) -> bool:
        until = max([each.at for each in entry.acks], default=entry.at + 3.0)
        return any(began <= until and ended >= entry.at for began, ended in self.slow_starts())

    def slow_starts(self) -> list[tuple[float, float]]:
        """When the broker was away for longer than any idle machine needs."""
        return [each for each in self.house.broker.outages if each[1] - each[0] > SLOW_RESTART]

    def _died_with_a_connector(self, entry: LedgerEntry) -> bool:
        (send,) = entry.sends
        connection = self.slack.core.connections.get(send.connection or "")
        if connection is None or connection.ended_at is None or connection.ended_at > send.at + 3.0:
            return False
        ended = connection.ended_at
        return any(0 <= ended - at < LAST_MOMENTS for at in self._kills("connector"))

    def _answered(self, entry: LedgerEntry) -> Iterator[str]:
        if not entry.acknowledged:
            return
        assert entry.acknowledged_at is not None
        wanted = {"text": f"done {json.loads(entry.payload or '{}')['text']}"}
        if entry.response is None:
            near = [entry.at - GRACE_AND_MORE <= at <= entry.acknowledged_at for at in self._kills("recorder")]
            if not any(near) and not self._waited_for_a_slow_start(entry):
                yield f"{_named(entry)} was acknowledged without an answer, although the plugin lived"
            found = [post.body.get("text") for post in entry.posts]
            if wanted["text"] not in found:
                yield f"{_named(entry)} was answered through response_url with {found}, not {wanted}"
        elif entry.response != wanted:
            yield f"{_named(entry)} was answered with {entry.response}, not {wanted}"

    def _handled(self) -> Iterator[str]:
        plugin = self.house.program("recorder")
        by_key: dict[str, list[Handling]] = collections.defaultdict(list)
        for each in self.record.handlings:
            by_key[each.key].append(each)
        for entry in self._all():
            handlings = by_key.pop(entry.key, [])
            if entry.acknowledged and not handlings:
                yield f"{_named(entry)} was acknowledged and never handled"
            for first, second in itertools.pairwise(handlings):
                killed = plugin.kills.get(first.pid)
                if first.pid == second.pid or killed is None:
                    yield f"{_named(entry)} was handled twice, although the plugin lived: {first}, {second}"
                elif killed - first.at > ANSWER_IN_HAND:
                    yield (
                        f"{_named(entry)} was handled again, although it was done {killed - first.at:.1f} s "
                        f"before the plugin was killed: {first}, {second}"
                    )
        if by_key:
            yield f"handled what Slack never sent: {list(by_key)[:5]}"

    def _first_by_channel(self) -> dict[tuple[str, bool], list[tuple[Handling, LedgerEntry]]]:
        """The first handling of everything, by channel and lane, in the order of handling."""
        firsts: dict[str, Handling] = {}
        for each in self.record.handlings:
            firsts.setdefault(each.key, each)
        by_channel: dict[tuple[str, bool], list[tuple[Handling, LedgerEntry]]] = collections.defaultdict(list)
        for each in firsts.values():
            entry = self.slack.ledger.entries.get(each.key)
            if entry is not None:
                by_channel[each.channel, entry.redelivers].append((each, entry))
        return by_channel

    def _in_order(self, channel: object, handled: list[tuple[Handling, LedgerEntry]]) -> Iterator[str]:
        """The journal's order; and what was acknowledged before something else was sent came before it."""
        for (before, _), (after, entry) in itertools.pairwise(handled):
            if before.delivery > after.delivery:
                yield f"{channel}: delivery {before.delivery} before {after.delivery} ({_named(entry)})"
        earliest = float("inf")
        for handling, entry in reversed(handled):
            if earliest < entry.at:
                yield f"{channel}: {_named(entry)} (delivery {handling.delivery}) before something older"
            earliest = min(
                earliest, entry.acknowledged_at if entry.acknowledged_at is not None else float("inf")
            )

    def _kills(self, name: str) -> list[float]:
        return [at for each in self.house.programs if each.name.startswith(name) for at in each.kills.values()]


def _range(seconds: list[float]) -> str:
    return f"{min(seconds):.2f} to {max(seconds):.2f} s" if seconds else "never"


def _named(entry: LedgerEntry) -> str:
    return f"{entry.name} {entry.key}"


def _status_is_wrong(status: dict[str, Any], gaps: dict[str, Any]) -> Iterator[str]:
    (plugin,) = status["plugins"]
    if plugin["dead"]:
        yield f"{plugin['dead']} dead letters"
    if gaps["gaps"]:
        yield f"gaps that were none: {gaps['gaps']}"

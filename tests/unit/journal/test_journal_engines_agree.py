"""A law: whatever is written, in whatever groups, SQLite and the plain words in memory say the same."""

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slackd.broker.journal import Journal
from slackd.broker.journal.engines import OpenOptions, open_journal
from slackd.broker.journal.limits import DeadLettered, Limits, PluginLimits
from slackd.broker.journal.writes import (
    AnswerPassed,
    AnswerState,
    AnswerUnsent,
    CleanShutdown,
    CloseDelivery,
    CloseHandled,
    DeadLetterDelivery,
    DeadReason,
    Discard,
    ForgetSession,
    GapRecord,
    Ghost,
    InFlight,
    Lane,
    LateSent,
    ListSession,
    NewDelivery,
    Record,
    Replay,
    RetryDelivery,
    Revive,
    SeenReady,
)
from slackd.config.values import JournalConfig
from slackd.envelope import ParsedEnvelope, Unreadable
from slackd.errors import JournalError
from slackd.slack.facets import Facets
from tests.support.journal.memory_journal import MemoryDisk, open_memory_journal
from tests.support.journal.writing import DAY, HOUR, NOW, Time, attempt

PLUGINS = ("a", "b")
ids = st.integers(1, 12)
attempts = st.sampled_from([1, 1, 1, 2, 3])
words = st.sampled_from(["", "C1", "C2", "\u00e9", "\ud800"])
moments = st.sampled_from([0.0, 1.0, 700.0, HOUR, 26 * HOUR]).map(lambda seconds: NOW + seconds)
maybe_moment = st.none() | moments
lanes = st.sampled_from(list(Lane))
answers = st.sampled_from(list(AnswerState))
responses = st.none() | st.sampled_from(['{"text":"hi"}', "\ud800"])

new_deliveries = st.builds(
    NewDelivery,
    st.sampled_from(PLUGINS),
    lanes,
    words,
    expires_at=maybe_moment,
    respond_by=maybe_moment,
    dead=st.none() | st.none() | st.just(DeadReason.TOO_LARGE),
)
keys = st.lists(st.sampled_from(["k1", "k2", "k3", "k4", "k5"]), max_size=2, unique=True).map(tuple)
texts = st.sampled_from(["{}", "x" * 300, "\u00e9" * 100, "\ud800"])
envelopes = st.builds(
    ParsedEnvelope,
    st.sampled_from(["one", "two"]),
    words,
    words,
    texts,
    keys,
    st.just(Facets()),
    response_url=words,
)
unreadables = st.builds(Unreadable, st.just("one"), st.none() | words, texts, keys, words)
records = st.builds(
    Record,
    envelopes | unreadables,
    moments,
    answers,
    responses,
    st.lists(new_deliveries, max_size=3).map(tuple),
)
writes = st.one_of(
    records,
    records,
    st.builds(CloseDelivery, ids, attempts),
    st.builds(
        CloseHandled, st.sampled_from(PLUGINS), st.lists(st.tuples(ids, attempts), max_size=4).map(tuple)
    ),
    st.builds(CloseDelivery, ids, attempts, responses, st.none() | answers, st.booleans(), st.booleans()),
    st.builds(RetryDelivery, ids, attempts, moments, words),
    st.builds(DeadLetterDelivery, ids, st.none() | attempts, st.sampled_from(list(DeadReason)), words),
    st.builds(AnswerPassed, ids),
    st.builds(AnswerUnsent, ids, ids, st.sampled_from(PLUGINS)),
    st.builds(LateSent, ids),
    st.builds(ListSession, st.sampled_from(PLUGINS), words),
    st.builds(ForgetSession, st.sampled_from(PLUGINS), words),
    st.builds(
        CleanShutdown,
        st.lists(st.builds(InFlight, ids, st.sampled_from(PLUGINS), words), max_size=3).map(tuple),
    ),
    st.builds(GapRecord, st.just("one"), moments, maybe_moment, words),
    st.builds(Ghost, st.just("one"), st.sampled_from(["c1", "c2"]), moments),
    st.builds(SeenReady, st.sampled_from(["one", "two"]), moments),
    st.builds(Revive, ids),
    st.builds(Discard, ids),
    st.builds(Replay, ids, new_deliveries),
    st.just("no write at all"),
)
groups = st.lists(st.lists(writes, max_size=4), min_size=1, max_size=4)
steps = st.one_of(
    groups,
    groups,
    groups,
    st.sampled_from([1.0, 800.0, HOUR, 26 * HOUR, 8 * DAY, 100 * DAY]),
    st.sampled_from(["run_retention", "reopen", "away", "near"]),
)

CONFIG: dict[str, Any] = {"max_age": 2 * DAY, "max_bytes": 700, "dead_letter_age": 30 * DAY}
PLUGIN_LIMITS = {"a": PluginLimits(max_age=DAY, max_bytes=400), "b": PluginLimits(max_age=9 * DAY)}


class Pair:
    """Both engines, doing the same."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.time = Time()
        self.disk = MemoryDisk()
        self.dead_lettered: tuple[list[DeadLettered], list[DeadLettered]] = ([], [])

    async def open(self) -> None:
        self.sqlite, found = await open_journal(
            JournalConfig(self.folder, **CONFIG),
            OpenOptions(
                clock=self.time,
                uptime=self.time,
                plugins=PLUGIN_LIMITS,
                on_dead_lettered=self.dead_lettered[0].extend,
                retention_by_itself=False,
                delivery_base=lambda _, last: last,
            ),
        )
        self.memory, expected = open_memory_journal(
            self.disk,
            clock=self.time,
            limits=Limits(
                CONFIG["max_age"], int(CONFIG["max_bytes"]), CONFIG["dead_letter_age"], PLUGIN_LIMITS
            ),
            on_dead_lettered=self.dead_lettered[1].extend,
        )
        assert found == expected

    async def close(self) -> None:
        await self.sqlite.close()
        await self.memory.close()

    async def take(self, step: Any) -> None:
        match step:
            case list():
                await self._submit_at_once(step)
            case float():
                self.time.now += step
            case "run_retention":
                counts = [await one.run_retention(self.time.now) for one in (self.sqlite, self.memory)]
                assert counts[0] == counts[1]
                assert self.sqlite.health().dead_letter_bytes == self.memory.health().dead_letter_bytes
                assert sorted(self.dead_lettered[0], key=_delivery) == sorted(
                    self.dead_lettered[1], key=_delivery
                )
            case "reopen":
                await self.close()
                await self.open()
            case "away" | "near":
                for one in (self.sqlite, self.memory):
                    one.set_away(PLUGINS if step == "away" else ())

    async def _submit_at_once(self, group: list[list[Any]]) -> None:
        told: tuple[list[Any], list[Any]] = ([], [])
        both: list[tuple[Journal, list[Any]]] = [(self.sqlite, told[0]), (self.memory, told[1])]
        for journal, results in both:
            for some in group:
                journal.submit(some, results.append)
            assert await attempt(journal) == []
        assert [_refused_or_done(one) for one in told[0]] == [_refused_or_done(one) for one in told[1]]

    async def agree(self) -> None:
        found, expected = await _everything(self.sqlite), await _everything(self.memory)
        assert found == expected


def _delivery(dead_lettered: DeadLettered) -> int:
    return dead_lettered.delivery


def _refused_or_done(told: Sequence[Any] | JournalError) -> Any:
    return "refused" if isinstance(told, JournalError) else list(told)


async def _everything(journal: Any) -> dict[str, Any]:
    seen: dict[str, Any] = {
        "envelopes": list(await journal.recorded(0, 1_000)),
        "interval": list(await journal.recorded(1, 3, NOW, NOW + HOUR)),
        "since": list(await journal.recorded(0, 1_000, since=NOW + 700)),
        "until": list(await journal.recorded(0, 1_000, until=NOW + 700)),
        "by id": dict(await journal.envelopes([1, 2, 3, 99, 3])),
        "open": list(await journal.open_by_id([3, 1, 2, *range(1, 60)])),
        "dead": [await journal.dead_letter(letter.delivery) for letter in await journal.dead_letters(0, 99)],
        "dead of a": list(await journal.dead_letters(1, 2, "a")),
        "gaps": list(await journal.gaps(NOW + 1, 10)),
        "last gap of an app": [list(await journal.gaps(0, 1, app)) for app in ("main", "other")],
        "backlogs": dict(await journal.backlogs()),
    }
    for plugin in PLUGINS:
        for lane in Lane:
            seen[f"{plugin} {lane} keys"] = list(await journal.keys_after(plugin, lane, None, 10))
            seen[f"{plugin} {lane} next keys"] = list(await journal.keys_after(plugin, lane, "C1", 1))
            seen[f"{plugin} {lane} of key"] = list(await journal.open_of_key(plugin, lane, "C1", 1, 2))
            seen[f"{plugin} {lane} count"] = await journal.open_count(plugin, lane, 9, 2)
    return seen


async def _play(story: list[Any], folder: Path) -> None:
    pair = Pair(folder)
    await pair.open()
    try:
        for step in story:
            await pair.take(step)
            await pair.agree()
    finally:
        await pair.close()


@pytest.mark.timeout(300)
@given(story=st.lists(steps, min_size=1, max_size=8))
@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])
def test_sqlite_and_memory_agree_on_every_story(story: list[Any]) -> None:
    with tempfile.TemporaryDirectory(prefix="slackd-journal-") as folder:
        asyncio.run(_play(story, Path(folder)))

"""The engine does what a commit leads to in the order in which somebody waits for it."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, cast

import attrs
import pytest

from slackd.broker.engine import Engine, Outlets
from slackd.broker.journal import Journal, OnCommit, StoredEnvelope
from slackd.broker.journal.writes import Write
from slackd.link.messages import Settled
from tests.support.slack_texts import arrival, event
from tests.unit.broker.test_ingest import RESPONDS, Bench, plugin


@attrs.define
class HeldJournal:
    """Commits when it is told to."""

    bench: Bench
    submitted: list[tuple[Sequence[Write], OnCommit]] = attrs.field(factory=list)
    can_be_read: asyncio.Event = attrs.field(factory=asyncio.Event)

    def submit(self, writes: Sequence[Write], on_commit: OnCommit) -> None:
        self.submitted.append((writes, on_commit))

    def commit(self) -> None:
        (writes, on_commit), self.submitted = self.submitted[0], self.submitted[1:]
        on_commit(self.bench.store.apply(writes, self.bench.now.unix))

    async def envelopes(self, ids: Sequence[int]) -> Mapping[int, StoredEnvelope]:
        await self.can_be_read.wait()
        return {each: self.bench.store.envelopes[each] for each in ids}


@attrs.define
class Said:
    """What the neighbours are told, in order."""

    words: list[Any] = attrs.field(factory=list)

    def to_connector(self, _link: int, message: Any) -> None:
        self.words.append(message)

    def send_deliveries(self, deliveries: Sequence[Any]) -> None:
        self.words += [delivery for delivery, _, _ in deliveries]


async def test_an_envelope_is_acknowledged_before_its_deliveries_are_even_looked_for() -> None:
    bench = Bench(plugin(RESPONDS))
    journal, said = HeldJournal(bench), Said()
    engine = Engine(bench.core, cast(Journal, journal), lambda: bench.now)
    engine.attach(Outlets(said.to_connector, lambda plugin, session: cast(Any, said), print, print))
    bench.core.deliver(1, [arrival(event())], bench.now)
    engine.wake()
    await asyncio.sleep(0)
    assert said.words == []  # and not before the commit
    journal.commit()
    assert [type(each) for each in said.words] == [Settled]
    await asyncio.sleep(0)
    assert len(said.words) == 2
    engine.stop()


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_what_is_read_for_a_connection_that_was_replaced_meanwhile_is_sent_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("slackd.broker.held_texts.MOST", 0)  # memory lets go of every text
    bench = Bench(plugin(RESPONDS))
    bench.core.left("bot", "s", bench.now)
    bench.deliver(event())
    journal, first, second = HeldJournal(bench), Said(), Said()
    connections = [first]
    engine = Engine(bench.core, cast(Journal, journal), lambda: bench.now)
    engine.attach(Outlets(print, lambda plugin, session: cast(Any, connections[-1]), print, print))
    reading = asyncio.create_task(engine.read_for_ever())
    bench.joins()
    engine.wake()
    await turns(5)
    connections.append(second)
    bench.joins()  # the same session, which claims nothing
    engine.wake()
    await turns(5)
    journal.can_be_read.set()
    await turns(10)
    assert [first.words, [each.id for each in second.words]] == [[], [1]]
    reading.cancel()
    engine.stop()

"""The broker's way of an event without sockets and threads, beside the least that JSON and SQLite need for it.

    python -m tests.bench.pipeline      # CPU an event by step, and the ratio that CI guards

Both do their work in this thread, in turns, and only the CPU of their own steps counts: what else the machine
does meets both. Events come as many at a time as in a flood, or one by one.
"""

import contextlib
import gc
import json
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import ParamSpec, TypeVar

import attrs

from slackd.broker.actions import Submit, ToConnector
from slackd.broker.core import BrokerCore
from slackd.broker.dispatch.actions import LoadKey, LoadKeys, SendDeliveries
from slackd.broker.instant import Instant
from slackd.broker.journal.sqlite import schema
from slackd.broker.journal.sqlite.apply import Applier
from slackd.broker.journal.sqlite.totals import Totals
from slackd.broker.journal.writes import Outcome
from slackd.broker.plugins.encoding import encode_envelope
from slackd.broker.plugins.events import Answered
from slackd.broker.plugins.protocol import SessionProtocol
from slackd.broker.write_queue import CLOSE_WITHIN
from slackd.config import Delivery, PluginConfig, Subscription
from slackd.link.codec import encode
from slackd.link.messages import LINK_VERSION, Deliver
from slackd.link.protocol import LinkReader
from slackd.systemd.lifetime import settle_memory
from tests.support import slack_texts
from tests.support.broker import broker_config

P = ParamSpec("P")
T = TypeVar("T")

TURNS = 15
EVENTS = 1_000
"""Events of a turn."""
TOGETHER = 100
"""Events that come together in a flood."""
WINDOW = 2_048


def text_of(number: int) -> str:
    """An event of 2 KB, with blocks as Slack's clients make them."""
    element = {"type": "rich_text_section", "elements": [{"type": "text", "text": "hello"}]}
    stamp = f"1700000000.{number:06d}"
    event = {
        "type": "message",
        "channel": f"C{number % 500:07d}",
        "channel_type": "channel",
        "user": f"U{number % 50:07d}",
        "text": "x" * 1_500,
        "ts": stamp,
        "blocks": [{"type": "rich_text", "block_id": "b", "elements": [element]}],
        "event_ts": stamp,
    }
    bot = {"team_id": "T0001", "user_id": "UBOT", "is_bot": True}
    return slack_texts.event(number, event, team_id="T0001", event_time=1_700_000_000, authorizations=[bot])


@attrs.define
class Clock:
    """Nanoseconds of CPU of this thread, by step."""

    taken: Counter[str] = attrs.field(factory=Counter)

    def step(self, name: str, work: Callable[P, T], *arguments: P.args, **more: P.kwargs) -> T:
        """Do a step."""
        began = time.thread_time_ns()
        done = work(*arguments, **more)
        self.taken[name] += time.thread_time_ns() - began
        return done


class Pipeline:
    """The broker's core, its journal's rows, and both protocols, for one plugin that answers at once."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        subscription = Subscription("events_api", event=("message",))
        plugin = PluginConfig(
            "bot", folder / "bot.toml", subscriptions=(subscription,), delivery=Delivery(window=WINDOW)
        )
        self._core = BrokerCore(broker_config(folder, [plugin]), rng=random.Random(1), now=_now())
        self._rows = _database(folder / "journal.db")
        self._totals = Totals(self._rows)
        self._link, self._plugin = LinkReader(), SessionProtocol()
        dispatcher = self._core.plugins["bot"]
        dispatcher.joined("s", WINDOW, [], {}, _now(), named=True, remembers=WINDOW)
        line = json.dumps(
            {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {"protocol": 1, "plugin": "bot"}}
        )
        self._plugin.receive(line.encode() + b"\n")
        self._plugin.opened(dispatcher.is_held_by("s"))
        self._do_all()

    def take(self, texts: Sequence[tuple[int, str]]) -> None:
        """These come together; until they are handled and closed."""
        came = time.monotonic()
        arrivals = tuple(slack_texts.arrival(text, number, came) for number, text in texts)
        for message in self.clock.step("link", self._link.receive, encode(Deliver(arrivals), LINK_VERSION)):
            assert isinstance(message, Deliver)
            self.clock.step("deliver", self._core.deliver, 1, message.arrivals, _now())
        self._do_all()
        self._core.wake(Instant(time.monotonic() + CLOSE_WITHIN, time.time()))
        self._do_all()

    def _do_all(self) -> None:
        while actions := self.clock.step("end of turn", self._core.end_turn):
            for action in actions:
                match action:
                    case Submit(token):
                        outcomes = self.clock.step("journal", self._commit, action)
                        self.clock.step("committed", self._core.committed, token, outcomes, _now())
                    case ToConnector(_, message):
                        self.clock.step("acknowledge", encode, message, LINK_VERSION)
                    case SendDeliveries():
                        self._hand_out(action)
                    case LoadKeys():
                        self._core.plugins["bot"].keys_loaded(action, [], _now())
                    case LoadKey():
                        self._core.plugins["bot"].key_loaded(action, [], _now())

    def _hand_out(self, action: SendDeliveries) -> None:
        sent = [(each, each.stored) for each in action.deliveries if each.stored is not None]
        self.clock.step("encode", lambda: b"".join([encode_envelope(each, of) for each, of in sent]))
        said = b"".join(
            b'{"jsonrpc":"2.0","id":"%d.%d","result":{}}\n' % (each.id, each.attempt) for each, _ in sent
        )
        self.clock.step("answered", self._answer, said)

    def _answer(self, said: bytes) -> None:
        for event in self._plugin.receive(said):
            assert isinstance(event, Answered)
            self._core.answered("bot", "s", event.delivery, event.attempt, event.response, _now())

    def _commit(self, submit: Submit) -> Sequence[Outcome]:
        cursor = self._rows.cursor()
        cursor.execute("BEGIN IMMEDIATE")
        applier = Applier(cursor, self._totals, time.time)
        outcomes = applier.apply(submit.writes)
        applier.flush()
        self._totals.save(cursor)
        cursor.execute("COMMIT")
        return outcomes


class Floor:
    """The same envelopes parsed, written, and deleted as deliveries, in as many commits, with nothing else."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self._rows = _database(folder / "floor.db")

    def take(self, texts: Sequence[tuple[int, str]]) -> None:
        """These come together."""
        self.clock.step("all", self._take, texts)

    def _take(self, texts: Sequence[tuple[int, str]]) -> None:
        frames = [json.loads(text) for _, text in texts]
        self._rows.execute("BEGIN IMMEDIATE")
        self._rows.executemany(
            "INSERT INTO dedupe VALUES (?, ?, 0)",
            [
                (frame["payload"]["event_id"].encode(), number)
                for (number, _), frame in zip(texts, frames, strict=True)
            ],
        )
        self._rows.executemany(
            "INSERT INTO envelope VALUES (?, 'main', ?, 'events_api', 0.0, 0, NULL, '', ?, ?, ?, ?)",
            [
                (number, frame["envelope_id"], len(text), number, number, text)
                for (number, text), frame in zip(texts, frames, strict=True)
            ],
        )
        self._rows.executemany(
            "INSERT INTO open_delivery (id, envelope, plugin, lane, key, bytes) VALUES (?, ?, 1, 0, ?, ?)",
            [
                (number, number, frame["payload"]["event"]["channel"], len(text))
                for (number, text), frame in zip(texts, frames, strict=True)
            ],
        )
        self._rows.execute("COMMIT")
        self._rows.execute("BEGIN IMMEDIATE")
        self._rows.executemany("DELETE FROM open_delivery WHERE id = ?", [(number,) for number, _ in texts])
        self._rows.execute("COMMIT")


@attrs.frozen
class Compared:
    """CPU an event in microseconds: the broker's by step, and that of the least; `ratio` is of whole turns."""

    steps: dict[str, float]
    least: float
    ratio: float

    def __str__(self) -> str:
        lines = [f"{name:12} {each:7.2f} us" for name, each in self.steps.items()]
        whole = f"{'all':12} {sum(self.steps.values()):7.2f} us, the least {self.least:.2f}"
        return "\n".join([*lines, f"{whole}: {self.ratio:.2f} times"])


def compare(together: int, turns: int = TURNS, events: int = EVENTS) -> Compared:
    """Both in turns, so many events at a time."""
    with tempfile.TemporaryDirectory(prefix="slackd-p-", dir="/tmp") as where, _settled_memory():
        pipeline, floor = Pipeline(Path(where)), Floor(Path(where))
        ratios = []
        batches = _batches(together)
        for turn in range(turns + 1):
            before = pipeline.clock.taken.total(), floor.clock.taken.total()
            if turn == 1:  # the first one warms up
                pipeline.clock.taken.clear()
                floor.clock.taken.clear()
                before = 0, 0
            for _ in range(events // together):
                texts = next(batches)
                pipeline.take(texts)
                floor.take(texts)
            mine, other = pipeline.clock.taken.total(), floor.clock.taken.total()
            ratios.append((mine - before[0]) / (other - before[1]))
        count = turns * events * 1_000
        steps = {name: each / count for name, each in pipeline.clock.taken.most_common()}
        return Compared(steps, floor.clock.taken.total() / count, statistics.median(ratios[1:]))


@contextlib.contextmanager
def _settled_memory() -> Iterator[None]:
    """The garbage collector as the daemon has it."""
    thresholds = gc.get_threshold()
    settle_memory()
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


def _batches(together: int) -> Iterator[list[tuple[int, str]]]:
    number = 0
    while True:
        yield [(each, text_of(each)) for each in range(number + 1, number + together + 1)]
        number += together


def _database(path: Path) -> sqlite3.Connection:
    rows = sqlite3.connect(path, isolation_level=None, cached_statements=512)
    schema.use_write_ahead_log(rows, str(path))
    schema.prepare(rows, str(path))
    rows.execute("PRAGMA synchronous = OFF")
    return rows


def _now() -> Instant:
    return Instant(time.monotonic(), time.time())


if __name__ == "__main__":
    for size in map(int, sys.argv[1:] or (str(TOGETHER), "1")):
        print(f"{size} together\n{compare(size, events=max(size, EVENTS if size > 1 else 200))}\n")

"""A memory so small that nearly all of a backlog is in the journal; an operator; limits that dead-letter."""

import contextlib
from collections.abc import Callable, Iterator
from unittest import mock

from slackd.broker.core import BrokerCore
from slackd.broker.dispatch.actions import LoadKey, LoadKeys
from slackd.broker.dispatch.subscriptions import Matcher
from slackd.broker.journal.writes import (
    DeadLetterDelivery,
    DeadReason,
    Lane,
    NewDelivery,
    OpenDelivery,
    Replay,
    Revive,
    Write,
)
from slackd.broker.parsing import read_again
from slackd.config import Config
from tests.simulation.slack import Message
from tests.simulation.world import World
from tests.support.journal.memory_journal import MemoryDisk

PAGE = 2
READ_FAILS = 0.05
"""How often a read fails."""


class SmallPages(LoadKeys):
    """Asks for a page of two keys."""

    def __init__(self, plugin: str, lane: Lane, after: str | None) -> None:
        super().__init__(plugin, lane, after, PAGE)


class SmallPage(LoadKey):
    """Asks for a page of two deliveries."""

    def __init__(self, plugin: str, lane: Lane, key: str, after: int) -> None:
        super().__init__(plugin, lane, key, after, PAGE)


@contextlib.contextmanager
def small_memory() -> Iterator[None]:
    """The core keeps two deliveries of each of four keys, and the texts of three envelopes."""
    queue = "slackd.broker.dispatch.lane_queue"
    with (
        mock.patch(f"{queue}.PAGE", PAGE),
        mock.patch(f"{queue}.MAX_KEYS", 4),
        mock.patch(f"{queue}.LoadKeys", SmallPages),
        mock.patch(f"{queue}.LoadKey", SmallPage),
        mock.patch("slackd.broker.held_texts.MOST", 3),
    ):
        yield


class Operator:
    """Retries dead letters and replays events; and the journal's limits, which dead-letter what is open."""

    def __init__(self, world: World, config: Config, disk: MemoryDisk) -> None:
        self._world, self._disk = world, disk
        self._matcher = Matcher(config.plugin_files)
        self.message_of: Callable[[int], Message]

    def acts(self, core: BrokerCore) -> None:
        """Something is tried again."""
        store, rng = self._disk.store, self._world.rng
        dead = [each for each in sorted(store.dead) if rng.random() < 0.5]
        writes: list[Write] = [Revive(each) for each in dead]
        envelopes = [store.dead[each][0].envelope for each in dead]
        if not writes and store.envelopes:
            stored = store.envelopes[rng.choice(sorted(store.envelopes))]
            envelope = read_again(stored)
            if envelope is not None and not envelope.is_prompt:
                for match in self._matcher.matches(envelope):
                    writes.append(Replay(stored.id, NewDelivery(match.plugin.name, match.lane, match.key)))
                    envelopes.append(stored.id)
        for each in envelopes:
            self.message_of(each).excuses += 1
        self._world.say(f"the operator wants {writes}")
        core.write(writes, lambda outcome: None)

    def limits_act(self, failures: int) -> list[OpenDelivery]:
        """The journal gives up the oldest of what is open, which counts as so many failures."""
        store, rng = self._disk.store, self._world.rng
        oldest = [store.open[each] for each in sorted(store.open)][: rng.randrange(1, 4)]
        self._world.say(f"limits dead-letter {[each.id for each in oldest]}")
        for each in oldest:
            message = self.message_of(each.envelope)
            message.failures += failures
            message.hurried = True
            letter = DeadLetterDelivery(each.id, None, DeadReason.BACKLOG_FULL, "full")
            store.apply([letter], self._world.unix())
        return oldest

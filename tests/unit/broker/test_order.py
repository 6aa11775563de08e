"""One lane of one plugin: of a key only its oldest is ever out, nothing starves, nothing goes twice.

The queue is held against a journal that knows everything, whose commits, words and pages come at any moment:
what is committed may be read before the queue is told of it, and a page may be older than what it was told.
"""

import itertools
import random
from collections import deque
from collections.abc import Callable, Sequence

import attrs
import pytest

from slackd.broker.dispatch.actions import LoadKey, LoadKeys
from slackd.broker.dispatch.lane_queue import LaneQueue
from slackd.broker.dispatch.ordering_key import set_apart
from slackd.broker.instant import Instant, Wakeup
from slackd.broker.journal.writes import Lane, OpenDelivery

EPOCH = 1_800_000_000.0
SESSION = "s"
KEYS = ("", "a", "b", "c", "d", "e", "f", "g")


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slackd.broker.dispatch.lane_queue.PAGE", 2)
    monkeypatch.setattr("slackd.broker.dispatch.lane_queue.MAX_KEYS", 4)


class Bench:
    """A queue, the journal behind it, and who is told what when."""

    def __init__(self, keys: Sequence[str], backlog: Sequence[str]) -> None:
        self._keys = keys
        self.open: dict[int, OpenDelivery] = {}
        self.out: dict[int, OpenDelivery] = {}
        self.answered: dict[int, OpenDelivery] = {}
        self.unordered: set[int] = set()
        self.claimed: set[int] = set()
        self.presumed: set[int] = set()
        self.taken: dict[tuple[int, int], int] = {}
        self.lied: set[str] = set()
        self.dead_lettered: set[int] = set()
        self._ending: set[int] = set()
        self._apart: set[int] = set()
        self._rows: list[OpenDelivery] = []
        self._ids = itertools.count(1)
        self._words: deque[Callable[[], None]] = deque()
        self._wanted: deque[LoadKeys | LoadKey] = deque()
        self._page: Callable[[], None] | None = None
        self._time = 0.0
        for key in backlog:
            self._commit(key)
        self.queue = LaneQueue("p", Lane.EVENTS, Wakeup(), complete=not backlog)

    @property
    def now(self) -> Instant:
        return Instant(self._time, EPOCH + self._time)

    def _commit(self, key: str) -> OpenDelivery:
        delivery = OpenDelivery(next(self._ids), 0, "p", Lane.EVENTS, key)
        self.open[delivery.id] = delivery
        return delivery

    def comes_in(self, pick: int) -> None:
        """A delivery is committed; the queue hears of it later."""
        delivery = self._commit(self._keys[pick % len(self._keys)])
        self._words.append(lambda: self.queue.opened(delivery, self.now))

    def is_told(self, _: int = 0) -> None:
        """The queue hears of a commit, in their order."""
        if self._words:
            self._words.popleft()()

    def wants(self, pick: int = 8) -> None:
        """The dispatcher asks for more."""
        if self.queue.may_have_more:
            self._wanted += self.queue.loads(1 + pick % 8)

    def is_read(self, _: int = 0) -> None:
        """The journal's page is read; it arrives later."""
        if self._page is not None or not self._wanted:
            return
        request = self._wanted.popleft()
        if isinstance(request, LoadKeys):
            after = request.after
            keys = sorted({each.key for each in self.open.values() if after is None or each.key > after})
            limited = attrs.evolve(request, limit=2)
            self._page = lambda: self.queue.keys_loaded(limited, keys[:2])
        else:
            rows = [d for d in self.open.values() if d.key == request.key and d.id > request.after][:2]
            loaded = attrs.evolve(request, limit=2)
            self._page = lambda: self.queue.key_loaded(loaded, rows, self.now)

    def arrives(self, _: int = 0) -> None:
        """The page arrives."""
        if self._page is not None:
            page, self._page = self._page, None
            page()

    def cannot_be_read(self, _: int = 0) -> None:
        """The journal fails to read the page."""
        if self._page is None and self._wanted:
            self.queue.load_failed(self._wanted.popleft())

    def goes(self, pick: int = 0) -> None:
        """The next delivery goes out."""
        delivery = self.queue.take(self.now)
        if delivery is None:
            return
        assert delivery.id not in self.out, "it is out already"
        held = self._held(delivery.key)
        assert not held, f"{held} of this key are out"
        owner = self.queue.owner(delivery)
        if delivery.key and any(each.key == delivery.key for each in self.answered.values()):
            assert owner == SESSION, "the journal has not all answers of this key"
        if owner and pick % 2:
            self.queue.defer(delivery)
            return
        assert delivery.not_before <= self.now.unix, "its time has not come"
        if delivery.id not in self.dead_lettered and delivery.key not in self.lied:
            assert self._is_open(delivery), "the journal doesn't have it open so"
            assert not self._older(delivery), "older ones of this key are open"
        self.out[delivery.id] = delivery
        name = (delivery.id, delivery.attempt)
        self.taken[name] = self.taken.get(name, 0) + 1

    def _older(self, delivery: OpenDelivery) -> list[int]:
        same = [each.id for each in self.open.values() if each.key == delivery.key != ""]
        return [
            each for each in same if each < delivery.id and each not in self.answered.keys() | self.unordered
        ]

    def _is_open(self, delivery: OpenDelivery) -> bool:
        """The journal has it so; of what gave up its place in the order it goes on knowing the key."""
        known = self.open.get(delivery.id)
        if known is not None and delivery.id in self.unordered:
            known = attrs.evolve(known, key=f"\0{delivery.id}")
        return known == delivery

    def _held(self, key: str) -> list[int]:
        return [each.id for each in self.out.values() if each.key == key != "" and each.id not in self.presumed]

    def gives_up_its_place(self, pick: int) -> None:
        """One that is out has no place in the order of its key any more."""
        if self.out:
            delivery = self.out[sorted(self.out)[pick % len(self.out)]]
            alone, _ = self.queue.unorder(delivery, self.now)
            self.out[delivery.id] = alone
            if delivery.id not in self.presumed and delivery.key:
                assert alone.key not in self._keys
                self.unordered.add(delivery.id)

    def _picked(self, pick: int) -> OpenDelivery | None:
        return self.out.pop(sorted(self.out)[pick % len(self.out)]) if self.out else None

    def is_handled(self, pick: int) -> None:
        """What became of one is committed; the queue hears of it later."""
        delivery = self._picked(pick)
        if delivery is None:
            return
        settled = self._is_open(delivery)
        if settled:
            del self.open[delivery.id]
        self._ends(delivery, self.queue.release if settled else self.queue.doubt)

    def is_answered(self, pick: int) -> None:
        """A session answers one, and remembers that; it is committed later."""
        delivery = self._picked(pick)
        if delivery is not None:
            self.answered[delivery.id] = delivery
            self.queue.answered(delivery, SESSION, self.now)

    def is_written(self, _: int = 0) -> None:
        """The oldest answer is committed; the queue hears of it later."""
        if not self.answered:
            return
        delivery = self.answered[next(iter(self.answered))]
        settled = self._is_open(delivery)
        if settled:
            del self.open[delivery.id]
        then = self.queue.release if settled else self.queue.doubt
        del self.answered[delivery.id]
        self._ends(delivery, then)

    def _ends(self, delivery: OpenDelivery, then: Callable[[OpenDelivery, Instant], None]) -> None:
        self._ending.add(delivery.id)

        def told() -> None:
            self._ending.discard(delivery.id)
            if then == self.queue.doubt:
                self.unordered.discard(delivery.id)  # it is read anew, in its place
            then(set_apart(delivery) if delivery.id in self._apart else delivery, self.now)

        self._words.append(told)

    def fails(self, pick: int) -> None:
        """An attempt failed, and that is committed."""
        delivery = self._picked(pick)
        if delivery is None:
            return
        if not self._is_open(delivery):
            self._ends(delivery, self.queue.doubt)
            return
        later = attrs.evolve(delivery, attempt=delivery.attempt + 1, not_before=self.now.unix + pick % 3)
        self.open[delivery.id] = attrs.evolve(later, key=self.open[delivery.id].key)
        self._ends(delivery, lambda known, now: self.queue.put_back(attrs.evolve(later, key=known.key), now))

    def is_dead_lettered(self, pick: int) -> None:
        """The journal gives one up by itself."""
        if self.open:
            delivery = sorted(self.open)[pick % len(self.open)]
            del self.open[delivery]
            self.dead_lettered.add(delivery)
            self._words.append(lambda: self.queue.forget({delivery}, self.now))

    def is_looked_up(self, _: int) -> None:
        """A program is about to connect; what the journal says of its claims may be old when they are heard."""
        self._rows = list(self.open.values())

    def is_claimed(self, pick: int) -> None:
        """A program says that it has one, which may be a lie."""
        theirs = self.out.keys() | self.answered.keys() | self._ending
        free = [each for each in self._rows if each.id not in theirs]
        if not free:
            return
        delivery = free[pick % len(free)]
        if self.queue.claim(delivery, SESSION):
            held = self._held(delivery.key)
            assert all(each in self.claimed and each < delivery.id for each in held), f"{held} are out"
            self.presumed.update(held)
            self.claimed.add(delivery.id)
            self.out[delivery.id] = delivery
            if self._older(delivery) or self.open.get(delivery.id) != delivery:
                self.lied.add(delivery.key)
        elif (claimed := self.queue.claim_out_of_turn(delivery, SESSION)) is not None:
            one, before = claimed
            if before:
                self._apart.add(before)
                self.unordered.add(before)
            if before in self.out:
                self.out[before] = set_apart(self.out[before])
            if one.key != delivery.key:
                self.unordered.add(delivery.id)
            self.out[delivery.id] = one
            self.claimed.add(delivery.id)
            if self._older(delivery) or self.open.get(delivery.id) != delivery:
                self.lied.add(delivery.key)

    def time_passes(self, pick: int) -> None:
        self._time += pick % 4

    def quiet(self) -> None:
        """Everything that can happen happens, until nothing does."""
        for _ in range(400):
            while self._words:
                self.is_told()
            self.wants()
            self.is_read()
            self.arrives()
            self._time += 1.0
            self.goes()
            while self.answered:
                self.is_written()
            for _ in list(self.out):
                self.is_handled(0)
            if not (self.open or self.out or self._words):
                return
        raise AssertionError(f"{sorted(self.open)} starve")


ANSWERS = ("is_answered", "is_written", "is_written")
ORDINARY = ("comes_in", "is_told", "wants", "is_read", "arrives", "goes", "is_handled", "fails")
RARE = ("is_dead_lettered", "cannot_be_read", "time_passes")
CLAIMS = ("is_looked_up", "is_claimed")
UNORDERED = ("gives_up_its_place",)
SEEDS, STEPS = 250, 250


def history(seed: int, names: Sequence[str]) -> Bench:
    """A history of its own: which keys there are and how often each thing happens differ from seed to seed."""
    rng = random.Random(seed)
    keys = rng.sample(KEYS, rng.choice((1, 1, 2, 3, len(KEYS))))
    weights = [rng.choice((0.05, 0.3, 1.0, 3.0)) for _ in names]
    bench = Bench(keys, tuple(rng.choices(keys, k=rng.choice((0, 1, 5, 20)))))
    for step in rng.choices(names, weights, k=STEPS):
        getattr(bench, step)(rng.randrange(64))
    bench.quiet()
    return bench


@pytest.mark.parametrize("first", range(0, SEEDS, 50))
def test_each_goes_once_and_in_its_order(first: int) -> None:
    for seed in range(first, first + 50):
        for names in (ORDINARY + RARE, ORDINARY + RARE + ANSWERS, ORDINARY + RARE + ANSWERS + UNORDERED):
            taken = history(seed, names).taken
            assert all(times == 1 for times in taken.values()), f"seed {seed}: {taken}"


@pytest.mark.parametrize("first", range(0, SEEDS, 50))
def test_nothing_starves_whatever_programs_claim(first: int) -> None:
    for seed in range(first, first + 50):
        history(seed, ORDINARY + RARE + CLAIMS)
        history(seed, ORDINARY + RARE + CLAIMS + ANSWERS)
        history(seed, ORDINARY + RARE + CLAIMS + ANSWERS + UNORDERED)


def test_an_unordered_delivery_goes_once_though_keys_are_still_read_from_the_journal() -> None:
    now = Instant(0.0, EPOCH)
    queue = LaneQueue("p", Lane.EVENTS, Wakeup(), complete=False)
    first, second = (OpenDelivery(n, 0, "p", Lane.EVENTS, "") for n in (1, 2))
    (keys,) = queue.loads(8)
    assert isinstance(keys, LoadKeys)
    queue.keys_loaded(attrs.evolve(keys, limit=1), [""])  # there are more of them
    (page,) = queue.loads(8)
    assert isinstance(page, LoadKey)
    queue.key_loaded(page, [first], now)
    assert queue.take(now) == first
    queue.opened(second, now)
    for request in queue.loads(8):
        if isinstance(request, LoadKey):
            read = [each for each in (first, second) if each.id > request.after]
            queue.release(first, now)
            queue.key_loaded(request, read, now)
    assert queue.take(now) == second
    assert queue.take(now) is None

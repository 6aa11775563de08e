"""What waits in one lane of one plugin, and what of it may go next.

P3, the invariant kept here: of one ordering key only the oldest open delivery can be taken, and while it is
out, or waits for its next attempt, nothing else of that key can. What is sent ahead (`follower`) goes to the
session that has the one before it, whose program begins it when it has answered that one. One that is answered,
but not yet so in the journal, lets the next one go to the session that answered, and to no other. One whose
session gave up its place in the order (`unorder`) has from then on a key of its own.

The journal holds everything that is open; memory holds a bounded part of it. For each key in memory that part
is a prefix: the oldest open deliveries without a hole. What lies behind it (`more`) is fetched in pages, and
so are keys that no room was left for. Neither memory nor work grows with the backlog. A delivery without a
key is ordered by nothing; it stands in memory as a key of its own (its id), and "" stands for the row of them.
"""

import heapq
from collections import deque
from collections.abc import Collection, Sequence

import attrs

from slackd.broker.dispatch.actions import PAGE, LoadKey, LoadKeys
from slackd.broker.dispatch.followers import Followers
from slackd.broker.dispatch.intercepted import is_intercepted
from slackd.broker.dispatch.ordering_key import Key, KeyName, set_apart
from slackd.broker.dispatch.retry import LONGEST
from slackd.broker.instant import Instant, Wakeup
from slackd.broker.journal.writes import Lane, OpenDelivery

MAX_KEYS = 4096
"""Keys kept in memory for one lane of one plugin, and half as many unordered deliveries."""


class LaneQueue:
    """Everything that waits in one lane of one plugin.

    `complete` says that the journal has no open delivery of this lane yet; the wakeup goes by the next retry,
    which waits for `longest_wait` seconds at the most.
    """

    def __init__(
        self, plugin: str, lane: Lane, wakeup: Wakeup, *, complete: bool, longest_wait: float = LONGEST
    ) -> None:
        self._longest_wait = longest_wait
        self.plugin, self.lane, self._wakeup = plugin, lane, wakeup
        self._fenced_up_to = 0
        self._fenced: list[tuple[int, KeyName]] = []
        self._claimed_unordered: set[int] = set()
        self._key_before: dict[str, str] = {}
        self._keys: dict[KeyName, Key] = {}
        self._unordered = 0
        self._ready: list[tuple[int, KeyName]] = []
        self._intercepted: list[tuple[int, KeyName]] = []
        self._waiting: list[tuple[float, int, KeyName]] = []
        self.followers = Followers()
        self._to_load: deque[str] = deque()
        self._complete = complete
        self._cursor: str | None = None
        self._scanning = False
        self._missed = False

    def opened(self, delivery: OpenDelivery, now: Instant) -> None:
        """A delivery was committed as open, the youngest so far."""
        key = self._keys.get(delivery.key)
        if key is None:
            self._open_in_new_key(delivery, now)
        elif delivery.id <= key.last or delivery.id in key.claimed:
            return  # A page that was read after the commit came before the word of it.
        elif key.loading:
            if len(key.arrived) <= PAGE:
                key.arrived += (delivery,)
        elif key.more or (delivery.key == "" and not self._has_room_for_unordered):
            self._leave_in_journal(delivery.key, key)
        elif delivery.key == "":
            self._admit_unordered(key, delivery, now)
        elif len(key.pending) >= PAGE:
            self._leave_in_journal(delivery.key, key)
        else:
            self._append(delivery.key, key, delivery, now)

    def take(self, now: Instant) -> OpenDelivery | None:
        """The oldest delivery that may go now; its key is held until `answered`, `release` or `put_back`."""
        self.advance(now)
        return self._take_of(self._ready, now)

    def take_intercepted(self, now: Instant) -> list[OpenDelivery]:
        """Every intercepted delivery that may go now; what can't be sent is to be given to `put_back`."""
        taken = []
        while (delivery := self._take_of(self._intercepted, now)) is not None:
            taken.append(delivery)
        return taken

    def _take_of(self, ready: list[tuple[int, KeyName]], now: Instant) -> OpenDelivery | None:
        while ready:
            head, name = heapq.heappop(ready)
            key = self._keys.get(name)
            if key is None or key.out is not None or not key.pending or key.pending[0].id != head:
                continue
            if key.due > now.monotonic:
                continue
            if head <= self._fenced_up_to:
                self._fenced.append((head, name))
                continue
            taken = key.pending.popleft()
            key.out = taken.id
            self._want_more(name, key)
            if self.followers.are_wanted:
                self.followers.note(name, key)
            return taken
        return None

    def follower(self, now: Instant) -> tuple[int, OpenDelivery] | None:
        """As `Followers.next`; what goes is to be given to `send_ahead`."""
        return self.followers.next(self._keys, self._fenced_up_to, now)

    def send_ahead(self, follower: OpenDelivery) -> None:
        """It goes to the session that has the one before it."""
        key = self._keys[follower.key]
        key.pending.popleft()
        key.ahead.append(follower.id)
        self._want_more(follower.key, key)

    def behind(self, delivery: OpenDelivery) -> list[int]:
        """What was sent ahead of its turn and waits for this one, oldest first."""
        key = self._keys.get(delivery.key)
        return key.behind(delivery.id) if key is not None else []

    def out_of(self, name: str) -> int:
        """The one of this key that is out and not answered, 0 if there is none."""
        key = self._keys.get(name)
        return key.out or 0 if key is not None else 0

    def _pass_turn(self, name: KeyName, key: Key) -> int:
        """What is out has done with its place: it is the turn of what was sent ahead."""
        key.out = turn = key.ahead.pop(0)
        self.followers.note(name, key)
        return turn

    def advance(self, now: Instant) -> None:
        """Time has passed: retries that are due may be taken."""
        while self._waiting and self._waiting[0][0] <= now.monotonic:
            _, head, name = heapq.heappop(self._waiting)
            self._is_ready(head, name)

    def fence(self, up_to: int) -> None:
        """Deliveries up to this id may not be taken: sessions that may have them are awaited (rule R6)."""
        self._fenced_up_to = up_to

    def lift_fence(self) -> None:
        """Whoever was awaited is back, or its grace is over."""
        self._fenced_up_to = 0
        for head, name in self._fenced:
            self._is_ready(head, name)
        self._fenced.clear()

    @property
    def is_fenced(self) -> bool:
        """Old deliveries wait for sessions that may have them."""
        return self._fenced_up_to > 0

    def is_old(self, delivery: int) -> bool:
        """It may be with a session that is awaited."""
        return delivery <= self._fenced_up_to

    def claim(self, delivery: OpenDelivery, session: str) -> bool:
        """A session's program says that it has this open delivery: take it, if its place in the order allows.

        Of one key a program may have several, if it has answered all but the last.
        """
        name: KeyName = delivery.key or delivery.id
        key = self._keys.get(name)
        if key is None:
            return self._claim_unknown(delivery, session)
        if delivery.id in key.unordered:
            return False  # It waits, or is out, under a key of its own.
        if key.out is not None and (key.ahead or not key.presumes_answered(delivery.id, session)):
            return False
        if key.pending:
            if key.pending[0].id != delivery.id or key.pending[0].attempt != delivery.attempt:
                return False
            key.pending.popleft()
        elif key.last >= delivery.id:
            return False
        if key.out is not None:
            key.answered.add(key.out)
        key.out, key.owner = delivery.id, session
        key.claimed |= {delivery.id}
        key.doubted = key.loading
        return True

    def claim_out_of_turn(self, delivery: OpenDelivery, session: str) -> tuple[OpenDelivery, int] | None:
        """A program says that it has this one, whose turn `claim` says it is not: one of its key gave up its
        place in the order (`unorder`), which the journal doesn't know. Of two that are out, the older did.

        Returns:
            The delivery as it is known from now on, and which one that is out is `set_apart` by that, or 0.
            None if memory knows that it is not so.
        """
        key = self._keys.get(delivery.key)
        if not delivery.key or key is None or key.ahead or delivery.id in key.unordered:
            return None
        waits = next((each for each in key.pending if each.id == delivery.id), None)
        is_over = delivery.id <= key.last if waits is None else waits.attempt != delivery.attempt
        if is_over:
            return None
        out = key.out or 0
        if is_intercepted(delivery.key) or (out and out not in key.claimed):
            return None
        if waits is not None:
            key.pending.remove(waits)
        key.claimed |= {delivery.id}
        key.doubted = key.loading
        if out > delivery.id:
            return self._set_apart(delivery, key), 0
        if out:
            self._set_apart(attrs.evolve(delivery, id=out), key)
        key.out, key.owner = delivery.id, session if key.owner == session or not key.answered else None
        return delivery, out

    def _set_apart(self, delivery: OpenDelivery, key: Key) -> OpenDelivery:
        apart = set_apart(delivery)
        key.unordered.add(delivery.id)
        self._key_before[apart.key] = delivery.key
        self._keys[apart.key] = Key(out=delivery.id, last=delivery.id)
        return apart

    def _claim_unknown(self, delivery: OpenDelivery, session: str) -> bool:
        if delivery.key:
            self._keys[delivery.key] = Key(
                out=delivery.id, owner=session, claimed=frozenset({delivery.id}), more=True
            )
            return True
        row_of_them = self._keys.get("")
        if row_of_them is not None and row_of_them.last >= delivery.id:
            return False
        self._keys[delivery.id] = Key(out=delivery.id, last=delivery.id)
        self._unordered += 1
        self._claimed_unordered.add(delivery.id)
        return True

    def answered(self, delivery: OpenDelivery, session: str, now: Instant) -> int | None:
        """It is answered, and its session's program remembers that: the next one may go to that session.

        Returns:
            What was sent ahead, and whose turn it is now.
        """
        key = self._keys.get(delivery.key or delivery.id)
        if key is None or key.out != delivery.id:
            return None
        key.owner = session
        key.answered.add(delivery.id)
        if key.ahead:
            return self._pass_turn(delivery.key, key)
        key.out = None
        if key.pending:
            self._schedule(delivery.key, key, now)
        return None

    def owner(self, delivery: OpenDelivery) -> str | None:
        """The one session that a delivery which was just taken may go to; "" if any may have it, None if none
        may yet."""
        key = self._keys[delivery.key or delivery.id]
        return key.owner if key.answered else ""

    def disown(self, delivery: OpenDelivery) -> None:
        """It is answered, but its session's program has forgotten that: the next one waits for the journal."""
        key = self._keys.get(delivery.key or delivery.id)
        if key is not None and delivery.id in key.answered:
            key.owner = None

    def defer(self, delivery: OpenDelivery) -> None:
        """It may not go where it might: it waits until the journal has all answers of its key."""
        key = self._keys[delivery.key]
        key.out, key.deferred = None, True
        key.pending.appendleft(delivery)

    def unorder(self, delivery: OpenDelivery, now: Instant) -> tuple[OpenDelivery, int | None]:
        """It is out, and gives up its place in the order: its key is free for the next one.

        Returns:
            The delivery under the key that it has from now on; and what was sent ahead, and whose turn it is.
        """
        key = self._keys.get(delivery.key)
        if key is None or key.out != delivery.id or delivery.key in self._key_before:
            return delivery, None
        unordered = self._set_apart(delivery, key)
        if key.ahead:
            return unordered, self._pass_turn(delivery.key, key)
        key.out = None
        self._settle(delivery.key, key, now)
        return unordered, None

    def release(self, delivery: OpenDelivery, now: Instant) -> None:
        """It is no longer open: its key is free for the next one."""
        name: KeyName = delivery.key or delivery.id
        key = self._keys.get(name)
        if key is None:
            return
        if key.out == delivery.id:
            key.out = None
            self._settle(name, key, now)
        elif delivery.id in key.answered:
            key.answered.discard(delivery.id)
            self._settle_answered(name, key, now)

    def doubt(self, delivery: OpenDelivery, now: Instant) -> None:
        """The journal says that it isn't as memory has it: what is known of its key is read anew."""
        name: KeyName = delivery.key or delivery.id
        key = self._keys.get(name)
        if key is None or not key.let_go(delivery.id):
            return
        if isinstance(name, str) and name in self._key_before:
            del self._keys[name]
            name = self._key_before.pop(name)
            key = self._keys[name]
            key.unordered.discard(delivery.id)
        if isinstance(name, str):
            key.start_anew()
        self._settle(name, key, now)

    def put_back(self, delivery: OpenDelivery, now: Instant) -> None:
        """It is open and nobody has it: in its place in its key again, not before its time."""
        name: KeyName = delivery.key or delivery.id
        key = self._keys.get(name)
        if key is None or not key.let_go(delivery.id):
            return
        key.pending.insert(sum(each.id < delivery.id for each in key.pending), delivery)
        if key.out is None:
            self._schedule(name, key, now)

    def forget(self, deliveries: Collection[int], now: Instant) -> None:
        """The journal dead-lettered these while they waited. Looks at all that is in memory."""
        for name, key in list(self._keys.items()):
            if any(each.id in deliveries for each in key.pending):
                key.pending = deque(each for each in key.pending if each.id not in deliveries)
                if key.out is None:
                    self._settle(name, key, now)

    def loads(self, wanted: int) -> list[LoadKeys | LoadKey]:
        """What to ask the journal for, if `wanted` more deliveries could be delivered."""
        found: list[LoadKeys | LoadKey] = []
        while self._to_load and len(self._ready) + PAGE * len(found) < wanted:
            name = self._to_load.popleft()
            key = self._keys.get(name)
            if key is None:
                continue
            key.queued = False
            if key.loading or not key.more or (name == "" and not self._has_room_for_unordered):
                continue
            key.loading = True
            found.append(LoadKey(self.plugin, self.lane, name, key.last))
        if not found and not self._complete and not self._scanning and self._has_room_for_keys:
            self._scanning = True
            found.append(LoadKeys(self.plugin, self.lane, self._cursor))
        return found

    def keys_loaded(self, request: LoadKeys, names: Sequence[str]) -> None:
        """The journal's answer to `LoadKeys`."""
        self._scanning = False
        for name in names:
            if name not in self._keys:
                key = self._keys[name] = Key(more=True)
                self._want_more(name, key)
        if len(names) == request.limit:
            self._cursor = names[-1]
            return
        self._cursor = None
        self._complete, self._missed = not self._missed, False

    def key_loaded(self, request: LoadKey, rows: Sequence[OpenDelivery], now: Instant) -> None:
        """The journal's answer to `LoadKey`."""
        key = self._keys.get(request.key)
        if key is None:
            return
        arrived, key.arrived, key.loading = key.arrived, (), False
        if key.doubted:
            key.doubted = False
            self._want_more(request.key, key)
            return
        key.more = len(rows) == request.limit
        if not key.more:
            key.more = len(arrived) > PAGE
            rows = [*rows, *arrived[:PAGE]]
        for row in rows:
            if row.id > key.last and row.id not in key.claimed:
                if request.key == "":
                    self._admit_unordered(key, row, now)
                else:
                    self._append(request.key, key, row, now)
        self._want_more(request.key, key)
        self._drop_if_idle(request.key, key)

    def load_failed(self, request: LoadKeys | LoadKey) -> None:
        """The journal could not be read: ask again later."""
        if isinstance(request, LoadKeys):
            self._scanning = False
            return
        key = self._keys.get(request.key)
        if key is not None:
            key.loading, key.more, key.doubted, key.arrived = False, True, False, ()
            self._want_more(request.key, key)

    def waiting_behind(self, delivery: OpenDelivery) -> int:
        """How many deliveries of its key wait for this one, as far as memory knows."""
        key = self._keys.get(delivery.key)
        return len(key.ahead) + len(key.pending) if key is not None and key.out == delivery.id else 0

    def next_due(self) -> float | None:
        """The monotonic time at which something more may become takeable by itself."""
        return self._waiting[0][0] if self._waiting else None

    @property
    def has_ready(self) -> bool:
        """Something may be taken, as far as this queue knows."""
        return bool(self._ready)

    @property
    def ready(self) -> int:
        """How many keys may be taken, as far as this queue knows, without those that are intercepted."""
        return len(self._ready)

    @property
    def has_intercepted(self) -> bool:
        """An intercepted delivery may be taken, as far as this queue knows."""
        return bool(self._intercepted)

    @property
    def may_have_work(self) -> bool:
        """Something may be taken, or asked for, now or when its time has come."""
        waits = self._ready or self._intercepted or self._waiting or self._to_load or self.followers.names
        return bool(waits) or not self._complete

    @property
    def may_have_more(self) -> bool:
        """The journal may have open deliveries that memory doesn't."""
        return not self._complete or bool(self._to_load)

    def _open_in_new_key(self, delivery: OpenDelivery, now: Instant) -> None:
        if not self._has_room_for_keys:
            self._complete, self._missed = False, True
            return
        key = self._keys[delivery.key] = Key(more=not self._complete)
        if key.more:
            self._want_more(delivery.key, key)
        elif delivery.key == "":
            self._admit_unordered(key, delivery, now)
            self._drop_if_idle("", key)
        else:
            self._append(delivery.key, key, delivery, now)

    def _leave_in_journal(self, name: str, key: Key) -> None:
        key.more = True
        self._want_more(name, key)

    def _append(self, name: KeyName, key: Key, delivery: OpenDelivery, now: Instant) -> None:
        key.pending.append(delivery)
        key.last = delivery.id
        if key.out is None:
            if len(key.pending) == 1:
                self._schedule(name, key, now)
        elif self.followers.are_wanted:
            self.followers.note(name, key)

    def _admit_unordered(self, row_of_them: Key, delivery: OpenDelivery, now: Instant) -> None:
        row_of_them.last = delivery.id
        if delivery.id in self._claimed_unordered:
            self._claimed_unordered.discard(delivery.id)
        elif delivery.id not in self._keys:
            single = self._keys[delivery.id] = Key()
            self._unordered += 1
            self._append(delivery.id, single, delivery, now)

    def _settle(self, name: KeyName, key: Key, now: Instant) -> None:
        """The head of the key is gone: the next one's turn."""
        if key.pending:
            self._schedule(name, key, now)
        if isinstance(name, str):
            self._want_more(name, key)
        self._drop_if_idle(name, key)
        if not isinstance(name, str):
            self._want_unordered()

    def _settle_answered(self, name: KeyName, key: Key, now: Instant) -> None:
        """One more answer is in the journal; with the last one, whoever may have the next is free again."""
        self._want_more(name, key)
        if key.answered or key.out is not None:
            return
        if key.deferred and key.pending:
            self._schedule(name, key, now)
        key.deferred = False
        self._drop_if_idle(name, key)
        if not isinstance(name, str):
            self._want_unordered()

    def _schedule(self, name: KeyName, key: Key, now: Instant) -> None:
        head = key.pending[0]
        # A clock that was set back since must not make a retry wait for longer than any may.
        latest = now.monotonic + self._longest_wait
        key.due = min(now.to_monotonic(head.not_before), latest) if head.not_before else 0.0
        if key.due > now.monotonic:
            heapq.heappush(self._waiting, (key.due, head.id, name))
            self._wakeup.by(key.due)
        else:
            self._is_ready(head.id, name)

    def _is_ready(self, head: int, name: KeyName) -> None:
        intercepted = isinstance(name, str) and is_intercepted(name)
        heapq.heappush(self._intercepted if intercepted else self._ready, (head, name))

    def _want_more(self, name: KeyName, key: Key) -> None:
        if not isinstance(name, str) or not key.more or key.loading or key.queued:
            return
        if len(key.pending) <= PAGE // 2:  # of fewer a busy channel has none left when the page is there
            key.queued = True
            self._to_load.append(name)

    def _want_unordered(self) -> None:
        row_of_them = self._keys.get("")
        if row_of_them is not None and self._has_room_for_unordered:
            self._want_more("", row_of_them)

    def _drop_if_idle(self, name: KeyName, key: Key) -> None:
        if name == "" or not key.idle or self._keys.pop(name, None) is None:
            return  # The row of unordered ones stays: read anew, it would bring what is out or was just closed.
        if not isinstance(name, str):
            self._unordered -= 1
        elif (before := self._key_before.pop(name, None)) is not None:
            left = self._keys[before]
            left.unordered.discard(key.last)
            self._drop_if_idle(before, left)

    @property
    def _has_room_for_keys(self) -> bool:
        return len(self._keys) - self._unordered < MAX_KEYS

    @property
    def _has_room_for_unordered(self) -> bool:
        return self._unordered < MAX_KEYS // 2

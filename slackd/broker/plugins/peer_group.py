"""The connections of one plugin, or of one user before they have said which plugin they are.

Whatever one of them takes is for the account of all, so that many connections are no way around a limit: time
for reading, lines in the log, bytes of lines without an end, bytes of answers that nobody reads. When some of
them fail again and again, those that come next wait.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from slackd.broker.plugins.conduct import Conduct, Fault, RecentFaults
from slackd.broker.plugins.events import Logged
from slackd.broker.plugins.flow_control import Pause
from slackd.broker.plugins.peer_limits import (
    LEAST_AT_ONCE,
    LOG_LINE,
    UNFINISHED_BYTES,
    UNREAD_LIMIT,
    PeerLimits,
    bytes_at_once,
    charge,
    room_at_once,
    unread_share,
)
from slackd.broker.plugins.reconnects import ReconnectPacing
from slackd.held_bytes import HeldBytes

log = logging.getLogger(__name__)

LINE_PATIENCE = 10.0
"""Seconds in which a line must be finished while others of its plugin wait for that."""
IDENTIFIED_AT_ONCE = 4
"""Connections of one user that are identified at the same time: hundreds that come at once leave others their
turns of the loop."""
MAX_USERS = 1_024
"""Users whose accounts are kept at a time."""
NOTABLE_PAUSE = 1.0
"""Seconds of a pause that an operator should know of."""
LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 40}


class PeerConnection(Protocol):
    """What a group needs of each of its connections."""

    def pause(self, reason: Pause) -> None:
        """Read nothing until this reason is gone."""

    def resume(self, reason: Pause) -> None:
        """This reason is gone."""

    def set_share(self, share: int) -> None:
        """So many bytes of answers may wait for it."""

    def count_unread(self) -> None:
        """Report again how many bytes of answers wait for it."""

    def give_up(self, why: str) -> None:
        """End it: it takes too much."""

    def end_if_hung_up(self) -> bool:
        """End it where nobody is at its other end any more; whether that is so."""


class PeerGroup:
    """Accounts for what the connections of one plugin or user take together.

    Attributes:
        at_once: Bytes to read from one of them at a time.
        conduct: Faults that an operator should know of.
        identifying: Taken for as long as one of them is identified.
    """

    def __init__(self, limits: PeerLimits | None = None) -> None:
        self.limits = limits or PeerLimits()
        self.at_once = self._bearable = LEAST_AT_ONCE
        self.conduct = Conduct()
        self.identifying = asyncio.Semaphore(IDENTIFIED_AT_ONCE)
        self._loop = asyncio.get_running_loop()
        self._share = 0
        self._members: set[PeerConnection] = set()
        self._unfinished: HeldBytes[PeerConnection] = HeldBytes(UNFINISHED_BYTES)
        self._unread: HeldBytes[PeerConnection] = HeldBytes(UNREAD_LIMIT)
        self._overdrawn: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None
        self._reconnects = ReconnectPacing()
        self._held: dict[PeerConnection, Callable[[], None]] = {}
        self._releasing: asyncio.TimerHandle | None = None

    @property
    def is_empty(self) -> bool:
        """It has no connection."""
        return not self._members

    def join(self, member: PeerConnection) -> None:
        """One more connection; each one's share of unread answers is smaller now."""
        self._members.add(member)
        share = unread_share(len(self._members))
        for each in self._members if share != self._share else (member,):
            each.set_share(share)
        self._share = share
        if self._overdrawn is not None:
            member.pause(Pause.OVERDRAWN)

    def leave(self, member: PeerConnection) -> None:
        """A connection is gone, or has become another group's."""
        self._members.discard(member)
        self._held.pop(member, None)
        self.hold_unfinished(member, 0)
        self._unread.hold(member, 0)
        member.resume(Pause.OVERDRAWN)
        member.resume(Pause.UNFINISHED)

    def serve(self, member: PeerConnection, begin: Callable[[], None]) -> None:
        """Go on with a connection: `begin` is called at once, or later if those before it failed."""
        now = self._loop.time()
        wait = self._reconnects.wait(now)
        if not wait and not self._held:
            self._reconnects.served(now)
            begin()
            return
        self.conduct.note(Fault.HELD, f"for {wait:.1f} s and more", now)
        member.pause(Pause.HELD)
        self._held[member] = begin
        if self._releasing is None:
            self._releasing = self._loop.call_later(wait, self._release)

    def note_fault(self, fault: Fault, words: str) -> None:
        """A connection failed: those that come after it wait, if it was not the first one."""
        now = self._loop.time()
        self.conduct.note(fault, words, now)
        self._reconnects.fault(now)

    def took(self, seconds: float, size: int, share: float = 1.0) -> None:
        """So many bytes of one of them took so long, of which this share is for its account; when it is too
        much, none is read until that is made good."""
        if size:
            self._bearable = bytes_at_once(self._bearable, seconds, size)
            self.at_once = min(self._bearable, room_at_once(self._unfinished.room, len(self._members)))
        self.limits.reading.take(charge(seconds) * share, self._loop.time())
        if self._overdrawn is None and self._wait_until_made_good():
            for each in self._members:
                each.pause(Pause.OVERDRAWN)

    def hold_unfinished(self, member: PeerConnection, size: int) -> None:
        """So many bytes of a line without an end are kept for one of them. When they are too many in all, one
        connection at a time is read to the end of its line."""
        had_exceeded = self._unfinished.exceeded
        self._unfinished.hold(member, size)
        if self._unfinished.exceeded or had_exceeded:
            self._pause_unfinished()
        if not size and had_exceeded:
            member.resume(Pause.UNFINISHED)

    def hold_unread(self, member: PeerConnection, size: int) -> None:
        """So many bytes of answers wait for one of them. When they are too many in all, the connection that
        has left most unread ends."""
        self._unread.hold(member, size)
        if not self._unread.exceeded:
            return
        for each in self._unread:
            if each is not member:
                each.count_unread()
        greatest = self._unread.greatest
        if self._unread.exceeded and greatest is not None:
            self._unread.hold(greatest, 0)
            greatest.give_up("it does not read what it asked for")

    def log_said(self, said: Logged, plugin: str) -> None:
        """A plugin's own line, unless there are too many."""
        lines = max(1.0, len(said.message) / LOG_LINE)
        suppressed = self.limits.said.admit(self._loop.time(), lines)
        extra = {"event": "plugin-log", "plugin": plugin}
        if suppressed:
            log.warning("%s: %d more lines of this plugin were suppressed", plugin, suppressed, extra=extra)
        if suppressed is not None:
            log.log(LEVELS.get(said.level, logging.INFO), "%s: %s", plugin, said.message, extra=extra)

    def refused(self, text: str, *, plugin: str, uid: int) -> None:
        """One of its connections was refused, or closed for what it did."""
        self.note_fault(Fault.REFUSED, text)
        self.log_notice(logging.WARNING, "plugin-refused", text, plugin=plugin, uid=uid)

    def log_notice(self, level: int, event: str, text: str, *, plugin: str, uid: int) -> None:
        """A line about one of its connections, unless there are too many."""
        suppressed = self.limits.notices.admit(self._loop.time())
        extra = {"event": event, "plugin": plugin, "uid": uid}
        if suppressed:
            whose = f"plugin {plugin}" if plugin else f"uid {uid}"
            log.warning("%d more lines about connections of %s were suppressed", suppressed, whose, extra=extra)
        if suppressed is not None:
            log.log(level, "%s", text, extra=extra)

    def _release(self) -> None:
        """Serve the connection that has waited longest; those that have hung up meanwhile take no turn."""
        self._releasing = None
        now = self._loop.time()
        while self._held and not self._reconnects.wait(now):
            member, begin = next(iter(self._held.items()))
            del self._held[member]
            if member.end_if_hung_up():
                continue
            self._reconnects.served(now)
            member.resume(Pause.HELD)
            begin()
        if self._held:
            self._releasing = self._loop.call_later(self._reconnects.wait(now), self._release)

    def _wait_until_made_good(self) -> bool:
        reading, now = self.limits.reading, self._loop.time()
        wait = reading.wait_for(0.0, now) if reading.was_overdrawn else 0.0
        self._overdrawn = self._loop.call_later(wait, self._made_good) if wait > 0 else None
        if wait > NOTABLE_PAUSE:
            self.conduct.note(Fault.SLOWED, f"paused for {wait:.1f} s", now)
        return wait > 0

    def _made_good(self) -> None:
        if self._wait_until_made_good():
            return
        for each in self._members:
            each.resume(Pause.OVERDRAWN)

    def _pause_unfinished(self) -> None:
        exceeded, oldest = self._unfinished.exceeded, self._unfinished.oldest
        for each in self._unfinished:
            if exceeded and each is not oldest:
                each.pause(Pause.UNFINISHED)
            else:
                each.resume(Pause.UNFINISHED)
        if exceeded and self._stalled is None and oldest is not None:
            self._stalled = self._loop.call_later(LINE_PATIENCE, self._end_stalled, oldest)

    def _end_stalled(self, member: PeerConnection) -> None:
        self._stalled = None
        if not self._unfinished.exceeded:
            return
        if self._unfinished.oldest is member:
            member.give_up(
                f"a line was not finished within {LINE_PATIENCE:g} s, while others of its plugin wait"
            )
        self._pause_unfinished()


class PeerAccounts:
    """The groups of all plugins and users.

    They outlive their connections: who comes again is as deep in debt as before.
    """

    def __init__(self) -> None:
        self._of_plugins: dict[str, PeerGroup] = {}
        self._of_users: OrderedDict[int, PeerGroup] = OrderedDict()

    def of_plugin(self, name: str) -> PeerGroup:
        """The connections of a plugin."""
        if name not in self._of_plugins:
            self._of_plugins[name] = PeerGroup()
        return self._of_plugins[name]

    def of_user(self, uid: int) -> PeerGroup:
        """The connections of a user that are no plugin's yet. Users are many where there are user namespaces:
        those seen last are kept."""
        if uid not in self._of_users:
            self._of_users[uid] = PeerGroup()
        self._of_users.move_to_end(uid)
        if len(self._of_users) > MAX_USERS:
            self._of_users.popitem(last=False)
        return self._of_users[uid]

    def faults_of(self, plugin: str) -> list[RecentFaults]:
        """What a plugin has done wrong of late."""
        group, now = self._of_plugins.get(plugin), asyncio.get_running_loop().time()
        return list(group.conduct.recent(now)) if group is not None else []

    def faults_of_users(self) -> dict[int, list[RecentFaults]]:
        """What users have done wrong of late before they were any plugin."""
        now = asyncio.get_running_loop().time()
        found = {uid: list(group.conduct.recent(now)) for uid, group in self._of_users.items()}
        return {uid: faults for uid, faults in found.items() if faults}

"""What the broker knows of both connectors' connections: who is READY, the budget, ghosts, foreign, gaps.

P2's record is kept here: every interval in which an app had no READY connection, with its reason. So is the
budget: Slack allows ten connections an app ("Using Socket Mode"), counting every process and every ghost, a
connection of ours whose end Slack has not seen. Pure: time comes in, writes and messages go out.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

import attrs

from slackd.broker.instant import Instant
from slackd.broker.journal.writes import GapRecord, Ghost, SeenReady
from slackd.broker.ready_intervals import DisconnectedInterval, ReadyIntervals
from slackd.link.messages import (
    KEPT_SOCKET,
    RECEIVER,
    AppPeers,
    AppTrouble,
    Changed,
    ConnectionState,
    Hello,
    Peers,
)
from slackd.slack.connection_states import COUNTED_BY_SLACK, COUNTS_AS_READY
from slackd.slack.limits import MAX_CONNECTIONS
from slackd.slotted import define

SETTLE = 2.0
"""Seconds after a link was made in which the other connector may still report its part."""
KEPT_FOR = 2.5
"""Seconds for which systemd's listening socket keeps requests for the next receiver: Slack waits for three."""
UNCERTAIN = 0.1
"""Seconds that clocks of two readings may differ by."""
NOT_RUNNING = "slackd was not running"
STOPPED = "slackd was stopped"
_DRAIN = "drain"
"""What a connector gives as the cause of a stop that was asked for."""
READY_NAMES = frozenset(phase.value for phase in COUNTS_AS_READY)
COUNTED_NAMES = frozenset(phase.value for phase in COUNTED_BY_SLACK)


@define
class ConnectorView:
    """One connector, as it last reported itself."""

    hello: Hello
    connections: dict[str, ConnectionState] = attrs.field(factory=dict)
    troubles: dict[str, AppTrouble] = attrs.field(factory=dict)

    @property
    def dials(self) -> bool:
        """It keeps connections that Slack counts; the receiver has none."""
        return self.hello.connector != RECEIVER

    @property
    def kept_for(self) -> float:
        """Seconds in which nothing is lost although it is gone."""
        return KEPT_FOR if KEPT_SOCKET in self.hello.features else 0.0

    def ready(self, app: str) -> int:
        """How many of its connections for this app are READY."""
        return sum(each.app == app and each.phase in READY_NAMES for each in self.connections.values())

    def open(self, app: str) -> int:
        """How many of its connections for this app Slack may count."""
        return sum(each.app == app and each.phase in COUNTED_NAMES for each in self.connections.values())


class ConnectionRegistry:
    """Both connectors, and what follows from what they say."""

    def __init__(
        self,
        apps: Iterable[str],
        ghosts: Iterable[Ghost],
        open_gaps: Iterable[GapRecord],
        seen_ready: Iterable[SeenReady] = (),
    ) -> None:
        self.views: dict[int, ConnectorView] = {}
        self.reconnects: Counter[tuple[str, str]] = Counter()
        self.seconds_without: dict[str, float] = {}
        self.ghosts = {each.connection: each for each in ghosts}
        self.foreign: dict[str, int] = {}
        self._counted: dict[str, int] = {}
        self._coverage = {app: ReadyIntervals() for app in apps}
        self._gaps: dict[tuple[str, float], GapRecord] = {}
        self._reasons: dict[str, str] = {}
        self._before = {each.app: each for each in open_gaps}
        self._seen = {each.app: each.at for each in seen_ready if each.app not in self._before}
        self._moved: set[str] = set()
        self._disproved: list[Ghost] = []
        self._quiet_until = 0.0
        self._peers: dict[int, Peers] = {}
        self.link_changed: dict[int, float] = {}

    def hello(self, link: int, hello: Hello, now: Instant) -> None:
        """A connector introduced itself on this link."""
        for other, view in list(self.views.items()):
            if view.hello.connector == hello.connector:
                self.lost(other, now)
        self.views[link] = view = ConnectorView(hello)
        self.link_changed[hello.connector] = now.monotonic
        view.troubles = {each.app: each for each in hello.troubles}
        self._quiet_until = now.monotonic + SETTLE
        for state in hello.states:
            # What Slack counted at a hello of long ago says nothing of who is connected now.
            self._saw(view, state, now, is_news=False)
        for app in self.foreign:
            # It was there, only its connector had not reported it yet.
            self.foreign[app] = min(self.foreign[app], self._foreign_at_least(app))

    def changed(self, link: int, change: Changed, now: Instant) -> list[Ghost]:
        """A connection changed.

        Returns:
            The unconfirmed connections to write down: what it became, and, at an end that has passed, those
            that Slack's count disproved, so that the next broker doesn't count them again.
        """
        view = self.views.get(link)
        if view is None:
            return []
        state = change.state
        current = view.connections.get(state.connection)
        if current is None or current.since <= state.since:
            self._saw(view, state, now, ended_at=change.at)
        if _is_lost(current, state):
            self._reasons[state.app] = STOPPED if change.cue == _DRAIN else change.cue
        if _will_be_replaced(current, state):
            self.reconnects[state.app, change.cue] += 1
        news, self._disproved = self._disproved, []
        if change.ghost_until is not None:
            ghost = Ghost(state.app, state.connection, now.to_unix(change.ghost_until))
            self.ghosts[ghost.connection] = ghost
            news.append(ghost)
        return news

    def trouble(self, link: int, trouble: AppTrouble) -> None:
        """An app fell into trouble, or came out of it."""
        view = self.views.get(link)
        if view is None:
            return
        if trouble.reason:
            view.troubles[trouble.app] = trouble
        else:
            view.troubles.pop(trouble.app, None)

    def lost(self, link: int, now: Instant) -> None:
        """A link is gone: until its connector says otherwise, so are its connections."""
        view = self.views.pop(link, None)
        self._peers.pop(link, None)
        if view is None:
            return
        self.link_changed[view.hello.connector] = now.monotonic
        for state in view.connections.values():
            if state.app in self._coverage:
                self._coverage[state.app].over(state.connection, now.monotonic, view.kept_for)
                self._moved.add(state.app)
                who = f"connector {view.hello.connector}" if view.dials else "the receiver"
                self._reasons[state.app] = f"{who} is gone"

    def ready(self, app: str) -> int:
        """How many connections of an app are READY."""
        return sum(view.ready(app) for view in self.views.values())

    def ghosts_of(self, app: str) -> int:
        """How many connections of ours Slack may still count although they are gone."""
        return sum(each.app == app for each in self.ghosts.values())

    def open_gap(self, app: str) -> GapRecord | None:
        """The gap of an app that lasts as of the last look, or None."""
        lasting = (gap for (of, _), gap in self._gaps.items() if of == app and gap.end is None)
        return next(lasting, self._before.get(app))

    def may_be_a_gap(self, app: str) -> bool:
        """It isn't clear yet whether the app had a READY connection all the time since an earlier broker."""
        return app in self._seen

    def free(self, app: str) -> int:
        """Places left under Slack's limit."""
        return max(0, MAX_CONNECTIONS - self._ours(app) - self.foreign.get(app, 0))

    def peers(self) -> Mapping[int, Peers]:
        """What to send each connector, by link, where it differs from what it was sent last."""
        news = {}
        for link, view in self.views.items():
            peers = Peers({app: self._app_peers(link, app) for app in view.hello.apps})
            if self._peers.get(link) != peers:
                news[link] = self._peers[link] = peers
        return news

    def seen_ready(self, now: Instant) -> list[SeenReady]:
        """When each app was last known to have a READY connection, to be written down now and then.

        The earlier broker's last READY record is kept until it is clear whether a gap began there: should this
        one end before that, the next one still knows.
        """
        found = []
        for app, coverage in self._coverage.items():
            last = coverage.last_covered(now.monotonic)
            if last is not None and not self._may_be_a_gap_since(app, coverage, now):
                found.append(SeenReady(app, now.to_unix(last)))
        return found

    def moved_ready(self, now: Instant) -> list[SeenReady]:
        """As `seen_ready`, for apps of which a connection became READY or ceased to be since the last look.

        To be written at once: whoever was READY at the last note was so for as long as this broker lived. So a
        connection that the next broker finds, and that is as old as the note, proves that there was no gap; and
        where nobody was READY any more, the note says when the gap began.
        """
        moved, self._moved = self._moved, set()
        return [each for each in self.seen_ready(now) if each.app in moved]

    def gaps(self, now: Instant, *, at_last: bool = False) -> list[GapRecord]:
        """Gaps that began, or ended, since the last look; to be written, and reported to plugins when ended.

        Args:
            at_last: There is no other look: what is over by now is reported even where a connector may still
                have something to say, or it would seem to go on until the next broker looks.
        """
        self._forget_ghosts(now)
        is_settled = now.monotonic >= self._quiet_until
        found = []
        for app, coverage in self._coverage.items():
            if coverage.is_known if at_last else is_settled:
                found += self._gap_while_away(app, coverage, now)
                found += self._end_gap_of_before(app, coverage, now)
            if is_settled:
                found += self._news_of(app, coverage, now)
                coverage.forget(now.monotonic)
        return found

    def _app_peers(self, link: int, app: str) -> AppPeers:
        elsewhere = sum(view.ready(app) for other, view in self.views.items() if other != link and view.dials)
        return AppPeers(elsewhere, self.free(app))

    def _saw(
        self,
        view: ConnectorView,
        state: ConnectionState,
        now: Instant,
        ended_at: float | None = None,
        *,
        is_news: bool = True,
    ) -> None:
        coverage = self._coverage.setdefault(state.app, ReadyIntervals())
        known = view.connections.get(state.connection)
        was_ready = known is not None and known.phase in READY_NAMES
        if was_ready != (state.phase in READY_NAMES):
            self._moved.add(state.app)
        if state.phase == "closed":
            view.connections.pop(state.connection, None)
        else:
            view.connections[state.connection] = state
        if state.phase in READY_NAMES and state.ready_since is not None:
            coverage.ready(state.connection, state.ready_since)
            if is_news and not was_ready:
                self._count_foreign(state)
        elif state.ready_since is not None:
            at = ended_at if ended_at is not None else state.since
            if known is None:
                coverage.ended(state.connection, state.ready_since, at)
            coverage.over(state.connection, at, view.kept_for)

    def _count_foreign(self, state: ConnectionState) -> None:
        """Slack counted at the hello: what is neither ours nor a ghost is foreign, and what is less than
        ours and the ghosts shows that Slack has noticed the end of some ghosts."""
        app = state.app
        if state.num_connections <= 0:
            return
        self._counted[app] = state.num_connections
        dialled = sum(view.ready(app) for view in self.views.values() if view.dials)
        noticed = dialled + self.ghosts_of(app) - state.num_connections
        mine = sorted((each for each in self.ghosts.values() if each.app == app), key=lambda g: g.until)
        for ghost in mine[: max(0, noticed)]:
            del self.ghosts[ghost.connection]
            self._disproved.append(attrs.evolve(ghost, until=0.0))
        self.foreign[app] = self._foreign_at_least(app)

    def _foreign_at_least(self, app: str) -> int:
        """Of those that Slack counted at the last hello."""
        return max(0, self._counted.get(app, 0) - self._ours(app))

    def _ours(self, app: str) -> int:
        """How many connections of an app Slack may count that are ours, or were."""
        return sum(view.open(app) for view in self.views.values() if view.dials) + self.ghosts_of(app)

    def _forget_ghosts(self, now: Instant) -> None:
        self.ghosts = {name: each for name, each in self.ghosts.items() if each.until > now.unix}

    def _gap_while_away(self, app: str, coverage: ReadyIntervals, now: Instant) -> list[GapRecord]:
        """Nobody was READY between the last moment that an earlier broker wrote down and the first that this
        one knows of; where connectors went on while the broker was away, that is no time at all."""
        if not self._may_be_a_gap_since(app, coverage, now):
            return []
        at = self._seen.pop(app)
        if not coverage.is_known:
            self._before[app] = gap = GapRecord(app, at, None, NOT_RUNNING)
            return [gap]
        until = now.to_unix(coverage.first_start())
        self.seconds_without[app] = self.seconds_without.get(app, 0.0) + until - at
        return [GapRecord(app, at, until, NOT_RUNNING)]

    def _may_be_a_gap_since(self, app: str, coverage: ReadyIntervals, now: Instant) -> bool:
        """No connection is known yet that was READY when an earlier broker wrote that one was."""
        at = self._seen.get(app)
        if at is not None and coverage.reaches_back_to(now.to_monotonic(at) + UNCERTAIN):
            del self._seen[app]
        return app in self._seen

    def _end_gap_of_before(self, app: str, coverage: ReadyIntervals, now: Instant) -> list[GapRecord]:
        before = self._before.get(app)
        if before is None or not coverage.is_known:
            return []
        del self._before[app]
        end = max(before.start, now.to_unix(coverage.first_start()))
        self.seconds_without[app] = self.seconds_without.get(app, 0.0) + end - before.start
        return [attrs.evolve(before, end=end)]

    def _news_of(self, app: str, coverage: ReadyIntervals, now: Instant) -> list[GapRecord]:
        found = []
        holes = {(app, hole.start): hole for hole in coverage.holes(now.monotonic)}
        for key, hole in holes.items():
            known = self._gaps.get(key)
            if known is None or (known.end is None and hole.end is not None):
                found.append(self._gap(app, hole, known, now))
                self._gaps[key] = found[-1]
        for key, known in list(self._gaps.items()):
            if key[0] == app and key not in holes:
                if known.end is None:  # Told afterwards: a connection was READY all the time.
                    found.append(attrs.evolve(known, end=known.start))
                del self._gaps[key]
        return found

    def _gap(self, app: str, hole: DisconnectedInterval, known: GapRecord | None, now: Instant) -> GapRecord:
        """The start is turned into UNIX time once: it names the gap, also when the clock is set meanwhile."""
        start = known.start if known is not None else now.to_unix(hole.start)
        reason = known.reason if known is not None else self._reasons.get(app, "unknown")
        if hole.end is None:
            return GapRecord(app, start, None, reason)
        seconds = hole.end - hole.start
        self.seconds_without[app] = self.seconds_without.get(app, 0.0) + seconds
        return GapRecord(app, start, start + seconds, reason)


def _is_lost(before: ConnectionState | None, after: ConnectionState) -> bool:
    """It was READY and isn't any more."""
    gone = after.phase not in READY_NAMES and after.phase != "dialling"
    return gone and (before is None or before.phase in READY_NAMES)


def _will_be_replaced(before: ConnectionState | None, after: ConnectionState) -> bool:
    """Once a life: it is about to go, or it ended without a notice (a dial that failed, too)."""
    if after.phase == "leaving":
        return before is None or before.phase != "leaving"
    gone = after.phase not in READY_NAMES and after.phase != "dialling"
    return gone and (before is None or before.phase in ("dialling", "ready"))

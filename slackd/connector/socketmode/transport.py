"""Socket Mode as a transport: carries out what one app's pool decides, and reports to the pool what happens."""

import asyncio
import functools
import logging
import random
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final
from urllib.parse import urlsplit

from slackd.config.values import App
from slackd.connector.credentials import Secret
from slackd.connector.dial_progress import DialProgress
from slackd.connector.http_session import slack_session
from slackd.connector.proxy import proxy_for
from slackd.connector.slackapi import SlackApi
from slackd.connector.socketmode.actions import (
    Abort,
    Action,
    CloseConnection,
    Dial,
    EndWaiting,
    Moved,
    Ping,
    Said,
    Troubled,
)
from slackd.connector.socketmode.connection import SlackConnection
from slackd.connector.socketmode.dial_failures import DialFailure
from slackd.connector.socketmode.dialler import Dialler
from slackd.connector.socketmode.lifecycle import Cue
from slackd.connector.socketmode.pool import Pool
from slackd.connector.socketmode.protocol import Disconnect, SlackHello, ack_frame
from slackd.connector.socketmode.read_proof import PingAnswers
from slackd.connector.socketmode.transitions import PoolPolicy
from slackd.connector.socketmode.websocket import SlackWebSocket
from slackd.connector.transport import ConnectionChange, TransportStatus, Upstream
from slackd.connector.trust import tls_context
from slackd.envelope import Arrival, Settlement
from slackd.link.messages import AppPeers, Closing
from slackd.slack.connection_states import ConnectionPhase
from slackd.slack.limits import ACK_LIMIT

SHOWN: Final = 64
"""Characters of an envelope's id in the log; Slack's own have 36."""

LOOK_FOR_SLEEP: Final = 1.0
"""Seconds between two looks whether the machine slept: no timer runs in its sleep, so no silence is noticed."""

log: Final = logging.getLogger(__name__)


class SocketModeTransport:
    """One app's connections in one connector (`Transport`)."""

    def __init__(
        self,
        app: App,
        connector: int,
        app_token: Secret,
        *,
        clock: Callable[[], float] = time.monotonic,
        rng: random.Random,
        first_number: int = 1,
    ) -> None:
        """Connections are numbered from `first_number` on."""
        self._app = app
        self._app_token = app_token
        self._clock = clock
        self._upstream: Upstream | None = None
        policy = PoolPolicy(
            app.name,
            connector,
            app.connections,
            app.stall_timeout,
            keepalive=app.keepalive,
            api=_place(app.api_url),
        )
        self._pool = Pool(policy, rng, self._is_busy, first_number, self._waits_for)
        self._connections: dict[str, SlackConnection] = {}
        self._answers = PingAnswers()
        self._group: asyncio.TaskGroup | None = None
        self._dialler: Dialler | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._over = asyncio.Event()
        self._paused = False
        self._drained = False

    async def run(self, upstream: Upstream) -> None:
        """Keep the connections until drained, or cancelled.

        Raises:
            ConfigError: The app's `ca_file` can't be used.
        """
        self._upstream = upstream
        if self._drained:
            return
        tls = tls_context(self._app.ca_file)
        async with slack_session(
            tls,
            # A dial is rare, and must not fail on a connection that was kept from the last one.
            reuse=False,
            ws_response_class=SlackWebSocket,
        ) as session:
            proxy = proxy_for(self._app.api_url, self._app.proxy)
            api = SlackApi(self._app_token, self._app.api_url, session, proxy, tls)
            self._dialler = Dialler(
                self._app.name,
                api,
                self._app.api_url,
                session,
                lambda url: proxy_for(url, self._app.proxy),
                tls,
            )
            try:
                async with asyncio.TaskGroup() as self._group:
                    self._carry_out(self._pool.start(self._clock()))
                    watcher = self._group.create_task(self._watch_for_sleep())
                    await self._over.wait()
                    watcher.cancel()
            finally:
                if self._timer is not None:
                    self._timer.cancel()

    def drain(self) -> None:
        """Take nothing new; `run` returns when everything is closed."""
        self._drained = True
        self._carry_out(self._pool.drain(self._clock()))

    def finish(self) -> None:
        """Close everything, busy or not."""
        self._carry_out(self._pool.finish(self._clock()))

    def settle(self, arrivals: Sequence[tuple[Arrival, Settlement]]) -> None:
        """Acknowledge each on the connection that brought it; where that is gone, nothing is sent."""
        assert self._upstream is not None
        for arrival, settlement in arrivals:
            connection = self._connections.get(arrival.connection)
            if settlement.envelope_id is None:
                continue
            if connection is None or not connection.can_acknowledge:
                self._upstream.unsendable(self._app.name, settlement)
                continue
            frame = ack_frame(settlement.envelope_id, settlement.payload)
            if frame is None:
                log.error(
                    "the acknowledgement of %s… makes a frame of %d bytes or more, on which Slack closes the "
                    "connection: it was not sent. But is it Slack that sends such ids? See api_url",
                    _shown(settlement.envelope_id),
                    ACK_LIMIT,
                    extra=self._extra("acknowledgement-too-large", arrival.connection),
                )
                self._upstream.unsendable(self._app.name, settlement)
                continue
            if frame.dropped:
                log.error(
                    "the response to %s makes a frame of %d bytes, Slack takes less than %d: "
                    "it was acknowledged without",
                    _shown(settlement.envelope_id),
                    frame.dropped,
                    ACK_LIMIT,
                    extra=self._extra("response-too-large", arrival.connection),
                )
            connection.acknowledge(frame, arrival.received_at, settlement)
        self._look_who_may_close()

    def refuse(self, arrivals: Sequence[Arrival]) -> None:
        """Send nothing: Slack delivers events again."""
        self._look_who_may_close()

    def peers_changed(self, peers: AppPeers) -> None:
        """So many places are free under Slack's limit."""
        self._carry_out(self._pool.places_counted(peers.free, self._clock()))

    def retry(self) -> None:
        """Dial at once where a dial waits."""
        self._carry_out(self._pool.retry(self._clock()))

    def pause(self) -> None:
        """Read nothing for now."""
        self._paused = True
        self._pool.reading_paused(self._clock())
        for connection in self._connections.values():
            connection.pause_reading()

    def resume(self) -> None:
        """Read again."""
        self._paused = False
        actions = self._pool.reading_resumed(self._clock())
        for connection in self._connections.values():
            connection.resume_reading()
        self._carry_out(actions)

    def status(self) -> TransportStatus:
        """How it stands."""
        return TransportStatus(
            app=self._app.name,
            wanted=self._app.connections,
            ready=self._pool.ready,
            connections=self._pool.states(),
            trouble=self._pool.trouble,
            last_failure=self._pool.last_failure,
            next_attempt_at=self._pool.next_dial_at,
        )

    # What a connection reports (`Listener`).

    def heard(self, connection: str, is_ping: bool = False) -> None:
        """As in `Listener`."""
        actions = self._pool.heard(connection, self._clock(), is_ping)
        if actions:
            self._carry_out(actions)

    def said_hello(self, connection: str, hello: SlackHello) -> None:
        """As in `Listener`."""
        actions = self._pool.said_hello(connection, hello, self._clock())
        if self._paused:
            self._connections[connection].pause_reading()
        self._carry_out(actions)

    def said_disconnect(self, connection: str, disconnect: Disconnect) -> None:
        """As in `Listener`."""
        self._carry_out(self._pool.said_disconnect(connection, disconnect, self._clock()))

    def received(self, connection: str, text: str) -> None:
        """As in `Listener`."""
        assert self._upstream is not None
        self._upstream.deliver(self._app.name, connection, text)

    def acknowledged(self, connection: str, received_at: Sequence[float]) -> None:
        """As in `Listener`."""
        assert self._upstream is not None
        self._upstream.acknowledged(self._app.name, received_at)
        self._look_who_may_close()

    def unsendable(self, connection: str, settlement: Settlement | None) -> None:
        """As in `Listener`."""
        assert self._upstream is not None
        self._upstream.unsendable(self._app.name, settlement)

    def unread(self, connection: str) -> None:
        """As in `Listener`."""
        self._carry_out(self._pool.unread(connection, self._clock()))

    def dial_failed(self, connection: str, failure: DialFailure) -> None:
        """As in `Listener`."""
        self._connections.pop(connection, None)
        self._carry_out(self._pool.dial_failed(connection, failure, self._clock()))

    def ended(self, connection: str, confirmed: bool, detail: str) -> None:
        """As in `Listener`."""
        assert self._upstream is not None
        self._connections.pop(connection, None)
        if self._upstream.is_unsettled(connection):
            self._upstream.closing(Closing(connection, mute=True))
        self._carry_out(self._pool.ended(connection, confirmed, self._clock(), detail))

    # What the pool wants done.

    def _carry_out(self, actions: Iterable[Action]) -> None:
        for action in actions:
            match action:
                case Dial(connection=name):
                    self._dial(name)
                case CloseConnection(connection=name):
                    self._close(name)
                case Abort(connection=name):
                    if name in self._connections:
                        self._connections[name].abort()
                case Ping(connection=name):
                    if name in self._connections:
                        self._connections[name].ping()
                case EndWaiting(connection=name, everything=everything):
                    self._end_waiting(name, everything)
                case Moved():
                    self._report(action)
                case Troubled(trouble=trouble):
                    assert self._upstream is not None
                    self._upstream.trouble_changed(trouble)
                case Said(level=level, event=event, text=text):
                    log.log(level, "%s: %s", self._app.name, text, extra=self._extra(event))
        if self._pool.is_over and not self._connections:
            self._over.set()
        self._set_timer()

    async def _watch_for_sleep(self) -> None:
        before = asleep()
        while True:
            await asyncio.sleep(LOOK_FOR_SLEEP)
            seconds, before = asleep() - before, asleep()
            if seconds >= self._app.stall_timeout:
                self._carry_out(self._pool.slept(seconds, self._clock()))

    def _dial(self, name: str) -> None:
        assert self._dialler is not None
        assert self._group is not None
        progress = DialProgress()
        dial = functools.partial(self._dialler.dial, progress)
        connection = SlackConnection(name, dial, self, progress, self._app.stall_timeout, self._answers)
        self._connections[name] = connection
        self._group.create_task(connection.run(), name=name)

    def _close(self, name: str) -> None:
        connection = self._connections.get(name)
        if connection is None:
            return
        if connection.can_acknowledge and self._upstream is not None:
            # What crosses it can't be acknowledged any more.
            self._upstream.closing(Closing(name, mute=True))
        connection.close()

    def _end_waiting(self, name: str, everything: bool) -> None:
        assert self._upstream is not None
        log.log(
            # An idle connection is announced all the same: Slack may still send into it.
            logging.INFO if self._upstream.is_unsettled(name) else logging.DEBUG,
            "%s finds no quiet moment to close: %s is acknowledged without plugins' answers%s",
            name,
            "everything" if everything else "what has a response_url",
            "" if everything else ", which follow there",
            extra=self._extra("waiting-ended", name),
        )
        self._upstream.closing(Closing(name, everything=everything))

    def _report(self, moved: Moved) -> None:
        state = moved.state
        level = _LEVELS.get(moved.cue, logging.INFO)
        if state.phase == ConnectionPhase.CLOSED.value and moved.cue is Cue.RETRY_DUE:
            level = logging.DEBUG
        # Every dial is due, the first one too: only what else happens needs a reason.
        why = "" if state.phase == ConnectionPhase.DIALLING.value else f": {moved.cue.value}"
        log.log(
            level,
            "%s is %s%s%s",
            state.connection,
            state.phase,
            why,
            f" ({moved.detail})" if moved.detail else "",
            extra=self._extra(f"connection-{state.phase}", state.connection),
        )
        assert self._upstream is not None
        self._upstream.connection_changed(ConnectionChange(state, moved.cue.value, moved.at, moved.ghost_until))

    def _look_who_may_close(self) -> None:
        if self._pool.waits_for_quiet:
            self._carry_out(self._pool.tick(self._clock()))

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        at = self._pool.wake_at()
        if at is not None and not self._over.is_set() and self._group is not None:
            delay = max(0.0, at - self._clock())
            self._timer = asyncio.get_running_loop().call_later(delay, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._carry_out(self._pool.tick(self._clock()))

    def _waits_for(self, name: str) -> str:
        connection = self._connections.get(name)
        return connection.progress.waits_for() if connection is not None else ""

    def _is_busy(self, name: str) -> bool:
        connection = self._connections.get(name)
        if connection is not None and connection.has_unsent:
            return True
        return self._upstream is not None and self._upstream.is_unsettled(name)

    def _extra(self, event: str, connection: str = "") -> dict[str, str]:
        return {"event": event, "app": self._app.name, "connection": connection}


_LEVELS: Final = {
    Cue.DIAL_FAILED: logging.WARNING,
    Cue.DROPPED: logging.WARNING,
    Cue.STALLED: logging.WARNING,
    Cue.APP_REFUSED: logging.DEBUG,  # said once, as the app's trouble
    Cue.LINK_DISABLED: logging.DEBUG,
}


def asleep() -> float:
    """Seconds that the machine has slept in all: CLOCK_BOOTTIME goes on then, CLOCK_MONOTONIC doesn't
    (clock_gettime(2))."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)


def _place(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"


def _shown(envelope_id: str) -> str:
    """Its beginning, as every log can hold it."""
    return envelope_id[:SHOWN].encode("ascii", "backslashreplace").decode()

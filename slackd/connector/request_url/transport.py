"""A request URL as a transport: each request is a connection of its own, that ends with its answer.

A request is answered when the broker has settled its envelope, with the payload as the body: that is its
acknowledgement. If nothing is settled in time, or nothing could be journaled, the answer is a 503, and Slack
sends events again.
"""

import asyncio
import itertools
import time
from collections.abc import Callable, Sequence
from typing import Final

from slackd.connector.request_url.envelopes import Posted
from slackd.connector.request_url.gate import RETRY_SOON, Answer, refuse
from slackd.connector.transport import ConnectionChange, TransportStatus, Upstream
from slackd.envelope import Arrival, Settlement
from slackd.link.messages import AppPeers, Closing, ConnectionState
from slackd.slack.connection_states import ConnectionPhase
from slackd.slotted import frozen

ANSWER_WITHIN: Final = 2.9
"""Seconds after which a request is answered with 503: a little before Slack gives up."""

Reply = Callable[[Answer], None]


@frozen
class PendingRequest:
    """A request that waits for its settlement."""

    reply: Reply
    timer: asyncio.TimerHandle


class RequestUrlTransport:
    """What is posted for one app (`Transport`)."""

    def __init__(self, app: str, *, clock: Callable[[], float] = time.monotonic, first_number: int = 1) -> None:
        """Requests are numbered from `first_number` on."""
        self._app = app
        self._clock = clock
        self._upstream: Upstream | None = None
        self._numbers = itertools.count(first_number)
        self._name = f"r-{app}-{next(self._numbers)}"
        self._pending: dict[str, PendingRequest] = {}
        self._phase: ConnectionPhase | None = None
        self._since = self._ready_since = 0.0
        self._is_draining = False
        self._is_paused = False
        self._over = asyncio.Event()

    async def run(self, upstream: Upstream) -> None:
        """Take requests until drained, or cancelled."""
        self._upstream = upstream
        self._ready_since = self._clock()
        self._enter(ConnectionPhase.READY, "listening")
        if self._is_draining:
            self._drain_if_idle()
        await self._over.wait()

    def receive(self, posted: Posted, reply: Reply) -> str:
        """Take a verified envelope; it is answered through `reply`, once.

        Returns:
            The request's name, for `gone`; "" if it was answered at once.
        """
        if self._upstream is None or self._is_paused or self._over.is_set():
            reply(refuse(503, "slackd can't take this just now", RETRY_SOON))
            return ""
        name = f"r-{self._app}-{next(self._numbers)}"
        timer = asyncio.get_running_loop().call_later(ANSWER_WITHIN, self._time_is_up, name)
        self._pending[name] = PendingRequest(reply, timer)
        self._upstream.deliver(self._app, name, posted.text)
        return name

    def gone(self, name: str) -> None:
        """Whoever sent this request is gone: an answer has to go another way."""
        if self._take(name) is not None:
            self._is_mute(name)
            self._drain_if_idle()

    def drain(self) -> None:
        """Finish what is in flight; `run` returns then. The server accepts no more."""
        self._is_draining = True
        if self._phase is ConnectionPhase.READY:
            self._enter(ConnectionPhase.RETIRING, "drain")
        self._drain_if_idle()

    def finish(self) -> None:
        """Answer everything with 503 now."""
        for name in list(self._pending):
            self._time_is_up(name)

    def settle(self, arrivals: Sequence[tuple[Arrival, Settlement]]) -> None:
        """Answer each request with 200 and its payload."""
        assert self._upstream is not None
        in_time = []
        for arrival, settlement in arrivals:
            pending = self._take(arrival.connection)
            if pending is None:
                self._upstream.unsendable(self._app, settlement)
                continue
            payload = settlement.payload
            body = payload.encode("utf-8", "backslashreplace") if payload is not None else b""
            pending.reply(Answer(200, body, "application/json; charset=utf-8"))
            in_time.append(arrival.received_at)
        if in_time:
            self._upstream.acknowledged(self._app, in_time)
        self._drain_if_idle()

    def refuse(self, arrivals: Sequence[Arrival]) -> None:
        """Answer with 503: Slack delivers events again."""
        for arrival in arrivals:
            pending = self._take(arrival.connection)
            if pending is not None:
                pending.reply(refuse(503, "slackd could not journal this", RETRY_SOON))
        self._drain_if_idle()

    def peers_changed(self, peers: AppPeers) -> None:
        """Nothing depends on others here."""

    def retry(self) -> None:
        """Nothing is attempted here."""

    def pause(self) -> None:
        """Answer with 503 for now."""
        self._is_paused = True

    def resume(self) -> None:
        """Take requests again."""
        self._is_paused = False

    def status(self) -> TransportStatus:
        """How it stands."""
        return TransportStatus(
            app=self._app,
            wanted=1,
            ready=int(self._phase is ConnectionPhase.READY),
            connections=() if self._phase in (None, ConnectionPhase.CLOSED) else (self._state(),),
        )

    def _take(self, name: str) -> PendingRequest | None:
        pending = self._pending.pop(name, None)
        if pending is not None:
            pending.timer.cancel()
        return pending

    def _time_is_up(self, name: str) -> None:
        pending = self._take(name)
        if pending is not None:
            pending.reply(refuse(503, "slackd could not settle this in time", RETRY_SOON))
            self._is_mute(name)
            self._drain_if_idle()

    def _is_mute(self, name: str) -> None:
        if self._upstream is not None and self._upstream.is_unsettled(name):
            self._upstream.closing(Closing(name, mute=True))

    def _drain_if_idle(self) -> None:
        if self._is_draining and not self._pending and not self._over.is_set() and self._upstream is not None:
            self._enter(ConnectionPhase.CLOSED, "drain")
            self._over.set()

    def _enter(self, phase: ConnectionPhase, cause: str) -> None:
        self._phase, self._since = phase, self._clock()
        if self._upstream is not None:
            self._upstream.connection_changed(ConnectionChange(self._state(), cause, self._since))

    def _state(self) -> ConnectionState:
        phase = self._phase or ConnectionPhase.CLOSED
        return ConnectionState(self._name, self._app, phase.value, self._since, self._ready_since)

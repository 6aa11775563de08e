"""The core at work: journal, links and plugin connections, and one timer. All work happens in `_pump`.

Whatever happens in one turn of the event loop is handled together: frames that were read together are
committed together, acknowledged together and delivered together. There is no task per envelope.
"""

import asyncio
import functools
import logging
import math
from collections.abc import Callable, Sequence
from typing import Protocol

import attrs

from slackd.broker import answer_reasons
from slackd.broker.actions import (
    Action,
    NotifyKept,
    NotifyLate,
    NotifyTooLarge,
    Passed,
    PostLate,
    ReadForReport,
    Submit,
    ToConnector,
)
from slackd.broker.clock import now
from slackd.broker.core import BrokerCore
from slackd.broker.dispatch.actions import CountOld, LoadKey, LoadKeys, SendDeliveries, TakeBack
from slackd.broker.ingest import PostNotice
from slackd.broker.instant import Instant
from slackd.broker.journal import Journal, StoredEnvelope
from slackd.broker.journal.writes import OpenDelivery, Outcome, Write
from slackd.broker.outages import Outages
from slackd.errors import JournalError
from slackd.jsonrpc import RESPONSE_TOO_LARGE
from slackd.link.messages import FromBroker
from slackd.slack.limits import ACK_LIMIT
from slackd.slotted import frozen

log = logging.getLogger(__name__)

READ_AGAIN_AFTER = 0.5
"""Seconds after which a read that failed is tried again."""

Outgoing = PostNotice | PostLate


class SessionOutlet(Protocol):
    """A plugin's connection, as the engine needs it."""

    def send_deliveries(self, deliveries: Sequence[tuple[OpenDelivery, StoredEnvelope, str]]) -> None:
        """Send deliveries, each with its envelope and the `DELIVERY.ATTEMPT` that it waits for, if any."""

    def notify(self, method: str, params: dict[str, object]) -> None:
        """Tell it something."""

    def send_failure(self, id_: int | str | None, code: int, message: str, data: object = None) -> None:
        """Refuse something it said."""

    def answer_kept(self, delivery: int, attempt: int, refusal: str) -> None:
        """Tell it what came of an answer whose delivery it keeps; `refusal` as in `NotifyKept`."""


@frozen
class _Unread:
    """Deliveries whose envelopes must be read before they go out on this connection, and on no other: its
    session has them anew, or not at all, once it has come back over another one."""

    send: SendDeliveries
    connection: SessionOutlet


Read = _Unread | LoadKeys | LoadKey | CountOld | ReadForReport | NotifyLate


@frozen
class Outlets:
    """Where the core's words go.

    Attributes:
        to_connector: Sends to the connector on a link; nothing happens if that is gone.
        to_session: The connection of a plugin's session, if it has one.
        post: Sends something to a `response_url`; begins at once, in the background.
        passed: Somebody may be watching.
    """

    to_connector: Callable[[int, FromBroker], None]
    to_session: Callable[[str, str], SessionOutlet | None]
    post: Callable[[Outgoing], None]
    passed: Callable[[Passed], None]


class Engine:
    """Drives the core with real time, a real journal and real sockets."""

    _outlets: Outlets

    def __init__(self, core: BrokerCore, journal: Journal, clock: Callable[[], Instant] = now) -> None:
        self.core, self.journal, self.clock = core, journal, clock
        self._loop = asyncio.get_running_loop()
        self._pumping = False
        self.outages = Outages({}, clock())
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = math.inf
        self._reads: asyncio.Queue[Sequence[Read]] = asyncio.Queue()

    def attach(self, outlets: Outlets) -> None:
        """Those who know the engine themselves: before the next turn of the loop."""
        self._outlets = outlets

    def wake(self) -> None:
        """Something happened to the core: do, in the next turn of the loop, what follows from it."""
        if not self._pumping:
            self._pumping = True
            self._loop.call_soon(self._pump)

    async def read_for_ever(self) -> None:
        """Serves the core's wishes to read from the journal, one after the other, until cancelled."""
        while True:
            for read in _gather(await self._reads.get()):
                await self._read(read)
            self.wake()

    async def write(self, *writes: Write) -> Sequence[Outcome]:
        """Write something once, for an operator or a session.

        Returns:
            What became of each, in order.

        Raises:
            JournalError: The commit failed, or the journal is closed.
        """
        future: asyncio.Future[Sequence[Outcome] | JournalError] = self._loop.create_future()

        def resolve(outcome: Sequence[Outcome] | JournalError) -> None:
            if not future.done():
                future.set_result(outcome)

        self.core.write(writes, resolve)
        self.wake()
        outcome = await future
        if isinstance(outcome, JournalError):
            raise outcome
        return outcome

    def stop(self) -> None:
        """No more timers."""
        if self._timer is not None:
            self._timer.cancel()

    def _pump(self) -> None:
        self._pumping = False
        if actions := self.core.end_turn():
            self._do_all(actions)
        wakeup = self.core.next_wakeup
        if wakeup < self._timer_at:
            self._set_timer(wakeup)

    def _do_all(self, actions: Sequence[Action]) -> None:
        reads: list[Read] = []
        for action in actions:
            self._do(action, reads)
        if reads:
            self._reads.put_nowait(reads)

    def _do(self, action: Action, reads: list[Read]) -> None:
        match action:
            case SendDeliveries():
                self._send(action, reads)
            case ToConnector(link, message):
                self._outlets.to_connector(link, message)
            case TakeBack(plugin, session, deliveries):
                connection = self._outlets.to_session(plugin, session)
                if connection is not None:
                    connection.notify(
                        "taken_back", {"ids": [f"{each.id}.{each.attempt}" for each in deliveries]}
                    )
            case Submit(token, writes):
                self.journal.submit(writes, functools.partial(self._committed, token))
            case LoadKeys() | LoadKey() | CountOld() | ReadForReport():
                reads.append(action)
            case NotifyLate(reason=answer_reasons.UNKNOWN):
                reads.append(action)
            case NotifyLate():
                self._notify_late(action)
            case NotifyTooLarge():
                self._notify_too_large(action)
            case NotifyKept(plugin, session, delivery, attempt, refusal):
                connection = self._outlets.to_session(plugin, session)
                if connection is not None:
                    connection.answer_kept(delivery, attempt, refusal)
            case PostNotice() | PostLate():
                self._outlets.post(action)
            case Passed(what="forbidden"):
                extra = {"event": "forbidden", "plugin": action.plugin, "envelope": action.envelope}
                log.warning("%s: not allowed: %s", action.plugin, action.detail, extra=extra)
                self._outlets.passed(action)
            case Passed(what="dead"):
                _log_dead(action)
                self._outlets.passed(action)
            case Passed():
                self._outlets.passed(action)

    def _committed(self, token: int, outcomes: Sequence[Outcome] | JournalError) -> None:
        moment = self.clock()
        if not isinstance(outcomes, JournalError):
            self.outages.written(moment)
        elif self.outages.failed(moment, outcomes.what):
            log.error("nothing is acknowledged: %s", outcomes, extra={"event": "journal-refused"})
        self.core.committed(token, outcomes, moment)
        # Slack waits for acknowledgements; plugins' deliveries are found, and encoded, after them.
        if actions := self.core.take_actions():
            self._do_all(actions)
        self.wake()

    def _send(self, action: SendDeliveries, reads: list[Read]) -> None:
        """What memory has the text of goes at once; the rest when it is read."""
        session = self._outlets.to_session(action.plugin, action.session)
        if session is None:
            return
        held, others = [], []
        for delivery in action.deliveries:
            stored = delivery.stored
            if stored is not None and stored.text:
                held.append((delivery, stored, action.after.get(delivery.id, "")))
            else:
                others.append(delivery)
        session.send_deliveries(held)
        if others:
            unread = SendDeliveries(action.plugin, action.session, tuple(others), action.after)
            reads.append(_Unread(unread, session))

    def _notify_late(self, action: NotifyLate) -> None:
        text = answer_reasons.words(action.reason, self.core.ingest.plugin(action.plugin))
        if action.reason == answer_reasons.NO_RESPOND:
            where = "it went through the response_url" if action.sent else "it reached nobody"
            extra = {"event": "answer-not-awaited", "plugin": action.plugin}
            log.warning(
                "%s: an answer is not in the acknowledgement: %s; %s", action.plugin, text, where, extra=extra
            )
        session = self._outlets.to_session(action.plugin, action.session)
        if session is not None:
            id_ = f"{action.delivery}.{action.attempt}"
            params: dict[str, object] = {"id": id_, "sent": action.sent}
            if action.reason != answer_reasons.LATE:
                params |= {"reason": action.reason, "message": text}
            session.notify("late", params)

    def _notify_too_large(self, action: NotifyTooLarge) -> None:
        text = (
            f"the response has {action.size} bytes; Slack takes less than {ACK_LIMIT} in an acknowledgement, "
            "which went out without it: send a smaller one, or use slack.call or the response_url"
        )
        log.error("%s: %s", action.plugin, text, extra={"event": "response-too-large", "plugin": action.plugin})
        session = self._outlets.to_session(action.plugin, action.session)
        if session is not None:
            id_ = f"{action.delivery}.{action.attempt}"
            session.send_failure(id_, RESPONSE_TOO_LARGE, text, {"limit": ACK_LIMIT, "size": action.size})

    def _set_timer(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = at
        self._timer = self._loop.call_later(max(0.0, at - self.clock().monotonic), self._tick)

    def _tick(self) -> None:
        self._timer, self._timer_at = None, math.inf
        self.core.wake(self.clock())
        self.wake()

    async def _read(self, read: "Read | _Sends") -> None:
        try:
            await self._serve(read)
        except JournalError as error:
            log.error("the journal could not be read: %s", error, extra={"event": "journal-unreadable"})
            if isinstance(read, LoadKeys | LoadKey):
                self.core.plugins[read.plugin].load_failed(read)
            again = () if isinstance(read, LoadKeys | LoadKey) else _separate(read)
            self._loop.call_later(READ_AGAIN_AFTER, self._try_again, again)

    def _try_again(self, reads: Sequence[Read]) -> None:
        if reads:
            self._reads.put_nowait(reads)
        self.core.tick(self.clock())
        self.wake()

    async def _serve(self, read: "Read | _Sends") -> None:
        journal, plugins = self.journal, self.core.plugins
        match read:
            case LoadKeys(plugin, lane, after, limit):
                names = await journal.keys_after(plugin, lane, after, limit)
                plugins[plugin].keys_loaded(read, names, self.clock())
            case LoadKey(plugin, lane, key, after, limit):
                rows = await journal.open_of_key(plugin, lane, key, after, limit)
                if after:  # what came before has gone: these follow one by one, each with no time for a read
                    rows = await self._with_envelopes(rows)
                plugins[plugin].key_loaded(read, rows, self.clock())
            case CountOld(plugin, lane, up_to, limit):
                count = await journal.open_count(plugin, lane, up_to, limit)
                plugins[plugin].old_counted(lane, count, self.clock())
            case NotifyLate():
                stored = (await journal.envelopes([read.envelope])).get(read.envelope)
                self._notify_late(attrs.evolve(read, reason=self.why_late(read.plugin, stored)))
            case ReadForReport(failed):
                envelopes = await journal.envelopes([failed.envelope])
                self.core.failure_read(read, envelopes.get(failed.envelope), self.clock())
            case _Sends(sends):
                await self._send_from_journal(sends)

    async def _with_envelopes(self, rows: Sequence[OpenDelivery]) -> Sequence[OpenDelivery]:
        envelopes = await self.journal.envelopes([row.envelope for row in rows])
        self.core.hold_texts(envelopes.values())
        return [attrs.evolve(row, stored=envelopes.get(row.envelope)) for row in rows]

    def why_late(self, plugin: str, stored: StoredEnvelope | None) -> str:
        """Why this plugin's answer to this envelope is not in the acknowledgement."""
        rules = self.core.ingest.plugin(plugin)
        reason = answer_reasons.why_not_awaited(rules, stored) if rules is not None else ""
        return reason or answer_reasons.LATE

    async def _send_from_journal(self, sends: "Sequence[_Unread]") -> None:
        ids = {delivery.envelope for each in sends for delivery in each.send.deliveries}
        envelopes = await self.journal.envelopes(sorted(ids))
        for each in sends:
            send, connection = each.send, each.connection
            if self._outlets.to_session(send.plugin, send.session) is not connection:
                continue
            plugin, found = self.core.plugins[send.plugin], []
            for delivery in send.deliveries:
                envelope = envelopes.get(delivery.envelope)
                if not plugin.holds(send.session, delivery):
                    continue  # Its session came back meanwhile without it: it is somebody else's now.
                if envelope is not None:
                    self.core.read_back(delivery, envelope)
                    found.append((delivery, envelope, send.after.get(delivery.id, "")))
                    continue
                gone, attempt = "its envelope is not in the journal any more", delivery.attempt
                self.core.nacked(
                    send.plugin, send.session, delivery.id, attempt, gone, self.clock(), permanent=True
                )
            connection.send_deliveries(found)


@frozen
class _Sends:
    """All of these that are wanted together."""

    sends: tuple[_Unread, ...]


def _log_dead(passed: Passed) -> None:
    log.error(
        "%s: delivery %d is a dead letter after attempt %d: %s; see slackctl deadletters show %d",
        passed.plugin,
        passed.delivery,
        passed.attempt,
        passed.detail,
        passed.delivery,
        extra={"event": "delivery-dead", "plugin": passed.plugin, "envelope": passed.envelope or None},
    )


def _gather(reads: Sequence[Read]) -> list["Read | _Sends"]:
    """Envelopes that are wanted together are read together."""
    sends = tuple(each for each in reads if isinstance(each, _Unread))
    others: list[Read | _Sends] = [each for each in reads if not isinstance(each, _Unread)]
    return [_Sends(sends), *others] if sends else others


def _separate(read: "Read | _Sends") -> Sequence[Read]:
    return read.sends if isinstance(read, _Sends) else (read,)

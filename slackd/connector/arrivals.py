"""Every envelope, from when it was read until neither Slack nor a plugin's answer is owed anything (rule R1).

    receive ──deliver──▶ unsettled ──settle──▶ acknowledged by its transport ──can't be──▶ unanswered ─▶ Unsent
                             ├─ deadline, no broker ─▶ acknowledged as promised ─────────────▲
                             └─ refuse ─▶ not acknowledged: Slack sends it again

What came in together goes to the broker together. Over a new link all that is unsettled goes again, and with it
what is acknowledged without an answer that it may have.
"""

import asyncio
import itertools
import logging
from collections.abc import Callable, Mapping, Sequence

from slackd.connector.ack_deadlines import AckDeadlineKeeper
from slackd.connector.function_tokens import blank_function_token
from slackd.connector.transport import Transport
from slackd.connector.unacknowledged import BackPressure, Unacknowledged
from slackd.connector.unanswered import REFUSED_AGAIN_AFTER, Unanswered
from slackd.envelope import Arrival, Promise, Settlement
from slackd.link import SendToBroker
from slackd.link.messages import Deliver, Refused, Unsent


class Arrivals:
    """What all transports of a connector have brought."""

    def __init__(
        self,
        unsettled: Unacknowledged,
        transports: Mapping[str, Transport],
        clock: Callable[[], float],
        changed: Callable[[], None],
        log: logging.Logger,
    ) -> None:
        """`transports` are by app; `clock` has the machine's monotonic seconds; `changed` is called when
        something was settled or refused."""
        self._unsettled, self._transports = unsettled, transports
        self._clock, self._changed, self._log = clock, changed, log
        self._send: SendToBroker | None = None
        self._numbers = itertools.count(1)
        self._fresh: list[Arrival] = []
        self._unanswered = Unanswered()
        self._back_pressure = BackPressure(unsettled, transports.values(), log)
        self._ack_deadlines = AckDeadlineKeeper(unsettled, self._settle_as_promised, clock, _call_later, log)
        self._asking_again: asyncio.TimerHandle | None = None

    @property
    def is_paused(self) -> bool:
        """Nothing is read: too much waits for the broker."""
        return self._back_pressure.is_paused

    @property
    def is_heard(self) -> bool:
        """A broker has said of each what becomes of it, and of its answer."""
        return not (len(self._unsettled) or self._unanswered.is_unheard)

    def link_up(self, send: SendToBroker) -> None:
        """There is a broker, which has had nothing yet."""
        self._send, self._back_pressure.linked = send, True
        self._fresh.clear()
        again = self._unanswered.to_repeat(self._clock()) + self._unsettled.all()
        if again:
            send(Deliver(again))

    def link_down(self) -> None:
        """There is none: everything is kept."""
        self._send, self._back_pressure.linked = None, False
        self._back_pressure.resume_if_room()

    def stop(self) -> None:
        """Nothing more is done at a later time."""
        self._ack_deadlines.stop()
        if self._asking_again is not None:
            self._asking_again.cancel()

    def receive(self, app: str, connection: str, text: str) -> None:
        """A connection of this app brought this envelope."""
        text, _ = blank_function_token(text)
        arrival = Arrival(next(self._numbers), app, connection, self._clock(), text)
        self._unsettled.add(arrival)
        if not self._fresh:
            asyncio.get_running_loop().call_soon(self._deliver_fresh)
        self._fresh.append(arrival)
        self._back_pressure.pause_if_full()

    def promise(self, promises: Sequence[Promise]) -> None:
        """The broker has journaled these, and will settle them by their deadlines."""
        self._ack_deadlines.add(promises)

    def _deliver_fresh(self) -> None:
        batch, self._fresh = self._fresh, []
        if batch and self._send is not None:
            self._send(Deliver(tuple(batch)))

    def settle(self, settlements: Sequence[Settlement]) -> None:
        """The broker's word on these: they are acknowledged, or no answer of theirs is owed any more."""
        by_app: dict[str, list[tuple[Arrival, Settlement]]] = {}
        for settlement in settlements:
            arrival = self._unsettled.remove(settlement.number)
            if arrival is not None:
                by_app.setdefault(arrival.app, []).append((arrival, settlement))
                if settlement.payload is not None and arrival.number not in self._unanswered:
                    self._unanswered.settled_with_answer(arrival)
            elif settlement.payload is None:
                self._unanswered.forget(settlement.number)
            elif settlement.number in self._unanswered:
                self.report_unsent(settlement)
        for app, settled in by_app.items():
            self._transports[app].settle(settled)
        self._back_pressure.resume_if_room()
        self._changed()

    def _settle_as_promised(self, settlements: Sequence[Settlement]) -> None:
        for settlement in settlements:
            arrival = self._unsettled.get(settlement.number)
            if arrival is not None:
                self._unanswered.acknowledged_as_promised(arrival)
        self.settle(settlements)

    def report_unsent(self, settlement: Settlement) -> None:
        """No acknowledgement could carry this answer: the broker sees to it that it follows."""
        if settlement.payload is None:
            return
        self._unanswered.unsent(settlement.number)
        if self._send is not None:
            self._send(Unsent((settlement.number,)))

    def refuse(self, message: Refused) -> None:
        """The broker could not journal these: they are not acknowledged, and Slack sends events again."""
        by_app: dict[str, list[Arrival]] = {}
        for refusal in message.refusals:
            arrival = self._unsettled.remove(refusal.number)
            if arrival is not None:
                by_app.setdefault(arrival.app, []).append(arrival)
            elif refusal.number in self._unanswered:
                self._unanswered.refused(refusal.number)
                self._ask_again_later()
        for app, arrivals in by_app.items():
            self._transports[app].refuse(arrivals)
        if message.refusals:
            # The broker's log counts them, once a minute.
            self._log.debug(
                "the broker could not journal %d envelopes (%s): they are not acknowledged, "
                "and Slack sends events again",
                len(message.refusals),
                message.refusals[0].reason,
                extra={"event": "envelopes-refused"},
            )
        self._back_pressure.resume_if_room()
        self._changed()

    def _ask_again_later(self) -> None:
        if self._asking_again is None:
            self._asking_again = _call_later(REFUSED_AGAIN_AFTER, self._ask_again)

    def _ask_again(self) -> None:
        self._asking_again = None
        again = self._unanswered.take_refused(self._clock())
        if again and self._send is not None:
            self._send(Deliver(again))

    def _stop_asking_again(self) -> None:
        if self._asking_again is not None:
            self._asking_again.cancel()


def _call_later(seconds: float, call: Callable[[], None]) -> asyncio.TimerHandle:
    return asyncio.get_running_loop().call_later(seconds, call)

"""Acknowledges what the broker promised when no broker does: the timer around `AckDeadlines`."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from slackd.connector.ack_deadlines import AckDeadlines
from slackd.connector.unacknowledged import Unacknowledged
from slackd.envelope import Promise, Settlement


class AckDeadlineKeeper:
    """Holds one timer, from the first promise to `stop`."""

    def __init__(
        self,
        unsettled: Unacknowledged,
        settle: Callable[[Sequence[Settlement]], None],
        clock: Callable[[], float],
        log: logging.Logger,
    ) -> None:
        self._unsettled, self._settle, self._clock, self._log = unsettled, settle, clock, log
        self._promises = AckDeadlines()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, promises: Sequence[Promise]) -> None:
        """The broker promised."""
        self._promises.add(promises)
        self._set_timer()

    def was_kept(self, number: int) -> bool:
        """This arrival was acknowledged here, as promised; true once."""
        return self._promises.was_kept(number)

    def stop(self) -> None:
        """Nothing more is kept."""
        if self._timer is not None:
            self._timer.cancel()

    def _set_timer(self) -> None:
        due = self._promises.next_due()
        if due is not None and self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(0.0, due - self._clock()), self._keep)

    def _keep(self) -> None:
        self._timer = None
        settlements = self._promises.take_due(self._clock(), self._unsettled)
        if settlements:
            self._log.warning(
                "no broker kept the deadline of %d journaled envelopes: acknowledged without an answer",
                len(settlements),
                extra={"event": "deadline-without-broker"},
            )
            self._settle(settlements)
        self._set_timer()

"""The links to both connectors: what they deliver goes to the core, what they report goes to the record."""

import logging
from collections.abc import Callable, Sequence

from slackd.broker.connection_registry import STOPPED, ConnectionRegistry
from slackd.broker.connector_calls import ConnectorCalls
from slackd.broker.engine import Engine
from slackd.broker.journal.writes import GapRecord
from slackd.link import LinkedConnector
from slackd.link.messages import (
    Acknowledged,
    AppIdentity,
    Call,
    Changed,
    Closing,
    Deliver,
    FromBroker,
    FromConnector,
    Hello,
    Identified,
    Returned,
    Trouble,
    Unsent,
)

log = logging.getLogger(__name__)


class ConnectorHost:
    """Both connectors, as `slackd.link.BrokerEnd` wants it."""

    def __init__(
        self,
        connectors: ConnectionRegistry,
        on_acknowledged: Callable[[Acknowledged], None],
        on_identified: Callable[[AppIdentity], None],
    ) -> None:
        self._connectors, self._on_acknowledged = connectors, on_acknowledged
        self._on_identified = on_identified
        self._links: dict[int, LinkedConnector] = {}
        self._numbers: dict[LinkedConnector, int] = {}
        self._next = 0
        self._engine: Engine | None = None
        self._calls: ConnectorCalls | None = None
        self._is_stopping = False

    def attach(self, engine: Engine, calls: ConnectorCalls) -> None:
        """What it was made before of."""
        self._engine, self._calls = engine, calls

    def send(self, link: int, message: FromBroker) -> None:
        """Send to a connector; nothing happens if its link is gone."""
        connector = self._links.get(link)
        if connector is not None:
            connector.send(message)

    def send_call(self, link: int, call: Call) -> None:
        """As in `connector_calls.SendCall`."""
        self.send(link, call)

    def listen_no_more(self) -> None:
        """The broker stops: what is delivered from now on is for its successor."""
        self._is_stopping = True

    def joined(self, connector: LinkedConnector) -> None:
        """As in `BrokerEnd`."""
        self._next += 1
        self._links[self._next] = connector
        self._numbers[connector] = self._next

    def left(self, connector: LinkedConnector) -> None:
        """As in `BrokerEnd`."""
        assert self._engine is not None
        assert self._calls is not None
        link = self._numbers.pop(connector)
        del self._links[link]
        self._engine.core.link_lost(link)
        self._connectors.lost(link, self._engine.clock())
        self._calls.link_lost(link)
        self._note_ready(self._engine)
        self._report_peers()

    def from_connector(self, connector: LinkedConnector, messages: Sequence[FromConnector]) -> None:
        """As in `BrokerEnd`."""
        assert self._engine is not None
        link = self._numbers.get(connector)
        if link is None or self._is_stopping:
            return
        for message in messages:
            self._received(self._engine, link, message)
        self._engine.wake()

    def look_for_gaps(self, *, at_last: bool = False) -> list[GapRecord]:
        """Writes down gaps that began or ended since the last look, and returns them."""
        assert self._engine is not None
        gaps = self._connectors.gaps(self._engine.clock(), at_last=at_last)
        if gaps:
            self._engine.core.write(gaps)
            self._engine.wake()
        for gap in gaps:
            extra = {"event": "deaf" if gap.end is None else "hearing-again", "app": gap.app}
            if gap.end is None:
                # An ordinary stop is no error.
                level = logging.INFO if gap.reason == STOPPED else logging.ERROR
                log.log(level, "%s: no connection is READY (%s)", gap.app, gap.reason, extra=extra)
            else:
                seconds = gap.end - gap.start
                log.warning(
                    "%s: no connection was READY for %.2f s (%s)", gap.app, seconds, gap.reason, extra=extra
                )
        return gaps

    def _received(self, engine: Engine, link: int, message: FromConnector) -> None:
        match message:
            case Deliver(arrivals):
                engine.core.deliver(link, arrivals, engine.clock())
            case Closing():
                engine.core.closing(link, message)
            case Unsent(numbers):
                engine.core.unsent(link, numbers)
            case Acknowledged():
                self._on_acknowledged(message)
            case Returned():
                assert self._calls is not None
                self._calls.returned(message)
            case Hello():
                self._connectors.hello(link, message, engine.clock())
                self._changed(engine)
            case Changed():
                engine.core.write(self._connectors.changed(link, message, engine.clock()))
                self._changed(engine)
            case Identified(identity):
                engine.core.identified(identity)
                self._on_identified(identity)
            case Trouble(trouble):
                self._connectors.trouble(link, trouble)

    def _changed(self, engine: Engine) -> None:
        assert self._calls is not None
        self._note_ready(engine)
        self._calls.connectors_changed()
        self._report_peers()

    def _note_ready(self, engine: Engine) -> None:
        if not self._is_stopping:
            engine.core.write(self._connectors.moved_ready(engine.clock()))
            engine.wake()

    def _report_peers(self) -> None:
        for link, peers in self._connectors.peers().items():
            self.send(link, peers)

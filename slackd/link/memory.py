"""The link within one process (`slackd run`): the same values, passed in the next turn of the loop.

Neither end is ever called from inside a call of its own, and what one end sends in one turn of the loop comes
to the other in one call, in order, as over the socket.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from slackd.link import BrokerEnd, ConnectorEnd
from slackd.link.messages import FromBroker, FromConnector

T = TypeVar("T")


class _Batches(Generic[T]):
    """Collects what is sent in one turn of the loop and passes it on in the next."""

    def __init__(self, hand_on: Callable[[Sequence[T]], None]) -> None:
        self._hand_on = hand_on
        self._waiting: list[T] = []
        self.open = True

    def send(self, message: T) -> None:
        if not self.open:
            return
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._flush)
        self._waiting.append(message)

    def _flush(self) -> None:
        batch, self._waiting = self._waiting, []
        if self.open:
            self._hand_on(batch)


class MemoryLink:
    """A link between two ends in one process; to the broker it is the connector. Made by `join`."""

    def __init__(self, connector: ConnectorEnd, broker: BrokerEnd) -> None:
        self._connector = connector
        self._broker = broker
        self._to_broker: _Batches[FromConnector] = _Batches(
            lambda batch: self._broker.from_connector(self, batch)
        )
        self._to_connector: _Batches[FromBroker] = _Batches(self._connector.from_broker)
        broker.joined(self)
        connector.link_up(self._to_broker.send)

    def send(self, message: FromBroker) -> None:
        """What the broker calls (`LinkedConnector`)."""
        self._to_connector.send(message)

    def close(self) -> None:
        """End the link: both ends are notified, and what was on its way is lost, as over a socket."""
        if not self._to_broker.open:
            return
        self._to_broker.open = self._to_connector.open = False
        self._connector.link_down()
        self._broker.left(self)


def join(connector: ConnectorEnd, broker: BrokerEnd) -> MemoryLink:
    """Link the two sides in this process; must be called from the running loop."""
    return MemoryLink(connector, broker)

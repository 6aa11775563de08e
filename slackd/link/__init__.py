"""The seam between the wings: in memory in one process, or over a Unix socket between three."""

from collections.abc import Sequence
from typing import Protocol

from slackd.link.messages import FromBroker, FromConnector


class ConnectorEnd(Protocol):
    """What a connector implements: the link reports to it."""

    def link_up(self, send: "SendToBroker") -> None:
        """The broker can be spoken to: say Hello, then deliver again all that is unsettled (rule R1)."""

    def link_down(self) -> None:
        """The broker is gone for now; `send` of the last `link_up` is of no use any more."""

    def from_broker(self, messages: Sequence[FromBroker]) -> None:
        """The broker said something; what it said together comes together."""


class SendToBroker(Protocol):
    """Sends to the broker; never blocks, never raises for a link that just broke (R1 makes good for it)."""

    def __call__(self, message: FromConnector) -> None: ...


class LinkedConnector(Protocol):
    """A connector as the broker sees it: one object for each link, gone when the link is."""

    def send(self, message: FromBroker) -> None:
        """Never blocks, never raises for a link that just broke."""


class BrokerEnd(Protocol):
    """What the broker implements: links report to it."""

    def joined(self, connector: LinkedConnector) -> None:
        """A link was made; its Hello follows."""

    def left(self, connector: LinkedConnector) -> None:
        """The link is gone, and with it whatever waited for a word on it."""

    def from_connector(self, connector: LinkedConnector, messages: Sequence[FromConnector]) -> None:
        """A connector said something; what it said together comes together."""

"""The link within one process keeps order and batches, and calls nobody from inside of his own call."""

import asyncio
from collections.abc import Sequence

from slackd.envelope import Arrival, Settlement
from slackd.link import LinkedConnector, SendToBroker
from slackd.link.memory import join
from slackd.link.messages import Deliver, FromBroker, FromConnector, Hello, Settled


class Connector:
    def __init__(self) -> None:
        self.heard: list[Sequence[FromBroker]] = []
        self.send: SendToBroker | None = None

    def link_up(self, send: SendToBroker) -> None:
        self.send = send
        send(Hello(1, 1, 1, ""))
        send(Deliver((Arrival(1, "main", "c", 0.0, "{}"),)))

    def link_down(self) -> None:
        self.send = None

    def from_broker(self, messages: Sequence[FromBroker]) -> None:
        self.heard.append(tuple(messages))


class Broker:
    def __init__(self) -> None:
        self.heard: list[Sequence[FromConnector]] = []
        self.links: list[LinkedConnector] = []

    def joined(self, connector: LinkedConnector) -> None:
        self.links.append(connector)

    def left(self, connector: LinkedConnector) -> None:
        self.links.remove(connector)

    def from_connector(self, connector: LinkedConnector, messages: Sequence[FromConnector]) -> None:
        assert connector in self.links
        self.heard.append(tuple(messages))
        connector.send(Settled((Settlement(1, "e-1"),)))
        connector.send(Settled((Settlement(2, "e-2"),)))


async def test_what_is_sent_together_comes_together_and_later() -> None:
    connector, broker = Connector(), Broker()
    link = join(connector, broker)
    assert broker.heard == []
    await asyncio.sleep(0)
    assert broker.heard == [(Hello(1, 1, 1, ""), Deliver((Arrival(1, "main", "c", 0.0, "{}"),)))]
    assert connector.heard == []
    await asyncio.sleep(0)
    assert connector.heard == [(Settled((Settlement(1, "e-1"),)), Settled((Settlement(2, "e-2"),)))]
    link.close()
    assert (connector.send, broker.links) == (None, [])


async def test_after_the_end_of_the_link_nothing_comes() -> None:
    connector, broker = Connector(), Broker()
    link = join(connector, broker)
    send = connector.send
    assert send is not None
    link.close()
    link.close()
    send(Hello(1, 1, 1, ""))
    link.send(Settled(()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (broker.heard, connector.heard) == ([], [])

"""What is sent over the link in one turn is one write; what Slack waits for waits for no other turn."""

import asyncio
from typing import Any

from slackd.envelope import Arrival, Settlement
from slackd.link.messages import Closing, Deliver, Settled
from slackd.link.protocol import LinkProtocol

ARRIVAL = Arrival(1, "main", "c1-main-1", 5.0, '{"envelope_id":"e-1"}')


class Wire(asyncio.Transport):
    """Takes all that is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0


def linked() -> tuple[LinkProtocol, Wire]:
    wire = Wire()
    link = LinkProtocol(lambda link: None, lambda link, messages: None, lambda link: None)
    link.connection_made(wire)
    return link, wire


async def test_what_is_sent_in_one_turn_is_one_write() -> None:
    link, wire = linked()
    link.send(Closing("c1-main-1"))
    link.send(Closing("c1-main-2"))
    assert wire.written == []
    await asyncio.sleep(0)
    (written,) = wire.written
    assert written.count(b'"closing"') == 2


async def test_arrivals_are_written_at_once_behind_what_was_sent_before_them() -> None:
    link, wire = linked()
    link.send(Closing("c1-main-1"))
    link.send(Deliver((ARRIVAL,)))
    (written,) = wire.written
    assert written.index(b'"closing"') < written.index(b'"deliver"')
    link.send(Closing("c1-main-2"))
    await asyncio.sleep(0)
    assert len(wire.written) == 2


async def test_what_may_be_acknowledged_is_written_at_once() -> None:
    link, wire = linked()
    link.send(Settled((Settlement(1, "e-1"),)))
    (written,) = wire.written
    assert b'"settled"' in written

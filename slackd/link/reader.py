"""The link's bytes, turned into messages. Pure."""

from collections import deque
from collections.abc import Iterator

import attrs

from slackd import wire
from slackd.envelope import Arrival
from slackd.errors import LinkError
from slackd.link.decoding import Head, Heads, decode
from slackd.link.encoding import LINE_LIMIT
from slackd.link.messages import Deliver, LinkMessage


@attrs.frozen
class Unknown:
    """A message of a newer release: ignored, and said once."""

    method: str


@attrs.frozen
class Broken:
    """Not the link's language; nothing after it can be trusted."""

    reason: str


class LinkReader:
    """Reads one end of a link. After a `Broken` nothing more comes.

    Of a `Deliver` whose texts are still on their way, those that are there come first, as one of their own.
    """

    def __init__(self, limit: int = LINE_LIMIT) -> None:
        self._limit = limit
        self._cutter = wire.LineCutter(limit)
        self._due: deque[Head] = deque()
        self._broken = False

    def receive(self, data: bytes) -> list[LinkMessage | Unknown | Broken]:
        """What the bytes complete, in order. Never raises on what the peer sent."""
        found: list[LinkMessage | Unknown | Broken] = []
        if self._broken:
            return found
        try:
            self._read(iter(self._cutter.receive(data)), found)
        except (LinkError, UnicodeDecodeError) as error:
            self._broken = True
            found.append(Broken(str(error)))
        if self._cutter.too_long and not self._broken:
            self._broken = True
            found.append(Broken(f"a line has more than {self._limit} bytes"))
        return found

    def _read(self, lines: Iterator[bytes], found: list[LinkMessage | Unknown | Broken]) -> None:
        while True:
            if self._due:
                arrivals = self._arrivals(lines)
                if arrivals:
                    found.append(Deliver(arrivals))
            line = next(lines, None)
            if line is None:
                return
            message = self._message(line)
            if message is not None:
                found.append(message)

    def _arrivals(self, lines: Iterator[bytes]) -> tuple[Arrival, ...]:
        """Those that are due and whose text is there."""
        arrivals = []
        while self._due:
            number, app, connection, received_at, text = self._due[0]
            if text is None:
                line = next(lines, None)
                if line is None:
                    break
                text = line.decode()
            self._due.popleft()
            arrivals.append(Arrival(number, app, connection, received_at, text))
        return tuple(arrivals)

    def _message(self, line: bytes) -> LinkMessage | Unknown | None:
        if not line or line.isspace():
            return None
        said = wire.decode(line)
        if isinstance(said, wire.Malformed):
            raise LinkError(said.message)
        if not isinstance(said, wire.Notification):
            return None
        message = decode(said)
        if message is None:
            return Unknown(said.method)
        if not isinstance(message, Heads):
            return message
        self._due.extend(message.arrivals)
        return None

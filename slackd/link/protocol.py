"""One end of the link's socket: bytes to messages and back, the same for both sides.

What arrives in one chunk is passed on in one call; what is sent in one turn of the loop is written at once. A
chunk is some milliseconds of work, so that plugins have their turn between two of them: while the broker takes
in a flood, it goes on delivering.

`LinkReader` turns bytes into messages, and is pure: the texts of arrivals may follow their heads as lines of
their own, and what is malformed, or of a version that is too far away, ends the link with a reason.
`LinkProtocol` is the socket around it.
"""

import asyncio
import json
import logging
import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NoReturn, cast

from slackd import jsonrpc
from slackd.envelope import Arrival
from slackd.errors import LinkError, LinkVersionError
from slackd.line_cutter import LineCutter
from slackd.link.codec import LINE_LIMIT, Head, Heads, decode, encode
from slackd.link.messages import LINK_VERSION, Deliver, Hello, Identified, LinkMessage, Settled, Welcome
from slackd.slotted import frozen


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_parse: Callable[[str], Any] = json.JSONDecoder(parse_constant=_refuse_constant).decode
"""Without a look at each number, as `jsonrpc.parse` has it: columns are looked at as a whole."""


@frozen
class Unknown:
    """A message of a newer release: ignored, and said once."""

    method: str


@frozen
class LinkBroken:
    """Not the link's language; nothing after it can be trusted. `event` is what the log calls it."""

    reason: str
    event: str = "link-malformed"


SINCE: Final[Mapping[type[LinkMessage], int]] = {Identified: 2}
"""The version of the link that brought a message; one that is not named is of version 1."""


class LinkReader:
    """Reads one end of a link. After a `LinkBroken` nothing more comes.

    Of a `Deliver` whose texts are still on their way, those that are there come first, as one of their own.

    Attributes:
        peer_version: The version of the link that the other side has said it speaks; 1 until it has.
    """

    def __init__(self, first_limit: int = LINE_LIMIT) -> None:
        """A line may have `first_limit` bytes until the other side has introduced itself, then `LINE_LIMIT`."""
        self._cutter = LineCutter(first_limit)
        self._due: deque[Head] = deque()
        self._broken = False
        self.peer_version = 1

    def receive(self, data: bytes) -> list[LinkMessage | Unknown | LinkBroken]:
        """What the bytes complete, in order. Never raises on what the peer sent."""
        found: list[LinkMessage | Unknown | LinkBroken] = []
        if self._broken:
            return found
        try:
            self._read(iter(self._cutter.receive(data)), found)
        except (LinkError, UnicodeDecodeError) as error:
            self._broken = True
            versions = isinstance(error, LinkVersionError)
            found.append(LinkBroken(str(error), "link-version" if versions else "link-malformed"))
        if self._cutter.too_long and not self._broken:
            self._broken = True
            found.append(LinkBroken(f"a line has more than {self._cutter.limit} bytes"))
        return found

    def _read(self, lines: Iterator[bytes], found: list[LinkMessage | Unknown | LinkBroken]) -> None:
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
        arrivals, due = [], self._due
        while due:
            number, app, connection, received_at, text = due[0]
            if text is None:
                line = next(lines, None)
                if line is None:
                    break
                text = line.decode()
            due.popleft()
            arrivals.append(Arrival(number, app, connection, received_at, text))
        return tuple(arrivals)

    def _message(self, line: bytes) -> LinkMessage | Unknown | None:
        if not line or line.isspace():
            return None
        said = jsonrpc.decode(line, _parse)
        if isinstance(said, jsonrpc.Malformed):
            raise LinkError(said.message)
        if not isinstance(said, jsonrpc.Notification):
            return None
        message = decode(said)
        if message is None:
            return Unknown(said.method)
        if isinstance(message, Heads):
            self._due.extend(message.arrivals)
            return None
        if isinstance(message, Hello | Welcome):
            check_version(message)
            self.peer_version = message.version
            self._cutter.limit = LINE_LIMIT
        return message


def check_version(said: Hello | Welcome) -> None:
    """Refuse a side that speaks a version of the link that is not ours or a neighbour of ours.

    Raises:
        LinkVersionError: It names both versions and the hint.
    """
    if abs(said.version - LINK_VERSION) > 1:
        theirs, ours = ("connector", "broker") if isinstance(said, Hello) else ("broker", "connector")
        raise LinkVersionError(
            f"a {theirs} speaks version {said.version} of the link, this {ours} version {LINK_VERSION}: "
            "install neighbouring releases of slackd, and run `systemctl reload slackd`"
        )


log = logging.getLogger(__name__)

CHUNK = 256 * 1024
"""Bytes read from the socket in one turn of the loop, at most."""
AT_ONCE: Final = frozenset({Deliver, Settled})
"""Messages that say all that there is to say in this turn of the loop, and that Slack waits for."""


class LinkProtocol(asyncio.BufferedProtocol):
    """The protocol object of one link.

    `on_messages`, `on_made` and `on_lost` are called from the loop; `on_lost` once, and only after `on_made`.

    Args:
        first_limit: Bytes of a line before the other side has introduced itself.
        unread_limit: Bytes that may wait for the other side to read them; beyond them the link is closed.
    """

    def __init__(
        self,
        on_made: Callable[["LinkProtocol"], None],
        on_messages: Callable[["LinkProtocol", Sequence[LinkMessage]], None],
        on_lost: Callable[["LinkProtocol"], None],
        *,
        first_limit: int = LINE_LIMIT,
        unread_limit: float = math.inf,
    ) -> None:
        self._on_made = on_made
        self._on_messages = on_messages
        self._on_lost = on_lost
        self._reader = LinkReader(first_limit)
        self._unread_limit = unread_limit
        self._buffer = bytearray(CHUNK)
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._out: list[bytes] = []
        self._unknown_methods: set[str] = set()
        self._held: list[LinkMessage] = []
        self.closed: asyncio.Future[None] = self._loop.create_future()

    def send(self, message: LinkMessage) -> None:
        """Queue a message; it is written in this turn of the loop, what Slack waits for (`AT_ONCE`) at once
        with all that is queued. Never blocks, never raises. What the other side may not know waits until that
        has said which version it speaks."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._reader.peer_version < SINCE.get(type(message), 1):
            self._held.append(message)
            return
        try:
            line = encode(message, self._reader.peer_version)
        except LinkError as error:
            log.error("%s; it was not sent", error, extra={"event": "link-unsendable"})
            return
        self._out.append(line)
        if type(message) in AT_ONCE:
            self._flush()
        elif len(self._out) == 1:
            self._loop.call_soon(self._flush)

    def close(self) -> None:
        """Write what is queued, then close; `closed` is done when the socket is gone."""
        if self._transport is not None:
            self._flush()
            self._transport.close()

    def abort(self) -> None:
        """Close at once; what is queued is lost."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As in `asyncio.BufferedProtocol`."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but name
        self._on_made(self)

    def get_buffer(self, sizehint: int) -> bytearray:
        """As in `asyncio.BufferedProtocol`."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """As in `asyncio.BufferedProtocol`."""
        messages: list[LinkMessage] = []
        broken: LinkBroken | None = None
        for item in self._reader.receive(bytes(memoryview(self._buffer)[:nbytes])):
            match item:
                case LinkBroken():
                    broken = item
                case Unknown(method):
                    self._note_unknown(method)
                case _:
                    messages.append(item)
        if self._held and self._reader.peer_version > 1:
            held, self._held = self._held, []
            for message in held:
                self.send(message)
        if messages:
            self._on_messages(self, messages)
        if broken is not None:
            log.error("the link is closed: %s", broken.reason, extra={"event": broken.event})
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """As in `asyncio.BufferedProtocol`."""
        self._out.clear()
        self._held.clear()
        if not self.closed.done():
            self.closed.set_result(None)
        self._on_lost(self)

    def _flush(self) -> None:
        if self._out and self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(self._out))
            waiting = self._transport.get_write_buffer_size()
            if waiting > self._unread_limit:
                text = "the link is closed: the other side leaves %d bytes unread"
                log.error(text, waiting, extra={"event": "link-unread"})
                self._transport.abort()
        self._out.clear()

    def _note_unknown(self, method: str) -> None:
        if method not in self._unknown_methods and len(self._unknown_methods) < 100:
            self._unknown_methods.add(method)
            log.warning(
                "the link's message %r is of a newer release and was ignored",
                method,
                extra={"event": "link-unknown"},
            )

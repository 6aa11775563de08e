"""The link's bytes, turned into messages. Pure."""

import attrs

from slackd import wire
from slackd.errors import LinkError
from slackd.link.decoding import Heads, decode
from slackd.link.encoding import LINE_LIMIT
from slackd.link.messages import LinkMessage


@attrs.frozen
class Unknown:
    """A message of a newer release: ignored, and said once."""

    method: str


@attrs.frozen
class Broken:
    """Not the link's language; nothing after it can be trusted."""

    reason: str


class LinkReader:
    """Reads one end of a link. After a `Broken` nothing more comes."""

    def __init__(self, limit: int = LINE_LIMIT) -> None:
        self._limit = limit
        self._cutter = wire.LineCutter(limit)
        self._heads: Heads | None = None
        self._due = 0
        self._texts: list[str] = []
        self._broken = False

    def receive(self, data: bytes) -> list[LinkMessage | Unknown | Broken]:
        """What the bytes complete, in order. Never raises on what the peer sent."""
        found: list[LinkMessage | Unknown | Broken] = []
        if self._broken:
            return found
        try:
            self._read(self._cutter.receive(data), found)
        except (LinkError, UnicodeDecodeError) as error:
            self._broken = True
            found.append(Broken(str(error)))
        if self._cutter.too_long and not self._broken:
            self._broken = True
            found.append(Broken(f"a line has more than {self._limit} bytes"))
        return found

    def _read(self, lines: list[bytes], found: list[LinkMessage | Unknown | Broken]) -> None:
        message: LinkMessage | Unknown | Broken | None
        place = 0
        while place < len(lines):
            if self._heads is not None:
                texts = lines[place : place + self._due - len(self._texts)]
                self._texts += [text.decode() for text in texts]
                place += len(texts)
                message = self._complete()
            else:
                message = self._line(lines[place])
                place += 1
            if message is not None:
                found.append(message)

    def _line(self, line: bytes) -> LinkMessage | Unknown | Broken | None:
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
        self._heads, self._due, self._texts = message, message.lines, []
        return self._complete()

    def _complete(self) -> LinkMessage | None:
        if self._heads is None or len(self._texts) < self._due:
            return None
        heads, self._heads = self._heads, None
        return heads.complete(self._texts)

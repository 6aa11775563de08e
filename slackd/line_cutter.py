"""Lines out of a byte stream, for every protocol here that is spoken in lines.

Sans-IO and standard library alone. What is kept is bounded by the limit, whatever a peer sends (P7).
"""

from io import BytesIO
from typing import Final

BLOCK: Final = 4_096
"""Bytes of one block of a line whose end has not come yet."""


class LineCutter:
    """Cuts a byte stream into lines; how it falls into chunks makes no difference to what comes out, and each
    byte is looked at a bounded number of times.

    `limit` is the length in bytes that a line may have from now on, without its line feed.
    """

    __slots__ = ("_tail", "_unfinished", "limit", "too_long")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._tail: list[bytearray] = []
        self._unfinished = 0
        self.too_long = False

    def receive(self, data: bytes) -> list[bytes]:
        """The lines that `data` completes, in order, without their line feeds. After the first one that is
        longer than the limit `too_long` is true, and nothing more comes."""
        if self.too_long:
            return []
        if b"\n" not in data:
            self._keep(data)
            return []
        # Several times as fast as `split`, which looks at one byte after the other.
        ended = BytesIO(data).readlines()
        rest = b"" if data.endswith(b"\n") else ended.pop()
        lines = [line[:-1] for line in ended]
        if self._tail:
            lines[0] = b"".join((*self._tail, lines[0]))
            self._tail, self._unfinished = [], 0
        for place, line in enumerate(lines):
            if len(line) > self.limit:
                self._stop()
                return lines[:place]
        if rest:
            self._keep(rest)
        return lines

    @property
    def between_lines(self) -> bool:
        """What comes next begins a line."""
        return not self._tail and not self.too_long

    @property
    def unfinished(self) -> int:
        """Bytes of a line whose end has not come yet."""
        return self._unfinished

    def _keep(self, part: bytes) -> None:
        """Keep a part of a line in blocks of one size: what grows in place, next to others that do, leaves
        holes in memory that nothing fits into."""
        self._unfinished += len(part)
        if self._unfinished > self.limit:
            self._stop()
            return
        if self._tail and (room := BLOCK - len(self._tail[-1])):
            self._tail[-1] += part[:room]
            part = part[room:]
        self._tail += [bytearray(part[start : start + BLOCK]) for start in range(0, len(part), BLOCK)]

    def _stop(self) -> None:
        self.too_long = True
        self._tail, self._unfinished = [], 0

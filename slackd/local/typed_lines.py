"""Lines that come in over a descriptor, read by the event loop: a terminal, a pipe, or a whole file."""

import asyncio
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Final

PIECE: Final = 65_536
"""Bytes that are read at once."""


class TypedLines:
    """What was typed and not yet taken.

    Attributes:
        ended: Nothing more comes.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lines: list[str] = []
        self._begun = b""
        self.ended = False

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Read until the block ends."""
        loop = asyncio.get_running_loop()
        try:
            loop.add_reader(self._descriptor, self._read)
        except PermissionError:  # a file, or /dev/null: it is never waited for
            while not self.ended:
                self._read()
        try:
            yield
        finally:
            loop.remove_reader(self._descriptor)

    def has(self, words: Collection[str]) -> bool:
        """Whether one of the lines that nobody took is one of these."""
        return any(line.strip() in words for line in self._lines)

    def take(self) -> list[str]:
        """Return the whole lines that came since the last call."""
        lines, self._lines = self._lines, []
        return lines

    def _read(self) -> None:
        try:
            data = os.read(self._descriptor, PIECE)
        except OSError:  # the terminal has gone
            data = b""
        *whole, self._begun = (self._begun + data).split(b"\n")
        if not data:
            self.ended = True
            whole, self._begun = [self._begun] if self._begun else [], b""
            asyncio.get_running_loop().remove_reader(self._descriptor)
        self._lines += [line.decode("utf-8", "replace") for line in whole]

"""Ids in the forms that Slack gives them.

Times are seconds on the emulator's clock; `wall` is UNIX seconds.
"""

from __future__ import annotations

import itertools
import random

_ALPHABET = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"


class IdSource:
    """Draws ids that never repeat within one emulator, and with no `seed` not between two either."""

    def __init__(self, seed: int | None = None) -> None:
        self._random = random.Random(seed)
        self._counter = itertools.count(1)
        self._prefix = self._letters(6)
        self._last_ts = 0

    def envelope_id(self) -> str:
        """A UUID, version 4."""
        digits = f"{self._random.getrandbits(128):032x}"
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"

    ticket = envelope_id

    def event_id(self) -> str:
        """As `Ev0PV52K2134`, unique: events are told apart by it."""
        return f"Ev0{self._prefix}{self._base34(next(self._counter), 6)}"

    def slack_id(self, kind: str) -> str:
        """A new id of an object whose ids begin with `kind` (C, U, V, F, ...)."""
        return f"{kind}0{self._letters(4)}{self._base34(next(self._counter), 5)}"

    def ts(self, wall: float) -> str:
        """A message's `ts` at the wall-clock time `wall`: unique and rising."""
        self._last_ts = max(int(wall * 1_000_000), self._last_ts + 1)
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06}"

    def trigger_id(self) -> str:
        """As `13345224609.738474920.8088930838d88f008e0`."""
        bits = self._random.getrandbits
        return f"{next(self._counter)}.{bits(40)}.{bits(128):032x}"

    def secret(self) -> str:
        """The unguessable end of a `response_url`."""
        return "".join(self._random.choices(_ALPHABET + _ALPHABET.lower(), k=24))

    def number(self) -> str:
        """A decimal number of a dozen digits, as in a `response_url`."""
        return str(self._random.randrange(10**11, 10**12))

    def _letters(self, count: int) -> str:
        return "".join(self._random.choices(_ALPHABET, k=count))

    def _base34(self, number: int, width: int) -> str:
        digits = ""
        while number:
            number, rest = divmod(number, 34)
            digits = _ALPHABET[rest] + digits
        return digits.rjust(width, "0")

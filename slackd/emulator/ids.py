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
        digits = self._random.getrandbits(128).to_bytes(16, "big").hex()
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"

    ticket = envelope_id

    def event_id(self) -> str:
        """As `Ev0PV52K2134`, unique: events are told apart by it."""
        return f"Ev0{self._prefix}{next(self._counter):06}"

    def slack_id(self, kind: str) -> str:
        """A new id of an object whose ids begin with `kind` (C, U, V, F, ...)."""
        return f"{kind}0{self._letters(4)}{next(self._counter):05}"

    def ts(self, wall: float) -> str:
        """A message's `ts` at the wall-clock time `wall`: unique and rising."""
        now, next_ts = int(wall * 1_000_000), self._last_ts + 1
        self._last_ts = now if now > next_ts else next_ts
        digits = str(self._last_ts).rjust(7, "0")
        return f"{digits[:-6]}.{digits[-6:]}"

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

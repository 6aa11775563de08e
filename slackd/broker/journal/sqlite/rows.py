"""Rows become values here, checked at the border: a damaged file has texts where numbers should be."""

from collections.abc import Callable, Sequence
from enum import Enum
from types import NoneType
from typing import Any, Final, TypeVar

Kinds = tuple[tuple[type, ...], ...]
"""For each column, the types that its values may have."""

WHOLE: Final = (int,)
NUMBER: Final = (float, int)
TEXT: Final = (str,)
BYTES: Final = (bytes,)
MAYBE_NUMBER: Final = (float, int, NoneType)
MAYBE_TEXT: Final = (str, NoneType)

ANSWERED: Final = -1.0
"""What stands as `respond_by` of an open delivery whose answer was given: a deadline before all times, so that
a release that knows nothing of such deliveries takes it for one that is over."""
_REACH: Final = 1 << 60

Member = TypeVar("Member", bound=Enum)
Row = TypeVar("Row", bound=Sequence[Any])
Value = TypeVar("Value")


class DamagedRowError(Exception):
    """A row holds what no release of slackd writes. Whoever has a path turns it into a `JournalDamaged`."""


def checked(row: Row, kinds: Kinds, table: str) -> Row:
    """The row, if each of its values is of a type that its column may have.

    Raises:
        DamagedRowError: One is not; the message names the table and the type, never the value.
    """
    for place, (value, kind) in enumerate(zip(row, kinds, strict=True)):
        if type(value) not in kind:
            found, expected = type(value).__name__, kind[0].__name__
            raise DamagedRowError(f"table {table} has {found} where {expected} should be (value {place + 1})")
    return row


def within_reach(row: Row, table: str) -> Row:
    """The row, if its whole numbers can be counted on from: SQLite's go to 2 ** 63.

    Raises:
        DamagedRowError: One is too large.
    """
    if any(isinstance(value, int) and abs(value) > _REACH for value in row):
        raise DamagedRowError(f"table {table} has a number that was never counted to")
    return row


def member(kind: Callable[[Any], Member], value: object, table: str) -> Member:
    """The member of an enumeration that a value stands for.

    Raises:
        DamagedRowError: It stands for none.
    """
    try:
        return kind(value)
    except ValueError as error:
        raise DamagedRowError(f"table {table} has an unknown {getattr(kind, '__name__', kind)}") from error


def values(
    make: Callable[..., Value], rows: Sequence[tuple[Any, ...]], kinds: Kinds, table: str
) -> tuple[Value, ...]:
    """A value for each row.

    Raises:
        DamagedRowError: As `checked`.
    """
    return tuple(make(*checked(row, kinds, table)) for row in rows)

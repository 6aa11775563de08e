"""The words in which the tables of Block Kit are written."""

from __future__ import annotations

from typing import Literal

import attrs

Base = Literal["text", "boolean", "integer", "number", "object", "list", "any"]


@attrs.frozen
class Field:
    """What a field of an object may hold.

    Attributes:
        base: its JSON type; `any` is not looked into.
        of: the table of an `object`, or of the items of a `list`: a name in `OBJECTS`, or a set of types
            (`blocks:message`, `elements:actions`, ...). None: not looked into.
        required: whether it has to be there.
        least: characters, items, or the smallest number.
        most: characters, items, or the largest number.
        pattern: a regular expression that a text matches as a whole.
        values: all that a text may be.
        text_type: of a text object, `plain_text` where nothing else is allowed.
    """

    base: Base
    of: str | None = None
    required: bool = False
    least: float | None = None
    most: float | None = None
    pattern: str | None = None
    values: tuple[str, ...] | None = None
    text_type: str | None = None


def text(most: int | None = None, *, required: bool = False, least: int | None = None) -> Field:
    """A string."""
    return Field("text", required=required, most=most, least=least)


def needed(most: int | None = None) -> Field:
    """A string that has to be there and may not be empty."""
    return Field("text", required=True, least=1, most=most)


def one_of(*values: str, required: bool = False) -> Field:
    """One of these strings."""
    return Field("text", values=values, required=required)


def matching(pattern: str, *, required: bool = False) -> Field:
    """A string of this form."""
    return Field("text", pattern=pattern, required=required)


def whole(least: float | None = None, most: float | None = None) -> Field:
    """A whole number."""
    return Field("integer", least=least, most=most)


def plain(most: int, *, required: bool = False) -> Field:
    """A text object of type `plain_text`."""
    return Field("object", "text_object", required=required, least=1, most=most, text_type="plain_text")


def formatted(most: int, *, required: bool = False) -> Field:
    """A text object of either type."""
    return Field("object", "text_object", required=required, least=1, most=most)


def an_object(of: str, *, required: bool = False) -> Field:
    """An object of that table."""
    return Field("object", of, required=required)


def a_list(of: str | None, *, least: int = 1, most: int | None = None, required: bool = False) -> Field:
    """A list of objects."""
    return Field("list", of, required=required, least=least, most=most)


BOOLEAN = Field("boolean")
ANYTHING = Field("any")

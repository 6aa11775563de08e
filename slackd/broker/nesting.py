"""How deep objects and arrays may stand within each other in what is passed on, so that nobody chokes on it."""

from typing import Any

DEEPEST = 96
"""What the parsers of most languages take, with room for the line around it, and several times as deep as
anything that Slack sends."""
_CONTAINERS = frozenset({dict, list})


def may_be_deep(text: bytes) -> bool:
    """Whether a JSON text has so many brackets in all that its value must be looked at."""
    # bytes.replace() leaps from one to the next with memchr(3), where count() looks at every byte.
    return 2 * len(text) - len(text.replace(b"{", b"")) - len(text.replace(b"[", b"")) > DEEPEST


def is_deep(value: Any) -> bool:
    """Whether more than `DEEPEST` objects and arrays of a parsed JSON value stand within each other."""
    level = [value] if type(value) in _CONTAINERS else []
    for _ in range(DEEPEST):
        if not level:
            return False
        level = [
            inner
            for each in level
            for inner in (each.values() if type(each) is dict else each)
            if type(inner) in _CONTAINERS
        ]
    return bool(level)

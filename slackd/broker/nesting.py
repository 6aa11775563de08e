"""How deep objects and arrays may stand within each other in what is passed on, so that nobody chokes on it."""

from typing import Any

DEEPEST = 96
"""What the parsers of most languages take, with room for the line around it, and several times as deep as
anything that Slack sends."""


def is_deep(value: Any) -> bool:
    """Whether more than `DEEPEST` objects and arrays of a parsed JSON value stand within each other."""
    level = [value]
    for _ in range(DEEPEST + 1):
        level = [each for each in level if isinstance(each, dict | list)]
        if not level:
            return False
        level = [inner for each in level for inner in (each.values() if isinstance(each, dict) else each)]
    return True

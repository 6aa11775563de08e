"""Text from elsewhere: made safe for UTF-8 and for a terminal, and what was meant by a misspelt name.

JSON's escapes can spell lone surrogates, which neither UTF-8 nor the journal can hold: each becomes a `?`.
"""

from collections.abc import Iterable
from typing import Any


def as_unicode(text: str) -> str:
    """The text without lone surrogates."""
    return text if text.isascii() else text.encode(errors="replace").decode()


def all_unicode(value: Any) -> Any:
    """A parsed JSON value without lone surrogates; it is nested no deeper than `slackd.broker.nesting` says."""
    if isinstance(value, str):
        return as_unicode(value)
    if isinstance(value, dict):
        return {as_unicode(key): all_unicode(each) for key, each in value.items()}
    return [all_unicode(each) for each in value] if isinstance(value, list) else value


def printable(text: str) -> str:
    """The text on one line, with every sign that shows nothing, or steers what shows it, written as an escape.

    Those are line feeds, control characters (ESC begins what a terminal obeys), and Unicode's invisible signs,
    of which some turn the direction of what follows (U+202E).
    """
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def nearest_name(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """The known name most like it.

    Args:
        name: What nobody knows.
        known: The names that there are.
        cutoff: How alike they must be, from 0 (not at all) to 1 (equal).

    Returns:
        The nearest one, or None if none is as alike as that.
    """
    # Costs half a millisecond to import, and is of use for what is misspelt alone.
    from difflib import get_close_matches

    return next(iter(get_close_matches(name, list(known), n=1, cutoff=cutoff)), None)

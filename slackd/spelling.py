"""What was meant by a name that nobody knows."""

from collections.abc import Iterable


def nearest_name(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """The known name most like it; None if none is as alike as `cutoff` says (0: not at all, 1: equal)."""
    # Costs half a millisecond to import, and is of use for what is misspelt alone.
    from difflib import get_close_matches

    return next(iter(get_close_matches(name, list(known), n=1, cutoff=cutoff)), None)

"""Whether two globs have a text in common. Pure; the globs are those of `fnmatch.fnmatchcase`.

Two patterns are walked side by side, as two automata whose product is searched for a pair of ends. So
`deploy-*` and `*-now` are found to overlap (`deploy-now`), which no comparison of the two texts would tell.
"""

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase

_ANY = "*"


def overlap(one: str, other: str) -> bool:
    """Whether some text matches both globs."""
    first, second = _tokens(one), _tokens(other)
    seen: set[tuple[int, int]] = set()
    waiting = [(0, 0)]
    while waiting:
        pair = waiting.pop()
        if pair in seen:
            continue
        seen.add(pair)
        i, j = pair
        if i == len(first) and j == len(second):
            return True
        star_i = i < len(first) and first[i] == _ANY
        star_j = j < len(second) and second[j] == _ANY
        if star_i:
            waiting.append((i + 1, j))
        if star_j:
            waiting.append((i, j + 1))
        if i < len(first) and j < len(second) and not (star_i and star_j):
            if star_i:
                waiting.append((i, j + 1))
            elif star_j:
                waiting.append((i + 1, j))
            elif _share_a_character(first[i], second[j]):
                waiting.append((i + 1, j + 1))
    return False


def any_overlap(some: Iterable[str], others: Iterable[str]) -> bool:
    """Whether one of these globs and one of those have a text in common."""
    others = tuple(others)
    return any(overlap(one, other) for one in some for other in others)


def is_literal(pattern: str) -> bool:
    """Whether the pattern matches one text alone: itself."""
    return not any(sign in pattern for sign in "*?[")


def _tokens(pattern: str) -> list[str]:
    """The pattern in pieces: `*`, `?`, `[…]` or one character (as `[c]` where it would be read otherwise)."""
    tokens: list[str] = []
    position = 0
    while position < len(pattern):
        sign = pattern[position]
        end = _class_end(pattern, position) if sign == "[" else position
        tokens.append("[[]" if sign == "[" and end == position else pattern[position : end + 1])
        position = end + 1
    return tokens


def _class_end(pattern: str, start: int) -> int:
    """Where the bracket closes, or `start` if it never does and stands for itself."""
    position = start + 1
    if pattern[position : position + 1] == "!":
        position += 1
    if pattern[position : position + 1] == "]":
        position += 1
    end = pattern.find("]", position)
    return start if end < 0 else end


def _share_a_character(one: str, other: str) -> bool:
    """Whether two tokens that each stand for one character have one in common."""
    if one == "?" and other == "?":
        return True
    accepts: Callable[[str], bool] = lambda sign: fnmatchcase(sign, one) and fnmatchcase(sign, other)  # noqa: E731
    return any(map(accepts, _candidates(one) | _candidates(other)))


def _candidates(token: str) -> set[str]:
    """The characters at which what a token accepts may change: its own, and their neighbours."""
    points = {ord(sign) for sign in token}
    return {chr(point + step) for point in points for step in (-1, 0, 1) if 0 <= point + step < 0x110000}

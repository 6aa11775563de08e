"""Whether two globs have a text in common."""

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slackd.config.globs import overlap


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("/deploy", "/deploy", True),
        ("/deploy", "/deploy2", False),
        ("/deploy", "/dep*", True),
        ("/deploy-*", "*-now", True),
        ("a*b", "b*a", False),
        ("*", "", True),
        ("?", "", False),
        ("??", "a*", True),
        ("[ab]x", "[bc]x", True),
        ("[ab]x", "[cd]x", False),
        ("[!a]", "a", False),
        ("[!a]", "[!b]", True),
        ("[a-m]", "[n-z]", False),
        ("[a-m]", "[!n-z]", True),
        ("[", "[", True),
        ("[", "[[]", True),
        ("*[*", "x[y", True),
        ("[]]", "]", True),
    ],
)
def test_what_overlaps(one: str, other: str, both: bool) -> None:
    assert overlap(one, other) is both
    assert overlap(other, one) is both


PATTERNS = st.text(alphabet="ab*?[]!-", max_size=6)


@given(PATTERNS, PATTERNS, st.text(alphabet="ab[]!-", max_size=6))
def test_a_text_that_both_match_is_always_found(one: str, other: str, text: str) -> None:
    if fnmatchcase(text, one) and fnmatchcase(text, other):
        assert overlap(one, other)


@given(PATTERNS, st.text(alphabet="ab", max_size=6))
def test_against_a_literal_it_is_a_match(pattern: str, literal: str) -> None:
    assert overlap(pattern, literal) is fnmatchcase(literal, pattern)

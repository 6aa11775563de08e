"""`slackd.frozen` makes values: as dataclasses do, but for the guard that each creation would pay for."""

import copy
import pickle
from dataclasses import field, fields

from slackd.frozen import frozen


@frozen
class Said:
    what: str
    where: tuple[str, ...] = ()
    size: int = field(default=0, compare=False)


def test_they_are_compared_and_hashed_by_what_they_hold() -> None:
    assert Said("a", ("b",)) == Said("a", ("b",), size=3) != Said("a")
    assert hash(Said("a")) == hash(Said("a", size=3))
    assert {Said("a"): 1}[Said("a")] == 1


def test_they_are_matched_shown_and_copied_as_dataclasses() -> None:
    match Said("a", ("b",)):
        case Said(what, where):
            assert (what, where) == ("a", ("b",))
    assert repr(Said("a")) == "Said(what='a', where=(), size=0)"
    assert [each.name for each in fields(Said)] == ["what", "where", "size"]
    assert copy.copy(Said("a")) == pickle.loads(pickle.dumps(Said("a"))) == Said("a")


def test_they_have_slots() -> None:
    assert not hasattr(Said("a"), "__dict__")

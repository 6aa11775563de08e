"""`slackd.slotted` makes what attrs would make, as far as slackd can tell, and faster."""

import copy
import pickle
from collections import Counter
from typing import Any

import attrs
import pytest

from slackd.slotted import define, frozen


@frozen
class Named:
    """With every kind of member that is used."""

    name: str
    size: int = 3
    seen: list[str] = attrs.field(factory=list)
    counted: Counter[str] = attrs.Factory(Counter)
    secret: str = attrs.field(default="", repr=False)
    note: str = attrs.field(default="", eq=False, repr=lambda text: f"<{text}>")

    @property
    def doubled(self) -> int:
        return 2 * self.size


@define
class Changing:
    name: str
    size: int = 0


@frozen(eq=False)
class Lone:
    name: str


@define(unsafe_hash=True)
class Known:
    name: str


@frozen(kw_only=True)
class Settings:
    wait: float = 1.0
    name: str


@frozen
class Nothing:
    """Without members."""


def test_values_are_made_by_position_and_by_name() -> None:
    made = Named("a", seen=["x"])
    assert (made.name, made.size, made.seen, made.counted, made.doubled) == ("a", 3, ["x"], Counter(), 6)
    assert Named("b", 4, ["y"]).seen == ["y"]
    assert Settings(name="n").wait == 1.0


def test_a_factory_makes_another_value_each_time() -> None:
    one, other = Named("a"), Named("a")
    one.seen.append("x")
    assert other.seen == []


@pytest.mark.parametrize("wrong", [(), ("a", 1, [], Counter(), "", "", "more")])
def test_a_wrong_call_is_told_with_the_names_of_the_class(wrong: tuple[Any, ...]) -> None:
    with pytest.raises(TypeError, match=r"Named\.__init__\(\)"):
        Named(*wrong)
    with pytest.raises(TypeError, match="'name'"):
        Settings(wait=2.0)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unknown"):
        Named("a", unknown=1)  # type: ignore[call-arg]


def test_nothing_but_members_is_kept() -> None:
    with pytest.raises(AttributeError):
        Named("a").other = 1  # type: ignore[attr-defined]
    assert not hasattr(Named("a"), "__dict__")


def test_equal_members_make_equal_values() -> None:
    assert Known("a") == Known("a") != Known("b")
    other: object = Known("a")
    assert Changing("a") != other
    assert Named("a", note="x") == Named("a", note="y")
    assert hash(Known("a")) == hash(Known("a"))
    assert Nothing() == Nothing()
    assert Lone("a") != Lone("a")
    with pytest.raises(TypeError, match="unhashable"):
        hash(Changing("a"))


def test_what_is_shown_is_what_may_be_seen() -> None:
    shown = repr(Named("a", secret="token", note="n"))
    assert shown == "Named(name='a', size=3, seen=[], counted=Counter(), note=<n>)"


def test_members_match_by_position() -> None:
    match Changing("a", 2):
        case Changing(name, size):
            assert (name, size) == ("a", 2)


def test_attrs_own_functions_know_the_classes() -> None:
    made = Named("a", seen=["x"])
    assert attrs.evolve(made, size=9) == Named("a", 9, ["x"])
    assert attrs.asdict(Changing("a", 2)) == {"name": "a", "size": 2}
    assert [each.name for each in attrs.fields(Settings)] == ["wait", "name"]
    defaults: list[object] = [each.default for each in attrs.fields(Settings)]
    assert defaults == [1.0, attrs.NOTHING]
    assert attrs.has(Named)


def test_values_can_be_copied_and_pickled() -> None:
    made = Named("a", seen=["x"])
    assert copy.deepcopy(made) == copy.copy(made) == pickle.loads(pickle.dumps(made)) == made


def test_a_class_with_a_base_is_refused_where_it_is_made() -> None:
    with pytest.raises(TypeError, match="base class"):

        @frozen
        class Derived(Known):
            size: int = 0


def test_classes_of_one_shape_share_their_code_and_keep_their_names() -> None:
    codes = [cls.__init__.__code__ for cls in (Lone, Known)]
    assert codes[0].co_code == codes[1].co_code
    assert [code.co_varnames for code in codes] == [("self", "name")] * 2
    assert Named.__init__.__qualname__ == "Named.__init__"


def test_a_class_gets_its_code_with_its_first_value() -> None:
    @frozen
    class Fresh:
        name: str
        size: int = 3

    with pytest.raises(TypeError, match="size_of"):
        Fresh("a", size_of=4)  # type: ignore[call-arg]
    names = {value.name for value in (Fresh("a"), Fresh(name="b"))}
    assert names == {"a", "b"}
    assert Fresh.__init__.__code__.co_varnames == ("self", "name", "size")

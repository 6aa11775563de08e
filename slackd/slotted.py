"""`frozen` and `define`: attrs' classes, for a daemon that must start fast and make values for every envelope.

For the type checker they are attrs' own: whoever assigns to a member of a frozen value fails in CI. At run time
the classes are slotted as ever, but

- nothing guards the members of a frozen one, since the guard is paid for at every creation: attrs sets each
  member by a call then, and takes two to three times as long (0.71 µs against 0.20 for nine members);
- `==`, `hash` and `repr` are the same functions for all of them. attrs would write and compile three functions
  for each class at every start, which is half of what a class costs there.
"""

import functools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attrs import define, frozen
else:
    from collections.abc import Callable
    from functools import partial
    from operator import attrgetter
    from typing import Any

    import attrs

    @functools.cache
    def _compared(cls: type) -> "Callable[[Any], Any]":
        """What two instances of this class are compared by."""
        names = [each.name for each in attrs.fields(cls) if each.eq]
        return attrgetter(*names) if names else lambda value: ()

    def _equal(self: Any, other: Any) -> Any:
        cls = self.__class__
        if other.__class__ is not cls:
            return NotImplemented
        compared = _compared(cls)
        return compared(self) == compared(other)

    def _hash(self: Any) -> int:
        return hash((self.__class__, _compared(self.__class__)(self)))

    def _repr(self: Any) -> str:
        shown = [each for each in attrs.fields(self.__class__) if each.repr]
        return f"{self.__class__.__qualname__}({', '.join(_member(self, each) for each in shown)})"

    def _member(value: Any, member: "attrs.Attribute[Any]") -> str:
        shown = getattr(value, member.name)
        return f"{member.name}={member.repr(shown) if callable(member.repr) else repr(shown)}"

    def _build(cls: "type | None", *, hashable: bool, **how: Any) -> Any:
        if cls is None:
            return partial(_build, hashable=hashable, **how)
        compared, hashable = how.pop("eq", True), how.pop("unsafe_hash", hashable)
        own = vars(cls)
        made = attrs.define(cls, eq=False, repr=False, **how)
        if compared and "__eq__" not in own:
            made.__eq__, made.__hash__ = _equal, _hash if hashable else None
        if "__repr__" not in own:
            made.__repr__ = _repr
        return made

    def frozen(cls: "type | None" = None, **how: Any) -> Any:
        return _build(cls, hashable=True, **how)

    def define(cls: "type | None" = None, **how: Any) -> Any:
        return _build(cls, hashable=False, **how)


__all__ = ["define", "frozen"]

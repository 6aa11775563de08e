"""`frozen` and `define`: attrs' classes, for a daemon that must start fast and make values for every envelope.

For the type checker they are attrs' own: whoever assigns to a member of a frozen value fails in CI. At run time
the classes are slotted as ever, and `attrs.evolve`, `attrs.asdict`, `attrs.fields` and `attrs.has` know them,
but

- nothing guards the members of a frozen one, since the guard is paid for at every creation: attrs sets each
  member by a call then, and takes two to three times as long (0.71 µs against 0.20 for nine members);
- no class has code of its own. attrs would write and compile some for each of them at every start, a sixth of
  what that takes. `==`, `hash` and `repr` are the same functions for all, and `__init__` is what another class
  with as many members has, with the names exchanged: it is made when it is called for the first time, since a
  start has use for a third of them.

A class has no base, and attrs' field() no more than `default`, `factory`, `eq` and `repr`: the rest isn't
needed here.
"""

import functools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attrs import define, frozen
else:
    from collections.abc import Callable
    from functools import partial
    from operator import attrgetter
    from types import CodeType, FunctionType
    from typing import Any

    import attrs

    _FIELD = type(attrs.field())

    class _Member:
        """What attrs' functions want to know of a member (`attrs.Attribute`)."""

        __slots__ = ("alias", "default", "eq", "name", "repr")
        init = True

        def __init__(self, name: str, value: Any) -> None:
            own = isinstance(value, _FIELD)
            self.name = self.alias = name
            self.default = value._default if own else value
            self.eq, self.repr = (value.eq, value.repr) if own else (True, True)

        @property
        def factory(self) -> "Callable[[], Any] | None":
            return self.default.factory if isinstance(self.default, attrs.Factory) else None

        def shown(self, owner: Any) -> str:
            value = getattr(owner, self.name)
            return f"{self.name}={self.repr(value) if callable(self.repr) else repr(value)}"

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
        shown = ", ".join(each.shown(self) for each in attrs.fields(self.__class__) if each.repr)
        return f"{self.__class__.__qualname__}({shown})"

    @functools.cache
    def _code(made: "tuple[bool, ...]", kw_only: bool) -> CodeType:
        """`__init__` of any class with so many members: those of `made` have a factory."""
        names = [f"m{place}" for place in range(len(made))]
        body = [
            f"self.{name} = f{name}() if {name} is NOTHING else {name}" if is_made else f"self.{name} = {name}"
            for name, is_made in zip(names, made, strict=True)
        ]
        parameters = ["self", *(["*"] if kw_only else []), *names]
        source = f"def __init__({', '.join(parameters)}):\n " + "\n ".join(body or ["pass"])
        compiled = compile(source, __file__, "exec")
        return next(each for each in compiled.co_consts if isinstance(each, CodeType))

    def _init(cls: type, members: "tuple[_Member, ...]", kw_only: bool) -> FunctionType:
        made = {f"fm{place}": each.factory for place, each in enumerate(members) if each.factory is not None}
        code = _code(tuple(each.factory is not None for each in members), kw_only and bool(members))
        renamed = {f"m{place}": each.name for place, each in enumerate(members)}
        code = code.replace(
            co_varnames=("self", *renamed.values()),
            co_names=tuple(renamed.get(name, name) for name in code.co_names),
            co_filename=f"<members of {cls.__module__}.{cls.__qualname__}>",
        )
        defaults = {
            each.name: attrs.NOTHING if each.factory is not None else each.default
            for each in members
            if each.default is not attrs.NOTHING
        }
        init = FunctionType(code, {"NOTHING": attrs.NOTHING, **made}, "__init__")
        init.__qualname__ = f"{cls.__qualname__}.__init__"
        if kw_only:
            init.__kwdefaults__ = defaults
        else:
            init.__defaults__ = tuple(defaults.values())
        return init

    def _first_init(cls: type, members: "tuple[_Member, ...]", kw_only: bool) -> "Callable[..., None]":
        def first(self: Any, *given: Any, **named: Any) -> None:
            cls.__init__ = _init(cls, members, kw_only)
            cls.__init__(self, *given, **named)

        return first

    def _build(
        cls: "type | None",
        *,
        hashable: bool,
        eq: bool = True,
        unsafe_hash: bool = False,
        kw_only: bool = False,
    ) -> Any:
        if cls is None:
            return partial(_build, hashable=hashable, eq=eq, unsafe_hash=unsafe_hash, kw_only=kw_only)
        if cls.__bases__ != (object,):
            raise TypeError(f"{cls.__qualname__} has a base class: slackd.slotted makes none of that kind")
        own = vars(cls)
        members = tuple(_Member(name, own.get(name, attrs.NOTHING)) for name in cls.__annotations__)
        names = tuple(each.name for each in members)
        space = {name: value for name, value in own.items() if name not in {*names, "__dict__", "__weakref__"}}
        space |= {
            "__slots__": (*names, "__weakref__"),
            "__qualname__": cls.__qualname__,
            "__match_args__": () if kw_only else names,
            "__attrs_attrs__": members,
        }
        space.setdefault("__repr__", _repr)
        if eq and "__eq__" not in own:
            space |= {"__eq__": _equal, "__hash__": _hash if hashable or unsafe_hash else None}
        made = type(cls.__name__, (), space)
        made.__init__ = _first_init(made, members, kw_only)
        return made

    def frozen(cls: "type | None" = None, **how: Any) -> Any:
        return _build(cls, hashable=True, **how)

    def define(cls: "type | None" = None, **how: Any) -> Any:
        return _build(cls, hashable=False, **how)


__all__ = ["define", "frozen"]

"""The fields of a control call: known, and of the right kind, or refused in words."""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Union, get_args, get_origin, get_type_hints

from slackd.emulator.errors import EmulatorError
from slackd.text import nearest_name

_KINDS: dict[Any, tuple[type, ...]] = {
    str: (str,),
    bool: (bool,),
    int: (int,),
    float: (int, float),
    dict: (dict,),
    list: (list,),
}
_WORDS: dict[Any, str] = {
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    dict: "an object",
    list: "a list",
}


def fields_of(action: Callable[..., Any]) -> dict[str, Any]:
    """What a method takes by name, and the kinds that each may be of; empty is anything."""
    function = getattr(action, "__func__", action)
    return _fields_of_function(function, function is not action)


@functools.cache
def _fields_of_function(function: Callable[..., Any], is_bound: bool) -> dict[str, Any]:
    hints = get_type_hints(function)
    named = list(inspect.signature(function).parameters.values())[is_bound:]
    return {each.name: _kinds(hints.get(each.name, Any)) for each in named if each.kind is not each.VAR_KEYWORD}


def check_fields(action: Callable[..., Any], fields: Mapping[str, Any], *, also: Sequence[str] = ()) -> None:
    """Refuse what the method doesn't take.

    Args:
        also: fields that somebody else takes.

    Raises:
        EmulatorError: a field is unknown, missing, or of the wrong kind.
    """
    known = fields_of(action)
    for name, value in fields.items():
        if name in also:
            continue
        if name not in known:
            nearest = nearest_name(name, [*known, *also])
            hint = f"did you mean {nearest}=?" if nearest else f"there are {', '.join([*known, *also])}"
            raise EmulatorError(f"no field {name!r} here; {hint}")
        kinds = known[name]
        if kinds and not any(_is(value, kind) for kind in kinds):
            words = " or ".join(dict.fromkeys(_WORDS.get(kind, "null") for kind in kinds))
            raise EmulatorError(f"{name}= must be {words}, not {value!r}")
    for parameter in inspect.signature(action).parameters.values():
        needed = parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD
        if needed and parameter.name not in fields:
            raise EmulatorError(f"{parameter.name}= is missing")


def _kinds(hint: Any) -> tuple[Any, ...]:
    """The plain types that a hint allows; empty if it allows anything."""
    if get_origin(hint) in (Union, types.UnionType):
        several = [_kinds(each) for each in get_args(hint)]
        return () if not all(several) else tuple(kind for kinds in several for kind in kinds)
    origin = get_origin(hint) or hint
    if origin is Mapping or (isinstance(origin, type) and issubclass(origin, Mapping)):
        return (dict,)
    if origin in _KINDS or origin is types.NoneType:
        return (origin,)
    return () if origin is Any else (str,)


def _is(value: Any, kind: Any) -> bool:
    if kind is types.NoneType:
        return value is None
    return isinstance(value, _KINDS[kind]) and (kind is bool) is isinstance(value, bool)

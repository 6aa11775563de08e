"""What a handler may be: its types for the type checker, and the same check when it is registered."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from slackd.plugin.errors import InvalidHandler

if TYPE_CHECKING:
    from slackd.plugin.context import Context
    from slackd.plugin.envelope import Envelope, Gap, Late, Ready

    EnvelopeHandler = Callable[[Envelope], object] | Callable[[Envelope, Context], object]
    ErrorHandler = Callable[[Exception, Envelope], object] | Callable[[Exception, Envelope, Context], object]
    LateHandler = Callable[[Late], object]
    GapHandler = Callable[[Gap], object]
    ReadyHandler = Callable[[Ready], object] | Callable[[], object]
    Matcher = Callable[[Envelope], object]

Handler = Callable[..., Any]
"""Any of them."""

H = TypeVar("H", bound="EnvelopeHandler")
E = TypeVar("E", bound="ErrorHandler")
L = TypeVar("L", bound="LateHandler")
G = TypeVar("G", bound="GapHandler")
R = TypeVar("R", bound="ReadyHandler")

_TAKES = {
    "late": (1, 1, "the Late notice"),
    "gap": (1, 1, "the Gap"),
    "ready": (0, 1, "nothing, or with what slackd said (Ready)"),
    "error": (2, 3, "the exception, the Envelope, and perhaps a Context"),
}
_ENVELOPE = (1, 2, "the Envelope, and perhaps a Context")


def arguments_of(kind: str, handler: Handler) -> int:
    """How many arguments a handler of this kind is called with: as many as it asks for.

    Parameters with defaults are its own business.

    Raises:
        InvalidHandler: It can't be called so; the message says what it is called with.
    """
    least, most, what = _TAKES.get(kind, _ENVELOPE)
    name = name_of(handler)
    if not callable(handler):
        raise InvalidHandler(f"{name} is no function: @plugin.{kind} decorates a function that takes {what}")
    try:
        signature = inspect.signature(handler)
    except (TypeError, ValueError):  # it has none that can be read
        return least
    for count in range(most, least - 1, -1):
        if _is_callable_with(signature, count) and (count == least or _required(signature) >= count):
            return count
    raise InvalidHandler(f"{name}{signature} is called with {what}: it must take {_numbers(least, most)}")


def is_async(handler: Handler) -> bool:
    """Calling it gives something to be awaited."""
    call = getattr(handler, "__call__", None)  # noqa: B004  an object whose __call__ is async counts
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(call)


def name_of(handler: object) -> str:
    """What a handler is called in messages."""
    return str(getattr(handler, "__qualname__", None) or repr(handler))


def _is_callable_with(signature: inspect.Signature, count: int) -> bool:
    try:
        signature.bind(*range(count))
    except TypeError:
        return False
    return True


def _required(signature: inspect.Signature) -> int:
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.kind in positional and p.default is p.empty for p in signature.parameters.values())


def _numbers(least: int, most: int) -> str:
    argument = "argument" if most == 1 else "arguments"
    return f"{least} {argument}" if least == most else f"{least} or {most} {argument}"

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
    if _is_generator(handler):
        raise InvalidHandler(f"{name} has a yield in it: to call it makes a generator, and runs nothing")
    try:
        signature = inspect.signature(handler)
    except (TypeError, ValueError):  # it has none that can be read
        return least
    for count in range(most, least - 1, -1):
        if _is_callable_with(signature, count) and (count == least or _required(signature) >= count):
            return count
    raise InvalidHandler(f"{name}{signature} is called with {what}: it must take {_numbers(least, most)}")


def check_matcher(when: object) -> None:
    """Check that this says of an envelope yes or no when it is called.

    Raises:
        InvalidHandler: It can't be called, or what it gives must be awaited first: that would count as yes.
    """
    if when is None:
        return
    if not callable(when):
        raise InvalidHandler(f"when is a function that says of an Envelope yes or no, not {when!r:.60}")
    if is_async(when) or _is_generator(when):
        raise InvalidHandler(f"when={name_of(when)} is a plain function: nobody awaits what it says")


def says_yes(when: Matcher | None, envelope: Envelope) -> bool:
    """Whether a matcher wants an envelope; without one everything is wanted.

    Raises:
        InvalidHandler: What it gives must be awaited first.
    """
    if when is None:
        return True
    said = when(envelope)
    if inspect.isawaitable(said):
        if inspect.iscoroutine(said):
            said.close()
        raise InvalidHandler(f"when={name_of(when)} gave what must be awaited: it says yes or no")
    return bool(said)


def is_async(handler: Handler) -> bool:
    """Calling it gives something to be awaited."""
    return any(inspect.iscoroutinefunction(each) for each in _called(handler))


def _is_generator(handler: Handler) -> bool:
    called = _called(handler)
    return any(inspect.isgeneratorfunction(each) or inspect.isasyncgenfunction(each) for each in called)


def _called(handler: Handler) -> tuple[object, object]:
    """The function, and what an object is called by, which may be one."""
    return handler, getattr(handler, "__call__", None)  # noqa: B004


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

"""Which handler an envelope goes to: exactly one, the most specific.

A handler stands for a kind of thing and a pattern of its name. A name that is written out beats a glob, a glob
with more letters beats one with fewer, and the catch-all for envelopes comes last. An envelope may have several
names. Of an event's that are written out, the narrower decides: the subtype (`message.message_changed`), which
says what happened and so what the event looks like, before the place (`message.channels`), before the type.
Of several actions that one click carries, the longer name decides.
"""

import functools
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from slackd.plugin.envelope import Envelope
from slackd.plugin.errors import DuplicateHandler

Handler = Callable[..., Any]

_CHOICES_KEPT = 1024  # bounded: names come from outside and may be endless (an `action_id` with a number in it)

_INTERACTIVE = {
    "block_actions": "action",
    "interactive_message": "action",
    "view_submission": "view",
    "view_closed": "view_closed",
    "shortcut": "shortcut",
    "message_action": "shortcut",
    "block_suggestion": "options",
    "dialog_suggestion": "options",
}


@dataclass(frozen=True, slots=True)
class HandlerRoute:
    """A handler with what it stands for."""

    kind: str
    pattern: str
    handler: Handler
    takes_context: bool
    is_async: bool

    @property
    def is_glob(self) -> bool:
        return any(letter in self.pattern for letter in "*?[")

    @property
    def specificity(self) -> tuple[bool, bool, int]:
        """Compares: higher is more specific."""
        letters = sum(letter not in "*?[]" for letter in self.pattern)
        return self.kind != "envelope", not self.is_glob, letters


class Routes:
    """The handlers of one plugin."""

    def __init__(self) -> None:
        self._routes: list[HandlerRoute] = []
        self._choose = functools.lru_cache(_CHOICES_KEPT)(self._search)

    def __iter__(self) -> Iterator[HandlerRoute]:
        return iter(self._routes)

    def add(self, kind: str, pattern: str, handler: Handler) -> None:
        """Raises `DuplicateHandler` if this kind and pattern are taken."""
        for route in self._routes:
            if (route.kind, route.pattern) == (kind, pattern):
                raise DuplicateHandler(
                    f"two handlers for {kind} {pattern!r}: {_name(route.handler)} and {_name(handler)}; "
                    "an envelope goes to one handler alone, so let one of them call the other"
                )
        self._routes.append(HandlerRoute(kind, pattern, handler, _takes_context(handler), _is_async(handler)))
        self._routes.sort(key=lambda route: route.specificity, reverse=True)
        self._choose.cache_clear()

    def find(self, envelope: Envelope) -> HandlerRoute | None:
        """The one handler for this envelope, or None."""
        return self._choose(envelope.type, *subject(envelope))

    def _search(self, type_: str, kind: str, names: tuple[str, ...]) -> HandlerRoute | None:
        for name in names:
            for route in self._routes:
                if route.kind == kind and route.pattern == name and not route.is_glob:
                    return route
        for route in self._routes:
            if route.kind == kind and any(_matches(route, name) for name in names):
                return route
            if route.kind == "envelope" and _matches(route, type_):
                return route
        return None


def subject(envelope: Envelope) -> tuple[str, tuple[str, ...]]:
    """What kind of thing an envelope is to handlers, and its names, the one that decides first."""
    match envelope.type:
        case "events_api":
            return "event", envelope.events
        case "slash_commands":
            return "command", (envelope.command,)
        case "interactive":
            kind = _INTERACTIVE.get(envelope.kind, "")
            if envelope.kind in ("interactive_message", "dialog_suggestion"):
                return kind, (envelope.callback_id,)
            if kind not in ("action", "options"):
                return kind, (envelope.callback_id,)
            return kind, tuple(sorted(envelope.action_ids, key=len, reverse=True)) or ("",)
    return "", ()


def _takes_context(handler: Handler) -> bool:
    """Does it take the context beside the envelope? Parameters with defaults are its own business."""
    try:
        parameters = inspect.signature(handler).parameters.values()
    except (TypeError, ValueError):  # it has none that can be told
        return False
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.kind in positional and p.default is inspect.Parameter.empty for p in parameters) > 1


def _is_async(handler: Handler) -> bool:
    call = getattr(handler, "__call__", None)  # noqa: B004  an object whose __call__ is async counts
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(call)


def _matches(route: HandlerRoute, name: str) -> bool:
    return fnmatchcase(name, route.pattern) if route.is_glob else name == route.pattern


def _name(handler: Handler) -> str:
    return getattr(handler, "__qualname__", repr(handler))

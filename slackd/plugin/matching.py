"""Which handler an envelope goes to: exactly one, the most specific.

A handler stands for a kind of thing and a pattern of its name. A name that is written out beats a glob, a glob
with more letters beats one with fewer, and the catch-all for envelopes comes last. An envelope may have several
names. Of an event's that are written out, the narrower decides: the subtype (`message.message_changed`), which
says what happened and so what the event looks like, before the place (`message.channels`), before the type.
Of several actions that one click carries, the longer name decides. Of handlers that are alike in this, those
that look into the envelope (a pattern of its text, a matcher) are asked first, in the order of registration.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from slackd.plugin.envelope import Envelope
from slackd.plugin.errors import DuplicateHandler
from slackd.plugin.handlers import Handler, arguments_of, is_async, name_of, says_yes
from slackd.slack.envelopes import (
    BLOCK_ACTIONS,
    BLOCK_SUGGESTION,
    GLOBAL_SHORTCUT,
    LEGACY_ACTION,
    LEGACY_OPTIONS,
    MESSAGE_SHORTCUT,
    VIEW_CLOSED,
    VIEW_SUBMISSION,
)

if TYPE_CHECKING:
    from slackd.plugin.handlers import Matcher

STEP = "function_executed:"
"""What stands before the callback id of a custom step, to name it as an event that is narrower."""
_CHOICES_KEPT = 1024  # bounded: names come from outside and may be endless (an `action_id` with a number in it)

_INTERACTIVE = {
    BLOCK_ACTIONS: "action",
    LEGACY_ACTION: "action",
    VIEW_SUBMISSION: "view",
    VIEW_CLOSED: "view_closed",
    GLOBAL_SHORTCUT: "shortcut",
    MESSAGE_SHORTCUT: "shortcut",
    BLOCK_SUGGESTION: "options",
    LEGACY_OPTIONS: "options",
}


@dataclass(frozen=True, slots=True)
class HandlerRoute:
    """A handler with what it stands for.

    Attributes:
        kind, pattern: What it is for: a kind of thing, and a name or glob of its name.
        arguments: How many it is called with.
        when: Says of an envelope whether it wants it, or None.
        wanted: What must be found in the envelope's text, or None.
    """

    kind: str
    pattern: str
    handler: Handler
    arguments: int
    is_async: bool
    when: Matcher | None = None
    wanted: re.Pattern[str] | None = None

    @property
    def is_glob(self) -> bool:
        """Its pattern has wildcards."""
        return any(letter in self.pattern for letter in "*?[")

    @property
    def specificity(self) -> tuple[bool, bool, int, bool]:
        """Compares: higher is more specific."""
        letters = sum(letter not in "*?[]" for letter in self.pattern)
        return self.kind != "envelope", not self.is_glob, letters, self.is_choosy

    @property
    def is_choosy(self) -> bool:
        """It looks into the envelope, too, before it takes it."""
        return self.when is not None or self.wanted is not None

    def wants(self, envelope: Envelope) -> bool:
        """Whether it takes this envelope, which its kind and pattern fit."""
        if self.wanted is not None and self.wanted.search(envelope.text) is None:
            return False
        return says_yes(self.when, envelope)


class Routes:
    """The handlers of one plugin."""

    def __init__(self) -> None:
        self._routes: list[HandlerRoute] = []
        self._choose = functools.lru_cache(_CHOICES_KEPT)(self._search)

    def __iter__(self) -> Iterator[HandlerRoute]:
        return iter(self._routes)

    def add(
        self,
        kind: str,
        pattern: str,
        handler: Handler,
        when: Matcher | None = None,
        wanted: re.Pattern[str] | None = None,
    ) -> None:
        """Register a handler.

        Raises:
            DuplicateHandler: This kind and pattern are taken, and neither handler looks further.
            InvalidHandler: The handler can't be called with what such a handler is called with.
        """
        route = HandlerRoute(
            kind, pattern, handler, arguments_of(kind, handler), is_async(handler), when, wanted
        )
        for other in self._routes:
            if (other.kind, other.pattern) == (kind, pattern) and not (other.is_choosy or route.is_choosy):
                raise DuplicateHandler(
                    f"two handlers for {kind} {pattern!r}: {name_of(other.handler)} and {name_of(handler)}; "
                    "an envelope goes to one handler alone, so let one of them call the other"
                )
        self._routes.append(route)
        self._routes.sort(key=lambda each: each.specificity, reverse=True)
        self._choose.cache_clear()

    def find(self, envelope: Envelope) -> HandlerRoute | None:
        """The one handler for this envelope, or None. Raises what a matcher of the author's raises."""
        for route in self._choose(envelope.type, *subject(envelope)):
            if route.wants(envelope):
                return route
        return None

    def of(self, kind: str) -> list[HandlerRoute]:
        """All handlers of a kind."""
        return [each for each in self._routes if each.kind == kind]

    def _search(self, type_: str, kind: str, names: tuple[str, ...]) -> tuple[HandlerRoute, ...]:
        """Those whose kind and pattern fit, the most specific first, up to the first that takes everything."""
        literal = [
            route
            for name in names
            for route in self._routes
            if route.kind == kind and route.pattern == name and not route.is_glob
        ]
        others = [
            route
            for route in self._routes
            if (route.kind == kind and route.is_glob and any(_matches(route, name) for name in names))
            or (route.kind == "envelope" and _matches(route, type_))
        ]
        found: list[HandlerRoute] = []
        for route in (*literal, *others):
            found.append(route)
            if not route.is_choosy:
                break
        return tuple(found)


def subject(envelope: Envelope) -> tuple[str, tuple[str, ...]]:
    """What kind of thing an envelope is to handlers, and its names, the one that decides first."""
    match envelope.type:
        case "events_api":
            names = envelope.events
            if "function_executed" in names and envelope.event:
                return "event", (f"{STEP}{envelope.callback_id}", *names)
            return "event", names
        case "slash_commands":
            return "command", (envelope.command,)
        case "interactive":
            kind = _INTERACTIVE.get(envelope.kind, "")
            if envelope.kind in (LEGACY_ACTION, LEGACY_OPTIONS):
                return kind, (envelope.callback_id,)
            if kind not in ("action", "options"):
                return kind, (envelope.callback_id,)
            return kind, tuple(sorted(envelope.action_ids, key=len, reverse=True)) or ("",)
    return "", ()


def _matches(route: HandlerRoute, name: str) -> bool:
    return fnmatchcase(name, route.pattern) if route.is_glob else name == route.pattern

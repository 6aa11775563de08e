"""Which of a program's handlers will never be called, since its file subscribes to nothing for them. Pure.

A program may say in `initialize` what it has handlers for. One that no subscription has anything for is a
decorator that was written and a `[[subscribe]]` that was forgotten: both sides get the lines to write.

P7, the invariant kept here: whatever a program announces, it is looked at for milliseconds at most, since
everybody waits meanwhile. A name that is written out is matched; to find whether two globs overlap takes the
product of their lengths, and far more where brackets are, so that is done up to `MOST_WORK`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final

from slackd.config import PluginConfig, Subscription
from slackd.config.globs import is_literal, overlap
from slackd.slack.envelopes import COMMANDS, EVENTS, INTERACTIVE

STEP: Final = "function_executed:"
"""What stands before the callback id of a custom step in the name of an event's handler."""
MOST: Final = 1_000
"""Handlers of one program that are looked at."""
MOST_WORK: Final = 10_000_000
"""Characters of its names times those of the subscriptions' that are compared: some 20 ms of the loop."""
_A_NAME: Final = 50
"""Characters as which it counts to look at a name that is written out."""
_GLOB, _BRACKETS = 100, 3_000
"""Times the work that it takes to compare two globs, and globs with brackets in them."""

Fits = Callable[[Subscription, str], bool]


def _wants(patterns: tuple[str, ...], name: str) -> bool:
    if not patterns:
        return True
    return any(_overlaps(each, name) for each in patterns)


def _overlaps(pattern: str, name: str) -> bool:
    return fnmatchcase(name, pattern) if is_literal(name) else overlap(pattern, name)


def _event(subscription: Subscription, name: str) -> bool:
    event, is_step, callback_id = name.partition(STEP)
    if is_step:
        event = STEP.rstrip(":")
    if is_step and not _wants(subscription.callback_id, callback_id):
        return False
    return _wants(subscription.event, event) and name not in subscription.not_event


def _action(subscription: Subscription, name: str) -> bool:
    return not subscription.shortcut and _wants(subscription.action_id, name)


def _view(subscription: Subscription, name: str) -> bool:
    narrowed = subscription.shortcut or subscription.action_id
    return not narrowed and _wants(subscription.callback_id, name)


def _shortcut(subscription: Subscription, name: str) -> bool:
    patterns = subscription.shortcut or subscription.callback_id
    return not subscription.action_id and _wants(patterns, name)


_KINDS: Final[Mapping[str, tuple[str, str, Fits]]] = {
    "event": (EVENTS, "event", _event),
    "command": (COMMANDS, "command", lambda subscription, name: _wants(subscription.command, name)),
    "action": (INTERACTIVE, "action_id", _action),
    "options": (INTERACTIVE, "action_id", _action),
    "view": (INTERACTIVE, "callback_id", _view),
    "view_closed": (INTERACTIVE, "callback_id", _view),
    "shortcut": (INTERACTIVE, "shortcut", _shortcut),
}
"""By kind of handler: the type of envelope, the key of a subscription, and whether a subscription fits."""


def unmatched(plugin: PluginConfig, handlers: Iterable[tuple[str, str]]) -> list[str]:
    """A line for each handler that no subscription has anything for.

    Args:
        plugin: The plugin's file.
        handlers: Kind and pattern of each; kinds that this release doesn't know are taken to be right, and so
            are globs that it would take too long to look at.
    """
    types = {type_ for type_, _, _ in _KINDS.values()}
    by_type = {type_: [each for each in plugin.subscriptions if overlap(each.type, type_)] for type_ in types}
    by_type[""] = list(plugin.subscriptions)
    patterns = {type_: _patterns(each) for type_, each in by_type.items()}
    work, found = MOST_WORK, []
    for kind, name in handlers:
        type_ = _KINDS[kind][0] if kind in _KINDS else ""
        if (takes := _work(patterns[type_], name)) > work:
            continue
        work -= takes
        if lines := _lines_to_write(by_type[type_], kind, name):
            head = f"{plugin.file} subscribes to nothing for the {kind} handler {name!r}"
            found.append(f"{head}; the lines to write: {lines}")
    return found


def _patterns(subscriptions: Iterable[Subscription]) -> str:
    """All that these compare a name with."""
    keys = ("event", "command", "action_id", "callback_id", "shortcut")
    return "".join(
        pattern
        for each in subscriptions
        for pattern in (each.type, *(p for key in keys for p in getattr(each, key)))
    )


def _work(patterns: str, name: str) -> int:
    if is_literal(name):
        return (len(name) + _A_NAME) * len(patterns)
    return len(name) * len(patterns) * (_BRACKETS if "[" in name or "[" in patterns else _GLOB)


def _lines_to_write(subscriptions: Sequence[Subscription], kind: str, name: str) -> str:
    if kind == "envelope":
        fits = any(_overlaps(each.type, name) for each in subscriptions)
        return "" if fits else f'[[subscribe]] type = "{name}"'
    if kind not in _KINDS:
        return ""
    type_, key, is_for = _KINDS[kind]
    if any(is_for(each, name) for each in subscriptions):
        return ""
    event, is_step, callback_id = name.partition(STEP)
    if is_step:
        about = f'event = "{STEP.rstrip(":")}", callback_id = "{callback_id}"'
    elif kind == "command" and not name.startswith(("/", "*", "?", "[")):
        about = f'{key} = "/{event}" (with its slash, in the program, too)'
    else:
        about = f'{key} = "{event}"'
    respond = "" if type_ == EVENTS else ", respond = true (if it answers)"
    return f'[[subscribe]] type = "{type_}", {about}{respond}'

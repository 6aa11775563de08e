"""Which of a program's handlers will never be called, since its file subscribes to nothing for them. Pure.

A program may say in `initialize` what it has handlers for. One that no subscription has anything for is a
decorator that was written and a `[[subscribe]]` that was forgotten: both sides get the lines to write.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from slackd.config import PluginConfig, Subscription
from slackd.config.globs import any_overlap, overlap
from slackd.slack.envelopes import COMMANDS, EVENTS, INTERACTIVE

STEP: Final = "function_executed:"
"""What stands before the callback id of a custom step in the name of an event's handler."""
MOST: Final = 1_000
"""Handlers of one program that are looked at."""

Fits = Callable[[Subscription, str], bool]


def _wants(patterns: tuple[str, ...], name: str) -> bool:
    return not patterns or any_overlap(patterns, (name,))


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
        handlers: Kind and pattern of each; kinds that this release doesn't know are taken to be right.
    """
    return [
        f"{plugin.file} subscribes to nothing for the {kind} handler {name!r}; the lines to write: {lines}"
        for kind, name in handlers
        if (lines := _lines_to_write(plugin, kind, name))
    ]


def _lines_to_write(plugin: PluginConfig, kind: str, name: str) -> str:
    if kind == "envelope":
        fits = any(overlap(each.type, name) for each in plugin.subscriptions)
        return "" if fits else f'[[subscribe]] type = "{name}"'
    if kind not in _KINDS:
        return ""
    type_, key, is_for = _KINDS[kind]
    if any(overlap(each.type, type_) and is_for(each, name) for each in plugin.subscriptions):
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

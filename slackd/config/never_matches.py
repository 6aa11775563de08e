"""Subscriptions that can never match: a name that Slack does not have, beside the one that was meant. Pure.

These are warnings: Slack adds events, and a line that matches nothing does no harm but to its author.
"""

import re
from collections.abc import Iterator
from typing import Final

from slackd.config.globs import is_literal, overlap
from slackd.config.values import Subscription
from slackd.slack.envelopes import MESSAGE_PLACES
from slackd.slack.event_names import EVENT_NAMES, MESSAGE_SUBTYPES
from slackd.text import nearest_name
from slackd.toml_reader.problems import shown

_CHANNEL_ID: Final = re.compile(r"[CDG][A-Z0-9]*")
_ID_PATTERN: Final = re.compile(r"(?:[A-Z0-9*?]|\[[^\]]+\])+")
_MESSAGE_NAMES: Final = frozenset(
    {f"message.{name}" for name in MESSAGE_PLACES.values()} | {f"message.{name}" for name in MESSAGE_SUBTYPES}
)
_NEAR: Final = 0.85
"""How alike (0 to 1) an unknown name and a known one must be for the one to be a misspelt other."""


def never_matches(subscription: Subscription) -> Iterator[tuple[str, str]]:
    """Find what of a subscription no envelope of Slack's can match.

    Yields:
        The key, and why in words, with what was meant.
    """
    for name in (*subscription.event, *subscription.not_event):
        if meant := _misspelt_event(name):
            key = "event" if name in subscription.event else "not_event"
            yield key, f"{shown(name)} can never match: Slack has no such event; {meant} is meant?"
    for channel in subscription.channel:
        if why := _no_channel_id(channel):
            yield "channel", f"{shown(channel)} can never match: {why}"


def _misspelt_event(name: str) -> str | None:
    if not is_literal(name) or name in EVENT_NAMES or name in _MESSAGE_NAMES:
        return None
    type_, dot, _ = name.partition(".")
    known = _MESSAGE_NAMES if dot and type_ == "message" else EVENT_NAMES
    return nearest_name(name.lower(), known, cutoff=_NEAR)


def _no_channel_id(pattern: str) -> str | None:
    if pattern.startswith("#"):
        return "an id is meant (C0123ABCD, in the channel's details): names are not in what Slack sends"
    if is_literal(pattern):
        if _CHANNEL_ID.fullmatch(pattern):
            return None
        return "an id is meant (C0123ABCD, in the channel's details), which is capital letters and digits"
    if not _ID_PATTERN.fullmatch(pattern) or not any(overlap(pattern, f"{first}*") for first in "CDG"):
        return "an id is meant: C, D or G, then capital letters and digits"
    return None

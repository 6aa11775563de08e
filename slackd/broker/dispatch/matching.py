"""Which plugins an envelope goes to, and under which ordering key: a pure function of the configuration."""

import fnmatch
import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

import attrs

from slackd.broker.journal.writes import Lane
from slackd.config import OrderBy, Plugin, Subscription
from slackd.envelope import Envelope

SHORTCUT_KINDS = frozenset({"shortcut", "message_action"})


@attrs.frozen
class Match:
    """One plugin that an envelope goes to.

    Attributes:
        plugin: Its configuration.
        subscription: The first of its subscriptions that matched; one that responds comes before the others.
        lane: The lane it travels in.
        key: Its ordering key in that lane, "" for none.
    """

    plugin: Plugin
    subscription: Subscription
    lane: Lane
    key: str


MAX_KNOWN = 4_096
"""Sorts of envelopes for which it is remembered who subscribed to them."""


class Matcher:
    """All subscriptions of all plugins, ready to be asked."""

    def __init__(self, plugins: Mapping[str, Plugin]) -> None:
        self._plugins = [(plugin, _responders_first(plugin)) for plugin in plugins.values()]
        self._known: dict[tuple[object, ...], list[tuple[Plugin, Subscription]]] = {}

    def matches(self, envelope: Envelope) -> list[Match]:
        """Every plugin that subscribed to this envelope, each once."""
        sort = _sort(envelope)
        subscribed = self._known.get(sort)
        if subscribed is None:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            subscribed = self._known[sort] = list(self._subscribed(envelope))
        lane = Lane.PROMPT if envelope.is_prompt else Lane.EVENTS
        return [
            Match(plugin, subscription, lane, ordering_key(plugin.delivery.order_by, envelope))
            for plugin, subscription in subscribed
        ]

    def _subscribed(self, envelope: Envelope) -> Iterator[tuple[Plugin, Subscription]]:
        for plugin, subscriptions in self._plugins:
            for subscription in subscriptions:
                if matches(subscription, envelope):
                    yield plugin, subscription
                    break


def _sort(envelope: Envelope) -> tuple[object, ...]:
    """Everything in an envelope that `matches` looks at."""
    facets = envelope.facets
    return (
        envelope.type,
        envelope.app,
        facets.kind,
        facets.events,
        facets.channel,
        facets.command,
        facets.callback_id,
        facets.action_ids,
        facets.from_self,
    )


def _responders_first(plugin: Plugin) -> Sequence[Subscription]:
    return sorted(plugin.subscriptions, key=lambda each: not each.respond)


def matches(subscription: Subscription, envelope: Envelope) -> bool:
    """Whether every pattern that the subscription gives matches the envelope."""
    facets = envelope.facets
    if facets.from_self and subscription.ignore_self:
        return False
    return (
        _any((subscription.type,), (envelope.type,))
        and _any(subscription.app, (envelope.app,))
        and _any(subscription.event, facets.events)
        and _any(subscription.channel, (facets.channel,))
        and _any(subscription.command, (facets.command,))
        and _any(subscription.callback_id, (facets.callback_id,))
        and _any(subscription.action_id, facets.action_ids)
        and _shortcut(subscription, envelope)
    )


def _shortcut(subscription: Subscription, envelope: Envelope) -> bool:
    if not subscription.shortcut:
        return True
    return envelope.facets.kind in SHORTCUT_KINDS and _any(
        subscription.shortcut, (envelope.facets.callback_id,)
    )


def _any(patterns: tuple[str, ...], values: tuple[str, ...]) -> bool:
    if not patterns:
        return True
    match = _globs(patterns)
    for value in values:  # noqa: SIM110  a generator costs more than the rest, and this is asked for every envelope
        if match(value) is not None:
            return True
    return False


@functools.lru_cache(maxsize=4096)
def _globs(patterns: tuple[str, ...]) -> Callable[[str], object]:
    return re.compile("|".join(fnmatch.translate(pattern) for pattern in patterns)).match


def ordering_key(order_by: OrderBy, envelope: Envelope) -> str:
    """The key under which deliveries go one after the other; "" where nothing orders them.

    In the prompt lane the key has the user in it: what one person does in one place is handled in order, and
    nobody waits until another person's command is done, which no deadline would survive.
    """
    facets = envelope.facets
    match order_by:
        case OrderBy.CHANNEL:
            place = facets.channel
        case OrderBy.THREAD:
            place = f"{facets.channel}/{facets.thread}" if facets.thread else facets.channel
        case OrderBy.USER:
            place = facets.user
        case OrderBy.NONE:
            return ""
    if envelope.is_prompt:
        person = facets.user if order_by is not OrderBy.USER else ""
        return f"{envelope.app}/{place}/{person}" if place or person else ""
    return f"{envelope.app}/{place}" if place else ""

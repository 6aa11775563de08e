"""Which plugins an envelope goes to, and under which ordering key: a pure function of the configuration."""

import fnmatch
import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter

from slackd.broker.journal.writes import Lane
from slackd.config import OrderBy, PluginConfig, Subscription
from slackd.envelope import ParsedEnvelope
from slackd.slack.envelopes import SHORTCUT_KINDS
from slackd.slotted import frozen


@frozen
class Match:
    """One plugin that an envelope goes to.

    Attributes:
        plugin: Its configuration.
        subscription: The first of its subscriptions that matched; one that responds comes before the others.
        lane: The lane it travels in.
        key: Its ordering key in that lane, "" for none.
        others: Subscriptions of the plugin that matched, too, should the first not allow who did it.
    """

    plugin: PluginConfig
    subscription: Subscription
    lane: Lane
    key: str
    others: tuple[Subscription, ...] = ()


_ASKED = {
    "app": ("app",),
    "event": ("facets.events",),
    "not_event": ("facets.events",),
    "channel": ("facets.channel",),
    "command": ("facets.command",),
    "callback_id": ("facets.callback_id",),
    "action_id": ("facets.action_ids",),
    "shortcut": ("facets.kind", "facets.callback_id"),
}
"""What of an envelope each pattern of a subscription looks at."""

MAX_KNOWN = 4_096
"""Sorts of envelopes for which it is remembered who subscribed to them."""


_Subscribed = tuple[PluginConfig, Subscription, tuple[Subscription, ...]]
"""A plugin, its first subscription that matched, and those after it."""


class Matcher:
    """All subscriptions of all plugins, ready to be asked."""

    def __init__(self, plugins: Mapping[str, PluginConfig]) -> None:
        self._plugins = [(plugin, _responders_first(plugin)) for plugin in plugins.values()]
        everything = [each for plugin in plugins.values() for each in plugin.subscriptions]
        self._sort_of = attrgetter(*_looked_at(everything))
        self._known: dict[object, list[_Subscribed]] = {}

    def matches(self, envelope: ParsedEnvelope) -> list[Match]:
        """Every plugin that subscribed to this envelope, each once."""
        sort = self._sort_of(envelope)
        subscribed = self._known.get(sort)
        if subscribed is None:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            subscribed = self._known[sort] = list(self._subscribed(envelope))
        steers = envelope.facets.control
        lane = Lane.PROMPT if envelope.is_prompt or steers else Lane.EVENTS
        key = control_key if steers else ordering_key
        found, ordered_by, its_key = [], None, ""
        for plugin, subscription, others in subscribed:
            order_by = plugin.delivery.order_by
            if order_by is not ordered_by:  # many plugins, and mostly by the channel
                ordered_by, its_key = order_by, key(order_by, envelope)
            found.append(Match(plugin, subscription, lane, its_key, others))
        return found

    def _subscribed(self, envelope: ParsedEnvelope) -> Iterator[_Subscribed]:
        """Those that match, of each plugin up to the first that lets everybody."""
        for plugin, subscriptions in self._plugins:
            found: list[Subscription] = []
            for subscription in subscriptions:
                if matches(subscription, envelope):
                    found.append(subscription)
                    if subscription.allow is None:
                        break
            if found:
                yield plugin, found[0], tuple(found[1:])


def _looked_at(subscriptions: Iterable[Subscription]) -> list[str]:
    """Everything in an envelope on which it depends whether any of these match: as a rule not the channel, so
    all channels are of one sort."""
    members = ["type", "facets.from_self"]
    for subscription in subscriptions:
        members += [each for name, asked in _ASKED.items() if getattr(subscription, name) for each in asked]
    return list(dict.fromkeys(members))


def _responders_first(plugin: PluginConfig) -> Sequence[Subscription]:
    return sorted(plugin.subscriptions, key=lambda each: not each.respond)


def matches(subscription: Subscription, envelope: ParsedEnvelope) -> bool:
    """Whether every pattern that the subscription gives matches the envelope."""
    facets = envelope.facets
    if facets.from_self and subscription.ignore_self:
        return False
    return (
        _any((subscription.type,), (envelope.type,))
        and _any(subscription.app, (envelope.app,))
        and _any(subscription.event, facets.events)
        and not (subscription.not_event and _any(subscription.not_event, facets.events))
        and _any(subscription.channel, (facets.channel,))
        and _any(subscription.command, (facets.command,))
        and _any(subscription.callback_id, (facets.callback_id,))
        and _any(subscription.action_id, facets.action_ids)
        and _shortcut(subscription, envelope)
    )


def _shortcut(subscription: Subscription, envelope: ParsedEnvelope) -> bool:
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


def ordering_key(order_by: OrderBy, envelope: ParsedEnvelope) -> str:
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


CONTROL = "control:"


def control_key(order_by: OrderBy, envelope: ParsedEnvelope) -> str:
    """The key of an event that steers a turn which is under way.

    It has the turn's key in it, and waits for none but an earlier control event of that turn.
    """
    facets = envelope.facets
    turn = ordering_key(order_by, envelope) or f"{envelope.app}/{facets.channel}/{facets.thread}"
    return f"{CONTROL}{turn}"


def steered_key(key: str) -> str | None:
    """The ordering key of the turn that a delivery with this key steers; None if it steers none."""
    return key.removeprefix(CONTROL) if key.startswith(CONTROL) else None

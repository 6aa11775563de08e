"""Which plugins would answer the same envelope: Slack takes one answer, so only one may give it. Pure."""

from collections.abc import Sequence

from slackd.config.globs import any_overlap, overlap
from slackd.config.values import PluginConfig, Subscription
from slackd.slotted import frozen
from slackd.toml_reader.problems import shown


@frozen
class Conflict:
    """Two plugins that would both answer the same.

    Attributes:
        first: The plugin whose file comes first.
        second: The other one.
        position: Which `[[subscribe]]` of the second it is, counted from 0.
        thing: What both would answer, in words.
    """

    first: PluginConfig
    second: PluginConfig
    position: int
    thing: str


def conflicts(plugins: Sequence[PluginConfig]) -> list[Conflict]:
    """Find the plugins that would answer the same envelope.

    Args:
        plugins: In the order of their files.

    Returns:
        Each such pair once, by the second of the two.
    """
    pairs = ((first, second) for number, second in enumerate(plugins) for first in plugins[:number])
    return [conflict for first, second in pairs if (conflict := _conflict(first, second)) is not None]


def same_thing(one: Subscription, other: Subscription) -> str | None:
    """Compare what two subscriptions answer.

    Whatever both narrow down must have something in common. A subscription that narrows down only views
    (`callback_id`) and one that narrows down only actions (`action_id`) are not the same thing, although an
    action in that view matches both: taking them for rivals would forbid the usual division of work.

    Returns:
        What both would answer, in words; None where no envelope is answered by both.
    """
    if not (one.respond and other.respond and overlap(one.type, other.type)):
        return None
    if one.event or other.event:
        # Narrowed down to events, to which Slack takes no answer.
        return None
    for mine, others in ((one.app, other.app), (one.channel, other.channel)):
        if mine and others and not any_overlap(mine, others):
            return None
    first, second = _selectors(one), _selectors(other)
    shared = [(name, rival) for name in first for rival in second if _same_facet(name, rival)]
    if any(not any_overlap(first[name], second[rival]) for name, rival in shared):
        return None
    if shared:
        name, rival = shared[0]
        ours, theirs = next((a, b) for a in first[name] for b in second[rival] if overlap(a, b))
        if (name, ours) == (rival, theirs):
            return f"{name} {shown(ours)}"
        return f"{name} {shown(ours)} and {rival} {shown(theirs)}"
    return None if first and second else f"type {shown(one.type)}"


def _selectors(subscription: Subscription) -> dict[str, tuple[str, ...]]:
    """What the subscription narrows down to, without what it leaves open."""
    patterns = {
        "command": subscription.command,
        "callback_id": subscription.callback_id,
        "action_id": subscription.action_id,
        "shortcut": subscription.shortcut,
    }
    return {name: globs for name, globs in patterns.items() if globs}


def _same_facet(name: str, rival: str) -> bool:
    """A shortcut's name is its `callback_id`, so either key matches it."""
    return name == rival or {name, rival} == {"callback_id", "shortcut"}


def _conflict(first: PluginConfig, second: PluginConfig) -> Conflict | None:
    for position, subscription in enumerate(second.subscriptions):
        for other in first.subscriptions:
            if (thing := same_thing(subscription, other)) is not None:
                return Conflict(first, second, position, thing)
    return None

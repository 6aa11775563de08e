"""Who gets an envelope, and under which ordering key."""

import fnmatch
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slackd.broker.dispatch.subscriptions import Matcher, matches, ordering_key
from slackd.broker.journal.writes import Lane
from slackd.config import Delivery, OrderBy, PluginConfig, Subscription
from slackd.envelope import ParsedEnvelope
from slackd.slack.facets import Facets
from tests.support.slack_texts import command, event, interactive, understood

LETTERS = st.text("ab.*?[]!-/", max_size=5)
PATTERNS = st.lists(LETTERS, max_size=3).map(tuple)
FIELDS = ("event", "channel", "command", "callback_id", "action_id", "app")


@st.composite
def subscriptions(draw: Any) -> Subscription:
    return Subscription(draw(LETTERS | st.just("*")), **{name: draw(PATTERNS) for name in FIELDS})


@st.composite
def envelopes(draw: Any) -> ParsedEnvelope:
    few = st.lists(LETTERS, max_size=2).map(tuple)
    facets = Facets(
        events=draw(few),
        channel=draw(LETTERS),
        command=draw(LETTERS),
        callback_id=draw(LETTERS),
        action_ids=draw(few),
        from_self=draw(st.booleans()),
    )
    return ParsedEnvelope(draw(LETTERS), "e", draw(LETTERS), "{}", (), facets)


def values_of(envelope: ParsedEnvelope) -> dict[str, tuple[str, ...]]:
    facets = envelope.facets
    return {
        "event": facets.events,
        "channel": (facets.channel,),
        "command": (facets.command,),
        "callback_id": (facets.callback_id,),
        "action_id": facets.action_ids,
        "app": (envelope.app,),
    }


def test_a_subscription_leaves_out_what_not_event_names() -> None:
    inner = {"type": "message", "channel_type": "channel", "channel": "C1", "user": "U1", "ts": "1.0"}
    wanted = Subscription("events_api", event=("message.channels",), not_event=("message.message_*",))
    plugins = {"p": PluginConfig("p", Path("/p"), subscriptions=(wanted,))}
    matcher = Matcher(plugins)
    assert matcher.matches(understood(event(event=inner)))
    for subtype, subscribed in (("message_changed", False), ("message_deleted", False), ("file_share", True)):
        envelope = understood(event(event={**inner, "subtype": subtype}))
        assert bool(matcher.matches(envelope)) is subscribed is matches(wanted, envelope)


@given(subscriptions(), envelopes())
def test_every_pattern_given_must_match_as_fnmatch_says(
    subscription: Subscription, envelope: ParsedEnvelope
) -> None:
    wanted = fnmatch.fnmatchcase(envelope.type, subscription.type) and not envelope.facets.from_self
    for name, values in values_of(envelope).items():
        patterns = getattr(subscription, name)
        hit = any(fnmatch.fnmatchcase(value, pattern) for value in values for pattern in patterns)
        wanted = wanted and (not patterns or hit)
    assert matches(subscription, envelope) is wanted


@given(subscriptions(), envelopes(), st.sampled_from(FIELDS), LETTERS)
def test_one_more_alternative_never_loses_an_envelope(
    subscription: Subscription, envelope: ParsedEnvelope, field: str, pattern: str
) -> None:
    before = getattr(subscription, field)
    if before and matches(subscription, envelope):
        more: dict[str, Any] = {field: (*before, pattern)}
        assert matches(attrs.evolve(subscription, **more), envelope)


def plugin(name: str, *subscriptions: Subscription, order_by: OrderBy = OrderBy.CHANNEL) -> PluginConfig:
    return PluginConfig(
        name, Path(f"/{name}"), subscriptions=subscriptions, delivery=Delivery(order_by=order_by)
    )


def test_each_plugin_gets_it_once_by_the_subscription_that_responds() -> None:
    listens, responds = Subscription("*"), Subscription("slash_commands", respond=True)
    both = plugin("both", listens, responds)
    found = Matcher({"both": both, "deaf": plugin("deaf")}).matches(understood(command()))
    assert [(each.plugin, each.subscription, each.lane) for each in found] == [(both, responds, Lane.PROMPT)]


def test_names_of_events_are_those_of_the_apps_settings() -> None:
    in_channel = understood(event())
    for pattern in ("message", "message.*", "message.channels", "*"):
        assert matches(Subscription("events_api", event=(pattern,)), in_channel), pattern
    assert not matches(Subscription("events_api", event=("message.im",)), in_channel)


@pytest.mark.parametrize("subtype", ["message_changed", "file_share"])
def test_a_subtype_is_subscribed_to_by_its_name(subtype: str) -> None:
    of_that_sort = Subscription("events_api", event=(f"message.{subtype}",))
    subscribed = Matcher({"p": plugin("p", of_that_sort)})
    inner = {"type": "message", "subtype": subtype, "channel": "C1", "channel_type": "channel"}
    assert [each.subscription for each in subscribed.matches(understood(event(event=inner)))] == [of_that_sort]
    assert subscribed.matches(understood(event())) == []
    assert subscribed.matches(understood(event(event={**inner, "subtype": "thread_broadcast"}))) == []
    for pattern in ("message", "message.*", "message.channels"):
        assert matches(Subscription("events_api", event=(pattern,)), understood(event(event=inner))), pattern


def test_a_shortcut_goes_by_its_callback_id_and_nothing_else_is_one() -> None:
    subscription = Subscription("interactive", shortcut=("go",))
    assert matches(subscription, understood(interactive("shortcut", callback_id="go")))
    assert matches(subscription, understood(interactive("message_action", callback_id="go")))
    assert not matches(subscription, understood(interactive("view_submission", view={"callback_id": "go"})))


def test_what_the_bot_did_itself_is_not_told_unless_wanted() -> None:
    own = understood(event(event={"type": "message", "app_id": "A1"}))
    assert not matches(Subscription("events_api"), own)
    assert matches(Subscription("events_api", ignore_self=False), own)


@pytest.mark.parametrize(
    ("order_by", "key"),
    [
        (OrderBy.CHANNEL, "main/C1"),
        (OrderBy.THREAD, "main/C1/1.0"),
        (OrderBy.USER, "main/U1"),
        (OrderBy.NONE, ""),
    ],
)
def test_the_ordering_key_of_an_event(order_by: OrderBy, key: str) -> None:
    assert ordering_key(order_by, understood(event())) == key


def test_in_the_prompt_lane_nobody_waits_for_another_persons_command() -> None:
    one, other = understood(command(user_id="U1")), understood(command(user_id="U2"))
    assert ordering_key(OrderBy.CHANNEL, one) != ordering_key(OrderBy.CHANNEL, other)


def test_what_names_no_place_waits_for_nothing() -> None:
    assert ordering_key(OrderBy.CHANNEL, understood(event(event={"type": "team_rename"}))) == ""


def test_two_apps_share_no_key() -> None:
    one = understood(event())
    assert ordering_key(OrderBy.CHANNEL, one) != ordering_key(OrderBy.CHANNEL, attrs.evolve(one, app="other"))

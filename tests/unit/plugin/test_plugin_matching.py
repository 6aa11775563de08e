"""Which handler an envelope goes to, and what a handler finds in it."""

from collections.abc import Mapping
from typing import Any

import pytest

from slackd.plugin import Context, DuplicateHandler, Envelope, Plugin
from tests.support.slack_texts import event as broker_event
from tests.support.slack_texts import understood


def envelope(type_: str, payload: Mapping[str, Any]) -> Envelope:
    return Envelope(
        "7", 1, "main", type_, 1000.0, None, {"envelope_id": "e", "type": type_, "payload": payload}
    )


def event(**inner: Any) -> Envelope:
    return envelope("events_api", {"type": "event_callback", "event_id": "Ev1", "event": inner})


def interactive(kind: str, **more: Any) -> Envelope:
    return envelope("interactive", {"type": kind, **more})


def command(name: str) -> Envelope:
    return envelope("slash_commands", {"command": name, "text": "api", "user_id": "U1", "channel_id": "C1"})


def chosen(plugin: Plugin, subject: Envelope) -> str | None:
    route = plugin.routes.find(subject)
    return None if route is None else str(route.handler(subject))


def register(plugin: Plugin, *decorated: tuple[Any, str]) -> None:
    for decorator, name in decorated:
        decorator(lambda _, name=name: name)


class TestTheMostSpecificHandler:
    def test_a_written_out_name_beats_a_glob_and_a_glob_the_catch_all(self) -> None:
        plugin = Plugin("p")
        register(
            plugin,
            (plugin.envelope(), "all"),
            (plugin.envelope("slash_commands"), "all commands"),
            (plugin.command("/de*"), "short glob"),
            (plugin.command("/deplo?"), "long glob"),
            (plugin.command("/deploy"), "exact"),
        )
        assert chosen(plugin, command("/deploy")) == "exact"
        assert chosen(plugin, command("/deplox")) == "long glob"
        assert chosen(plugin, command("/destroy")) == "short glob"
        assert chosen(plugin, command("/other")) == "all commands"
        assert chosen(plugin, event(type="app_mention")) == "all"

    def test_a_handler_registered_after_an_envelope_was_seen_counts_for_the_next(self) -> None:
        plugin = Plugin("p")
        register(plugin, (plugin.command("/de*"), "glob"))
        assert chosen(plugin, command("/deploy")) == "glob"
        register(plugin, (plugin.command("/deploy"), "exact"))
        assert chosen(plugin, command("/deploy")) == "exact"

    def test_no_handler(self) -> None:
        plugin = Plugin("p")
        register(plugin, (plugin.command("/deploy"), "x"), (plugin.event("message"), "y"))
        assert chosen(plugin, command("/other")) is None
        assert chosen(plugin, interactive("dance")) is None
        assert chosen(plugin, envelope("new_type", {})) is None

    def test_without_a_name_a_decorator_takes_all_of_its_kind(self) -> None:
        plugin = Plugin("p")
        register(plugin, (plugin.event(), "event"), (plugin.command(), "command"))
        assert chosen(plugin, event(type="reaction_added")) == "event"
        assert chosen(plugin, command("/x")) == "command"

    @pytest.mark.parametrize(
        ("subject", "kind"),
        [
            (event(type="app_mention"), "event"),
            (command("x"), "command"),
            (interactive("block_actions", actions=[{"action_id": "x"}]), "action"),
            (interactive("interactive_message", callback_id="x"), "action"),
            (interactive("view_submission", view={"callback_id": "x"}), "view"),
            (interactive("view_closed", view={"callback_id": "x"}), "view closed"),
            (interactive("shortcut", callback_id="x"), "shortcut"),
            (interactive("message_action", callback_id="x"), "shortcut"),
            (interactive("block_suggestion", action_id="x"), "options"),
        ],
    )
    def test_every_kind_has_its_decorator(self, subject: Envelope, kind: str) -> None:
        plugin = Plugin("p")
        register(
            plugin,
            (plugin.event("app_mention"), "event"),
            (plugin.command("x"), "command"),
            (plugin.action("x"), "action"),
            (plugin.view("x"), "view"),
            (plugin.view("x", closed=True), "view closed"),
            (plugin.shortcut("x"), "shortcut"),
            (plugin.options("x"), "options"),
        )
        assert chosen(plugin, subject) == kind

    def test_a_message_in_a_channel_has_the_name_of_the_apps_settings_too(self) -> None:
        plugin = Plugin("p")
        register(plugin, (plugin.event("message"), "any"), (plugin.event("message.channels"), "in a channel"))
        assert chosen(plugin, event(type="message", channel_type="channel")) == "in a channel"
        assert chosen(plugin, event(type="message", channel_type="im")) == "any"
        assert chosen(plugin, event(type="message")) == "any"

    @pytest.mark.parametrize("subtype", ["message_changed", "bot_add"])  # a longer and a shorter name
    def test_what_happened_to_a_message_decides_before_where(self, subtype: str) -> None:
        plugin = Plugin("p")
        register(
            plugin,
            (plugin.event("message.chan*"), "a glob"),
            (plugin.event("message"), "any"),
            (plugin.event("message.channels"), "where"),
            (plugin.event(f"message.{subtype}"), "what"),
        )
        assert chosen(plugin, event(type="message", channel_type="channel", subtype=subtype)) == "what"
        assert chosen(plugin, event(type="message", subtype=subtype)) == "what"
        assert chosen(plugin, event(type="message", channel_type="channel", subtype="file_share")) == "where"
        assert chosen(plugin, event(type="message", channel_type="im", subtype="file_share")) == "any"

    def test_an_event_of_any_type_has_its_subtype_for_a_name(self) -> None:
        plugin = Plugin("p")
        register(plugin, (plugin.event("brand_new"), "any"), (plugin.event("brand_new.sort"), "that sort"))
        assert chosen(plugin, event(type="brand_new", subtype="sort")) == "that sort"
        assert chosen(plugin, event(type="brand_new", subtype=7)) == "any"

    @pytest.mark.parametrize(
        "inner",
        [
            {"type": "message"},
            {"type": "message", "channel_type": "im"},
            {"type": "message", "channel_type": "new"},
            {"type": "message", "channel_type": "mpim", "subtype": "file_share"},
            {"type": "message", "subtype": 7},
            {"type": "reaction_added", "subtype": "x"},
            {"type": "reaction_added", "subtype": ""},
        ],
    )
    def test_a_handler_has_the_names_that_subscriptions_have(self, inner: dict[str, Any]) -> None:
        subscribed = understood(broker_event(event=inner)).facets.events
        assert sorted(event(**inner).events) == sorted(subscribed)

    def test_a_payload_without_an_inner_event_goes_by_its_own_type(self) -> None:
        plugin = Plugin("p")
        register(plugin, (plugin.event("app_rate_limited"), "slow down"))
        assert chosen(plugin, envelope("events_api", {"type": "app_rate_limited"})) == "slow down"

    def test_any_of_several_actions_can_match(self) -> None:
        plugin = Plugin("p")
        register(plugin, (plugin.action("approve"), "yes"))
        actions = [{"action_id": "note"}, {"action_id": "approve"}]
        assert chosen(plugin, interactive("block_actions", actions=actions)) == "yes"


class TestRegistering:
    def test_two_handlers_for_the_same_thing_are_refused_by_name(self) -> None:
        plugin = Plugin("p")
        plugin.command("/deploy")(print)
        with pytest.raises(DuplicateHandler, match=r"/deploy.*print.*repr"):
            plugin.command("/deploy")(repr)

    def test_a_decorator_without_its_call_says_what_is_missing(self) -> None:
        def handler(_: Envelope) -> None: ...

        with pytest.raises(TypeError, match=r"@plugin\.event\(\)"):
            Plugin("p").event(handler)  # type: ignore[arg-type]

    def test_the_handler_itself_stays_what_it_was(self) -> None:
        def handler(_: Envelope) -> None: ...

        assert Plugin("p").event("x")(handler) is handler

    def test_the_context_goes_to_handlers_that_ask_for_it(self) -> None:
        plugin = Plugin("p")

        async def both(_: Envelope, context: Context) -> None: ...

        plugin.event("one")(lambda _: None)
        plugin.event("default")(lambda _, extra=1: None)
        plugin.event("any")(lambda *all_: None)
        plugin.event("both")(both)
        takers = {route.pattern for route in plugin.routes if route.arguments == 2}
        assert takers == {"both"}


class TestWhatAHandlerFinds:
    def test_in_a_command(self) -> None:
        found = command("/deploy")
        assert (found.command, found.text, found.user, found.channel) == ("/deploy", "api", "U1", "C1")

    def test_in_an_event(self) -> None:
        found = event(type="app_mention", text="hi", user="U2", channel="C2", ts="1.2")
        assert (found.text, found.user, found.channel, found.thread) == ("hi", "U2", "C2", "1.2")
        assert event(type="message", ts="1.2", thread_ts="1.0").thread == "1.0"

    def test_in_events_that_nest_their_objects(self) -> None:
        assert event(type="reaction_added", item={"channel": "C3"}).channel == "C3"
        assert event(type="channel_created", channel={"id": "C4"}).channel == "C4"
        assert event(type="user_change", user={"id": "U5"}).user == "U5"

    def test_in_a_click(self) -> None:
        found = interactive(
            "block_actions",
            user={"id": "U6"},
            container={"channel_id": "C6"},
            trigger_id="t",
            response_url="https://x",
            actions=[{"action_id": "a", "selected_option": {"value": "v"}}],
        )
        assert (found.user, found.channel, found.value, found.action_ids) == ("U6", "C6", "v", ("a",))
        assert (found.trigger_id, found.response_url) == ("t", "https://x")

    def test_nothing_raises_in_an_envelope_of_another_shape(self) -> None:
        names = [name for name in vars(Envelope) if isinstance(vars(Envelope)[name], property)]
        odd: list[Any] = [None, 1, "x", [], {}, {"event": 1}, {"actions": [1]}, {"view": []}, {"actions": {}}]
        for type_ in ("events_api", "slash_commands", "interactive", "x"):
            for payload in odd:
                for name in names:
                    getattr(envelope(type_, payload), name)
                Plugin("p").routes.find(envelope(type_, payload))

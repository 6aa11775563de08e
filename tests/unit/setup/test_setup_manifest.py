"""The manifest has what the plugins declare, and no more."""

from pathlib import Path

import pytest

from slackd.config.values import PluginConfig, Subscription
from slackd.setup.manifest import manifest, unknown


def plugin(
    *subscriptions: Subscription, methods: tuple[str, ...] = (), apps: tuple[str, ...] = ()
) -> PluginConfig:
    return PluginConfig("p", Path("p.toml"), subscriptions=subscriptions, methods=methods, apps=apps)


def scopes(*plugins: PluginConfig) -> list[str]:
    found: list[str] = manifest("main", plugins)["oauth_config"]["scopes"]["bot"]
    return found


def test_socket_mode_is_on_and_needs_no_url() -> None:
    made = manifest("main", ())
    assert made["settings"]["socket_mode_enabled"] is True
    assert "http" not in str(made)


def test_events_bring_their_scopes() -> None:
    mentions = plugin(Subscription("events_api", event=("app_mention", "message.*")))
    made = manifest("main", [mentions])
    assert made["settings"]["event_subscriptions"]["bot_events"] == [
        "app_mention", "message.channels", "message.groups", "message.im", "message.mpim",
    ]  # fmt: skip
    assert scopes(mentions) == [
        "app_mentions:read", "channels:history", "groups:history", "im:history", "mpim:history",
    ]  # fmt: skip


def test_message_stands_for_messages_everywhere() -> None:
    assert scopes(plugin(Subscription("events_api", event=("message",)))) == [
        "channels:history", "groups:history", "im:history", "mpim:history",
    ]  # fmt: skip


@pytest.mark.parametrize("pattern", ["message.message_changed", "message.message_*"])
def test_slack_knows_no_subtypes_so_all_messages_are_asked_for(pattern: str) -> None:
    edits = plugin(Subscription("events_api", event=(pattern,)))
    assert manifest("main", [edits])["settings"]["event_subscriptions"]["bot_events"] == [
        "message.channels", "message.groups", "message.im", "message.mpim",
    ]  # fmt: skip
    assert unknown("main", [edits]) == ()


def test_a_subtype_of_another_event_asks_for_that_event() -> None:
    bots = plugin(Subscription("events_api", event=("app_mention.bot_message", "brand_new.sort")))
    made = manifest("main", [bots])
    assert made["settings"]["event_subscriptions"]["bot_events"] == ["app_mention", "brand_new"]
    assert unknown("main", [bots]) == ("brand_new",)


def test_commands_are_registered() -> None:
    made = manifest("main", [plugin(Subscription("slash_commands", command=("/deploy",)))])
    assert [each["command"] for each in made["features"]["slash_commands"]] == ["/deploy"]
    assert made["oauth_config"]["scopes"]["bot"] == ["commands"]


def test_granted_methods_bring_their_scopes() -> None:
    assert scopes(plugin(methods=("chat.*", "reactions.add"))) == ["chat:write", "reactions:write"]


def test_another_apps_plugin_brings_nothing() -> None:
    assert scopes(plugin(Subscription("events_api", event=("team_join",), app=("other",)))) == []
    assert scopes(plugin(methods=("chat.postMessage",), apps=("other",))) == []


def test_what_is_not_known_is_asked_for_as_it_stands_and_named() -> None:
    new = plugin(Subscription("events_api", event=("brand_new_event",)), methods=("brand.new",))
    assert manifest("main", [new])["settings"]["event_subscriptions"]["bot_events"] == ["brand_new_event"]
    assert unknown("main", [new]) == ("brand.new", "brand_new_event")

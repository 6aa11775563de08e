"""The Slack app manifest that the installed plugins need. Pure.

Facts are from Slack's documentation: "App manifest reference" for the form, each event's page and each method's
page for the scope that it asks for.
"""

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Any, Final

from slackd.config.values import PluginConfig

_EVENTS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "app_home_opened": (),
        "app_mention": ("app_mentions:read",),
        "channel_archive": ("channels:read",),
        "channel_created": ("channels:read",),
        "channel_deleted": ("channels:read",),
        "channel_rename": ("channels:read",),
        "channel_unarchive": ("channels:read",),
        "emoji_changed": ("emoji:read",),
        "file_created": ("files:read",),
        "file_deleted": ("files:read",),
        "file_shared": ("files:read",),
        "group_rename": ("groups:read",),
        "link_shared": ("links:read",),
        "member_joined_channel": ("channels:read", "groups:read"),
        "member_left_channel": ("channels:read", "groups:read"),
        "message.channels": ("channels:history",),
        "message.groups": ("groups:history",),
        "message.im": ("im:history",),
        "message.mpim": ("mpim:history",),
        "pin_added": ("pins:read",),
        "pin_removed": ("pins:read",),
        "reaction_added": ("reactions:read",),
        "reaction_removed": ("reactions:read",),
        "subteam_created": ("usergroups:read",),
        "subteam_updated": ("usergroups:read",),
        "team_join": ("users:read",),
        "user_change": ("users:read",),
    }
)
"""Bot events -> the bot scopes that subscribing to them asks for."""
_APP_HOME: Final = "message.app_home"
"""A place of messages whose scope is not known here."""

_METHODS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "bookmarks.add": ("bookmarks:write",),
        "chat.delete": ("chat:write",),
        "chat.postEphemeral": ("chat:write",),
        "chat.postMessage": ("chat:write",),
        "chat.scheduleMessage": ("chat:write",),
        "chat.update": ("chat:write",),
        "conversations.create": ("channels:manage",),
        "conversations.history": ("channels:history",),
        "conversations.info": ("channels:read",),
        "conversations.join": ("channels:join",),
        "conversations.list": ("channels:read",),
        "conversations.members": ("channels:read",),
        "conversations.open": ("im:write",),
        "conversations.replies": ("channels:history",),
        "emoji.list": ("emoji:read",),
        "files.completeUploadExternal": ("files:write",),
        "files.getUploadURLExternal": ("files:write",),
        "files.info": ("files:read",),
        "pins.add": ("pins:write",),
        "pins.list": ("pins:read",),
        "reactions.add": ("reactions:write",),
        "reactions.get": ("reactions:read",),
        "reactions.remove": ("reactions:write",),
        "usergroups.list": ("usergroups:read",),
        "usergroups.users.list": ("usergroups:read",),
        "users.info": ("users:read",),
        "users.list": ("users:read",),
        "users.lookupByEmail": ("users:read.email",),
        "views.open": (),
        "views.publish": (),
        "views.update": (),
    }
)
"""Web API methods -> the bot scopes that calling them asks for."""

DELAYED_EVENTS: Final = (
    "The manifest has no key for Delayed Events: switch it on by hand, under Event Subscriptions in the app's "
    "settings. Slack then sends again for 24 hours what it could not deliver, instead of about six minutes."
)


def manifest(name: str, plugins: Sequence[PluginConfig]) -> dict[str, Any]:
    """Make the app manifest that the installed plugins need ("App manifest reference").

    Args:
        name: The app's name in the configuration.
        plugins: All that are declared.

    Returns:
        The manifest as JSON's values: Socket Mode on, with events, commands and scopes.
    """
    subscriptions = [each for plugin in plugins for each in plugin.subscriptions if _hears(each.app, name)]
    events = _matching((_asked_for(event) for each in subscriptions for event in each.event), _EVENTS)
    methods = _matching(
        (method for plugin in plugins if _hears(plugin.apps, name) for method in plugin.methods), _METHODS
    )
    commands = sorted(
        {each for subscription in subscriptions for each in subscription.command if "*" not in each}
    )
    scopes = {scope for event in events for scope in _EVENTS.get(event, ())}
    scopes |= {scope for method in methods for scope in _METHODS.get(method, ())}
    scopes |= {"commands"} if commands else set()
    features: dict[str, Any] = {"bot_user": {"display_name": name, "always_online": True}}
    if commands:
        features["slash_commands"] = [
            {"command": command, "description": f"Answered by {name}", "should_escape": False}
            for command in commands
        ]
    settings: dict[str, Any] = {
        "interactivity": {"is_enabled": True},
        "org_deploy_enabled": False,
        "socket_mode_enabled": True,
        "token_rotation_enabled": False,
    }
    if events:
        settings["event_subscriptions"] = {"bot_events": events}
    return {
        "display_information": {"name": name},
        "features": features,
        "oauth_config": {"scopes": {"bot": sorted(scopes)}},
        "settings": settings,
    }


def unknown(name: str, plugins: Sequence[PluginConfig]) -> tuple[str, ...]:
    """Find what the manifest lacks.

    Returns:
        Events and methods of the plugins whose scopes are not known here: to be added by hand.
    """
    found: set[str] = set()
    for plugin in plugins:
        if _hears(plugin.apps, name):
            found.update(each for each in plugin.methods if not _is_glob(each) and each not in _METHODS)
        for subscription in plugin.subscriptions:
            if _hears(subscription.app, name):
                asked_for = map(_asked_for, subscription.event)
                found.update(each for each in asked_for if not _is_glob(each) and each not in _EVENTS)
    return tuple(sorted(found))


def _hears(apps: tuple[str, ...], name: str) -> bool:
    return not apps or any(fnmatchcase(name, pattern) for pattern in apps)


def _matching(patterns: Iterable[str], known: Mapping[str, tuple[str, ...]]) -> list[str]:
    found: set[str] = set()
    for pattern in patterns:
        matches = [each for each in known if fnmatchcase(each, pattern)]
        found.update(matches or ([] if _is_glob(pattern) else [pattern]))
    return sorted(found)


def _asked_for(event: str) -> str:
    """What an app asks Slack for so that events of this name come: their type, of messages also where. Slack
    calls each of those `message` when it comes, and knows no subscription to a subtype.
    """
    if event == _APP_HOME or any(fnmatchcase(known, event) for known in _EVENTS):
        return event
    type_ = event.partition(".")[0]
    if type_ == "message":
        return "message.*"
    return event if _is_glob(type_) else type_


def _is_glob(pattern: str) -> bool:
    return any(sign in pattern for sign in "*?[")

"""What a plugin may ask of Slack: the apps and the methods that its file grants.

P6, the invariant kept here: a plugin's call reaches a connector only if its file grants the method and the app.
The broker has no token and no network: it decides, the connector dials.
"""

import fnmatch
import json
from collections.abc import Iterable, Mapping
from typing import Any

from slackd import SlackdError, jsonrpc
from slackd.config import PluginConfig

ALWAYS_GRANTED = "auth.test"
"""An app behind the gateway asks at its start who it is: that needs no line in its file."""


class CallRefused(SlackdError):
    """A plugin's call is answered with an error; `code` and `data` are the protocol's."""

    def __init__(self, code: int, message: str, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.data = data


def app_of(plugin: PluginConfig, app: str | None, apps: Iterable[str]) -> str:
    """The app that a plugin's request is for.

    Args:
        apps: All apps of the configuration.

    Raises:
        CallRefused: It names none, or one that it isn't given.
    """
    granted = plugin.apps or tuple(apps)
    if app is None:
        if len(granted) == 1:
            return granted[0]
        text = f'name an "app": {plugin.file} gives this plugin {", ".join(granted) or "none"}'
        raise CallRefused(jsonrpc.UNKNOWN_APP, text)
    if app not in granted:
        text = f"the app {app[:100]!r} is not in [slack] apps of {plugin.file}"
        raise CallRefused(jsonrpc.UNKNOWN_APP, text)
    return app


def check_grant(plugin: PluginConfig, method: str) -> None:
    """Whether its file grants a plugin this method.

    Raises:
        CallRefused: It doesn't; the words have the line to write.
    """
    if plugin.gateway is not None and method == ALWAYS_GRANTED:
        return
    if any(fnmatch.fnmatchcase(method, pattern) for pattern in plugin.methods):
        return
    methods = json.dumps([*plugin.methods, method])
    text = f"{plugin.file} does not grant {method}; the line to write under [slack]: methods = {methods}"
    raise CallRefused(jsonrpc.METHOD_NOT_GRANTED, text)

"""What the gateway has of each app: its calls, its connections or its request URL, its URLs."""

from __future__ import annotations

import asyncio
import functools
import time
from typing import Any
from urllib.parse import urlsplit

from slackd.config import Config, PluginConfig
from slackd.gateway.counters import GatewayCounters
from slackd.gateway.credential_store import CredentialStore
from slackd.gateway.files import FilePassage
from slackd.gateway.plugin_client import PluginClient
from slackd.gateway.request_url_app import RequestUrlApp
from slackd.gateway.settings import GatewayContext
from slackd.gateway.socket_mode import SocketModeApp
from slackd.gateway.url_rewriting import UrlSeal, restore_files
from slackd.gateway.webapi import AppCalls
from slackd.slotted import frozen


@frozen(eq=False)
class ServedApp:
    """One plugin whose file has `[gateway]`.

    Attributes:
        client: its connection for calls alone.
        socket_mode: None unless its file says `socket_mode = true`.
        request_url: None unless its file has a `request_url`.
    """

    plugin: PluginConfig
    api_host: str
    store: CredentialStore
    client: PluginClient
    calls: AppCalls
    files: FilePassage
    socket_mode: SocketModeApp | None
    request_url: RequestUrlApp | None

    def urls(self, base: str) -> UrlSeal:
        """Its URLs, for an app that calls the gateway by that base."""
        return _urls(self.store, self.plugin.name, base, self.api_host)

    def unseal(self, purpose: str, mac: str, packed: str) -> str | None:
        """The URL of Slack's behind one of ours, also of the credentials before a rotation."""
        return _unseal(self.store, self.plugin.name, purpose, mac, packed)

    def restore(self, value: Any) -> Any:
        """What the app sends to Slack, the URLs of files being Slack's own."""
        return _restore(self.store, self.plugin.name, value)

    def start(self, group: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        """Connect to the broker.

        Returns:
            The tasks that serve the app, to be cancelled at its end.
        """
        tasks = [group.create_task(self.client.run())]
        if self.request_url is not None:
            tasks.append(group.create_task(self.request_url.run()))
        return tasks

    async def stop(self) -> None:
        """Let what is under way come to its end, for a moment; leave the broker."""
        if self.socket_mode is not None:
            await self.socket_mode.stop()
        if self.request_url is not None:
            await self.request_url.stop()
        await self.client.leave()


def serve_apps(
    config: Config,
    base: str,
    context: GatewayContext,
    store: CredentialStore,
    counters: GatewayCounters,
    group: asyncio.TaskGroup,
) -> dict[str, ServedApp]:
    """Every app that the plugins' files name, by its plugin.

    Args:
        base: how apps call the gateway, for those that haven't called yet.
    """
    apps: dict[str, ServedApp] = {}
    for name, plugin in config.plugin_files.items():
        if plugin.gateway is None:
            continue
        client = PluginClient(config.plugins.socket, name)
        api_host = _api_host(config, plugin)
        seal = _urls(store, name, base, api_host)
        posted = plugin.gateway.request_url is not None
        calls = AppCalls(name, client, counters)
        restore = functools.partial(_restore, store, name)
        apps[name] = ServedApp(
            plugin,
            api_host,
            store,
            client,
            calls,
            FilePassage(name, calls, counters),
            SocketModeApp(config, plugin, restore, context, counters, group)
            if plugin.gateway.socket_mode
            else None,
            RequestUrlApp(config, plugin, seal, restore, store, counters, group) if posted else None,
        )
    return apps


def _unseal(store: CredentialStore, name: str, purpose: str, mac: str, packed: str) -> str | None:
    for each in store.of(name).good(time.time()):
        url = UrlSeal(name, each.signing_secret, "").unseal(purpose, mac, packed)
        if url is not None:
            return url
    return None


def _restore(store: CredentialStore, name: str, value: Any) -> Any:
    return restore_files(value, functools.partial(_unseal, store, name, "file"))


def _urls(store: CredentialStore, name: str, base: str, api_host: str) -> UrlSeal:
    current = store.of(name).current
    return UrlSeal(name, current.signing_secret, base, api_host, current.bot_token)


def _api_host(config: Config, plugin: PluginConfig) -> str:
    names = plugin.apps or tuple(config.apps)
    app = config.apps.get(names[0]) if names else None
    return (urlsplit(app.api_url).hostname or "").lower() if app else ""

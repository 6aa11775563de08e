"""What operators ask the gateway, over HTTP on a socket of their own: credentials, status, metrics."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from slackd.gateway.apps import ServedApp
from slackd.gateway.counters import GatewayCounters
from slackd.gateway.credential_store import CredentialStore, CredentialsUnusable


class GatewayControl:
    """Answers operators.

    Args:
        url: how apps call the gateway.
        digest: the fingerprint of what the process is made of.
    """

    def __init__(
        self,
        apps: Mapping[str, ServedApp],
        store: CredentialStore,
        counters: GatewayCounters,
        url: str,
        digest: str,
    ) -> None:
        self._apps, self._store, self._counters = apps, store, counters
        self._url, self._digest = url, digest

    def application(self) -> web.Application:
        """The HTTP application."""
        made = web.Application()
        made.router.add_get("/v1/status", self.status)
        made.router.add_post("/v1/credentials", self.credentials)
        made.router.add_get("/metrics", self.metrics)
        return made

    async def status(self, request: web.Request) -> web.StreamResponse:
        """Every app, and how it is served."""
        apps = [self._app(each) for each in self._apps.values()]
        return web.json_response({"url": self._url, "digest": self._digest, "apps": apps})

    async def credentials(self, request: web.Request) -> web.StreamResponse:
        """An app's credentials, fresh ones if `rotate` is true."""
        try:
            asked = json.loads(await request.read())
            name, rotate = str(asked["plugin"]), asked.get("rotate") is True
        except (ValueError, KeyError, TypeError, AttributeError):
            words = 'expected {"plugin": NAME, "rotate": true or false}'
            return web.json_response({"error": words}, status=400)
        if name not in self._apps:
            known = ", ".join(sorted(self._apps)) or "none"
            words = f"no plugin {name[:100]!r} is served (its file needs [gateway]); served are: {known}"
            return web.json_response({"error": words}, status=404)
        try:
            generations = self._store.rotate(name) if rotate else self._store.of(name)
        except CredentialsUnusable as error:
            return web.json_response({"error": str(error)}, status=503)
        current = generations.current
        return web.json_response(
            {
                "SLACK_API_URL": f"{self._url}/api/",
                "SLACK_APP_TOKEN": current.app_token,
                "SLACK_BOT_TOKEN": current.bot_token,
                "SLACK_SIGNING_SECRET": current.signing_secret,
            }
        )

    async def metrics(self, request: web.Request) -> web.StreamResponse:
        """For Prometheus."""
        connections = {
            name: app.socket_mode.registry.ready for name, app in self._apps.items() if app.socket_mode
        }
        return web.Response(text=self._counters.render(connections), content_type="text/plain")

    def _app(self, app: ServedApp) -> dict[str, Any]:
        socket_mode, posted = app.socket_mode, app.request_url
        return {
            "plugin": app.plugin.name,
            "broker": "connected" if app.client.ready.is_set() else app.client.refusal or "not connected",
            "socket_mode": socket_mode is not None,
            "connections": socket_mode.registry.ready if socket_mode else 0,
            "in_flight": (socket_mode.in_flight if socket_mode else 0) + (posted.in_flight if posted else 0),
            "request_url": app.plugin.gateway.request_url if app.plugin.gateway else None,
            "away": posted.is_away if posted else False,
            "counters": self._counters.of(app.plugin.name),
        }

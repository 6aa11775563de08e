"""Who may use the page and the control API from a browser: pages of this very server.

A foreign page that the same browser shows could post here, or, after its name was pointed to 127.0.0.1 (DNS
rebinding), read all of it. So a name in `Host` has to be ours, and so has an `Origin`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aiohttp import web

if TYPE_CHECKING:  # Debian 12's aiohttp 3.8 has no such name.
    from aiohttp.typedefs import Middleware

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def own_origin_only(base_url: str) -> Middleware:
    """A middleware that refuses what another origin sends; `base_url` is how this server is called."""
    own_name = urlsplit(base_url).hostname or ""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        origin = request.headers.get("Origin")
        if not same_origin(origin, request.host) or request.headers.get("Sec-Fetch-Site") == "cross-site":
            return web.json_response({"error": f"the origin {origin} may not use this server"}, status=403)
        slacks_own = request.path.startswith("/api/")
        if not slacks_own and not known_host(request.host, own_name):
            return web.json_response(
                {"error": f"this server is not called {request.host!r}; --public-url names it otherwise"},
                status=421,
            )
        return await handler(request)

    return check


def same_origin(origin: str | None, host: str) -> bool:
    """Whether a request to `host` comes from a page of this server, or from no page at all."""
    return origin is None or urlsplit(origin).netloc.lower() == host.lower()


def known_host(host: str, own_name: str) -> bool:
    """Whether a `Host` names this server: by an address, as localhost, or by its own name."""
    name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    if name in ("localhost", own_name.lower()):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True

"""The one table from method and path to what answers."""

from collections.abc import Awaitable, Callable

import attrs
from aiohttp import web

from slackd.broker.control import backup, deadletters, events, metrics, replay, views
from slackd.broker.control.context import ControlContext

Handler = Callable[[ControlContext, web.Request], Awaitable[web.StreamResponse]]


@attrs.frozen
class ControlRoute:
    """One line of the table."""

    method: str
    path: str
    handler: Handler


ROUTES = (
    ControlRoute("GET", "/v1/status", views.status),
    ControlRoute("GET", "/v1/apps", views.apps),
    ControlRoute("GET", "/v1/plugins", views.plugins),
    ControlRoute("GET", "/v1/inflight", views.inflight),
    ControlRoute("GET", "/v1/gaps", views.gaps),
    ControlRoute("GET", "/v1/deadletters", deadletters.listed),
    ControlRoute("GET", "/v1/deadletters/{delivery}", deadletters.shown),
    ControlRoute("POST", "/v1/deadletters/retry", deadletters.retry),
    ControlRoute("POST", "/v1/deadletters/discard", deadletters.discard),
    ControlRoute("POST", "/v1/replay", replay.replay),
    ControlRoute("GET", "/v1/events", events.stream),
    ControlRoute("GET", "/v1/backup", backup.backup),
    ControlRoute("GET", "/healthz", views.healthz),
    ControlRoute("GET", "/readyz", views.readyz),
    ControlRoute("GET", "/metrics", metrics.scrape),
)
METRICS_ALONE = tuple(route for route in ROUTES if route.path == "/metrics")
"""What the TCP listener for scraping serves."""

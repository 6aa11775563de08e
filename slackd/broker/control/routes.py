"""The one table from method and path to what answers."""

from collections.abc import Awaitable, Callable

import attrs
from aiohttp import web

from slackd.broker import metrics
from slackd.broker.control import backup, deadletters, events, replay, views
from slackd.broker.control.running import RunningBroker

Handler = Callable[[RunningBroker, web.Request], Awaitable[web.StreamResponse]]


@attrs.frozen
class Route:
    """One line of the table."""

    method: str
    path: str
    handler: Handler


ROUTES = (
    Route("GET", "/v1/status", views.status),
    Route("GET", "/v1/apps", views.apps),
    Route("GET", "/v1/plugins", views.plugins),
    Route("GET", "/v1/inflight", views.inflight),
    Route("GET", "/v1/gaps", views.gaps),
    Route("GET", "/v1/deadletters", deadletters.listed),
    Route("GET", "/v1/deadletters/{delivery}", deadletters.shown),
    Route("POST", "/v1/deadletters/retry", deadletters.retry),
    Route("POST", "/v1/deadletters/discard", deadletters.discard),
    Route("POST", "/v1/replay", replay.replay),
    Route("GET", "/v1/events", events.stream),
    Route("GET", "/v1/backup", backup.backup),
    Route("GET", "/healthz", views.healthz),
    Route("GET", "/readyz", views.readyz),
    Route("GET", "/metrics", metrics.scrape),
)
METRICS_ALONE = tuple(route for route in ROUTES if route.path == "/metrics")
"""What the TCP listener for scraping serves."""

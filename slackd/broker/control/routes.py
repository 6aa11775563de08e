"""The one table from method and path to what answers."""

from collections.abc import Awaitable, Callable, Mapping

from slackd.broker.control import backup, deadletters, events, intercepts, replay, views
from slackd.broker.control.context import ControlContext
from slackd.broker.control.http import HttpRequest, HttpResponse
from slackd.late_import import imported
from slackd.slotted import frozen

Handler = Callable[[ControlContext, HttpRequest], Awaitable[HttpResponse | None]]


@frozen
class ControlRoute:
    """One line of the table; in a path, a name in braces stands for any one part."""

    method: str
    path: str
    handler: Handler

    def match(self, path: str) -> Mapping[str, str] | None:
        """What stands for the names in the path, if it is this route's."""
        wanted, given = self.path.split("/"), path.split("/")
        if len(wanted) != len(given):
            return None
        found = {}
        for part, value in zip(wanted, given, strict=True):
            if part.startswith("{") and value:
                found[part.strip("{}")] = value
            elif part != value:
                return None
        return found


async def _scrape(broker: ControlContext, request: HttpRequest) -> HttpResponse | None:
    """Prometheus' library takes a tenth of a start and 2 MiB: it is imported for those who scrape, before
    READY where they have a socket of their own."""
    metrics = await imported("slackd.broker.control.metrics")
    answer: HttpResponse = await metrics.scrape(broker, request)
    return answer


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
    ControlRoute("POST", "/v1/intercepts", intercepts.stream),
    ControlRoute("GET", "/v1/backup", backup.backup),
    ControlRoute("GET", "/healthz", views.healthz),
    ControlRoute("GET", "/readyz", views.readyz),
    ControlRoute("GET", "/metrics", _scrape),
)
METRICS_ALONE = tuple(route for route in ROUTES if route.path == "/metrics")
"""What the TCP listener for scraping serves."""

"""What is only looked at: status, health, apps, plugins, what is in flight, gaps."""

import math
from typing import Any

import attrs

from slackd.broker.control import lookups, requests
from slackd.broker.control.context import ControlContext
from slackd.broker.control.health import SILENT_AFTER, not_ready
from slackd.broker.control.http import HttpRequest, HttpResponse
from slackd.broker.control.snapshot import survey

MOST_IN_FLIGHT = 10_000


async def status(broker: ControlContext, request: HttpRequest) -> HttpResponse:
    """Everything, with the verdict and its reasons."""
    return requests.answer(attrs.asdict(await survey(broker)))


async def apps(broker: ControlContext, request: HttpRequest) -> HttpResponse:
    """Every app: its connections, budget and events."""
    seen = await survey(broker)
    return requests.answer({"apps": [attrs.asdict(each) for each in seen.apps]})


async def plugins(broker: ControlContext, request: HttpRequest) -> HttpResponse:
    """Every plugin: its sessions and what waits for it."""
    seen = await survey(broker)
    return requests.answer({"plugins": [attrs.asdict(each) for each in seen.plugins]})


async def healthz(broker: ControlContext, request: HttpRequest) -> HttpResponse:
    """Whether the process works: the loop turns (or nobody would answer) and the journal's writer answers,
    be it with an error: a full disk is no reason to be killed."""
    silent_for = broker.engine.clock().monotonic - broker.look_at_journal().answered_at
    healthy = silent_for <= SILENT_AFTER
    answer = {"healthy": healthy, "writer_answered_before": round(max(0.0, silent_for), 3)}
    return requests.answer(answer, 200 if healthy else 503)


async def readyz(broker: ControlContext, request: HttpRequest) -> HttpResponse:
    """Whether it does its work: the journal takes envelopes, every app that isn't in trouble hears Slack."""
    reasons = not_ready(await survey(broker))
    return requests.answer({"ready": not reasons, "reasons": reasons}, 503 if reasons else 200)


async def inflight(broker: ControlContext, request: HttpRequest) -> HttpResponse:
    """What a stop would interrupt: deliveries in flight, answers that Slack waits for, calls under way.

    Raises:
        BadRequest: A parameter means nothing here.
        NotFound: There is no such plugin.
    """
    requests.known_parameters(request, ["plugin"])
    only = request.query.get("plugin")
    if only is not None:
        lookups.declared_plugin(broker, only)
    now = broker.engine.clock()
    deliveries: list[dict[str, Any]] = []
    total = 0
    for name, plugin in broker.core.plugins.items():
        if only not in (None, name):
            continue
        leases = plugin.leases()
        total += len(leases)
        for lease in leases[: MOST_IN_FLIGHT - len(deliveries)]:
            session = plugin.sessions.get(lease.session)
            deliveries.append(
                {
                    "plugin": name,
                    "delivery": lease.delivery.id,
                    "envelope": lease.delivery.envelope,
                    "attempt": lease.delivery.attempt,
                    "lane": lease.delivery.lane.name.lower(),
                    "key": lease.delivery.key,
                    "state": lease.state.value,
                    "session": lease.session if session is not None and session.named else "",
                    "awaited": session is not None and not session.connected,
                    "timeout_in": _seconds_until(lease.deadline, now.monotonic),
                }
            )
    return requests.answer(
        {
            "total": total,
            "deliveries": deliveries,
            "answers_awaited": len(broker.core.answers),
            "calls_under_way": broker.connector_calls.under_way,
            "waiting_for_commit": broker.core.has_unwritten,
        }
    )


async def gaps(broker: ControlContext, request: HttpRequest) -> HttpResponse:
    """The latest intervals in which an app had no READY connection, oldest first.

    Raises:
        BadRequest: A parameter is none, or has no value that it can have.
        NotFound: There is no such app, and there are no such gaps.
        JournalError: The journal can't be read.
    """
    requests.known_parameters(request, ["since", "app", "limit"])
    since, app = requests.moment(request, "since"), request.query.get("app")
    limit = requests.page_limit(request)
    await lookups.check_app_of_gaps(broker, app)
    # One beyond the limit shows whether there are more.
    found = await broker.journal.gaps(since if since is not None else 0.0, limit + 1, app)
    shown = [
        {"app": each.app, "from": each.start, "until": each.end, "reason": each.reason}
        for each in found[-limit:]
    ]
    return requests.answer({"gaps": shown, "more": len(found) > limit})


def _seconds_until(deadline: float, now: float) -> float | None:
    return round(deadline - now, 3) if math.isfinite(deadline) else None

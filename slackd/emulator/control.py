"""The control API: JSON over HTTP under /control, for tests in other processes and for people with curl.

`GET /control/` lists all of it. A body is one JSON object; its fields are the arguments of the method of
`slackd.emulator.client.EmulatorClient` that does the work.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import attrs
from aiohttp import web

from slackd.emulator.batch import Batch
from slackd.emulator.client import EmulatorClient
from slackd.emulator.control_fields import check_fields, fields_of
from slackd.emulator.errors import EmulatorError, WaitedTooLongError
from slackd.emulator.faults import CONNECTION_FAULTS, PLANNED_FAULTS
from slackd.emulator.ledger import LedgerEntry
from slackd.text import nearest_name

T = TypeVar("T")
Json = dict[str, Any]
Answer = Callable[[Json], Awaitable[Any]]

_LARGEST_PAGE = 10_000
_PROGRESS = (
    "label",
    "count",
    "rate",
    "channels",
    "window",
    "first_at",
    "last_at",
    "sent",
    "complete",
    "acknowledged",
)


class ControlApi:
    """The endpoints, in one table."""

    def __init__(self, slack: EmulatorClient) -> None:
        self._slack = slack
        self._actions: dict[str, Callable[..., LedgerEntry]] = {
            "event": slack.send_event,
            "message": slack.post_message,
            "mention": slack.mention,
            "edit_message": slack.edit_message,
            "delete_message": slack.delete_message,
            "reaction": slack.react,
            "remove_reaction": slack.unreact,
            "share_file": slack.share_file,
            "join": slack.join_channel,
            "leave": slack.leave_channel,
            "open_home": slack.open_home,
            "run_step": slack.run_step,
            "start_assistant_thread": slack.start_assistant_thread,
            "change_assistant_context": slack.change_assistant_context,
            "press_stop": slack.press_stop,
            "app_rate_limited": slack.rate_limit_events,
            "command": slack.command,
            "click": slack.click,
            "submit_view": slack.submit_view,
            "close_view": slack.close_view,
            "shortcut": slack.shortcut,
            "message_shortcut": slack.message_shortcut,
            "options": slack.options,
            "envelope": slack.send_envelope,
        }
        self._endpoints: list[tuple[str, str, Answer, str]] = [
            ("GET", "/control/", self._index, "this list"),
            ("GET", "/control/apps", self._apps, "the apps, with their tokens"),
            ("GET", "/control/connections", self._connections, "all connections, past ones included"),
            ("GET", "/control/summary", self._summary, "the ledger in numbers: ?app="),
            (
                "GET",
                "/control/ledger",
                self._ledger,
                "?app= type= name= state=acked|late|never|open after= limit=",
            ),
            ("GET", "/control/calls", self._calls, "Web API calls: ?method= app= after="),
            ("GET", "/control/faults", self._faults, "the faults that can be done"),
            ("POST", "/control/fault", self._fault, "kind, app, connection, and the fault's own fields"),
            ("GET", "/control/settings", self._settings, "the settings"),
            ("POST", "/control/settings", self._change, "change some of them"),
            ("POST", "/control/reset", self._reset, "a new ledger; connections stay"),
            (
                "POST",
                "/control/batch",
                self._batch,
                "count, rate, channels, size, window, app, label, wait (seconds)",
            ),
            ("GET", "/control/batch", self._batches, "how far the batches are"),
            (
                "POST",
                "/control/wait",
                self._wait,
                "until=ready|acked|post|call|idle|batch, count, method, key, app, timeout",
            ),
            *(
                ("POST", f"/control/{name}", self._does(f"/control/{name}", action), _described(action))
                for name, action in self._actions.items()
            ),
            ("POST", "/control/channel", self._adds(slack.add_channel), _described(slack.add_channel)),
            ("POST", "/control/person", self._adds(slack.add_person), _described(slack.add_person)),
        ]

    def add_routes(self, application: web.Application) -> None:
        """Let the application answer under /control."""
        for method, path, answer, _ in self._endpoints:
            application.router.add_route(method, path, self._handler(answer))
        application.router.add_route("*", "/control/{rest:.*}", self._nothing_here)

    def _handler(self, answer: Answer) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                found = await answer(await _fields(request))
            except WaitedTooLongError as error:
                return web.json_response({"error": str(error)}, status=408)
            except (EmulatorError, TypeError, ValueError, KeyError) as error:
                return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=400)
            return web.json_response(found)

        return handle

    async def _nothing_here(self, request: web.Request) -> web.StreamResponse:
        """What is misspelt is answered with what was meant."""
        path = request.path
        known = [each for _, each, _, _ in self._endpoints]
        if path in known:
            verbs = " or ".join(verb for verb, each, _, _ in self._endpoints if each == path)
            return web.json_response({"error": f"{path} takes {verbs}, not {request.method}"}, status=405)
        nearest = nearest_name(path, known)
        hint = f"did you mean {nearest}?" if nearest else "GET /control/ lists all there is"
        return web.json_response({"error": f"there is no {path}; {hint}"}, status=404)

    def _does(self, path: str, action: Callable[..., LedgerEntry]) -> Answer:
        async def do(fields: Json) -> Json:
            check_fields(action, fields, also=("wait",))
            wait = _seconds("wait", fields.pop("wait", 0))
            entry = action(**fields)
            entry.played_by = (path, fields)
            if wait:
                await self._slack.wait_until(
                    lambda: entry.acknowledged or entry.failure,
                    timeout=wait,
                    what=f"the ack of {entry.name}",
                )
            return _entry(entry)

        return do

    async def _index(self, fields: Json) -> Json:
        return {f"{method} {path}": says for method, path, _, says in self._endpoints}

    async def _apps(self, fields: Json) -> list[Json]:
        return [attrs.asdict(app) for app in self._slack.apps]

    async def _connections(self, fields: Json) -> list[Json]:
        shown = []
        for connection in self._slack.core.connections.values():
            values = attrs.asdict(connection, filter=lambda attribute, value: attribute.name != "line")
            shown.append({**values, "state": connection.state.value, "ready": connection.ready})
        return shown

    async def _summary(self, fields: Json) -> Json:
        return attrs.asdict(self._slack.summary(fields.get("app")))

    async def _ledger(self, fields: Json) -> Json:
        app = fields.get("app")
        app_id = None if app is None else self._slack.core.side(app).app.app_id
        entries = list(
            self._slack.ledger.find(app=app_id, envelope_type=fields.get("type"), name=fields.get("name"))
        )
        chosen = [entry for entry in entries if _state_is(entry, fields.get("state"))]
        after, limit = int(fields.get("after", 0)), min(int(fields.get("limit", 1000)), _LARGEST_PAGE)
        page = chosen[after : after + limit]
        following = after + len(page)
        return {
            "entries": [_entry(entry) for entry in page],
            "total": len(chosen),
            "next": following if following < len(chosen) else None,
        }

    async def _calls(self, fields: Json) -> list[Json]:
        app = fields.get("app")
        app_id = None if app is None else self._slack.core.side(app).app.app_id
        calls = self._slack.ledger.calls_of(fields.get("method"), app=app_id)
        return [attrs.asdict(call) for call in calls[int(fields.get("after", 0)) :]]

    async def _faults(self, fields: Json) -> Json:
        return {"now": CONNECTION_FAULTS, "planned": PLANNED_FAULTS}

    async def _fault(self, fields: Json) -> Json:
        return {"connections": self._slack.fault(fields.pop("kind", ""), **fields)}

    async def _settings(self, fields: Json) -> Json:
        return attrs.asdict(self._slack.core.settings)

    async def _change(self, fields: Json) -> Json:
        self._slack.core.change_settings(**fields)
        return attrs.asdict(self._slack.core.settings)

    async def _reset(self, fields: Json) -> Json:
        self._slack.reset()
        return {}

    async def _batch(self, fields: Json) -> Json:
        wait = fields.pop("wait", None)
        batch = self._slack.batch(**fields)
        if wait:
            await self._whole(batch, _seconds("wait", wait))
        return _progress(batch)

    async def _batches(self, fields: Json) -> Json:
        return {label: _progress(batch) for label, batch in self._slack.batches.items()}

    def _adds(self, action: Callable[..., Json]) -> Answer:
        async def add(fields: Json) -> Json:
            check_fields(action, fields)
            return action(**fields)

        return add

    async def _wait(self, fields: Json) -> Json:
        timeout, app, count = _seconds("timeout", fields.get("timeout", 10)), fields.get("app"), _count(fields)
        slack = self._slack
        match fields.get("until"):
            case "ready":
                await slack.wait_until_ready(count, app=app, timeout=timeout)
                return {"ready": slack.summary(app).ready_now}
            case "acked":
                entry = _named(fields, "key", slack.ledger.entries)
                return _entry(await slack.wait_for_ack(entry, timeout=timeout))
            case "call":
                method = _needed(fields, "method")
                call = await slack.wait_for_call(method, app=app, count=count, timeout=timeout)
                return attrs.asdict(call)
            case "post":
                entry = _named(fields, "key", slack.ledger.entries)
                return {"body": await slack.wait_for_post(entry, count=count, timeout=timeout)}
            case "batch":
                batch = _named(fields, "label", slack.batches)
                await self._whole(batch, timeout)
                return _progress(batch)
            case "idle":
                await slack.wait_until(
                    lambda: not slack.unanswered(app), timeout=timeout, what="nothing unanswered"
                )
                return attrs.asdict(slack.summary(app))
        raise EmulatorError("until= must be one of ready, acked, call, post, batch, idle")

    async def _whole(self, batch: Batch, timeout: float) -> None:
        await self._slack.wait_until(
            lambda: batch.complete and batch.acknowledged == batch.count,
            timeout=timeout,
            what=f"all acks of {batch.label}",
        )


async def _fields(request: web.Request) -> Json:
    fields: Json = dict(request.query)
    if request.method == "POST" and request.can_read_body:
        try:
            body = json.loads(await request.read() or b"{}")
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise EmulatorError("""the body must be one JSON object: curl URL -d '{"text": "hello"}'""")
        fields |= body
    return fields


def _needed(fields: Json, name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise EmulatorError(f"until={fields['until']} needs {name}=, a text")
    return value


def _named(fields: Json, name: str, known: Mapping[str, T]) -> T:
    """What `known` has under the name in that field."""
    found = known.get(_needed(fields, name))
    if found is None:
        raise EmulatorError(f"there is no {name} {fields[name]!r} here (any more)")
    return found


def _count(fields: Json) -> int:
    given = fields.get("count", 1)
    try:
        count = int(given)
    except (TypeError, ValueError, OverflowError):
        count = 0
    if count < 1:
        raise EmulatorError(f"count= must be a whole number from 1 on, not {given!r}")
    return count


def _seconds(name: str, given: Any) -> float:
    try:
        return float(given)
    except (TypeError, ValueError):
        raise EmulatorError(f"{name}= must be a number of seconds, not {given!r}") from None


def _described(action: Callable[..., Any]) -> str:
    """A method's fields, and what it does."""
    says = (inspect.getdoc(action) or "").partition("\n")[0]
    return f"{', '.join(fields_of(action))}: {says}"


def _state_is(entry: LedgerEntry, state: str | None) -> bool:
    match state:
        case None:
            return True
        case "acked":
            return entry.acknowledged
        case "late":
            return not entry.acknowledged and bool(entry.acks)
        case "never":
            return not entry.acks
        case "open":
            return not entry.acknowledged and entry.failure is None
    raise EmulatorError("state must be one of acked, late, never, open")


def _entry(entry: LedgerEntry) -> Json:
    return {
        **attrs.asdict(entry),
        "acknowledged": entry.acknowledged,
        "response": entry.response,
        "ack_seconds": entry.ack_seconds,
    }


def _progress(batch: Batch) -> Json:
    return {name: getattr(batch, name) for name in _PROGRESS}

"""Envelopes as they pass, for people who watch: one JSON object a line, from now on."""

import asyncio
import contextlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
from aiohttp import web

from slackd.broker.actions import Passed
from slackd.broker.control import requests
from slackd.broker.control.reading_again import understood
from slackd.broker.control.running import RunningBroker
from slackd.broker.control.watchers import MOST_WATCHERS, Watcher
from slackd.broker.journal import StoredEnvelope
from slackd.errors import JournalError

BATCH = 200
"""Things that are read and written together."""
BREATH = 0.05
"""Seconds between two batches: watching gets a small part of the broker's time, whatever passes."""
HEARTBEAT = 15.0
"""Seconds after which an empty line shows that the stream lives."""
_FILTERS = ("app", "type", "plugin", "event", "channel", "what")


@attrs.frozen
class Filter:
    """What somebody wants to see; None for anything. `event` is a name an event answers to, or a command."""

    app: str | None = None
    type: str | None = None
    plugin: str | None = None
    event: str | None = None
    channel: str | None = None
    what: str | None = None

    def lets_pass(self, line: Mapping[str, Any]) -> bool:
        """Whether a line is wanted."""
        return (
            self.app in (None, line["app"])
            and self.type in (None, line["type"])
            and self.plugin in (None, line["plugin"])
            and self.channel in (None, line["channel"])
            and self.what in (None, line["what"])
            and (self.event is None or self.event in (*line["events"], line["command"]))
        )


async def stream(broker: RunningBroker, request: web.Request) -> web.StreamResponse:
    """What happens to envelopes, until the client goes or the broker stops. What a slow client misses is
    counted: a line `{"dropped": N}`."""
    requests.known_parameters(request, (*_FILTERS, "text"))
    wanted, with_text = (
        Filter(**{name: request.query.get(name) for name in _FILTERS}),
        requests.flag(request, "text"),
    )
    watcher = broker.watchers.join()
    if watcher is None:
        raise requests.Unavailable(f"{MOST_WATCHERS} people watch already, the most there may be")
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
    try:
        with contextlib.suppress(ConnectionError):
            await response.prepare(request)
            while not watcher.closed:
                await response.write(await _next_lines(broker, watcher, wanted, with_text=with_text))
                await asyncio.sleep(BREATH)
    except JournalError as error:
        # The answer has begun: the reason is its last line.
        await response.write(json.dumps({"error": str(error)}).encode() + b"\n")
    finally:
        broker.watchers.leave(watcher)
    return response


async def _next_lines(broker: RunningBroker, watcher: Watcher, wanted: Filter, *, with_text: bool) -> bytes:
    try:
        async with asyncio.timeout(HEARTBEAT):
            batch = await watcher.take(BATCH)
    except TimeoutError:
        return b"\n"
    envelopes = await _envelopes(broker, batch)
    lines = []
    if watcher.dropped:
        dropped, watcher.dropped = watcher.dropped, 0
        lines.append({"dropped": dropped})
    seen: dict[int, dict[str, Any]] = {}
    for passed in batch:
        line = seen.get(passed.envelope)
        if line is None:
            line = seen[passed.envelope] = _about(envelopes.get(passed.envelope), with_text=with_text)
        line = {**_happened(passed), **line}
        if wanted.lets_pass(line):
            lines.append(line)
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


async def _envelopes(broker: RunningBroker, batch: Sequence[Passed]) -> Mapping[int, StoredEnvelope]:
    recent = {each.envelope: broker.core.recent.get(each.envelope) for each in batch}
    found = {name: stored for name, stored in recent.items() if stored is not None}
    missing = [name for name, stored in recent.items() if stored is None and name]
    return {**found, **await broker.journal.envelopes(missing)} if missing else found


def _happened(passed: Passed) -> dict[str, Any]:
    return {
        "at": passed.at,
        "what": passed.what,
        "envelope": passed.envelope,
        "plugin": passed.plugin,
        "delivery": passed.delivery,
        "attempt": passed.attempt,
        "detail": passed.detail,
    }


def _about(stored: StoredEnvelope | None, *, with_text: bool) -> dict[str, Any]:
    envelope = understood(stored) if stored is not None else None
    facets = envelope.facets if envelope is not None else None
    about: dict[str, Any] = {
        "app": stored.app if stored is not None else "",
        "type": stored.type if stored is not None else "",
        "envelope_id": stored.envelope_id if stored is not None else "",
        "retry_attempt": envelope.retry_attempt if envelope is not None else 0,
        "kind": facets.kind if facets is not None else "",
        "events": list(facets.events) if facets is not None else [],
        "command": facets.command if facets is not None else "",
        "channel": facets.channel if facets is not None else "",
        "user": facets.user if facets is not None else "",
        "callback_id": facets.callback_id if facets is not None else "",
        "action_ids": list(facets.action_ids) if facets is not None else [],
    }
    if with_text:
        about["text"] = stored.text if stored is not None else ""
    return about

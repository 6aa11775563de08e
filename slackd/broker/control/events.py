"""Envelopes as they pass, for people who watch: one JSON object a line, from now on."""

import asyncio
import contextlib
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from slackd.broker.actions import Passed
from slackd.broker.control import lookups, requests
from slackd.broker.control.context import ControlContext
from slackd.broker.control.http import HttpRequest
from slackd.broker.control.watchers import MOST_WATCHERS, Watcher
from slackd.broker.journal import StoredEnvelope
from slackd.broker.parsing import read_again
from slackd.errors import JournalError
from slackd.slotted import frozen

BATCH = 50
"""Things that are read and written together: a few milliseconds' work."""
BREATH = 0.025
"""Seconds between two batches at least."""
SHARE = 0.04
"""Part of the loop's time that all who watch together may take; what passes beyond it is dropped, counted."""
HEARTBEAT = 15.0
"""Seconds after which an empty line shows that the stream lives."""
UNKNOWN: dict[str, Any] = {
    "app": "",
    "type": "",
    "envelope_id": "",
    "retry_attempt": 0,
    "kind": "",
    "events": (),
    "command": "",
    "channel": "",
    "user": "",
    "callback_id": "",
    "action_ids": (),
}
"""What is said of an envelope that nobody could read, or that is gone."""
_FILTERS = ("app", "type", "plugin", "event", "channel", "what")


@frozen
class Filter:
    """What somebody wants to see; None for anything. `event` is a glob, as in a subscription, for the
    names that an event answers to, or for a command."""

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
            and (self.event is None or self._names(self.event, (*line["events"], line["command"])))
        )

    @staticmethod
    def _names(event: str, names: Iterable[str]) -> bool:
        return any(fnmatchcase(name, event) for name in names if name)


async def stream(broker: ControlContext, request: HttpRequest) -> None:
    """What happens to envelopes, until the client goes or the broker stops. What a slow client misses is
    counted: a line `{"dropped": N}`.

    Raises:
        BadRequest: A parameter means nothing here.
        Unavailable: As many watch already as may.
        NotFound: There is no such app or plugin.
    """
    requests.known_parameters(request, (*_FILTERS, "text"))
    wanted, with_text = (
        Filter(**{name: request.query.get(name) for name in _FILTERS}),
        requests.flag(request, "text"),
    )
    _check(broker, wanted)
    watcher = broker.watchers.join()
    if watcher is None:
        raise requests.Unavailable(f"{MOST_WATCHERS} people watch already, the most there may be")
    try:
        with contextlib.suppress(ConnectionError):
            await request.begin_stream("application/x-ndjson")
            while not watcher.closed:
                batch = await _next(watcher)
                began = time.perf_counter()
                lines = await _lines(broker, watcher, batch, wanted, with_text=with_text)
                spent = time.perf_counter() - began
                await request.write(lines or b"\n" * (not batch))
                await asyncio.sleep(max(BREATH, spent * len(broker.watchers) / SHARE))
    except JournalError as error:
        # The answer has begun: the reason is its last line.
        await request.write(json.dumps({"error": str(error)}).encode() + b"\n")
    finally:
        broker.watchers.leave(watcher)


def _check(broker: ControlContext, wanted: Filter) -> None:
    lookups.check_app(broker, wanted.app)
    lookups.check_type(broker, wanted.type)
    lookups.check_happening(wanted.what)
    if wanted.plugin is not None:
        lookups.declared_plugin(broker, wanted.plugin)


async def _next(watcher: Watcher) -> Sequence[Passed]:
    """What happened next; nothing when it is time for a heartbeat."""
    try:
        async with asyncio.timeout(HEARTBEAT):
            return await watcher.take(BATCH)
    except TimeoutError:
        return ()


async def _lines(
    broker: ControlContext, watcher: Watcher, batch: Sequence[Passed], wanted: Filter, *, with_text: bool
) -> bytes:
    texts = await _describe(broker, batch, with_text=with_text)
    lines: list[Mapping[str, Any]] = []
    if watcher.dropped:
        dropped, watcher.dropped = watcher.dropped, 0
        lines.append({"dropped": dropped})
    for passed in batch:
        line = {**_happened(passed), **(broker.watchers.described.get(passed.envelope) or UNKNOWN)}
        if wanted.lets_pass(line):
            lines.append(line | {"text": texts.get(passed.envelope, "")} if with_text else line)
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


async def _describe(broker: ControlContext, batch: Sequence[Passed], *, with_text: bool) -> Mapping[int, str]:
    """Sees to it that the envelopes of a batch are described; returns their texts if they are asked for."""
    described = broker.watchers.described
    unknown = {each.envelope for each in batch if with_text or described.get(each.envelope) is None}
    found = (await broker.journal.envelopes(sorted(unknown))).values() if unknown else ()
    for stored in found:
        if described.get(stored.id) is None:
            described.put(stored.id, _about(stored))
    return {stored.id: stored.text for stored in found} if with_text else {}


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


def _about(stored: StoredEnvelope) -> Mapping[str, Any]:
    envelope = read_again(stored)
    about = UNKNOWN | {"app": stored.app, "type": stored.type, "envelope_id": stored.envelope_id}
    if envelope is None:
        return about
    facets = envelope.facets
    return about | {
        "retry_attempt": envelope.retry_attempt,
        "kind": facets.kind,
        "events": facets.events,
        "command": facets.command,
        "channel": facets.channel,
        "user": facets.user,
        "callback_id": facets.callback_id,
        "action_ids": facets.action_ids,
    }

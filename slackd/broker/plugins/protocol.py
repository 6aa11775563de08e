"""What one plugin connection says, sans-IO: bytes in, values out.

    OPENING ──initialize──▶ WAITING ──opened()──▶ OPEN
        └── anything else, or a line that can't be read, in any state: an error and then the door ──▶ CLOSED

While WAITING (the journal lists the session) nothing is read: the caller pauses the socket, and the bytes that
came in the same chunk are kept, unread, until `opened`.
"""

import json
import re
from collections.abc import Callable, Collection, Mapping
from enum import Enum
from typing import Any

import attrs

from slackd import jsonrpc
from slackd.broker.dispatch.retry import LONGEST
from slackd.broker.nesting import DEEPEST, is_deep
from slackd.broker.plugins.announced_handlers import MOST as MOST_HANDLERS
from slackd.broker.plugins.transfers import TransferAsked, read_transfer
from slackd.frozen import frozen
from slackd.jsonrpc import LineReader
from slackd.text import all_unicode, as_unicode, nearest_name

PROTOCOL = 1
MAX_HOLDING = 65_536
"""Deliveries that one program may say it holds. With the widest window there is, what it may have in work and
what it must remember of its answers is 64,000 at most, in both lanes together."""
MAX_REMEMBERS = 2_000
"""Answers beyond its windows that slackd relies on a program to repeat, whatever it says."""
MAX_ID = 2**63 - 1
"""The journal's ids are integers of 64 bits."""
MAX_NAME = 256
MAX_URL = 2_048
"""Characters of a `response_url`."""
MEANT = 0.75
"""How alike an unknown member must be to a known one, to be taken for a misspelt one."""
MAX_LOGGED = 16_384
"""Characters of one line for the log."""


@frozen
class Initialize:
    """A program says who it is.

    Attributes:
        plugin: Which plugin it says it is.
        client: Its software, for the log.
        window: Deliveries it takes at once in each lane, or None for what the plugin's file says. 0 is none at
            all: the connection is for calls alone, and counts as no session.
        session: Its own name for this session, or None: then it can't be awaited.
        holding: (delivery, attempt) of what it works on and what it answered last.
        remembers: Answers that it keeps beyond as many as fit into its windows, and repeats on its return.
        handlers: Kind and pattern of what it has handlers for, as far as it says.
    """

    id: int | str
    plugin: str
    client: str
    window: int | None
    session: str | None
    holding: tuple[tuple[int, int], ...]
    remembers: int = 0
    handlers: tuple[tuple[str, str], ...] = ()


@frozen
class Answered:
    """A delivery is handled; `response` is JSON text or None."""

    delivery: int
    attempt: int
    response: str | None


@frozen
class Nacked:
    """A delivery could not be handled."""

    delivery: int
    attempt: int
    error: str
    retry_after: float | None
    permanent: bool


@frozen
class Misanswered:
    """A delivery is handled, but its response can't be used: it counts without, and the plugin is told."""

    delivery: int
    attempt: int
    message: str


@frozen
class Extended:
    """A delivery is still worked on."""

    delivery: int
    attempt: int


@frozen
class CallAsked:
    """A Web API call is asked for; repeated under the same `call_id`, it gets the first one's answer.

    Attributes:
        size: Bytes of its line.
        max_wait: Seconds that Slack's rate limit may hold it up; beyond them Slack's 429 is the answer.
        delivery: The delivery and attempt whose handler asks: while the call is held back, its timeout rests.
    """

    id: int | str
    app: str | None
    method: str
    args: Mapping[str, Any]
    call_id: str = ""
    size: int = attrs.field(default=0, eq=False)
    max_wait: float | None = None
    delivery: tuple[int, int] | None = None


@frozen
class PostAsked:
    """A post to a `response_url` that came in an envelope is asked for."""

    id: int | str
    app: str | None
    url: str
    message: Mapping[str, Any]
    size: int = attrs.field(default=0, eq=False)


@frozen
class Logged:
    """A line for the log under the plugin's name."""

    level: str
    message: str


@frozen
class RejectedLine:
    """A request that can't be served, or an answer that can't be used; the connection goes on."""

    id: int | str
    code: int
    message: str


@frozen
class Violation:
    """The connection ends after this error."""

    id: int | str | None
    code: int
    message: str
    data: Mapping[str, Any] | None = None


Event = (
    Initialize
    | Answered
    | Misanswered
    | Nacked
    | Extended
    | CallAsked
    | PostAsked
    | TransferAsked
    | Logged
    | RejectedLine
    | Violation
)


_HANDLED = re.compile(rb'\{"jsonrpc":"2\.0","id":"([0-9]{1,18})\.([0-9]{1,18})","result":\{\}\}\n').match
"""The answer to nearly every envelope, as `jsonrpc.encode_result` spells it."""
_ATTEMPT = re.compile(r"([0-9]{1,19})\.([0-9]{1,19})").fullmatch
_METHOD = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")


class _State(Enum):
    OPENING = "opening"
    WAITING = "waiting"
    OPEN = "open"
    CLOSED = "closed"


class _Bad(Exception):
    """A member of params is not what the method takes."""


class SessionProtocol:
    """The daemon's ear at one plugin connection.

    `is_held` says of a delivery and an attempt whether an answer counts: the response of one that doesn't is
    not even looked at.
    """

    def __init__(self, is_held: Callable[[int, int], bool]) -> None:
        self._is_held = is_held
        self._reader = LineReader(jsonrpc.MAX_LINE_FROM_PLUGIN)
        self._state = _State.OPENING
        self._early = b""

    @property
    def unfinished(self) -> int:
        """Bytes that are kept of a line whose end has not come yet."""
        return self._reader.unfinished

    def receive(self, data: bytes) -> list[Event]:
        """What the bytes complete. Never raises on what a plugin sent."""
        if self._state is not _State.OPEN:
            return self._open(data)
        if not self._reader.between_lines:
            return self._events(self._reader.receive(data))
        events: list[Event] = []
        end = 0
        while (handled := _HANDLED(data, end)) is not None:
            events.append(Answered(int(handled[1]), int(handled[2]), None))
            end = handled.end()
        if end < len(data):
            events += self._events(self._reader.receive(data[end:]))
        return events

    def opened(self) -> list[Event]:
        """The session is open; what was said before that in the same breath counts from now on."""
        self._state = _State.OPEN
        early, self._early = self._early, b""
        return self.receive(early)

    def _open(self, data: bytes) -> list[Event]:
        """Reads lines up to the first that says something; those after `initialize` wait for `opened`."""
        events: list[Event] = []
        while data and self._state is _State.OPENING:
            line, end, data = data.partition(b"\n")
            for message in self._reader.receive(line + end):
                self._add(events, self._first(message))
        if self._state is _State.WAITING:
            self._early += data
        return events

    def _events(self, messages: list[jsonrpc.Message]) -> list[Event]:
        events: list[Event] = []
        for message in messages:
            if self._state is _State.CLOSED:
                break
            self._add(events, self._said(message))
            self._add(events, _complaint(message))
        return events

    def _add(self, events: list[Event], event: Event | None) -> None:
        if event is None:
            return
        events.append(event)
        if isinstance(event, Violation):
            self._state = _State.CLOSED
        elif isinstance(event, Initialize):
            self._state = _State.WAITING

    def _said(self, message: jsonrpc.Message) -> Event | None:
        if isinstance(message, jsonrpc.Result):
            return self._answered(message.id, message.result)
        return _event(message)

    def _answered(self, id_: int | str, result: Any) -> Event | None:
        named = _attempt_named(id_)
        if named is None:
            return None
        response: Any = result.get("response") if isinstance(result, dict) else None
        if not self._is_held(*named):
            return Answered(*named, None)
        if response is None:
            meant = _meant(result)
            return Misanswered(*named, meant) if meant else Answered(*named, None)
        if isinstance(response, str):
            response = {"text": response}
        if not isinstance(response, dict) or is_deep(response):
            wanted = f"must be an object, with at most {DEEPEST} objects and arrays within each other"
            return Misanswered(*named, f'"response" {wanted}')
        return Answered(*named, as_unicode(json.dumps(response, ensure_ascii=False, separators=(",", ":"))))

    def _first(self, message: jsonrpc.Message) -> Event:
        match message:
            case jsonrpc.Malformed(code, text):
                return Violation(None, code, text)
            case jsonrpc.Request(id_, "initialize", params):
                try:
                    return _initialize(id_, params)
                except _Bad as bad:
                    return Violation(id_, jsonrpc.INVALID_PARAMS, f"initialize: {bad}")
            case jsonrpc.Request(id_, method, _):
                text = f"{method[:MAX_NAME]} came before initialize, which must be the first request"
                return Violation(id_, jsonrpc.NOT_INITIALIZED, text)
        return Violation(None, jsonrpc.NOT_INITIALIZED, "the first line must be the request initialize")


_OF_A_RESPONSE = frozenset(
    {"text", "blocks", "attachments", "response_type", "response_action", "errors", "view", "options"}
    | {"option_groups", "replace_original", "delete_original"}
)
"""Members that Slack knows in a response, and this protocol never will beside it."""


def _meant(result: Any) -> str:
    """What is wrong with a result that has no response in it, in words; "" for one that means "handled"."""
    if not isinstance(result, dict) or not result:
        return ""
    if beside := sorted(_OF_A_RESPONSE & result.keys()):
        return f'"{beside[0]}" belongs into the member "response": {{"response": {{"{beside[0]}": …}}}}'
    return _misspelt(result, ("response",))


def _misspelt(params: Mapping[str, Any], known: Collection[str]) -> str:
    """A member that nobody knows and that is meant for one that is known; "" where there is none."""
    for name in params:
        if name not in known and (nearest := nearest_name(name[:MAX_NAME], known, cutoff=MEANT)):
            return f'{name[:MAX_NAME]!r} is no member; is "{nearest}" meant?'
    return ""


def _complaint(message: jsonrpc.Message) -> RejectedLine | None:
    """What is wrong with a nack that counts all the same: a misspelt member of its `data`."""
    if not isinstance(message, jsonrpc.Failure) or not isinstance(message.data, dict) or message.id is None:
        return None
    misspelt = _misspelt(message.data, ("retry_after", "permanent"))
    return RejectedLine(message.id, jsonrpc.INVALID_PARAMS, f'"data": {misspelt}') if misspelt else None


def _check_members(params: Mapping[str, Any], known: Collection[str]) -> None:
    if misspelt := _misspelt(params, known):
        raise _Bad(misspelt)


def _event(message: jsonrpc.Message) -> Event | None:
    match message:
        case jsonrpc.Malformed(code, text):
            return Violation(None, code, text)
        case jsonrpc.Failure(id_, _, text, data):
            return _nacked(id_, text, data)
        case jsonrpc.Request(id_, "slack.call", params, size):
            try:
                return _call(id_, params, size)
            except _Bad as bad:
                return RejectedLine(id_, jsonrpc.INVALID_PARAMS, f"slack.call: {bad}")
        case jsonrpc.Request(id_, "slack.respond", params, size):
            try:
                return _post(id_, params, size)
            except _Bad as bad:
                return RejectedLine(id_, jsonrpc.INVALID_PARAMS, f"slack.respond: {bad}")
        case jsonrpc.Request(id_, "slack.upload" | "slack.download" as method, params, size):
            asked = read_transfer(id_, method == "slack.upload", params, size)
            if isinstance(asked, str):
                return RejectedLine(id_, jsonrpc.INVALID_PARAMS, f"{method}: {asked}")
            return asked
        case jsonrpc.Request(id_, "initialize", _):
            return Violation(id_, jsonrpc.INVALID_REQUEST, "initialize came twice on one connection")
        case jsonrpc.Request(id_, method, _):
            return RejectedLine(id_, jsonrpc.METHOD_NOT_FOUND, f"there is no method {method[:MAX_NAME]!r}")
        case jsonrpc.Notification("extend", params):
            named = _attempt_named(params.get("id"))
            return Extended(*named) if named else None
        case jsonrpc.Notification("log", params):
            level, said = params.get("level", "info"), params.get("message")
            if not isinstance(level, str) or not isinstance(said, str):
                return None
            return Logged(level[:MAX_NAME], as_unicode(said[:MAX_LOGGED]))
    return None


_INITIALIZE_MEMBERS = (
    "protocol",
    "plugin",
    "client",
    "window",
    "session",
    "holding",
    "remembers",
    "handlers",
)


def _initialize(id_: int | str, params: Mapping[str, Any]) -> Event:
    protocol = params.get("protocol")
    if protocol != PROTOCOL or isinstance(protocol, bool):
        said = f"not {protocol}" if isinstance(protocol, int | float) else "and none was named"
        text = f"slackd speaks protocol {PROTOCOL}, {said}"
        return Violation(id_, jsonrpc.UNSUPPORTED_PROTOCOL, text[:MAX_NAME], {"supported": [PROTOCOL]})
    _check_members(params, _INITIALIZE_MEMBERS)
    plugin = params.get("plugin")
    if not isinstance(plugin, str) or not plugin:
        raise _Bad('"plugin" must be the plugin\'s name')
    window = params.get("window")
    if window is not None and (not isinstance(window, int) or isinstance(window, bool) or window < 0):
        raise _Bad('"window" must be an integer, 0 or more')
    session = params.get("session")
    if session is not None and (not isinstance(session, str) or not 0 < len(session) <= MAX_NAME):
        raise _Bad(f'"session" must be a string of 1 to {MAX_NAME} characters')
    if session is not None and not session.isprintable():
        raise _Bad('"session" must be printable')
    remembers = params.get("remembers", 0)
    if not isinstance(remembers, int) or isinstance(remembers, bool) or remembers < 0:
        raise _Bad('"remembers" must be an integer, 0 or more')
    client, remembers = _client(params.get("client")), min(remembers, MAX_REMEMBERS)
    handlers = _handlers(params.get("handlers"))
    return Initialize(id_, plugin, client, window, session, _holding(params), remembers, handlers)


def _handlers(value: Any) -> tuple[tuple[str, str], ...]:
    """Those that can be understood: this is for a warning alone."""
    each_ = (
        [each for each in value[:MOST_HANDLERS] if isinstance(each, dict)] if isinstance(value, list) else []
    )
    pairs = [(each.get("kind"), each.get("pattern")) for each in each_]
    return tuple(
        (as_unicode(kind[:MAX_NAME]), as_unicode(pattern[:MAX_NAME]))
        for kind, pattern in pairs
        if isinstance(kind, str) and isinstance(pattern, str)
    )


def _holding(params: Mapping[str, Any]) -> tuple[tuple[int, int], ...]:
    holding = params.get("holding") or []
    if not isinstance(holding, list) or len(holding) > MAX_HOLDING:
        raise _Bad(f'"holding" must be a list of at most {MAX_HOLDING} ids')
    named = [_attempt_named(each) for each in holding]
    if None in named:
        raise _Bad('"holding" must hold ids of the form "DELIVERY.ATTEMPT"')
    return tuple(each for each in named if each is not None)


def _client(value: Any) -> str:
    parts = (value.get("name"), value.get("version")) if isinstance(value, dict) else (value,)
    return as_unicode(" ".join(each for each in parts if isinstance(each, str))[:MAX_NAME])


def _attempt_named(id_: Any) -> tuple[int, int] | None:
    named = _ATTEMPT(id_) if isinstance(id_, str) else None
    if named is None:
        return None
    delivery, attempt = int(named[1]), int(named[2])
    return (delivery, attempt) if delivery <= MAX_ID and attempt <= MAX_ID else None


def _nacked(id_: int | str | None, text: str, data: Any) -> Event | None:
    named = _attempt_named(id_)
    if named is None:
        return None
    retry_after, permanent = None, False
    if isinstance(data, dict):
        after = data.get("retry_after")
        if isinstance(after, int | float) and not isinstance(after, bool):
            retry_after = float(min(max(after, 0), LONGEST))
        permanent = data.get("permanent") is True
    return Nacked(*named, as_unicode(text[:2_000]), retry_after, permanent)


_CALL_MEMBERS = ("app", "method", "args", "call_id", "max_wait", "delivery")
_POST_MEMBERS = ("app", "url", "message")


def _call(id_: int | str, params: Mapping[str, Any], size: int) -> Event:
    _check_members(params, _CALL_MEMBERS)
    app, method, args = params.get("app"), params.get("method"), params.get("args", {})
    if app is not None and not isinstance(app, str):
        raise _Bad('"app" must be the name of an app')
    if not isinstance(method, str) or len(method) > MAX_NAME or not _METHOD.fullmatch(method):
        raise _Bad('"method" must be the name of a Web API method')
    if (args is not None and not isinstance(args, dict)) or is_deep(args):
        raise _Bad(f'"args" must be an object, with at most {DEEPEST} objects and arrays within each other')
    call_id = params.get("call_id")
    if call_id is not None and (not isinstance(call_id, str) or not 0 < len(call_id) <= MAX_NAME):
        raise _Bad(f'"call_id" must be a string of 1 to {MAX_NAME} characters')
    if call_id is not None and not call_id.isprintable():
        raise _Bad('"call_id" must be printable')
    max_wait = params.get("max_wait")
    if max_wait is not None and (isinstance(max_wait, bool) or not isinstance(max_wait, int | float)):
        raise _Bad('"max_wait" must be a number of seconds')
    delivery = params.get("delivery")
    named = _attempt_named(delivery)
    if delivery is not None and named is None:
        raise _Bad('"delivery" must be the id of an envelope, "DELIVERY.ATTEMPT"')
    return CallAsked(id_, app, method, all_unicode(args or {}), call_id or "", size, max_wait, named)


def _post(id_: int | str, params: Mapping[str, Any], size: int) -> Event:
    _check_members(params, _POST_MEMBERS)
    app, url, message = params.get("app"), params.get("url"), params.get("message")
    if app is not None and not isinstance(app, str):
        raise _Bad('"app" must be the name of an app')
    if not isinstance(url, str) or not 0 < len(url) <= MAX_URL or not url.isprintable():
        raise _Bad(f'"url" must be a response_url, of at most {MAX_URL} characters')
    if not isinstance(message, dict) or is_deep(message):
        raise _Bad(f'"message" must be an object, with at most {DEEPEST} objects and arrays within each other')
    return PostAsked(id_, app, url, all_unicode(message), size)

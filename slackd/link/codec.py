"""The link's messages as lines, and lines as messages: JSON-RPC notifications, one a line (`slackd.jsonrpc`).

The texts that are delivered follow their line as they are.

What there is one of for each envelope (arrivals, settlements) goes by columns: a list of all numbers, a list of
all apps and so on, which JSON reads at a fraction of what as many objects cost.

Neighbouring releases understand each other: a member that this release does not know is ignored, one that the
other side does not send has its default, a method that is not known decodes to None. What decodes to nothing
that makes sense raises `LinkError`, and the link is closed.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from itertools import starmap
from typing import Any, Final, TypeVar

import attrs

from slackd import jsonrpc
from slackd.envelope import Arrival, Promise, Refusal, Settlement
from slackd.errors import LinkError
from slackd.link.messages import (
    Acknowledged,
    AppIdentity,
    AppPeers,
    AppTrouble,
    Call,
    CallKind,
    Changed,
    Closing,
    ConnectionState,
    Deliver,
    Hello,
    Identified,
    LinkMessage,
    Peers,
    Promised,
    Refused,
    Returned,
    Settled,
    Trouble,
    Unsent,
)

Params = Mapping[str, Any]
T = TypeVar("T")


Head = tuple[int, str, str, float, str | None]
"""An arrival without its text, or with None for one that follows on a line of its own."""


@attrs.frozen
class Heads:
    """The first line of a `Deliver`."""

    arrivals: tuple[Head, ...]


def decode(notification: jsonrpc.Notification) -> LinkMessage | Heads | None:
    """The message in a line; None for a method of a release that knows more.

    Raises:
        LinkError: The params are not what this method takes.
    """
    decoder = _DECODERS.get(notification.method)
    if decoder is None:
        return None
    try:
        return decoder(notification.params)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise LinkError(
            f"the link's message {notification.method!r} can't be read ({type(error).__name__}: {error}): "
            "are connector and broker of neighbouring releases?"
        ) from error


def _is(kind: type[T], value: Any) -> T:
    if kind is float and type(value) is int:
        value = float(value)
    if kind is float and isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"expected a finite number, found {value}")
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"expected {kind.__name__}, found {value!r:.60}")
    return value


def _or_none(kind: type[T], value: Any) -> T | None:
    return None if value is None else _is(kind, value)


_INTEGERS: Final[Set[type]] = frozenset({int})
_TEXTS: Final[Set[type]] = frozenset({str})
_TEXTS_OR_NONE: Final[Set[type]] = frozenset({str, type(None)})
_NUMBERS: Final[Set[type]] = frozenset({float, int})


def _column(kinds: Set[type], values: Any) -> list[Any]:
    """A list of nothing but these types, exactly: True is no integer."""
    if type(values) is not list or not kinds >= set(map(type, values)):
        expected = " or ".join(sorted(kind.__name__ for kind in kinds))
        raise ValueError(f"expected a list of {expected}, found {values!r:.60}")
    return values


def _read_state(params: Params) -> ConnectionState:
    return ConnectionState(
        connection=_is(str, params["connection"]),
        app=_is(str, params["app"]),
        phase=_is(str, params["phase"]),
        since=_is(float, params["since"]),
        ready_since=_or_none(float, params.get("ready_since")),
        host=_is(str, params.get("host", "")),
        num_connections=_is(int, params.get("num_connections", 0)),
        lifetime=_is(float, params.get("lifetime", 0.0)),
        failure=_is(str, params.get("failure", "")),
        retry_at=_or_none(float, params.get("retry_at")),
    )


def _read_trouble(params: Params) -> AppTrouble:
    return AppTrouble(
        app=_is(str, params["app"]),
        reason=_is(str, params["reason"]),
        hint=_is(str, params.get("hint", "")),
    )


def _read_identified(params: Params) -> Identified:
    names = ("app_id", "team_id", "bot_id", "bot_user_id")
    return Identified(AppIdentity(_is(str, params["app"]), *(_is(str, params.get(name, "")) for name in names)))


def _read_hello(params: Params) -> Hello:
    return Hello(
        version=_is(int, params["version"]),
        connector=_is(int, params["connector"]),
        pid=_is(int, params["pid"]),
        digest=_is(str, params.get("digest", "")),
        states=tuple(_read_state(state) for state in params.get("states", ())),
        troubles=tuple(_read_trouble(trouble) for trouble in params.get("troubles", ())),
        apps={name: _is(int, wanted) for name, wanted in params.get("apps", {}).items()},
    )


def _read_heads(params: Params) -> Heads:
    numbers = _column(_INTEGERS, params["numbers"])
    apps = _column(_TEXTS, params["apps"])
    connections = _column(_TEXTS, params["connections"])
    received_at = map(float, _column(_NUMBERS, params["received_at"]))
    texts = _column(_TEXTS_OR_NONE, params.get("texts") or [None] * len(numbers))
    return Heads(tuple(zip(numbers, apps, connections, received_at, texts, strict=True)))


def _read_settled(params: Params) -> Settled:
    numbers = _column(_INTEGERS, params["numbers"])
    envelope_ids = _column(_TEXTS_OR_NONE, params["envelope_ids"])
    payloads = _column(_TEXTS_OR_NONE, params.get("payloads") or [None] * len(numbers))
    return Settled(tuple(starmap(Settlement, zip(numbers, envelope_ids, payloads, strict=True))))


def _read_changed(params: Params) -> Changed:
    return Changed(
        number=_is(int, params["number"]),
        state=_read_state(params["state"]),
        cue=_is(str, params["cue"]),
        at=_is(float, params["at"]),
        ghost_until=_or_none(float, params.get("ghost_until")),
    )


def _read_acknowledged(params: Params) -> Acknowledged:
    return Acknowledged(
        app=_is(str, params["app"]),
        seconds=tuple(map(float, _column(_NUMBERS, params.get("seconds", [])))),
        unsendable=_is(int, params.get("unsendable", 0)),
    )


def _read_closing(params: Params) -> Closing:
    return Closing(
        connection=_is(str, params["connection"]),
        everything=_is(bool, params.get("everything", False)),
        mute=_is(bool, params.get("mute", False)),
    )


def _read_returned(params: Params) -> Returned:
    body: dict[str, Any] | None = _or_none(dict, params.get("body"))
    return Returned(
        number=_is(int, params["number"]),
        body=body,
        status=_is(int, params.get("status", 0)),
        retry_after=_or_none(float, params.get("retry_after")),
        error=_is(str, params.get("error", "")),
    )


def _read_settlement(params: Params) -> Settlement:
    return Settlement(
        number=_is(int, params["number"]),
        envelope_id=_or_none(str, params.get("envelope_id")),
        payload=_or_none(str, params.get("payload")),
    )


def _read_promise(params: Params) -> Promise:
    return Promise(_read_settlement(params), _is(float, params["due"]))


def _read_refusal(params: Params) -> Refusal:
    return Refusal(number=_is(int, params["number"]), reason=_is(str, params.get("reason", "")))


def _read_call(params: Params) -> Call:
    args: dict[str, Any] = _is(dict, params.get("args", {}))
    return Call(
        number=_is(int, params["number"]),
        app=_is(str, params["app"]),
        kind=CallKind(params["kind"]),
        target=_is(str, params["target"]),
        args=args,
        timeout=_is(float, params.get("timeout", 30.0)),
        key=_is(str, params.get("key", "")),
    )


def _read_peers(params: Params) -> Peers:
    return Peers(
        {
            name: AppPeers(_is(int, peers.get("ready_elsewhere", 0)), _is(int, peers.get("free", 0)))
            for name, peers in params["apps"].items()
        }
    )


_DECODERS: Final[Mapping[str, Callable[[Params], LinkMessage | Heads]]] = {
    "hello": _read_hello,
    "deliver": _read_heads,
    "state": _read_changed,
    "identified": _read_identified,
    "trouble": lambda params: Trouble(_read_trouble(params)),
    "acknowledged": _read_acknowledged,
    "closing": _read_closing,
    "unsent": lambda params: Unsent(tuple(_column(_INTEGERS, params["numbers"]))),
    "result": _read_returned,
    "promised": lambda params: Promised(tuple(_read_promise(one) for one in params["promises"])),
    "settled": _read_settled,
    "refused": lambda params: Refused(tuple(_read_refusal(one) for one in params["refusals"])),
    "call": _read_call,
    "peers": _read_peers,
}


LINE_LIMIT: Final = 64 * 1024 * 1024
"""Bytes in one line of the link, without its line feed."""
DELIVER_LIMIT: Final = 4 * 1024 * 1024
"""Characters of envelope text that go into one line; what is redelivered after a restart may be far more."""


def encode(message: LinkMessage) -> bytes:
    """The line, or lines, that carry one message.

    Raises:
        LinkError: A value has no JSON text, or one line would be longer than `LINE_LIMIT`.
    """
    if type(message) is Deliver:
        return b"".join(_delivered(part) for part in _parts(message.arrivals))
    method, to_params = _ENCODERS[type(message)]
    return _line(method, to_params(message))


def _line(method: str, params: dict[str, Any]) -> bytes:
    try:
        line = jsonrpc.encode_notification(method, params)
    except jsonrpc.NotJsonError as error:
        raise LinkError(f"the link's message {method!r} can't be sent: {error}") from error
    if len(line) > LINE_LIMIT:
        raise LinkError(f"the link's message {method!r} has {len(line)} bytes, more than {LINE_LIMIT}")
    return line


def _parts(arrivals: Sequence[Arrival]) -> Iterator[list[Arrival]]:
    part: list[Arrival] = []
    size = 0
    for arrival in arrivals:
        if part and size + len(arrival.text) > DELIVER_LIMIT:
            yield part
            part, size = [], 0
        part.append(arrival)
        size += len(arrival.text)
    if part:
        yield part


def _delivered(arrivals: Sequence[Arrival]) -> bytes:
    """A line that says what follows, then each text as it is on a line of its own: neither side spells it out
    as a JSON string and back. One that can't stand on a line (it has a line feed) stands in the first."""
    lines = [_as_line(arrival.text) for arrival in arrivals]
    columns: dict[str, list[Any]] = {
        "numbers": [arrival.number for arrival in arrivals],
        "apps": [arrival.app for arrival in arrivals],
        "connections": [arrival.connection for arrival in arrivals],
        "received_at": [arrival.received_at for arrival in arrivals],
    }
    if None in lines:
        columns["texts"] = [
            arrival.text if line is None else None for arrival, line in zip(arrivals, lines, strict=True)
        ]
    followers = [line for line in lines if line is not None]
    return b"\n".join([_line("deliver", columns)[:-1], *followers, b""])


def _as_line(text: str) -> bytes | None:
    if "\n" in text:
        return None
    try:
        return text.encode()
    except UnicodeEncodeError:
        return None


def _state(state: ConnectionState) -> dict[str, Any]:
    return {
        "connection": state.connection,
        "app": state.app,
        "phase": state.phase,
        "since": state.since,
        "ready_since": state.ready_since,
        "host": state.host,
        "num_connections": state.num_connections,
        "lifetime": state.lifetime,
        "failure": state.failure,
        "retry_at": state.retry_at,
    }


def _trouble(trouble: AppTrouble) -> dict[str, Any]:
    return {"app": trouble.app, "reason": trouble.reason, "hint": trouble.hint}


def _hello(message: Hello) -> dict[str, Any]:
    return {
        "version": message.version,
        "connector": message.connector,
        "pid": message.pid,
        "digest": message.digest,
        "states": [_state(state) for state in message.states],
        "troubles": [_trouble(trouble) for trouble in message.troubles],
        "apps": dict(message.apps),
    }


def _changed(message: Changed) -> dict[str, Any]:
    return {
        "number": message.number,
        "state": _state(message.state),
        "cue": message.cue,
        "at": message.at,
        "ghost_until": message.ghost_until,
    }


def _acknowledged(message: Acknowledged) -> dict[str, Any]:
    return {"app": message.app, "seconds": list(message.seconds), "unsendable": message.unsendable}


def _closing(message: Closing) -> dict[str, Any]:
    return {"connection": message.connection, "everything": message.everything, "mute": message.mute}


def _call(message: Call) -> dict[str, Any]:
    return {
        "number": message.number,
        "app": message.app,
        "kind": message.kind.value,
        "target": message.target,
        "args": dict(message.args),
        "timeout": message.timeout,
        "key": message.key,
    }


def _returned(message: Returned) -> dict[str, Any]:
    return {
        "number": message.number,
        "body": None if message.body is None else dict(message.body),
        "status": message.status,
        "retry_after": message.retry_after,
        "error": message.error,
    }


def _settlement(one: Settlement) -> dict[str, Any]:
    return {"number": one.number, "envelope_id": one.envelope_id, "payload": one.payload}


def _settled(message: Settled) -> dict[str, Any]:
    columns: dict[str, list[Any]] = {
        "numbers": [one.number for one in message.settlements],
        "envelope_ids": [one.envelope_id for one in message.settlements],
    }
    payloads = [one.payload for one in message.settlements]
    if any(payload is not None for payload in payloads):
        columns["payloads"] = payloads
    return columns


def _promised(message: Promised) -> dict[str, Any]:
    return {"promises": [{"due": one.due, **_settlement(one.settlement)} for one in message.promises]}


def _refused(message: Refused) -> dict[str, Any]:
    return {"refusals": [{"number": one.number, "reason": one.reason} for one in message.refusals]}


def _peers(message: Peers) -> dict[str, Any]:
    return {
        "apps": {
            name: {"ready_elsewhere": peers.ready_elsewhere, "free": peers.free}
            for name, peers in message.apps.items()
        }
    }


_ENCODERS: Final[Mapping[type, tuple[str, Callable[[Any], dict[str, Any]]]]] = {
    Hello: ("hello", _hello),
    Identified: ("identified", lambda message: attrs.asdict(message.identity)),
    Changed: ("state", _changed),
    Trouble: ("trouble", lambda message: _trouble(message.trouble)),
    Acknowledged: ("acknowledged", _acknowledged),
    Closing: ("closing", _closing),
    Unsent: ("unsent", lambda message: {"numbers": list(message.numbers)}),
    Returned: ("result", _returned),
    Settled: ("settled", _settled),
    Promised: ("promised", _promised),
    Refused: ("refused", _refused),
    Call: ("call", _call),
    Peers: ("peers", _peers),
}

"""The link's messages as lines: JSON-RPC notifications, one line each (`slackd.wire`), but for the texts that
are delivered, which follow theirs as they are.

What there is one of for each envelope (arrivals, settlements) goes by columns: a list of all numbers, a list of
all apps and so on, which JSON reads at a fraction of what as many objects cost.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from slackd import wire
from slackd.envelope import Arrival, Settlement
from slackd.errors import LinkError
from slackd.link.messages import (
    Acknowledged,
    AppTrouble,
    Call,
    Changed,
    Closing,
    ConnectionState,
    Deliver,
    Hello,
    LinkMessage,
    Peers,
    Promised,
    Refused,
    Returned,
    Settled,
    Trouble,
    Unsent,
)

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
        line = wire.encode_notification(method, params)
    except wire.NotJsonError as error:
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
    }


def _trouble(trouble: AppTrouble) -> dict[str, Any]:
    return {"app": trouble.app, "reason": trouble.reason, "mend": trouble.mend}


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

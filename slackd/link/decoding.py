"""The link's lines as messages again (`slackd.link.encoding`).

Neighbouring releases understand each other: a member that this release does not know is ignored, one that the
other side does not send has its default, a method that is not known decodes to None. What decodes to nothing
that makes sense raises `LinkError`, and the link is closed.
"""

from collections.abc import Callable, Mapping, Set
from itertools import starmap
from typing import Any, Final, TypeVar

import attrs

from slackd import wire
from slackd.envelope import Promise, Refusal, Settlement
from slackd.errors import LinkError
from slackd.link.messages import (
    Acknowledged,
    AppPeers,
    AppTrouble,
    Call,
    CallKind,
    Changed,
    Closing,
    ConnectionState,
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

Params = Mapping[str, Any]
T = TypeVar("T")


Head = tuple[int, str, str, float, str | None]
"""An arrival without its text, or with None for one that follows on a line of its own."""


@attrs.frozen
class Heads:
    """The first line of a `Deliver`."""

    arrivals: tuple[Head, ...]


def decode(notification: wire.Notification) -> LinkMessage | Heads | None:
    """The message in a line; None for a method of a release that knows more.

    Raises:
        LinkError: The params are not what this method takes.
    """
    decoder = _DECODERS.get(notification.method)
    if decoder is None:
        return None
    try:
        return decoder(notification.params)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise LinkError(
            f"the link's message {notification.method!r} can't be read ({type(error).__name__}: {error}): "
            "are connector and broker of neighbouring releases?"
        ) from error


def _is(kind: type[T], value: Any) -> T:
    if kind is float and type(value) is int:
        value = float(value)
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
    )


def _read_trouble(params: Params) -> AppTrouble:
    return AppTrouble(
        app=_is(str, params["app"]),
        reason=_is(str, params["reason"]),
        mend=_is(str, params.get("mend", "")),
    )


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

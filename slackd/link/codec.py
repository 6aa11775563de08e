"""The link's messages as lines, and lines as messages: JSON-RPC notifications, one a line (`slackd.jsonrpc`).

A rare message is spelt as its class says: an object of its members (`_as_json`, `_reader`). What there is one
of for each envelope (arrivals, settlements) goes by columns: a list of all numbers, a list of all apps and so
on, which JSON reads at a fraction of what as many objects cost. The texts that are delivered follow their line
as they are.

Neighbouring releases understand each other: a member that this release does not know is ignored, one that the
other side does not send has its default, a method that is not known decodes to None. What decodes to nothing
that makes sense raises `LinkError`, and the link is closed. To a side that knows form 2 (it has said so in its
`Hello` or `Welcome`) a column of equal values, or of consecutive numbers, goes as its first value alone.
"""

import math
from collections.abc import Callable, Mapping, Sequence, Set
from enum import Enum
from functools import partial
from itertools import repeat, starmap
from json.encoder import encode_basestring, encode_basestring_ascii
from types import NoneType, UnionType
from typing import Any, Final, TypeVar, cast, get_args, get_origin, get_type_hints

import attrs

from slackd import jsonrpc
from slackd.envelope import Arrival, Settlement
from slackd.errors import LinkError
from slackd.link.messages import (
    Acknowledged,
    AppIdentity,
    AppTrouble,
    Call,
    Changed,
    Closing,
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
    Welcome,
)
from slackd.slotted import frozen

Params = Mapping[str, Any]
T = TypeVar("T")
Read = Callable[[Any], Any]

COLUMNS: Final = 2
"""The version of the link from which on a column may go as its first value."""
LINE_LIMIT: Final = 64 * 1024 * 1024
"""Bytes in one line of the link, without its line feed."""
DELIVER_LIMIT: Final = 4 * 1024 * 1024
"""Characters of envelope text that go into one line; what is redelivered after a restart may be far more."""

Head = tuple[int, str, str, float, str | None]
"""An arrival without its text, or with None for one that follows on a line of its own."""


@frozen
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
        message: LinkMessage | Heads = decoder(notification.params)
        return message
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise LinkError(
            f"the link's message {notification.method!r} can't be read ({type(error).__name__}: {error}): "
            "are connector and broker of neighbouring releases?"
        ) from error


def encode(message: LinkMessage, version: int = 1) -> bytes:
    """The line, or lines, that carry one message to a side that speaks this version of the link.

    Raises:
        LinkError: A value has no JSON text, or one line would be longer than `LINE_LIMIT`.
    """
    if type(message) is Deliver:
        return b"".join([_delivered(part, version) for part in _parts(message.arrivals)])
    if type(message) is Settled:
        return _columns_line("settled", _settled(message.settlements, version))
    method, to_params = _ENCODERS[type(message)]
    return _line(method, to_params(message))


def _line(method: str, params: dict[str, Any]) -> bytes:
    try:
        line = jsonrpc.encode_notification(method, params)
    except jsonrpc.NotJsonError as error:
        raise LinkError(f"the link's message {method!r} can't be sent: {error}") from error
    return _within_limit(method, line)


def _within_limit(method: str, line: bytes) -> bytes:
    if len(line) > LINE_LIMIT:
        raise LinkError(f"the link's message {method!r} has {len(line)} bytes, more than {LINE_LIMIT}")
    return line


# By columns: what there is one of for each envelope. Their lines are put together here, since most go alone at
# a rate that a person would call busy, and `json` takes longer to get ready than to print one.

Column = list[str] | list[str | None] | list[int] | list[float] | str | int


def _columns_line(method: str, columns: Mapping[str, Column]) -> bytes:
    try:
        line = _spelt(method, columns, encode_basestring).encode()
    except UnicodeEncodeError:  # a lone surrogate, which only an escape carries through UTF-8
        line = _spelt(method, columns, encode_basestring_ascii).encode()
    return _within_limit(method, line)


def _spelt(method: str, columns: Mapping[str, Column], quote: Callable[[str], str]) -> str:
    members = []
    for name, column in columns.items():
        if isinstance(column, str):
            spelt = quote(column)
        elif isinstance(column, int):
            spelt = repr(column)
        elif not column or type(column[0]) in _NUMBERS:
            spelt = f"[{','.join(map(repr, column))}]"
        else:
            texts = cast(Sequence[str | None], column)
            spelt = f"[{','.join(['null' if each is None else quote(each) for each in texts])}]"
        members.append(f'"{name}":{spelt}')
    return f'{{"jsonrpc":"2.0","method":"{method}","params":{{{",".join(members)}}}}}\n'


_INTEGERS: Final[Set[type]] = frozenset({int})
_TEXTS: Final[Set[type]] = frozenset({str})
_TEXTS_OR_NONE: Final[Set[type]] = frozenset({str, NoneType})
_NUMBERS: Final[Set[type]] = frozenset({float, int})


def _column(kinds: Set[type], values: Any) -> list[Any]:
    """A list of nothing but these types, exactly: True is no integer."""
    if type(values) is not list or not kinds >= set(map(type, values)):
        expected = " or ".join(sorted(kind.__name__ for kind in kinds))
        raise ValueError(f"expected a list of {expected}, found {values!r:.60}")
    return values


def _numbers(values: Any, count: int) -> Sequence[int]:
    return range(values, values + count) if type(values) is int else _column(_INTEGERS, values)


def _finite(values: Any) -> list[float]:
    numbers = list(map(float, _column(_NUMBERS, values)))
    if not all(map(math.isfinite, numbers)):
        raise ValueError(f"expected finite numbers, found {values!r:.60}")
    return numbers


def _texts(values: Any, count: int) -> Sequence[str]:
    return list(repeat(values, count)) if type(values) is str else _column(_TEXTS, values)


def _first_of_consecutive(numbers: list[int], version: int) -> list[int] | int:
    consecutive = version >= COLUMNS and numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    return numbers[0] if consecutive else numbers


def _first_of_equal(texts: list[str], version: int) -> list[str] | str:
    return texts[0] if version >= COLUMNS and texts.count(texts[0]) == len(texts) else texts


def _read_heads(params: Params) -> Heads:
    received_at = _finite(params["received_at"])
    count = len(received_at)
    numbers = _numbers(params["numbers"], count)
    apps, connections = _texts(params["apps"], count), _texts(params["connections"], count)
    texts = _column(_TEXTS_OR_NONE, params.get("texts") or [None] * count)
    return Heads(tuple(zip(numbers, apps, connections, received_at, texts, strict=True)))


def _parts(arrivals: Sequence[Arrival]) -> list[list[Arrival]]:
    parts: list[list[Arrival]] = [[]]
    size = 0
    for arrival in arrivals:
        if size and size + len(arrival.text) > DELIVER_LIMIT:
            parts.append([])
            size = 0
        parts[-1].append(arrival)
        size += len(arrival.text)
    return parts


def _delivered(arrivals: Sequence[Arrival], version: int) -> bytes:
    """A line that says what follows, then each text as it is on a line of its own: neither side spells it out
    as a JSON string and back. One that can't stand on a line (it has a line feed) stands in the first."""
    if not arrivals:
        return b""
    lines = [_as_line(arrival.text) for arrival in arrivals]
    columns: dict[str, Column] = {
        "numbers": _first_of_consecutive([arrival.number for arrival in arrivals], version),
        "apps": _first_of_equal([arrival.app for arrival in arrivals], version),
        "connections": _first_of_equal([arrival.connection for arrival in arrivals], version),
        "received_at": [arrival.received_at for arrival in arrivals],
    }
    if None in lines:
        columns["texts"] = [
            arrival.text if line is None else None for arrival, line in zip(arrivals, lines, strict=True)
        ]
    followers = [line for line in lines if line is not None]
    return b"\n".join([_columns_line("deliver", columns)[:-1], *followers, b""])


def _as_line(text: str) -> bytes | None:
    if "\n" in text:
        return None
    try:
        return text.encode()
    except UnicodeEncodeError:
        return None


def _settled(settlements: Sequence[Settlement], version: int) -> dict[str, Column]:
    numbers = [one.number for one in settlements]
    columns: dict[str, Column] = {
        "numbers": _first_of_consecutive(numbers, version) if numbers else numbers,
        "envelope_ids": [one.envelope_id for one in settlements],
    }
    payloads = [one.payload for one in settlements]
    if payloads.count(None) != len(payloads):
        columns["payloads"] = payloads
    return columns


def _read_settled(params: Params) -> Settled:
    envelope_ids = _column(_TEXTS_OR_NONE, params["envelope_ids"])
    numbers = _numbers(params["numbers"], len(envelope_ids))
    payloads = _column(_TEXTS_OR_NONE, params.get("payloads") or [None] * len(numbers))
    return Settled(tuple(starmap(Settlement, zip(numbers, envelope_ids, payloads, strict=True))))


# As their classes say: what is rare.


def _as_json(value: Any) -> Any:
    """A value in the types that JSON has; an instance becomes an object of its members."""
    if attrs.has(type(value)):
        return {each.name: _as_json(getattr(value, each.name)) for each in attrs.fields(type(value))}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return list(value) if set(map(type, value)) <= _NUMBERS else [_as_json(each) for each in value]
    if isinstance(value, Mapping):
        return {key: _as_json(each) for key, each in value.items()}
    return value


def _is(kind: type[T], value: Any) -> T:
    if kind is float and type(value) is int:
        value = float(value)
    if kind is float and isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"expected a finite number, found {value}")
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"expected {kind.__name__}, found {value!r:.60}")
    return value


def _reader(kind: Any) -> Read:
    """What turns a JSON value into a value of this type, or raises `KeyError`, `TypeError` or `ValueError`."""
    if kind is Any:
        return lambda value: value
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is UnionType:
        (inner,) = (_reader(each) for each in arguments if each is not NoneType)
        return lambda value: None if value is None else inner(value)
    if origin is tuple and arguments[0] is float:
        return lambda value: tuple(_finite(value))
    if origin is tuple:
        member = _reader(arguments[0])
        return lambda value: tuple(map(member, _is(list, value)))
    if origin is not None and issubclass(origin, Mapping):
        of = _reader(arguments[1])
        return lambda value: {key: of(each) for key, each in _is(dict, value).items()}
    if issubclass(kind, Enum):
        return lambda value: kind(value)
    return _members_reader(kind) if attrs.has(kind) else partial(_is, kind)


def _members_reader(kind: type) -> Read:
    hints = get_type_hints(kind)
    members = [
        (each.name, _reader(hints[each.name]), each.default is attrs.NOTHING) for each in attrs.fields(kind)
    ]

    def read(params: Any) -> Any:
        found = _is(dict, params)
        return kind(**{name: of(found[name]) for name, of, needed in members if needed or name in found})

    return read


def _wrapped(kind: Callable[[Any], LinkMessage], read: Read) -> Read:
    return lambda params: kind(read(params))


def _promises(message: Promised) -> dict[str, Any]:
    """A promise and its settlement are one object here."""
    return {"promises": [{"due": one.due, **_as_json(one.settlement)} for one in message.promises]}


def _read_promises(params: Params) -> Promised:
    promises = [{"due": one["due"], "settlement": one} for one in _is(list, params["promises"])]
    promised: Promised = _members_reader(Promised)({"promises": promises})
    return promised


_PLAIN: Final[Mapping[str, type]] = {
    "hello": Hello,
    "welcome": Welcome,
    "state": Changed,
    "acknowledged": Acknowledged,
    "closing": Closing,
    "unsent": Unsent,
    "result": Returned,
    "refused": Refused,
    "call": Call,
    "peers": Peers,
}
_DECODERS: Final[Mapping[str, Read]] = {
    **{method: _members_reader(kind) for method, kind in _PLAIN.items()},
    "deliver": _read_heads,
    "settled": _read_settled,
    "promised": _read_promises,
    "trouble": _wrapped(Trouble, _members_reader(AppTrouble)),
    "identified": _wrapped(Identified, _members_reader(AppIdentity)),
}
_ENCODERS: Final[Mapping[type, tuple[str, Callable[[Any], dict[str, Any]]]]] = {
    **{kind: (method, _as_json) for method, kind in _PLAIN.items()},
    Promised: ("promised", _promises),
    Trouble: ("trouble", lambda message: _as_json(message.trouble)),
    Identified: ("identified", lambda message: _as_json(message.identity)),
}

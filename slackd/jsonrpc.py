"""JSON-RPC 2.0, one object a line: the language of the plugin socket and of the link.

Sans-IO and standard library alone. `LineReader` turns bytes into messages; the `encode_*` functions turn
messages into lines. Neither ever blocks.

P7, the invariant kept here: `LineReader` never raises, whatever a peer has sent. The first thing that is not a
message becomes a `Malformed`, and what comes after it is dropped. The caller sends the error that it names and
closes the connection, since nothing after a broken line can be trusted.

Narrower than JSON-RPC in three places: `params` is an object (absent means empty), an `id` is an integer or a
string, and there are no batches. NaN, Infinity and numbers that fit a double only as infinity (1e999) are
refused in both directions.
"""

import json
from collections.abc import Callable
from dataclasses import field
from math import isfinite
from typing import Any, Final

from slackd import SlackdError
from slackd.frozen import frozen
from slackd.line_cutter import LineCutter

MAX_LINE_FROM_PLUGIN: Final = 1024 * 1024
"""Bytes, without the line feed, that a plugin may send in one line."""
MAX_LINE_TO_PLUGIN: Final = 16 * 1024 * 1024
"""Bytes, without the line feed, that slackd may send in one line; a larger envelope becomes a dead letter."""

MAX_ID_LENGTH: Final = 256
"""Characters of an `id`, which is repeated in the answer."""

PARSE_ERROR: Final = -32700
"""The line is not JSON, or not UTF-8. The connection is closed."""
INVALID_REQUEST: Final = -32600
"""JSON, but not a message of this protocol. The connection is closed."""
METHOD_NOT_FOUND: Final = -32601
"""No such method."""
INVALID_PARAMS: Final = -32602
"""The method exists, its params are not what it takes; the message names the member."""
INTERNAL_ERROR: Final = -32603
"""The other side failed, by no fault of the request."""

NOT_INITIALIZED: Final = -32000
"""Something came before `initialize`. The connection is closed."""
NOT_PERMITTED: Final = -32001
"""The kernel says that this process runs as a user that may not be this plugin. The connection is closed."""
UNKNOWN_PLUGIN: Final = -32002
"""No file in plugins.d declares a plugin of this name. The connection is closed."""
UNSUPPORTED_PROTOCOL: Final = -32003
"""slackd does not speak the protocol version asked for; `data.supported` lists those that it speaks."""
METHOD_NOT_GRANTED: Final = -32004
"""The plugin's file does not grant this Web API method; the message names the line to add."""
SLACK_UNAVAILABLE: Final = -32005
"""No connector could make the call; nothing was sent to Slack."""
RESPONSE_TOO_LARGE: Final = -32006
"""The answer is larger than what Slack takes in an acknowledgement, or than one line may be."""
LINE_TOO_LONG: Final = -32007
"""A line is longer than this direction allows. The connection is closed."""
TOO_MANY_SESSIONS: Final = -32008
"""The plugin, or the daemon, has as many connections as it may. The connection is closed."""
SHUTTING_DOWN: Final = -32009
"""slackd is stopping: connect again, the socket stays."""
UNKNOWN_APP: Final = -32010
"""The app is not configured or not in the plugin's file, or none was named where there are several."""
OUTCOME_UNKNOWN: Final = -32011
"""The connector died while it made the call: Slack may or may not have carried it out."""
TOO_MANY_CALLS: Final = -32012
"""More calls of this plugin wait than slackd keeps; `data.retry_after` in seconds if it is known."""
RATE_LIMITED: Final = -32013
"""Slack's rate limit would hold the call up for longer than its `max_wait`; `data.retry_after` in seconds."""
NOT_HELD: Final = -32014
"""The delivery is not this session's at this attempt, or is settled: what was said of it is ignored."""
HANDLER_FAILED: Final = -32050
"""From a plugin, in answer to an envelope: it was not handled (a nack). Any other code means the same."""


@frozen
class Request:
    """Asks for an answer that carries the same id; `size` is that of its line in bytes, where it was read."""

    id: int | str
    method: str
    params: dict[str, Any]
    size: int = field(default=0, compare=False)


@frozen
class Notification:
    """Told, not asked: it is never answered."""

    method: str
    params: dict[str, Any]


@frozen
class Result:
    """The good answer to the request with this id."""

    id: int | str
    result: Any


@frozen
class Failure:
    """The bad answer to the request with this id; `id` is None if the asker's line could not be read."""

    id: int | str | None
    code: int
    message: str
    data: Any = None


@frozen
class Malformed:
    """Not a message: the last thing that a `LineReader` yields.

    `code` is PARSE_ERROR, INVALID_REQUEST or LINE_TOO_LONG; `encode_failure(None, code, message)` sends it.
    """

    code: int
    message: str


Message = Request | Notification | Result | Failure | Malformed


class NotJsonError(SlackdError, ValueError):
    """A value to be sent has no JSON text: NaN, an infinity, a type that JSON doesn't know, a circle."""


class LineReader:
    """Cuts the byte stream of one connection into messages.

    `limit` is the length in bytes that a line may have, without its line feed.
    """

    __slots__ = ("_cutter", "_finished", "_limit")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._cutter = LineCutter(limit)
        self._finished = False

    @property
    def finished(self) -> bool:
        """A `Malformed` was yielded; nothing more will come."""
        return self._finished

    @property
    def between_lines(self) -> bool:
        """What comes next begins a line."""
        return not self._finished and self._cutter.between_lines

    @property
    def unfinished(self) -> int:
        """Bytes of a line whose end has not come yet."""
        return self._cutter.unfinished

    def receive(self, data: bytes) -> list[Message]:
        """The messages that `data` completes, in order. Never raises on what a peer sent."""
        if self._finished:
            return []
        messages: list[Message] = []
        for line in self._cutter.receive(data):
            if not line or line.isspace():
                continue
            message = decode(line)
            messages.append(message)
            if type(message) is Malformed:
                self._finished = True
                return messages
        if self._cutter.too_long:
            self._finished = True
            messages.append(Malformed(LINE_TOO_LONG, f"a line may have at most {self._limit} bytes"))
        return messages


def encode_request(id: int | str, method: str, params: dict[str, Any]) -> bytes:  # noqa: A002
    """The line of a request.

    Raises:
        NotJsonError: The params have no JSON text.
    """
    return _line({"jsonrpc": "2.0", "id": id, "method": method, "params": params})


def encode_notification(method: str, params: dict[str, Any]) -> bytes:
    """The line of a notification.

    Raises:
        NotJsonError: The params have no JSON text.
    """
    return _line({"jsonrpc": "2.0", "method": method, "params": params})


def encode_result(id: int | str, result: Any) -> bytes:  # noqa: A002
    """The line of a good answer.

    Raises:
        NotJsonError: The result has no JSON text.
    """
    if type(result) is dict and not result:  # handled, nothing to say: the answer to nearly every envelope
        return b'{"jsonrpc":"2.0","id":' + _encoded(id) + b',"result":{}}\n'
    return _line({"jsonrpc": "2.0", "id": id, "result": result})


def encode_failure(id: int | str | None, code: int, message: str, data: Any = None) -> bytes:  # noqa: A002
    """The line of a bad answer; `data` of None is left out.

    Raises:
        NotJsonError: `data` has no JSON text.
    """
    error: dict[str, Any] = {"code": code, "message": message}
    if data is not None:
        error["data"] = data
    return _line({"jsonrpc": "2.0", "id": id, "error": error})


def _finite(digits: str) -> float:
    number = float(digits)
    if not isfinite(number):
        raise ValueError("a number too large for a double")
    return number


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


decoder: Final = json.JSONDecoder(parse_float=_finite, parse_constant=_refuse_constant)
"""Reads JSON and nothing else: no NaN, no Infinity, no number that fits a double only as infinity."""
_print = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_print_ascii = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode


def parse(text: str) -> Any:
    """The value of a JSON text. Raises `ValueError`, and `RecursionError` for one that is nested too deep."""
    # Nearly no line has white space around its object: those that have none are spared the search for it.
    if text.startswith("{"):
        value, end = decoder.raw_decode(text)
        if end == len(text):
            return value
    return decoder.decode(text)


_BAD_ID = Malformed(
    INVALID_REQUEST,
    f'the member "id" must be a string of at most {MAX_ID_LENGTH} characters, or an integer of 64 bits',
)
_INTEGERS = range(-(1 << 63), 1 << 63)


def _is_id(value: Any) -> bool:
    kind = type(value)  # not isinstance: True is an int there
    return len(value) <= MAX_ID_LENGTH if kind is str else kind is int and value in _INTEGERS


def decode(line: bytes, parse: Callable[[str], Any] = parse) -> Message:
    """The message in one line. Never raises on what a peer sent.

    Args:
        line: Without its line feed.
        parse: Reads JSON; raises `ValueError` or `RecursionError` for what it does not read.
    """
    try:
        value = parse(line.decode())
    except UnicodeDecodeError:
        return Malformed(PARSE_ERROR, "the line is not UTF-8")
    except RecursionError:
        return Malformed(PARSE_ERROR, "the line is nested too deep")
    except ValueError as error:
        return Malformed(PARSE_ERROR, f"the line is not JSON: {error}")
    if type(value) is not dict:
        what = "a batch" if type(value) is list else "not an object"
        return Malformed(INVALID_REQUEST, f"the line is {what}: one object a line")
    if value.get("jsonrpc") != "2.0":
        return Malformed(INVALID_REQUEST, 'the member "jsonrpc" must be "2.0"')
    return _call(value, len(line)) if "method" in value else _answer(value)


def _call(value: dict[str, Any], size: int) -> Message:
    method = value["method"]
    if type(method) is not str:
        return Malformed(INVALID_REQUEST, 'the member "method" must be a string')
    params = value.get("params", {})
    if type(params) is not dict:
        return Malformed(INVALID_REQUEST, 'the member "params" must be an object')
    if "id" not in value:
        return Notification(method, params)
    id_: Any = value["id"]
    if not _is_id(id_):
        return _BAD_ID
    return Request(id_, method, params, size)


def _answer(value: dict[str, Any]) -> Message:
    error = value.get("error")
    if error is None and "result" not in value:
        return Malformed(INVALID_REQUEST, 'there is no "method", no "result" and no "error"')
    if error is not None and value.get("result") is not None:
        return Malformed(INVALID_REQUEST, 'an answer has "result" or "error", never both')
    id_: Any = value.get("id")
    if error is None:
        return Result(id_, value["result"]) if _is_id(id_) else _BAD_ID
    if id_ is not None and not _is_id(id_):
        return _BAD_ID
    if type(error) is not dict or type(error.get("code")) is not int or type(error.get("message")) is not str:
        return Malformed(INVALID_REQUEST, '"error" must be an object with an integer "code" and a "message"')
    return Failure(id_, error["code"], error["message"], error.get("data"))


def _line(value: dict[str, Any]) -> bytes:
    return _encoded(value) + b"\n"


def _encoded(value: Any) -> bytes:
    try:
        return _print(value).encode()
    except UnicodeEncodeError:
        # A lone surrogate, which only an escape ("\ud800") can carry through UTF-8.
        return _print_ascii(value).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise NotJsonError(f"a value can't be sent as JSON: {error}") from error

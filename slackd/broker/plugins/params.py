"""Reads the members of a plugin's requests and notifications, once: into events, or into words why not."""

import itertools
import json
import re
from collections.abc import Collection, Mapping
from typing import Any

from slackd import jsonrpc
from slackd.broker.dispatch.retry import LONGEST
from slackd.broker.nesting import DEEPEST, is_deep
from slackd.broker.plugins.announced_handlers import MOST as MOST_HANDLERS
from slackd.broker.plugins.events import (
    CallAsked,
    Event,
    Extended,
    Initialize,
    KeptAnswer,
    Leaving,
    Logged,
    Nacked,
    PostAsked,
    RejectedLine,
    Unordered,
    Violation,
)
from slackd.broker.plugins.transfers import read_transfer
from slackd.text import all_unicode, as_unicode, nearest_name

PROTOCOL = 1
MAX_HOLDING = 65_536
"""Deliveries that one program may say it holds. With the widest window there is, what it may have in work and
what it must remember of its answers is 64,000 at most, in both lanes together."""
MAX_REMEMBERS = 2_000
"""Answers beyond its windows that slackd relies on a program to repeat, whatever it says."""
MAX_AHEAD = 64
"""Deliveries that a session has ahead of their turn, whatever it says."""
MAX_ID = 2**63 - 1
"""The journal's ids are integers of 64 bits."""
MAX_NAME = 256
MAX_URL = 2_048
"""Characters of a `response_url`."""
MEANT = 0.75
"""How alike an unknown member must be to a known one, to be taken for a misspelt one."""
MAX_UNKNOWN = 16
"""Unknown members of one object that are compared with known ones: it takes longer than to read them."""
MAX_LOGGED = 16_384
"""Characters of one line for the log."""
_ATTEMPT = re.compile(r"([0-9]{1,19})\.([0-9]{1,19})").fullmatch
_METHOD = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")


class BadParams(Exception):
    """A member of params is not what the method takes."""


_OF_A_RESPONSE = frozenset(
    {"text", "blocks", "attachments", "response_type", "response_action", "errors", "view", "options"}
    | {"option_groups", "replace_original", "delete_original"}
)
"""Members that Slack knows in a response, and this protocol never will beside it."""


def meant_in(result: Any) -> str:
    """What is wrong with a result that has no response in it, in words; "" for one that means "handled"."""
    if not isinstance(result, dict) or not result:
        return ""
    if beside := sorted(_OF_A_RESPONSE & result.keys()):
        return f'"{beside[0]}" belongs into the member "response": {{"response": {{"{beside[0]}": …}}}}'
    return _misspelt(result, ("response",))


def _misspelt(params: Mapping[str, Any], known: Collection[str]) -> str:
    """A member that nobody knows and that is meant for one that is known; "" where there is none."""
    unknown = (name for name in params if name not in known)
    for name in itertools.islice(unknown, MAX_UNKNOWN):
        if nearest := nearest_name(name[:MAX_NAME], known, cutoff=MEANT):
            return f'{name[:MAX_NAME]!r} is no member; is "{nearest}" meant?'
    return ""


def misspelling_in(message: jsonrpc.Message) -> RejectedLine | None:
    """What is wrong with a nack that counts all the same: a misspelt member of its `data`."""
    if not isinstance(message, jsonrpc.Failure) or not isinstance(message.data, dict) or message.id is None:
        return None
    misspelt = _misspelt(message.data, ("retry_after", "permanent"))
    return RejectedLine(message.id, jsonrpc.INVALID_PARAMS, f'"data": {misspelt}') if misspelt else None


def _check_members(params: Mapping[str, Any], known: Collection[str]) -> None:
    if misspelt := _misspelt(params, known):
        raise BadParams(misspelt)


def read_message(message: jsonrpc.Message) -> Event | None:
    """What a line of an open session asks for; None for what is to be ignored."""
    match message:
        case jsonrpc.Malformed(code, text):
            return Violation(None, code, text)
        case jsonrpc.Failure(id_, _, text, data):
            return _nacked(id_, text, data)
        case jsonrpc.Request(id_, "slack.call", params, size):
            try:
                return _call(id_, params, size)
            except BadParams as bad:
                return RejectedLine(id_, jsonrpc.INVALID_PARAMS, f"slack.call: {bad}")
        case jsonrpc.Request(id_, "answer", params):
            try:
                return _kept_answer(id_, params)
            except BadParams as bad:
                return RejectedLine(id_, jsonrpc.INVALID_PARAMS, f"answer: {bad}")
        case jsonrpc.Request(id_, "slack.respond", params, size):
            try:
                return _post(id_, params, size)
            except BadParams as bad:
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
            named = attempt_named(params.get("id"))
            return Extended(*named) if named else None
        case jsonrpc.Notification("unorder", params):
            named = attempt_named(params.get("id"))
            return Unordered(*named) if named else None
        case jsonrpc.Notification("leaving", params):
            try:
                return Leaving(_holding(params))
            except BadParams:
                return None
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
    "ahead",
    "handlers",
    "dev",
)


def read_initialize(id_: int | str, params: Mapping[str, Any]) -> Event:
    """The first request.

    Raises:
        BadParams: A member is not what it takes.
    """
    protocol = params.get("protocol")
    if protocol != PROTOCOL or isinstance(protocol, bool):
        said = f"not {protocol}" if isinstance(protocol, int | float) else "and none was named"
        text = f"slackd speaks protocol {PROTOCOL}, {said}"
        return Violation(id_, jsonrpc.UNSUPPORTED_PROTOCOL, text[:MAX_NAME], {"supported": [PROTOCOL]})
    _check_members(params, _INITIALIZE_MEMBERS)
    plugin = params.get("plugin")
    if not isinstance(plugin, str) or not plugin:
        raise BadParams('"plugin" must be the plugin\'s name')
    window = params.get("window")
    if window is not None and (not isinstance(window, int) or isinstance(window, bool) or window < 0):
        raise BadParams('"window" must be an integer, 0 or more')
    session = params.get("session")
    if session is not None and (not isinstance(session, str) or not 0 < len(session) <= MAX_NAME):
        raise BadParams(f'"session" must be a string of 1 to {MAX_NAME} characters')
    if session is not None and not session.isprintable():
        raise BadParams('"session" must be printable')
    client, remembers = _client(params.get("client")), min(_count(params, "remembers"), MAX_REMEMBERS)
    ahead = min(_count(params, "ahead"), MAX_AHEAD)
    if session is None or not remembers:
        ahead = 0  # of its answers none would be repeated after a crash
    handlers = _handlers(params.get("handlers"))
    dev = params.get("dev", "")
    if not isinstance(dev, str) or len(dev) > MAX_NAME:
        raise BadParams('"dev" must be the ticket of an intercept')
    return Initialize(id_, plugin, client, window, session, _holding(params), remembers, ahead, handlers, dev)


def _count(params: Mapping[str, Any], name: str) -> int:
    value = params.get(name, 0)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise BadParams(f'"{name}" must be an integer, 0 or more')
    return value


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
        raise BadParams(f'"holding" must be a list of at most {MAX_HOLDING} ids')
    named = [attempt_named(each) for each in holding]
    if None in named:
        raise BadParams('"holding" must hold ids of the form "DELIVERY.ATTEMPT"')
    return tuple(each for each in named if each is not None)


def _client(value: Any) -> str:
    parts = (value.get("name"), value.get("version")) if isinstance(value, dict) else (value,)
    return as_unicode(" ".join(each for each in parts if isinstance(each, str))[:MAX_NAME])


def attempt_named(id_: Any) -> tuple[int, int] | None:
    """Delivery and attempt that an id names ("17.1"), or None."""
    named = _ATTEMPT(id_) if isinstance(id_, str) else None
    if named is None:
        return None
    delivery, attempt = int(named[1]), int(named[2])
    return (delivery, attempt) if delivery <= MAX_ID and attempt <= MAX_ID else None


def _nacked(id_: int | str | None, text: str, data: Any) -> Event | None:
    named = attempt_named(id_)
    if named is None:
        return None
    retry_after, permanent = None, False
    if isinstance(data, dict):
        after = data.get("retry_after")
        if isinstance(after, int | float) and not isinstance(after, bool):
            retry_after = float(min(max(after, 0), LONGEST))
        permanent = data.get("permanent") is True
    return Nacked(*named, as_unicode(text[:2_000]), retry_after, permanent)


def response_text(response: Any) -> str:
    """A response as JSON text; a string is a message of that text.

    Raises:
        BadParams: It is no response.
    """
    if isinstance(response, str):
        response = {"text": response}
    if not isinstance(response, dict) or is_deep(response):
        wanted = f"must be an object, with at most {DEEPEST} objects and arrays within each other"
        raise BadParams(f'"response" {wanted}')
    return as_unicode(json.dumps(response, ensure_ascii=False, separators=(",", ":")))


def _kept_answer(id_: int | str, params: Mapping[str, Any]) -> Event:
    _check_members(params, ("id", "response"))
    named = attempt_named(params.get("id"))
    if named is None:
        raise BadParams('"id" must be the id of an envelope, "DELIVERY.ATTEMPT"')
    return KeptAnswer(id_, *named, response_text(params.get("response")))


_CALL_MEMBERS = ("app", "method", "args", "call_id", "max_wait", "delivery")
_POST_MEMBERS = ("app", "url", "message")


def _call(id_: int | str, params: Mapping[str, Any], size: int) -> Event:
    _check_members(params, _CALL_MEMBERS)
    app, method, args = params.get("app"), params.get("method"), params.get("args", {})
    if app is not None and not isinstance(app, str):
        raise BadParams('"app" must be the name of an app')
    if not isinstance(method, str) or len(method) > MAX_NAME or not _METHOD.fullmatch(method):
        raise BadParams('"method" must be the name of a Web API method')
    if (args is not None and not isinstance(args, dict)) or is_deep(args):
        raise BadParams(
            f'"args" must be an object, with at most {DEEPEST} objects and arrays within each other'
        )
    call_id = params.get("call_id")
    if call_id is not None and (not isinstance(call_id, str) or not 0 < len(call_id) <= MAX_NAME):
        raise BadParams(f'"call_id" must be a string of 1 to {MAX_NAME} characters')
    if call_id is not None and not call_id.isprintable():
        raise BadParams('"call_id" must be printable')
    max_wait = params.get("max_wait")
    if max_wait is not None and (isinstance(max_wait, bool) or not isinstance(max_wait, int | float)):
        raise BadParams('"max_wait" must be a number of seconds')
    delivery = params.get("delivery")
    named = attempt_named(delivery)
    if delivery is not None and named is None:
        raise BadParams('"delivery" must be the id of an envelope, "DELIVERY.ATTEMPT"')
    return CallAsked(id_, app, method, all_unicode(args or {}), call_id or "", size, max_wait, named)


def _post(id_: int | str, params: Mapping[str, Any], size: int) -> Event:
    _check_members(params, _POST_MEMBERS)
    app, url, message = params.get("app"), params.get("url"), params.get("message")
    if app is not None and not isinstance(app, str):
        raise BadParams('"app" must be the name of an app')
    if not isinstance(url, str) or not 0 < len(url) <= MAX_URL or not url.isprintable():
        raise BadParams(f'"url" must be a response_url, of at most {MAX_URL} characters')
    if not isinstance(message, dict) or is_deep(message):
        raise BadParams(
            f'"message" must be an object, with at most {DEEPEST} objects and arrays within each other'
        )
    return PostAsked(id_, app, url, all_unicode(message), size)

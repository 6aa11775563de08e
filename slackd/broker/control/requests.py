"""What comes in over HTTP, checked: parameters, bodies, and who asked; and what goes out as JSON."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from slackd import SlackdError
from slackd.broker.control.http import HttpRequest, HttpResponse

PAGE, LARGEST_PAGE = 100, 500
_TRUE, _FALSE = frozenset({"1", "true", "yes", ""}), frozenset({"0", "false", "no"})


class BadRequest(SlackdError):
    """The request can't be understood; the message names the parameter and what was expected."""


class NotFound(SlackdError):
    """What the request names isn't there."""


class Forbidden(SlackdError):
    """Whoever asks may not have it; the message names the file and the line that would allow it."""


class Unavailable(SlackdError):
    """It can't be done at the moment; the message says why and what to do."""


def answer(value: object, status: int = 200) -> HttpResponse:
    """A JSON answer, on one line."""
    return HttpResponse(json.dumps(value).encode() + b"\n", status)


def page_limit(request: HttpRequest) -> int:
    """The parameter `limit`: how many entries the answer may have, `PAGE` if it isn't there.

    Raises:
        BadRequest: It is no number from 1 to `LARGEST_PAGE`.
    """
    return whole_number(request, "limit", PAGE, 1, LARGEST_PAGE)


def whole_number(request: HttpRequest, name: str, default: int, least: int = 0, most: int = 1 << 62) -> int:
    """A parameter that is a whole number.

    Raises:
        BadRequest: It is none, or not from `least` to `most`.
    """
    text = request.query.get(name)
    if text is None:
        return default
    if not text.isdecimal() or len(text) > 19 or not least <= int(text) <= most:
        raise BadRequest(f"{name}={text[:50]!r}: expected a whole number from {least} to {most}")
    return int(text)


def moment(request: HttpRequest, name: str) -> float | None:
    """A parameter that is an instant in UNIX seconds; None if it isn't there.

    Raises:
        BadRequest: It is none.
    """
    text = request.query.get(name)
    return None if text is None else _moment(name, text)


def flag(request: HttpRequest, name: str) -> bool:
    """A parameter that is true or false.

    Raises:
        BadRequest: It is neither.
    """
    text = request.query.get(name, "0").lower()
    if text not in _TRUE | _FALSE:
        raise BadRequest(f"{name}={text[:50]!r}: expected 1 or 0")
    return text in _TRUE


def known_parameters(request: HttpRequest, names: Iterable[str]) -> None:
    """Refuse parameters that mean nothing here: a filter with a typo would let everything pass.

    Raises:
        BadRequest: There is such a parameter; the message has those that are known.
    """
    known = set(names)
    for name in request.query:
        if name not in known:
            raise BadRequest(
                f"{name[:50]!r} is no parameter of {request.path}; it knows {', '.join(sorted(known))}"
            )


def body(request: HttpRequest, names: Iterable[str]) -> Mapping[str, Any]:
    """The request's body: a JSON object with none but these members.

    Raises:
        BadRequest: It is no such object.
    """
    try:
        content = json.loads(request.body or b"{}")
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"the body is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise BadRequest("the body must be a JSON object")
    known = set(names)
    for name in content:
        if name not in known:
            raise BadRequest(f"{name[:50]!r} is no member here; known are {', '.join(sorted(known))}")
    return content


def text_in(content: Mapping[str, Any], name: str) -> str | None:
    """A member that is a string, if it is there.

    Raises:
        BadRequest: It is there, and is no string.
    """
    value = content.get(name)
    if value is not None and not isinstance(value, str):
        raise BadRequest(f"{name}: expected a string")
    return value


def ids_in(content: Mapping[str, Any], name: str) -> tuple[int, ...] | None:
    """A member that is a list of ids, if it is there.

    Returns:
        The ids, each once, in the order of the list; None without the member.

    Raises:
        BadRequest: It is no such list, or has more than `LARGEST_PAGE`.
    """
    value = content.get(name)
    if value is None:
        return None
    if not isinstance(value, list) or not all(_is_id(each) for each in value):
        raise BadRequest(f"{name}: expected a list of ids, as in [17, 18]")
    if len(value) > LARGEST_PAGE:
        raise BadRequest(f"{name}: {len(value)} ids; {LARGEST_PAGE} at most in one request")
    return tuple(dict.fromkeys(value))


def id_in(content: Mapping[str, Any], name: str, default: int = 0) -> int:
    """A member that is an id, if it is there.

    Raises:
        BadRequest: It is there, and is no id.
    """
    value = content.get(name, default)
    if value != 0 and not _is_id(value):
        raise BadRequest(f"{name}: expected an id")
    return int(value)


def moment_in(content: Mapping[str, Any], name: str) -> float | None:
    """A member that is an instant in UNIX seconds; None if it isn't there.

    Raises:
        BadRequest: It is none.
    """
    value = content.get(name)
    return None if value is None else _moment(name, value)


def flag_in(content: Mapping[str, Any], name: str) -> bool:
    """A member that is true or false; false if it isn't there.

    Raises:
        BadRequest: It is neither.
    """
    value = content.get(name, False)
    if not isinstance(value, bool):
        raise BadRequest(f"{name}: expected true or false")
    return value


def who(request: HttpRequest) -> str:
    """Who asks, by the kernel's word, for the log."""
    return f"uid {request.peer.uid} (pid {request.peer.pid})" if request.peer else "somebody"


def _is_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1 << 62


def _moment(name: str, value: object) -> float:
    try:
        found = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else None
    except (ValueError, OverflowError):
        found = None
    if found is None or not -1e11 < found < 1e11:
        raise BadRequest(f"{name}={str(value)[:50]!r}: expected UNIX seconds")
    return found

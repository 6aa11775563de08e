"""What slackd says, as the values that authors see. Pure.

A slackd may be newer than this SDK, or older: what is missing has its default, what is unknown is left out, and
only a delivery without what makes it one is refused.
"""

from typing import Any, Final

from slackd.plugin.envelope import Envelope, Gap, Identity, Late, Ready

_WINDOW_IF_UNSAID: Final = 32


def ready_of(result: dict[str, Any]) -> Ready:
    """The session's beginning, from the result of `initialize`."""
    apps = result.get("apps")
    return Ready(
        server=str(result.get("server", "")),
        apps=tuple(str(app) for app in apps) if isinstance(apps, list) else (),
        window=_count(result.get("window")),
        deadline_window=_count(result.get("deadline_window")),
        identities=_identities(result.get("identities")),
        unmatched=_texts(result.get("unmatched")),
    )


def envelope_of(id_: int | str, params: dict[str, Any]) -> Envelope | None:
    """A delivery, from the id and the params of an `envelope` request; None if they are not as they must be."""
    delivery, dot, attempt = str(id_).rpartition(".")
    app, type_, raw = params.get("app"), params.get("type"), params.get("envelope")
    received_at, respond_by = params.get("received_at"), params.get("respond_by")
    if not (dot and delivery and attempt.isascii() and attempt.isdecimal() and len(attempt) < 10):
        return None
    if not (isinstance(app, str) and isinstance(type_, str) and isinstance(raw, dict)):
        return None
    if type(received_at) is not float and (received_at := _seconds(received_at)) is None:
        return None
    if respond_by is not None and (respond_by := _seconds(respond_by)) is None:
        return None
    answered = params.get("answered") is True
    return Envelope(delivery, int(attempt), app, type_, received_at, respond_by, raw, answered)


def notice_of(method: str, params: dict[str, Any]) -> Late | Gap | Identity | None:
    """What a notification tells; None for one that this SDK knows nothing of."""
    if method == "late":
        delivery, sent = str(params.get("id", "")).rpartition(".")[0], params.get("sent")
        why, words = params.get("reason"), params.get("message")
        return Late(
            delivery,
            sent if isinstance(sent, str) else None,
            why if isinstance(why, str) else "",
            words if isinstance(words, str) else "",
        )
    if method == "identity":
        return _identity(params.get("app"), params)
    if method == "gap":
        start, end = _seconds(params.get("from")), _seconds(params.get("until"))
        if start is not None and end is not None:
            return Gap(str(params.get("app", "")), start, end, str(params.get("reason", "")))
    return None


def _identities(value: Any) -> dict[str, Identity]:
    known = value.items() if isinstance(value, dict) else ()
    found = (_identity(app, ids) for app, ids in known)
    return {each.app: each for each in found if each is not None}


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()


def _identity(app: Any, ids: Any) -> Identity | None:
    if not isinstance(app, str) or not isinstance(ids, dict):
        return None
    names = ("app_id", "team_id", "bot_id", "bot_user_id")
    return Identity(app, *(each if isinstance(each := ids.get(name), str) else "" for name in names))


def _seconds(value: Any) -> float | None:
    if value is None or type(value) is float:
        return value
    try:
        return float(value) if isinstance(value, int) else None
    except OverflowError:
        return None


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else _WINDOW_IF_UNSAID

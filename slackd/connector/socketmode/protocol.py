"""Socket Mode's frames, sans-IO: what Slack's text frames mean, and the one frame that we send.

Only `hello` and `disconnect` are for us. They are small, rare, and never carry an `envelope_id`; so whatever
has one, or isn't understood, is passed on as it is, and an envelope is not parsed here. What other people's
servers leave out of a `hello` or a `disconnect` is no error. Source of the fields: "Using Socket Mode".
"""

import json
import re
from typing import Any, Final

from slackd.slack.acknowledgement import bare_ack, full_ack
from slackd.slack.limits import ACK_LIMIT
from slackd.slotted import frozen

_CONTROL_LIMIT: Final = 16_384
"""Characters; no `hello` or `disconnect` is longer, and a longer text isn't parsed to find out."""

_SHOWN: Final = 200
"""Characters of a host or a reason that are kept; Slack's are far shorter."""

ENVELOPE_MARK: Final = '"envelope_id"'
"""Whatever is to be acknowledged has this in its text."""
_ENVELOPE_STARTS: Final = f"{{{ENVELOPE_MARK}"
"""How Slack begins them; then no word is looked for in the whole text."""
_CONTROL: Final = re.compile(r'"type"\s*:\s*"(?:hello|disconnect)"')


@frozen
class SlackHello:
    """Slack's first frame: from now on envelopes come.

    Attributes:
        host: Slack's name for the far end, "" if it doesn't say.
        num_connections: The app's open connections as Slack counts them, 0 if it doesn't say.
        lifetime: `approximate_connection_time` in seconds, 0 if it doesn't say.
    """

    host: str = ""
    num_connections: int = 0
    lifetime: float = 0.0


@frozen
class Disconnect:
    """Slack ends this connection, now or soon."""

    reason: str
    host: str = ""


Frame = SlackHello | Disconnect | str
"""What a text frame means; a `str` is to be passed on."""


@frozen
class AckFrame:
    """An acknowledgement as it goes on the wire.

    Attributes:
        text: One unfragmented text frame of less than `ACK_LIMIT` bytes.
        dropped: Bytes that the frame would have had with its payload, if it had to be left out; else 0.
    """

    text: str
    dropped: int = 0


def read_frame(text: str) -> Frame:
    """What a text frame of Slack's means; whatever isn't for us comes back as it is."""
    if text.startswith(_ENVELOPE_STARTS) or len(text) > _CONTROL_LIMIT:
        return text
    if ENVELOPE_MARK in text and not _may_be_control(text):
        return text
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if not isinstance(value, dict):
        return text
    kind = value.get("type")
    if kind not in ("hello", "disconnect") or value.get("envelope_id"):
        return text
    debug_info: Any = value.get("debug_info")
    if not isinstance(debug_info, dict):
        debug_info = {}
    found = debug_info.get("host")
    host = found[:_SHOWN] if isinstance(found, str) else ""
    if kind == "disconnect":
        return Disconnect(str(value.get("reason") or "unknown")[:_SHOWN], host)
    return SlackHello(
        host=host,
        num_connections=int(_number(value.get("num_connections"))),
        lifetime=_number(debug_info.get("approximate_connection_time")),
    )


def _may_be_control(text: str) -> bool:
    # Most envelopes have neither word, and looking for a word is far cheaper than the expression.
    return ('"hello"' in text or '"disconnect"' in text) and _CONTROL.search(text) is not None


def ack_frame(envelope_id: str, payload: str | None = None) -> AckFrame | None:
    """The frame that acknowledges an envelope; `payload` is JSON text and goes in as it is if there is room.

    Slack closes a connection on a frame of `ACK_LIMIT` bytes or more, so a larger payload is left out; None if
    the id alone makes such a frame.
    """
    bare = bare_ack(envelope_id)
    if len(bare) >= ACK_LIMIT:
        return None
    if payload is None:
        return AckFrame(bare)
    full = full_ack(envelope_id, payload)
    if len(full) >= ACK_LIMIT:
        return AckFrame(bare, dropped=len(full))
    return AckFrame(full.decode())


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return float(value) if 0 <= value < 1e9 else 0.0

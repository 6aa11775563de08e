"""Faults that strike an open connection at once.

Times are seconds on the emulator's clock; `wall` is UNIX seconds.
"""

from __future__ import annotations

import base64
import binascii

import attrs

from slackd.emulator.errors import EmulatorError
from slackd.emulator.settings import EmulatorSettings
from slackd.slack_server.connections import ServerConnection
from slackd.slack_server.frames import Opcode, encode
from slackd.slack_server.lifecycle import ConnectionLifecycle


@attrs.frozen(kw_only=True)
class Details:
    """The details of a fault.

    Attributes:
        reason: of a `disconnect`, or of a Close frame.
        code: of a Close frame.
        reset: a TCP reset in place of a plain end.
        abrupt: after the grace, end without a Close frame.
        grace: seconds (of Slack's) until the end, in place of the settings'.
        text: a text frame's content, not necessarily JSON.
        binary: a binary frame's content, in base64.
        wire: bytes to be sent as they are, in base64.
    """

    reason: str = ""
    code: int = 1000
    reset: bool = False
    abrupt: bool = False
    grace: float | None = None
    text: str | None = None
    binary: str | None = None
    wire: str | None = None


def apply_fault(
    lifecycle: ConnectionLifecycle,
    settings: EmulatorSettings,
    connection: ServerConnection,
    kind: str,
    details: Details,
    now: float,
) -> None:
    """Do that fault (of `CONNECTION_FAULTS`) to one connection.

    Raises:
        EmulatorError: There is no fault of that kind.
    """
    match kind:
        case "warning":
            lifecycle.disconnect(connection, "warning", now)
            grace = settings.warning_grace if details.grace is None else details.grace
            lifecycle.end_after(connection, grace, "warning", now, abruptly=details.abrupt)
        case "refresh_requested" | "link_disabled" | "too_many_websockets" | "disconnect":
            lifecycle.disconnect(connection, details.reason if kind == "disconnect" else kind, now)
            grace = settings.refresh_grace if details.grace is None else details.grace
            lifecycle.end_after(connection, grace, kind, now, abruptly=details.abrupt)
        case "drop":
            lifecycle.drop(connection, "dropped", now, reset=details.reset)
        case "close":
            lifecycle.close(
                connection, f"closed with {details.code}", now, code=details.code, reason=details.reason
            )
        case "stall":
            connection.silent = True
        case "mute":
            connection.mute = True
        case "lose_acks":
            connection.loses_acks = True
        case "heal":
            connection.silent = connection.mute = connection.loses_acks = False
        case "ghost":
            connection.end_unseen = True
        case "forget_ghosts":
            lifecycle.drop(connection, "noticed at last", now)
        case "silent_close":
            connection.answers_close = False
        case "tcp_stays":
            connection.closes_tcp = False
        case "raw":
            _send_raw(connection, details)
        case _:
            raise EmulatorError(f"{kind!r} is no fault of an open connection")


def _send_raw(connection: ServerConnection, details: Details) -> None:
    if connection.line is None:
        return
    try:
        binary = base64.b64decode(details.binary or "", validate=True)
        wire = base64.b64decode(details.wire or "", validate=True)
    except binascii.Error as error:
        raise EmulatorError(f"binary= and wire= are base64: {error}") from error
    if details.text is not None:
        connection.line.send_text(details.text)
    if details.binary is not None:
        connection.line.send_raw(encode(Opcode.BINARY, binary))
    if details.wire is not None:
        connection.line.send_raw(wire)

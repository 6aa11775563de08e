"""The text messages of Socket Mode, in Slack's form ("Using Socket Mode")."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from slackd import jsonrpc

_PLAIN_ACK = re.compile(rb'\{"envelope_id": ?"([\w-]+)"\}')
"""An acknowledgement without a payload, as nearly all are: nothing needs to be unescaped."""


def hello(app_id: str, *, num_connections: int, host: str, connection_time: int) -> str:
    """The first message on a connection.

    Args:
        num_connections: the app's open connections, this one among them.
        host: Slack's name for the front end.
        connection_time: about how many seconds the connection will last.
    """
    return _compact(
        {
            "type": "hello",
            "num_connections": num_connections,
            "debug_info": {
                "host": host,
                "build_number": 18,
                "approximate_connection_time": connection_time,
            },
            "connection_info": {"app_id": app_id},
        }
    )


def disconnect(reason: str, host: str, more: Mapping[str, Any] | None = None) -> str:
    """The frame that says that Slack will close the connection, or does so now.

    Args:
        reason: `warning`, `refresh_requested`, `link_disabled` or `too_many_websockets`.
        more: further members.
    """
    return _compact({"type": "disconnect", "reason": reason, "debug_info": {"host": host}, **(more or {})})


def envelope(
    envelope_id: str,
    envelope_type: str,
    payload: str | None,
    *,
    accepts_response_payload: bool,
    retry: tuple[int, str] | None,
) -> str:
    """An envelope around a payload that is JSON text already.

    Args:
        retry: `retry_attempt` and `retry_reason`, for types that have them.
    """
    accepts = "true" if accepts_response_payload else "false"
    retried = "" if retry is None else f',"retry_attempt":{retry[0]},"retry_reason":"{retry[1]}"'
    return (
        f'{{"envelope_id":"{envelope_id}","payload":{payload},"type":"{envelope_type}",'
        f'"accepts_response_payload":{accepts}{retried}}}'
    )


def read_ack(text: bytes) -> tuple[str, Any] | None:
    """The `envelope_id` and the payload of what a client sent, or None if it acknowledges nothing."""
    if plain := _PLAIN_ACK.fullmatch(text):
        return plain[1].decode(), None
    try:
        message = jsonrpc.parse(text.decode())
    except (ValueError, RecursionError):
        return None
    envelope_id = message.get("envelope_id") if isinstance(message, dict) else None
    return (envelope_id, message.get("payload")) if isinstance(envelope_id, str) else None


def _compact(message: Mapping[str, Any]) -> str:
    return json.dumps(message, separators=(",", ":"))

"""Faults that wait for their moment: the next dial, the next hello, the next Web API call.

Faults that strike an open connection at once are `slackd.emulator.core.Slack`'s; `CONNECTION_FAULTS` and
`PLANNED_FAULTS` list the names of both kinds.
"""

from __future__ import annotations

from typing import Any, Literal

import attrs

Moment = Literal["api", "handshake", "hello", "response_url"]

CONNECTION_FAULTS: dict[str, str] = {
    "warning": "disconnect with reason warning; the connection ends after warning_grace",
    "refresh_requested": "disconnect with reason refresh_requested; it ends after refresh_grace",
    "link_disabled": "disconnect with reason link_disabled; it ends after refresh_grace",
    "too_many_websockets": "the same with reason too_many_websockets",
    "disconnect": "the same with any reason: reason=TEXT",
    "drop": "the TCP connection ends without a frame; reset=true for a TCP reset",
    "close": "Slack sends a Close frame: code=1000, reason=TEXT",
    "stall": "half-open: silence, nothing noticed; it stays registered as a ghost and swallows its share",
    "heal": "the end of a stall, a mute, or lost acknowledgements",
    "mute": "pings go on, envelopes are swallowed",
    "lose_acks": "what the client says is not noticed",
    "ghost": "works on, but its end by the client will not be noticed: it stays registered",
    "forget_ghosts": "Slack notices at last: the app's ghosts, stalled connections among them, are gone",
    "silent_close": "a Close frame of the client's will not be answered",
    "tcp_stays": "after the closing handshake the TCP connection stays open",
    "raw": "send text=TEXT, binary=BASE64 or wire=BASE64 (as they are) to the client",
}

PLANNED_FAULTS: dict[str, str] = {
    "api_error": "a Web API call fails: method=, error=, status=, retry_after=, body=, delay=, hang=true",
    "open_error": "the same for apps.connections.open",
    "ratelimited": "a 429: method=, retry_after=30",
    "handshake": "the WebSocket handshake is answered with status= and body=; or hang=true, or reset=true",
    "hello": "hello comes after delay= seconds, never (hang=true), or is text=TEXT",
    "response_url": "a post to a response_url is answered with status= and body=",
    "forget_planned": "forget all planned faults",
}


@attrs.define(kw_only=True)
class PlannedFault:
    """One fault that waits.

    An `api` fault with a `delay` alone delays the true answer.

    Attributes:
        times: how often it strikes; None is until it is forgotten.
        delay: seconds, before scaling.
    """

    moment: Moment
    app: str | None = None
    method: str | None = None
    times: int | None = 1
    error: str | None = None
    status: int | None = None
    retry_after: int | None = None
    body: str | None = None
    text: str | None = None
    delay: float = 0.0
    hang: bool = False
    reset: bool = False


class PlannedFaults:
    """Those that wait, in the order in which they were planned."""

    def __init__(self) -> None:
        self._waiting: list[PlannedFault] = []

    def plan(self, fault: PlannedFault) -> None:
        """Let it wait for its moment."""
        self._waiting.append(fault)

    def take(self, moment: Moment, app: str | None, method: str | None = None) -> PlannedFault | None:
        """The fault that strikes now, if any; it is used up by one."""
        for fault in self._waiting:
            if (
                fault.moment == moment
                and fault.app in (None, app)
                and (fault.method is None or fault.method == method)
            ):
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self._waiting.remove(fault)
                return fault
        return None

    def forget(self) -> None:
        """None waits any more."""
        self._waiting.clear()


def planned(kind: str, app: str | None, details: dict[str, Any]) -> PlannedFault:
    """The planned fault of that name."""
    match kind:
        case "open_error":
            details = {"method": "apps.connections.open", "error": "internal_error", **details}
            return PlannedFault(moment="api", app=app, **details)
        case "ratelimited":
            details = {"retry_after": 30, "status": 429, "error": "ratelimited", **details}
            return PlannedFault(moment="api", app=app, **details)
        case "api_error":
            return PlannedFault(moment="api", app=app, **details)
        case "handshake":
            return PlannedFault(moment="handshake", app=app, **details)
        case "hello":
            return PlannedFault(moment="hello", app=app, **details)
        case _:
            return PlannedFault(moment="response_url", app=app, **details)

"""The life of a Socket Mode connection, as the one table that runs it and that every diagram is drawn from.

A *life* belongs to one place in the pool and has at most one socket at a time. A replacement is a life of
its own, begun in the same place while the old life is LEAVING. The table keeps three rules:

- **The replacement comes first.** LEAVING is not over until the replacement's hello, and counts as READY
  until then (Slack goes on sending into it: "Using Socket Mode").
- **Never two replacements.** A life that is LEAVING or RETIRING has its replacement on the way, or is drained
  and wants none; when its socket drops it is CLOSED. Only a life that had to answer for its place alone,
  DIALLING or READY, goes to BACKOFF and dials again.
- **A stalled connection isn't READY.** A stall goes straight to RETIRING, so that nobody (least of all a
  rolling restart) relies on it; it is still read, and ended only when its replacement is up. Entering LEAVING,
  and entering RETIRING by a stall of a READY life, are the two moments that call for a replacement.

What Slack sends is defined in every phase, since what was read in one piece may follow the frame that ended
the life. A pair that is missing is a mistake of the caller's, and `after` says so.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType

from slackd import SlackdError
from slackd.slack.connection_states import ConnectionPhase


class Cue(enum.Enum):
    """What happens to a life. The value is its name in logs, metrics and diagrams."""

    meaning: str

    HELLO = "hello", "Slack's first frame; only now do envelopes flow"
    DIAL_FAILED = "dial failed", "no URL, no handshake, or no hello in time"
    APP_REFUSED = "app refused", "apps.connections.open refuses the token or the app: retried slowly, loudly"
    WARNING = "warning", "Slack drops this connection in about 10 seconds"
    REFRESH_REQUESTED = (
        "refresh_requested",
        "Slack drops this connection now or soon (unknown reasons too)",
    )
    ROTATION_DUE = "rotation due", "a little before the connection's announced lifetime ends"
    REPLACEMENT_READY = "replacement ready", "the life that replaces this one has its hello"
    DRAIN = "drain", "this process stops or reloads: take no more, wait for no replacement"
    STALLED = (
        "stalled",
        "for stall_timeout no inbound frame of any kind (said once for each silence), or none of ours is read",
    )
    TOO_MANY_WEBSOCKETS = "too_many_websockets", "no free place under Slack's limit of 10: wait for one"
    LINK_DISABLED = "link_disabled", "Socket Mode is off in the app's settings: retried slowly, loudly"
    DROPPED = "dropped", "the socket ended without a closing handshake"
    CLOSED_BY_EITHER = "closed by either side", "the closing handshake is done, or our patience with it is"
    RETRY_DUE = "retry due", "the wait is over"

    def __new__(cls, value: str, meaning: str) -> Cue:
        member = object.__new__(cls)
        member._value_ = value
        member.meaning = meaning
        return member


BEGINS = ConnectionPhase.DIALLING

FROM_SLACK = frozenset(
    {
        Cue.HELLO,
        Cue.TOO_MANY_WEBSOCKETS,
        Cue.LINK_DISABLED,
        Cue.WARNING,
        Cue.REFRESH_REQUESTED,
        Cue.DROPPED,
        Cue.CLOSED_BY_EITHER,
    }
)
"""The cues that the other side decides about: defined in every phase."""


def _unmoved(phase: ConnectionPhase) -> dict[Cue, ConnectionPhase]:
    return dict.fromkeys(FROM_SLACK, phase)


TRANSITIONS: Mapping[ConnectionPhase, Mapping[Cue, ConnectionPhase]] = MappingProxyType(
    {
        ConnectionPhase.DIALLING: MappingProxyType(
            {
                Cue.HELLO: ConnectionPhase.READY,
                Cue.DIAL_FAILED: ConnectionPhase.BACKOFF,
                Cue.APP_REFUSED: ConnectionPhase.BACKOFF,
                Cue.TOO_MANY_WEBSOCKETS: ConnectionPhase.BACKOFF,
                Cue.LINK_DISABLED: ConnectionPhase.BACKOFF,
                # A disconnect instead of the hello: there is nothing to replace yet.
                Cue.WARNING: ConnectionPhase.BACKOFF,
                Cue.REFRESH_REQUESTED: ConnectionPhase.BACKOFF,
                Cue.STALLED: ConnectionPhase.BACKOFF,
                Cue.DROPPED: ConnectionPhase.BACKOFF,
                Cue.CLOSED_BY_EITHER: ConnectionPhase.BACKOFF,
                # Slack may have opened its side already and send into it: end it in order, as any other.
                Cue.DRAIN: ConnectionPhase.RETIRING,
            }
        ),
        ConnectionPhase.READY: MappingProxyType(
            {
                Cue.HELLO: ConnectionPhase.READY,
                Cue.WARNING: ConnectionPhase.LEAVING,
                Cue.REFRESH_REQUESTED: ConnectionPhase.LEAVING,
                Cue.ROTATION_DUE: ConnectionPhase.LEAVING,
                # Seen instead of a hello only; here it is a reason like one we don't know.
                Cue.TOO_MANY_WEBSOCKETS: ConnectionPhase.LEAVING,
                Cue.DRAIN: ConnectionPhase.RETIRING,
                Cue.STALLED: ConnectionPhase.RETIRING,
                Cue.LINK_DISABLED: ConnectionPhase.BACKOFF,
                Cue.DROPPED: ConnectionPhase.BACKOFF,
                Cue.CLOSED_BY_EITHER: ConnectionPhase.BACKOFF,
            }
        ),
        ConnectionPhase.LEAVING: MappingProxyType(
            {
                **_unmoved(ConnectionPhase.LEAVING),
                Cue.ROTATION_DUE: ConnectionPhase.LEAVING,
                Cue.REPLACEMENT_READY: ConnectionPhase.RETIRING,
                Cue.DRAIN: ConnectionPhase.RETIRING,
                Cue.STALLED: ConnectionPhase.RETIRING,
                Cue.LINK_DISABLED: ConnectionPhase.RETIRING,
                Cue.DROPPED: ConnectionPhase.CLOSED,
                Cue.CLOSED_BY_EITHER: ConnectionPhase.CLOSED,
            }
        ),
        ConnectionPhase.RETIRING: MappingProxyType(
            {
                **_unmoved(ConnectionPhase.RETIRING),
                Cue.ROTATION_DUE: ConnectionPhase.RETIRING,
                Cue.REPLACEMENT_READY: ConnectionPhase.RETIRING,
                Cue.DRAIN: ConnectionPhase.RETIRING,
                # Drained while it dialled, and the dial came to nothing.
                Cue.DIAL_FAILED: ConnectionPhase.CLOSED,
                Cue.APP_REFUSED: ConnectionPhase.CLOSED,
                Cue.STALLED: ConnectionPhase.CLOSED,
                Cue.DROPPED: ConnectionPhase.CLOSED,
                Cue.CLOSED_BY_EITHER: ConnectionPhase.CLOSED,
            }
        ),
        ConnectionPhase.BACKOFF: MappingProxyType(
            {
                **_unmoved(ConnectionPhase.BACKOFF),
                # What reports the end of the dial or socket that a frame has ended already.
                Cue.DIAL_FAILED: ConnectionPhase.BACKOFF,
                Cue.RETRY_DUE: ConnectionPhase.DIALLING,
                Cue.DRAIN: ConnectionPhase.CLOSED,
            }
        ),
        ConnectionPhase.CLOSED: MappingProxyType(
            {
                **_unmoved(ConnectionPhase.CLOSED),
                Cue.DIAL_FAILED: ConnectionPhase.CLOSED,
                # The old socket dropped before the replacement's hello.
                Cue.REPLACEMENT_READY: ConnectionPhase.CLOSED,
                Cue.DRAIN: ConnectionPhase.CLOSED,
            }
        ),
    }
)


class ImpossibleCueError(SlackdError):
    """A cue that can't happen in this phase: a mistake in slackd, not in what Slack sent.

    Attributes:
        phase: Where the life stood.
        cue: What it was told.
    """

    def __init__(self, phase: ConnectionPhase, cue: Cue) -> None:
        self.phase = phase
        self.cue = cue
        possible = ", ".join(repr(known.value) for known in TRANSITIONS[phase])
        super().__init__(
            f"a connection that is {phase.value} can't be told {cue.value!r} ({cue.meaning}); "
            f"possible are {possible}: please report this"
        )


def after(phase: ConnectionPhase, cue: Cue) -> ConnectionPhase:
    """The phase that follows; the same phase where the cue changes nothing.

    Raises:
        ImpossibleCueError: The table has no such pair.
    """
    try:
        return TRANSITIONS[phase][cue]
    except KeyError:
        raise ImpossibleCueError(phase, cue) from None

"""What a command gets, and what its end means. Pure.

A command gets the envelope's JSON on stdin and its main fields in the environment. What it prints is the
answer; its exit status says what becomes of the delivery (`sysexits.h` gives the numbers their names).
"""

import json
from collections.abc import Mapping
from typing import Any, Final

import attrs

from slackd.plugin import Envelope

TRY_AGAIN: Final = 75
"""EX_TEMPFAIL: not handled; the next attempt comes after the backoff of the plugin's file."""
DEAD_LETTER: Final = 65
"""EX_DATAERR: not handled, and no attempt will do better."""
MOST_OUTPUT: Final = 256 * 1024
"""Bytes of stdout that are kept; Slack takes less than 20,480 in an acknowledgement."""
MOST_IN_VARIABLE: Final = 64 * 1024
"""Bytes of one variable; the kernel takes twice as many. The whole is on stdin."""
MOST_WORDS: Final = 500
"""Characters of stderr that stand in the dead letter."""


@attrs.frozen
class Handled:
    """The delivery is done.

    Attributes:
        response: What Slack is answered, or None.
    """

    response: Mapping[str, Any] | None = None


@attrs.frozen
class NotHandled:
    """The delivery is not done.

    Attributes:
        reason: In words, for the log and the dead letter.
        permanent: It becomes a dead letter at once.
    """

    reason: str
    permanent: bool = False


def environment_of(envelope: Envelope) -> dict[str, str]:
    """Return the variables that a command finds; those of which the envelope has nothing are empty."""
    return {name: _for_environment(text) for name, text in _fields_of(envelope).items()}


def _for_environment(text: str) -> str:
    """What a variable can hold: no NUL, no lone surrogate, and less than the kernel takes (execve(2))."""
    whole = text.replace("\0", "\ufffd").encode("utf-8", "replace")
    return whole[:MOST_IN_VARIABLE].decode("utf-8", "ignore")


def _fields_of(envelope: Envelope) -> dict[str, str]:
    return {
        "SLACKD_DELIVERY": envelope.delivery,
        "SLACKD_ATTEMPT": str(envelope.attempt),
        "SLACKD_APP": envelope.app,
        "SLACKD_TYPE": envelope.type,
        "SLACKD_KIND": envelope.kind,
        "SLACKD_EVENT": str(envelope.event.get("type") or ""),
        "SLACKD_COMMAND": envelope.command or "",
        "SLACKD_ACTION": next(iter(envelope.action_ids), ""),
        "SLACKD_CALLBACK": envelope.callback_id or "",
        "SLACKD_TEXT": envelope.text or "",
        "SLACKD_VALUE": _plain(envelope.value),
        "SLACKD_CHANNEL": envelope.channel or "",
        "SLACKD_USER": envelope.user or "",
        "SLACKD_THREAD": envelope.thread or "",
        "SLACKD_RESPOND_BY": "" if envelope.respond_by is None else f"{envelope.respond_by:.3f}",
    }


def outcome_of(status: int, stdout: bytes, stderr: bytes, *, cut: bool = False) -> Handled | NotHandled:
    """Return what a command's end means.

    Args:
        status: Its exit status; negative for a signal.
        stdout: What it printed: a JSON object is the response as it is, any other text a message.
        stderr: What it said besides.
        cut: It printed more than that; what was begun as JSON is no answer then.
    """
    if status == 0 and cut and stdout.lstrip().startswith(b"{"):
        return NotHandled(f"it printed JSON of more than {MOST_OUTPUT} bytes: Slack takes less", permanent=True)
    if status == 0:
        return Handled(_response(stdout))
    words = stderr.decode("utf-8", "replace").strip()[-MOST_WORDS:]
    ended = f"signal {-status}" if status < 0 else f"exit status {status}"
    return NotHandled(f"{ended}: {words}" if words else ended, permanent=status == DEAD_LETTER)


def _response(stdout: bytes) -> Mapping[str, Any] | None:
    text = stdout.decode("utf-8", "replace").strip()
    if not text:
        return None
    if text.startswith("{"):
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if isinstance(found, dict):
            return found
    return {"text": text}


def _plain(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

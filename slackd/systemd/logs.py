"""Where log records go: to journald with fields of their own, or to stderr as lines a person reads.

A record carries what it is about in `extra`:

    log.info("connection %s is READY", name, extra={"event": "connection-ready", "app": "main"})

`event` is a name from `slackd.systemd.messages`, which gives it a MESSAGE_ID; `app`, `plugin`, `envelope` and
`connection` become fields that `journalctl SLACKD_APP=main` finds. Secrets are blanked on the way out, in
messages and tracebacks, whoever let them in, and what says the same without end is cut short.
"""

import importlib
import logging
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, TextIO

from slackd.redaction import without_secrets
from slackd.systemd.log_limit import RepetitionFilter
from slackd.systemd.messages import MESSAGE_IDS
from slackd.text import printable

FIELDS: Final = ("app", "plugin", "envelope", "connection")
"""Members of `extra` that say what a record is about, in the order in which lines show them."""

_PRIORITIES: Final = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
_DEBUG_PRIORITY: Final = 7


def set_up_logging(
    level: str,
    *,
    name: str = "slackd",
    environ: Mapping[str, str] | None = None,
    stream: TextIO | None = None,
) -> None:
    """Send everything that is logged in this process to its place; what was set up before is replaced.

    Args:
        level: debug, info, warning or error (`[log] level`).
        name: Of the process, in each line (`journalctl -t NAME`).
        stream: Where lines go without journald; stderr if None.
    """
    environ = os.environ if environ is None else environ
    stream = sys.stderr if stream is None else stream
    root = logging.getLogger()
    for former in root.handlers[:]:
        root.removeHandler(former)
    handler = _handler(_writes_to_journal(environ, stream), stream, name)
    handler.addFilter(RepetitionFilter())
    root.addHandler(handler)
    root.setLevel(level.upper())
    # Their "info" is our "debug": every request with its URL, every connection made.
    floor = logging.DEBUG if level == "debug" else logging.WARNING
    for chatty in ("slack_sdk", "aiohttp", "asyncio"):
        logging.getLogger(chatty).setLevel(floor)
    logging.captureWarnings(True)


def _handler(to_journal: bool, stream: TextIO, name: str) -> logging.Handler:
    if to_journal:
        try:
            journal = importlib.import_module("systemd.journal")
        except ImportError:
            # journald reads a priority at the head of each line (sd-daemon(3)).
            return _StreamHandler(stream, _PriorityFormatter())
        return JournalHandler(journal.send, name)
    return _StreamHandler(stream, LineFormatter(clock=stream.isatty()))


def _writes_to_journal(environ: Mapping[str, str], stream: TextIO) -> bool:
    """systemd.exec(5): JOURNAL_STREAM is device and inode of the journal's stream."""
    device, _, inode = environ.get("JOURNAL_STREAM", "").partition(":")
    try:
        about = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return (device, inode) == (str(about.st_dev), str(about.st_ino))


def priority(levelno: int) -> int:
    """syslog's number for a level of `logging`."""
    return next((number for level, number in _PRIORITIES if levelno >= level), _DEBUG_PRIORITY)


class _BlankingFormatter(logging.Formatter):
    """Message and traceback, without secrets."""

    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))


class LineFormatter(_BlankingFormatter):
    """One line a record: the time if asked for, the level unless it is info, and what the record is about.

    Line feeds in a message are shown as such, so that nobody can write a second line into the log.
    """

    def __init__(self, *, clock: bool) -> None:
        super().__init__()
        self._clock = clock

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's own spelling)
        """As in `logging.Formatter`: the time where it is wanted, and the level where it isn't info."""
        parts = []
        if self._clock:
            parts.append(time.strftime("%H:%M:%S", time.localtime(record.created)))
        if record.levelno != logging.INFO:
            parts.append(f"{record.levelname.lower()}:")
        parts.append(printable(record.message))
        about = [f"{name}={printable(value)}" for name, value in _about(record)]
        if about:
            parts.append(f"[{' '.join(about)}]")
        return " ".join(parts)


class _PriorityFormatter(LineFormatter):
    """For a journal that is reached through stderr alone: each line says its priority."""

    def __init__(self) -> None:
        super().__init__(clock=False)

    def format(self, record: logging.LogRecord) -> str:
        head = f"<{priority(record.levelno)}>"
        return "\n".join(head + line for line in super().format(record).splitlines())


class _StreamHandler(logging.StreamHandler[TextIO]):
    def __init__(self, stream: TextIO, formatter: logging.Formatter) -> None:
        super().__init__(stream)
        self.setFormatter(formatter)


class JournalHandler(logging.Handler):
    """Passes records to journald with their fields.

    Args:
        send: `systemd.journal.send`, or what takes its place.
        name: Of the process; journald's own guess is the interpreter's.
    """

    def __init__(self, send: Callable[..., object], name: str = "slackd") -> None:
        super().__init__()
        self._send, self._identifier = send, name
        self.setFormatter(_BlankingFormatter())

    def emit(self, record: logging.LogRecord) -> None:
        """Never raises: a journal that doesn't listen must not stop the work."""
        fields: dict[str, Any] = {
            "PRIORITY": priority(record.levelno),
            "LOGGER": record.name,
            "SYSLOG_IDENTIFIER": self._identifier,
            # With these given, systemd-python doesn't walk the stack for them.
            "CODE_FILE": record.pathname,
            "CODE_LINE": record.lineno,
            "CODE_FUNC": record.funcName,
        }
        fields.update((f"SLACKD_{name.upper()}", without_secrets(value)) for name, value in _about(record))
        event = getattr(record, "event", None)
        if isinstance(event, str):
            fields["SLACKD_EVENT"] = event
            if event in MESSAGE_IDS:
                fields["MESSAGE_ID"] = MESSAGE_IDS[event]
                # journalctl -x shows the name of a field that is missing.
                empty = (name for name in FIELDS if getattr(record, name, "-") in ("", None))
                fields.update((f"SLACKD_{name.upper()}", "-") for name in empty)
        try:
            self._send(self.format(record), **fields)
        except (OSError, ValueError, TypeError):
            self.handleError(record)


def _about(record: logging.LogRecord) -> list[tuple[str, str]]:
    values = ((name, getattr(record, name, None)) for name in FIELDS)
    return [(name, str(value)) for name, value in values if value is not None and value != ""]

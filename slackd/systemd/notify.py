"""Telling systemd how the process is doing (sd_notify(3)); silent where nobody listens."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol


class _Sender(Protocol):
    def notify(self, state: str) -> None: ...


class Notifier:
    """Speaks to the service manager that started this process, if one did.

    Attributes:
        watchdog_every: Seconds between two signs of life (half of what systemd allows), or None without a
            watchdog.
    """

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        environ = os.environ if environ is None else environ
        self._sender: _Sender | None = None
        if environ.get("NOTIFY_SOCKET"):
            # Imported at the start or never: under a running process, files are replaced by dpkg.
            import sdnotify

            self._sender = sdnotify.SystemdNotifier()
        self.watchdog_every = _watchdog_every(environ) if self._sender else None

    def ready(self, status: str) -> None:
        """Start-up is over; the status is a line that an operator understands."""
        self._send("READY=1", f"STATUS={_line(status)}")

    def status(self, status: str) -> None:
        """What `systemctl status` shows."""
        self._send(f"STATUS={_line(status)}")

    def stopping(self, status: str) -> None:
        """The way out has begun."""
        self._send("STOPPING=1", f"STATUS={_line(status)}")

    def extend(self, seconds: float) -> None:
        """Starting or stopping goes on, and may take so many seconds more from now."""
        self._send(f"EXTEND_TIMEOUT_USEC={max(0, round(seconds * 1_000_000))}")

    def alive(self) -> None:
        """One sign of life for the watchdog."""
        self._send("WATCHDOG=1")

    def _send(self, *assignments: str) -> None:
        if self._sender is not None:
            # sdnotify encodes in Latin-1 and swallows its own failures; systemd reads UTF-8.
            self._sender.notify("\n".join(assignments).encode().decode("latin-1"))


async def feed_watchdog(notifier: Notifier, still_working: Callable[[], Awaitable[object]]) -> None:
    """Give signs of life until cancelled; returns at once where no watchdog is set.

    Args:
        still_working: Awaited before each sign. It returns once what the process is for has answered, with
            success or with an error; while it hangs, no sign is given and systemd takes its measures.
    """
    if notifier.watchdog_every is None:
        return
    while True:
        await still_working()
        notifier.alive()
        await asyncio.sleep(notifier.watchdog_every)


def _watchdog_every(environ: Mapping[str, str]) -> float | None:
    """sd_watchdog_enabled(3): WATCHDOG_USEC counts only for the process that WATCHDOG_PID names."""
    allowed, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID")
    if pid is not None and pid != str(os.getpid()):
        return None
    if not allowed.isascii() or not allowed.isdecimal() or int(allowed) == 0:
        return None
    return int(allowed) / 2_000_000


def _line(text: str) -> str:
    return " ".join(text.split())

"""Processes that a handler forks, by `multiprocessing` say: what they must not share with the plugin.

A forked process has a copy of all: of the connection, which slackd takes for the plugin's as long as anybody
has it; of the loop's signal handlers, which end nobody there, and before Python 3.12 have the plugin stop
instead; of the loop, which nobody runs. So it lets go of them, and what it asks of slackd is an error.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Final, Protocol
from weakref import WeakSet

_FELL_THROUGH: Final = 70  # EX_SOFTWARE of sysexits.h


class _Shared(Protocol):
    def let_go(self) -> None:
        """This process was forked."""


_shared: WeakSet[_Shared] = WeakSet()


class LoopSignals:
    """Signals that an event loop is about to handle: a fork has them handled as they are now."""

    def __init__(self, *numbers: signal.Signals) -> None:
        self._handlers = {each: signal.getsignal(each) for each in numbers}
        _shared.add(self)

    def end(self) -> None:
        """The loop handles them no more."""
        _shared.discard(self)

    def let_go(self) -> None:
        """As in `_Shared`."""
        for number, handler in self._handlers.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


class ServingProcess:
    """The process that serves a plugin.

    Args:
        connection: The descriptor of the connection to slackd, while there is one.

    Attributes:
        is_fork: This process was forked from it.
    """

    def __init__(self, connection: Callable[[], int | None]) -> None:
        self.is_fork = False
        self._connection = connection
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()
        _shared.add(self)

    def end(self) -> None:
        """The plugin is served no more."""
        _shared.discard(self)

    def let_go(self) -> None:
        """As in `_Shared`."""
        self.is_fork = True
        signal.set_wakeup_fd(-1)
        connection = self._connection()
        if connection is not None:
            # Not closed: its socket would close whatever has this number by then.
            nothing = os.open(os.devnull, os.O_RDWR)
            os.dup2(nothing, connection, inheritable=False)
            os.close(nothing)
        if threading.get_ident() == self._thread:
            self._loop.call_soon(self.end_if_fork)

    def end_if_fork(self) -> None:
        """End a fork that came back from the author's code, as if it were the plugin."""
        if self.is_fork:
            words = "a forked process came back from its handler: it must end with os._exit"
            print(f"slackd.plugin: {words}, as multiprocessing does", file=sys.stderr, flush=True)
            os._exit(_FELL_THROUGH)


def _let_go() -> None:
    for each in list(_shared):
        each.let_go()


os.register_at_fork(after_in_child=_let_go)

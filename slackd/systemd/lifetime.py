"""A process lives until it is told to stop: once politely, and a second time at once.

A terminal that goes away (SIGHUP) tells it, too, unless it was started so as not to care (nohup), or SIGHUP
means something else to it.
"""

import asyncio
import gc
import os
import resource
import signal
import traceback
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Any, Final

from slackd.accelerators import LoopFactory
from slackd.systemd.idle_memory import give_back

_LOOPS: Final = frozenset({"asyncio", "uvloop"})
_PR_SET_DUMPABLE: Final = 4
_STOPPING: Final = (signal.SIGTERM, signal.SIGINT)
_LOOK_AFTER: Final = 50_000
"""Objects more than at the last look, after which the garbage collector looks for circles. What is in flight in
a flood is fewer: at 10,000 a look took 10 ms, in which nothing else runs, and all of them one part in 25 of the
broker's time."""


class HangUp(Enum):
    """What a SIGHUP is taken for."""

    STOP = "stop"
    RESTART = "restart"
    IGNORE = "ignore"


class Stop:
    """How a process was told to stop.

    Attributes:
        event: Set once it was.
        restart: It is to begin anew after its end; a signal to stop that comes later takes that back.
    """

    def __init__(self) -> None:
        self.event = asyncio.Event()
        self.restart = False
        self._was_asked = False

    def asked(self, number: signal.Signals) -> None:
        """The first such signal stops politely; the second one ends the process as by default."""
        if self._was_asked:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        self._was_asked, self.restart = True, False
        self.event.set()

    def hung_up(self, meaning: HangUp) -> None:
        """A SIGHUP that was taken for this."""
        if meaning is HangUp.STOP:
            self.asked(signal.SIGHUP)
        elif meaning is HangUp.RESTART and not self._was_asked:
            self.restart = True
            self.event.set()


@contextmanager
def stop_on_signals(on_hang_up: Callable[[], HangUp] | None = None) -> Iterator[Stop]:
    """Stop at SIGTERM, SIGINT or SIGHUP, until the block ends.

    Needs a running loop in the main thread.

    Args:
        on_hang_up: Says what each SIGHUP means, also where it was ignored at the start; without it, the end.
    """
    loop = asyncio.get_running_loop()
    stop = Stop()
    heard = list(_STOPPING)
    if on_hang_up is not None:
        loop.add_signal_handler(signal.SIGHUP, lambda: stop.hung_up(on_hang_up()))
    elif signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        heard.append(signal.SIGHUP)
    for number in heard:
        loop.add_signal_handler(number, stop.asked, number)
    try:
        yield stop
    finally:
        for number in (*heard, signal.SIGHUP):
            loop.remove_signal_handler(number)


def forbid_core_dumps() -> None:
    """No crash writes this process's memory to disk, where tokens would be found in it (core(5)).

    The units say so with `LimitCORE=0`; this is for a process that somebody started by hand. A limit of 0 is
    not enough where cores are piped to a program (`kernel.core_pattern`), so the kernel is told not to dump it
    at all (`PR_SET_DUMPABLE`, prctl(2)); then no other process of the same user can attach to it either.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    import ctypes

    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def settle_memory() -> None:
    """Call it once at READY: what was made so far lives as long as the process, so the garbage collector need
    not look at it again; and it looks less often at what comes and goes, which hardly ever has circles."""
    give_back()
    gc.freeze()
    gc.set_threshold(_LOOK_AFTER, 20, 20)


def run_until_stopped(
    main: Callable[[asyncio.Event], Coroutine[Any, Any, None]],
    loop_factory: LoopFactory | None = None,
    on_hang_up: Callable[[], HangUp] | None = None,
) -> bool:
    """Run `main` in a new event loop; it ends by itself soon after the event that it is given is set.

    A callback of slackd's own that raises leaves nobody who knows what was not done. So the process ends with
    that error, and begins anew from what the journal says.

    Args:
        main: What to run.
        loop_factory: Makes the event loop; None for asyncio's own.
        on_hang_up: Says what each SIGHUP means; without it, the end.

    Returns:
        Whether the process is to begin anew.
    """

    async def guarded() -> bool:
        task, broken, restart = asyncio.current_task(), [], False
        assert task is not None

        def note(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
            loop.default_exception_handler(context)
            error = context.get("exception")
            if "handle" in context and error is not None and _began_in_slackd(error):
                broken.append(error)
                task.cancel()

        asyncio.get_running_loop().set_exception_handler(note)
        try:
            with stop_on_signals(on_hang_up) as stop:
                await main(stop.event)
                restart = stop.restart
        except asyncio.CancelledError:
            if not broken:
                raise
        if broken:
            raise broken[0]
        return restart

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(guarded())


def _began_in_slackd(error: BaseException) -> bool:
    """The function that the loop called is one of ours, not a library's."""
    modules = (str(frame.f_globals.get("__name__")) for frame, _ in traceback.walk_tb(error.__traceback__))
    return next((name for name in modules if name.split(".")[0] not in _LOOPS), "").startswith("slackd.")

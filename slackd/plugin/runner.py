"""Runs a plugin on asyncio: a socket under the session, a task for each handler. The rules are in `session`."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import threading
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol

import slackd
from slackd import jsonrpc
from slackd.plugin.actions import Action, Complaint, InitializeRefused, Notified, StreamBroken
from slackd.plugin.answers import Answer
from slackd.plugin.calling import HandlerCaller
from slackd.plugin.connection import FAREWELL
from slackd.plugin.context import Context
from slackd.plugin.envelope import Envelope, Gap, Identity, Late, Ready
from slackd.plugin.errors import NotRunning, PluginError, PluginRefused
from slackd.plugin.forks import LoopSignals, ServingProcess
from slackd.plugin.handler_tasks import HandlerTasks
from slackd.plugin.handlers import name_of
from slackd.plugin.handling import Handling
from slackd.plugin.matching import Routes
from slackd.plugin.session import Session
from slackd.plugin.session_driver import SessionDriver
from slackd.plugin.slack import Slack

logger = logging.getLogger("slackd.plugin")

_HOPELESS = frozenset(
    (
        jsonrpc.UNKNOWN_PLUGIN,
        jsonrpc.NOT_PERMITTED,
        jsonrpc.UNSUPPORTED_PROTOCOL,
        jsonrpc.INVALID_PARAMS,
        jsonrpc.METHOD_NOT_FOUND,
    )
)
ANNOUNCED = frozenset(("event", "command", "action", "view", "view_closed", "shortcut", "options", "envelope"))
"""Kinds of handlers for which a subscription is needed."""
AHEAD = 64
"""Deliveries taken ahead of their turn: in a busy channel the next one is there when one is handled."""
_GRACE = 2.0  # seconds that slackd awaits a session whose connection is gone
_LOG_BACKLOG = 1 << 20  # bytes waiting to be written, above which log lines go to stderr
_STOPS = (signal.SIGTERM, signal.SIGINT)
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class ServedPlugin(Protocol):
    """A plugin, as it is served.

    Attributes:
        name: Which plugin it is.
        window: Deliveries at once, or None for as many as its file allows.
        auto_extend: Seconds after which slackd is notified again that handlers are at work, or None.
        stop_timeout: Seconds that handlers have to end after a stop.
        routes: Its handlers.
        slack: The way to Slack's Web API.
        identities: What is known of each app, for its author.
    """

    name: str
    window: int | None
    auto_extend: float | None
    stop_timeout: float
    routes: Routes
    slack: Slack
    identities: dict[str, Identity]

    async def serve(self) -> None:
        """Serve until `stop`."""

    def stop(self) -> None:
        """Take no more work, and leave."""


def run(plugin: ServedPlugin) -> None:
    """`Plugin.run`: a loop of its own, and SIGTERM and SIGINT mean "finish and leave".

    Raises:
        PluginRefused: slackd refuses this plugin, and will until a person changes something.
    """

    async def serve() -> None:
        if threading.current_thread() is not threading.main_thread():
            await plugin.serve()
            return
        loop, signals = asyncio.get_running_loop(), LoopSignals(*_STOPS)
        for number in _STOPS:
            loop.add_signal_handler(number, _stop_once, plugin, loop)
        try:
            await plugin.serve()
        finally:
            signals.end()

    try:
        asyncio.run(serve())
    except PluginRefused as refused:
        raise refused.with_traceback(None) from None  # what happened is in the words, nothing in these frames


def _stop_once(plugin: ServedPlugin, loop: asyncio.AbstractEventLoop) -> None:
    for number in _STOPS:
        loop.remove_signal_handler(number)
    plugin.stop()


class Runner:
    """One session of a plugin, served until it is stopped, refused or cancelled."""

    def __init__(self, plugin: ServedPlugin, find_socket: Callable[[], str]) -> None:
        self._plugin = plugin
        self._session = Session(
            plugin.name,
            os.urandom(16).hex(),
            client={"name": "slackd.plugin", "version": slackd.__version__},
            window=plugin.window,
            ahead=AHEAD,
            handlers=[(route.kind, route.pattern) for route in plugin.routes if route.kind in ANNOUNCED],
        )
        self._driver = SessionDriver(self._session, self, find_socket)
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._process = ServingProcess(lambda: self._driver.descriptor)
        self._caller = HandlerCaller(f"slackd-{plugin.name}", self._process.end_if_fork)
        self._handlers = HandlerTasks(Handling(plugin.routes, self._caller))
        self._stopping = asyncio.Event()
        self._hooks: set[asyncio.Task[None]] = set()
        self._tasks = asyncio.TaskGroup()
        self._accepted_once = False
        self._said = ""

    async def serve(self) -> None:
        """Serve until `stop`, and give handlers up to `stop_timeout` to end; cancelling it leaves at once.

        Raises:
            PluginRefused: slackd refuses this plugin, and will until a person changes something.
        """
        try:
            async with self._tasks:
                connecting = self._tasks.create_task(self._driver.stay_connected())
                extending = self._tasks.create_task(self._keep_extending())
                handling = self._tasks.create_task(self._handlers.keep())
                try:
                    await self._stopping.wait()
                finally:
                    self._driver.perform(self._session.drain())
                await self._finish_handlers()
                await self._take_leave()
                connecting.cancel()
                extending.cancel()
                handling.cancel()
        except BaseExceptionGroup as group:
            raise _first(group) from None
        finally:
            self._process.end()
            self._driver.abandon()
            self._driver.cancel_calls()
            self._caller.close()

    def stop(self) -> None:
        """Take no more work, and leave; callable from every thread."""
        self._in_loop(self._stopping.set)

    def answer(self, delivery: str, answer: Answer) -> None:
        """As in `PostLater`."""
        if threading.get_ident() == self._thread:
            self._driver.perform(self._session.answer(delivery, answer))
        else:
            self._in_loop(self.answer, delivery, answer)

    def answer_now(self, delivery: str, response: Mapping[str, Any]) -> None:
        """As in `PostLater`."""
        self._in_loop(lambda: self._driver.perform(self._session.answer_now(delivery, response)))

    def extend(self, delivery: str) -> None:
        """As in `PostLater`."""
        self._in_loop(lambda: self._driver.perform(self._session.extend(delivery)))

    def respond(self, app: str, url: str, message: Mapping[str, Any]) -> None:
        """As in `PostLater`."""
        self._in_loop(lambda: self._spawn(self._respond(app, url, message)))

    async def _respond(self, app: str, url: str, message: Mapping[str, Any]) -> None:
        try:
            await self._plugin.slack.respond(url, message, app=app)
        except PluginError as error:
            logger.error("an answer was not sent through its response_url: %s", error)

    def log(self, level: str, message: str) -> None:
        """Write a line to slackd's journal, else to the program's own log; callable from every thread."""
        if self._process.is_fork:
            logger.log(_LEVELS.get(level, logging.INFO), "%s", message)
        else:
            self._in_loop(lambda: self._log(level, message))

    async def request(self, method: str, params: dict[str, Any]) -> jsonrpc.Result | jsonrpc.Failure:
        """Ask slackd, from the plugin's own loop or from a loop in another thread.

        Returns:
            slackd's answer.

        Raises:
            NotRunning: This process was forked by a handler.
            NotJsonError: The params have no JSON text.
            TooLarge: They don't fit into a line.
        """
        self._refuse_in_fork(method)
        if threading.get_ident() != self._thread:  # a loop of the author's own, in a thread of its own
            asked = asyncio.run_coroutine_threadsafe(self.request(method, params), self._loop)
            return await asyncio.wrap_future(asked)
        return await self._driver.request(method, params)

    def request_from_thread(self, method: str, params: dict[str, Any]) -> jsonrpc.Result | jsonrpc.Failure:
        """Ask slackd from a thread in which no event loop runs, and wait for the answer.

        Returns:
            slackd's answer.

        Raises:
            NotRunning: This is the loop's own thread, the plugin has left, or a handler forked this process.
            NotJsonError: The params have no JSON text.
            TooLarge: They don't fit into a line.
        """
        self._refuse_in_fork(method)
        if threading.get_ident() == self._thread:
            raise NotRunning(f"{method}: call_sync in an async function would wait for itself: await call")
        if self._loop.is_closed():
            raise NotRunning(f"{method}: plugin {self._plugin.name} has left")
        return asyncio.run_coroutine_threadsafe(self.request(method, params), self._loop).result()

    def _refuse_in_fork(self, method: str) -> None:
        if self._process.is_fork:
            raise NotRunning(
                f"{method}: plugin {self._plugin.name} is served by the process that forked this one"
            )

    def not_reached(self, error: OSError) -> None:
        """As in `SessionProgram`."""
        self._say(f"no connection to slackd at {self._driver.path} ({error.strerror or error}), trying again")

    def connection_ended(self, refusal: InitializeRefused | None) -> None:
        """As in `SessionProgram`.

        Raises:
            PluginRefused: slackd refuses this plugin, and will until a person changes something.
        """
        if refusal is not None:
            self._judge(refusal)
        elif not self._stopping.is_set():
            self._say("connection to slackd lost, connecting again")

    async def _keep_extending(self) -> None:
        every = self._plugin.auto_extend
        if every is None or not every > 0:
            return
        while True:
            await asyncio.sleep(every)
            for delivery in self._session.in_hand:
                self._driver.perform(self._session.extend(delivery))

    async def _finish_handlers(self) -> None:
        working = [*self._handlers.working, *self._hooks]
        if not working:
            return
        _, late = await asyncio.wait(working, timeout=self._plugin.stop_timeout)
        if late:
            logger.warning(
                "%d handlers are left behind: still at work at the end of the stop timeout", len(late)
            )
        self._handlers.leave_unanswered()
        for task in late:
            task.cancel()

    async def _take_leave(self) -> None:
        """Not before slackd has our last answers, if it is there or back within its grace."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GRACE + FAREWELL):
                while self._driver.ready.is_set() or self._session.remembers_answers:
                    await self._driver.ready.wait()
                    if await self._driver.leave():
                        return

    def start(self, envelope: Envelope) -> None:
        """As in `SessionProgram`."""
        self._handlers.start(Context(envelope, self, self._plugin.slack))

    def perform(self, action: Action) -> None:
        """As in `SessionProgram`."""
        match action:
            case Notified(Identity() as identity):
                self._plugin.identities[identity.app] = identity
            case Notified(notice):
                self._report(notice)
            case Ready():
                self._accepted_once = True
                # After a complaint the good news is as loud.
                level = logging.WARNING if self._said else logging.INFO
                at = self._driver.path
                logger.log(level, "connected to %s at %s, window %d", action.server, at, action.window)
                self._said = ""
                self._plugin.identities.update(action.identities)
                for sentence in action.unmatched:
                    logger.warning("%s", sentence)
                self._spawn(self._call_hooks("ready", action))
            case Complaint(about, code, text):
                logger.error("slackd complains about %s: %s (%d)", about or "a line", text, code)
            case StreamBroken(reason):
                logger.error("connection to slackd closed: %s", reason)

    def _judge(self, refusal: InitializeRefused) -> None:
        # What was accepted before may be so again (between two configurations), and has work in flight.
        if refusal.code in _HOPELESS and not self._accepted_once:
            raise PluginRefused(refusal.code, f"slackd refuses plugin {self._plugin.name}: {refusal.message}")
        self._say(
            f"slackd refuses plugin {self._plugin.name}: {refusal.message} ({refusal.code}), trying again"
        )

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._tasks.create_task(work)
        self._hooks.add(task)
        task.add_done_callback(self._hooks.discard)

    def _report(self, notice: Late | Gap | Identity) -> None:
        kind = "late" if isinstance(notice, Late) else "gap"
        if isinstance(notice, Late) and not self._plugin.routes.of(kind):
            _warn_of(notice)
        self._spawn(self._call_hooks(kind, notice))

    async def _call_hooks(self, kind: str, notice: object) -> None:
        for route in self._plugin.routes.of(kind):
            try:
                await self._caller.call(route, notice)
            except Exception:  # the border to the author's code
                logger.exception("%s failed on %r", name_of(route.handler), notice)

    def _log(self, level: str, message: str) -> None:
        unwritten = self._driver.unwritten
        if unwritten is not None and unwritten < _LOG_BACKLOG:
            actions = self._session.log(level, message)
            self._driver.perform(actions)
            if actions:
                return
        logger.log(_LEVELS.get(level, logging.INFO), "%s", message)

    def _say(self, text: str) -> None:
        if text != self._said:
            self._said = text
            logger.warning("%s", text)

    def _in_loop(self, function: Callable[..., None], *arguments: Any) -> None:
        if threading.get_ident() == self._thread:
            function(*arguments)
            return
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left
            self._loop.call_soon_threadsafe(function, *arguments)


def _warn_of(late: Late) -> None:
    if late.reason in ("not_taken", "answered") and late.sent is not None:
        return  # it went where such answers go
    why = late.message or "it came after the acknowledgement"
    logger.warning(
        "answer to delivery %s is not in the acknowledgement: %s; sent by: %s", late.delivery, why, late.sent
    )


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error

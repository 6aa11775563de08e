"""`Plugin`: what an author writes against."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, TypeVar

from slackd import jsonrpc
from slackd.plugin.address import socket_path
from slackd.plugin.errors import InvalidHandler, NotRunning
from slackd.plugin.handlers import E, G, H, Handler, L, R, check_matcher, says_yes
from slackd.plugin.matching import STEP, Routes
from slackd.plugin.slack import Slack
from slackd.slack.envelopes import MESSAGE_PLACES

if TYPE_CHECKING:
    from slackd.plugin.envelope import Envelope, Identity
    from slackd.plugin.handlers import Matcher
    from slackd.plugin.runner import Runner

F = TypeVar("F", bound=Handler)

WRITTEN: Final = frozenset({None, "", "bot_message", "file_share", "me_message", "thread_broadcast"})
"""Subtypes of messages that somebody wrote: all others are about a message, or about the channel."""

_definitions_only: ContextVar[bool] = ContextVar("definitions_only", default=False)


@contextlib.contextmanager
def definitions_only() -> Iterator[None]:
    """In this block no plugin is served: a program is executed for what it declares, and ends as if stopped."""
    token = _definitions_only.set(True)
    try:
        yield
    finally:
        _definitions_only.reset(token)


class Plugin:
    """A plugin: handlers for what Slack sends, and the way back to Slack.

    A handler takes the `Envelope`, or the `Envelope` and a `Context`. It may be async; a plain function runs
    in a thread of its own, so that it may block. Each envelope goes to one handler, the most specific one
    (`slackd.plugin.matching`).

    What becomes of the delivery: a handler that returns has handled it. What it returns (a dict, or a string
    for `{"text": …}`) goes to Slack where Slack takes an answer, and is of no account for events. A handler
    that raises has not: the traceback is logged, and slackd delivers it again, up to the attempts in the
    plugin's file; `Retry` and `Permanent` say more. `Context` answers before the end, and does the rest. An
    envelope for which there is no handler is acknowledged with a warning in the log, since retrying would not
    help and would end as a dead letter: subscribe to no more than you handle.

    Attributes:
        slack: Slack's Web API: in handlers, and anywhere else while the plugin is served.
        identities: Slack's ids of each app and its bot, by the app's name, as soon as slackd knows them.

    Arguments:
        name: As in slackd's plugins.d; the kernel vouches for the user, this only says which of its plugins.
        socket: Path of the plugin socket; `slackd.plugin.address` says where it is looked for otherwise.
        window: Ask for fewer deliveries at once than the plugin's file allows.
        auto_extend: Tell slackd every so many seconds that handlers are still at work, so that slow ones are
            not given up at the ack timeout. None, or 0, is never: then a handler that hangs is found out.
        stop_timeout: Seconds that handlers have to end after SIGTERM, before they are left behind.
    """

    def __init__(
        self,
        name: str,
        *,
        socket: str | None = None,
        window: int | None = None,
        auto_extend: float | None = None,
        stop_timeout: float = 25.0,
    ) -> None:
        self.name = name
        self.window = window
        self.auto_extend = auto_extend
        self.stop_timeout = stop_timeout
        self.routes = Routes()
        self.slack = Slack(self)
        self.identities: dict[str, Identity] = {}
        self._socket = socket
        self._runner: Runner | None = None

    def event(self, name: str = "*", *, when: Matcher | None = None) -> Callable[[H], H]:
        """For events of the Events API by any of their names (`Envelope.events`), globs allowed: "app_mention",
        "message.channels", "message.file_share".

        Raises:
            InvalidHandler: Slack has another name for it.
        """
        place = name.removeprefix("message.") if isinstance(name, str) else name
        if place != name and (meant := MESSAGE_PLACES.get(place, place)) != place:
            raise InvalidHandler(f"@plugin.event({name!r}): Slack calls that 'message.{meant}'")
        return self._register("event", name, when)

    def message(self, pattern: str | re.Pattern[str] = "", *, when: Matcher | None = None) -> Callable[[H], H]:
        """For messages that people and bots write, with this in their text: a text, or a regular expression.

        Edits and deletions are no such messages. `Context.match` is what the pattern found.

        Raises:
            InvalidHandler: `pattern` is neither, or `when` can't be called.
        """
        if isinstance(pattern, str):
            wanted = re.compile(re.escape(pattern))
        elif isinstance(pattern, re.Pattern):
            wanted = pattern
        else:
            raise InvalidHandler(
                '@plugin.message takes a text or a compiled regular expression: @plugin.message("…")'
            )

        check_matcher(when)

        def is_wanted(envelope: Envelope) -> bool:
            written = envelope.event.get("subtype") in WRITTEN
            return written and says_yes(when, envelope)

        return self._register("event", "message", is_wanted, wanted)

    def command(self, name: str = "*", *, when: Matcher | None = None) -> Callable[[H], H]:
        """For a slash command, with its slash. What it returns is shown to the person who typed it.

        Raises:
            InvalidHandler: The name is empty or no text, or `when` can't be called.
        """
        return self._register("command", name, when)

    def action(self, action_id: str = "*", *, when: Matcher | None = None) -> Callable[[H], H]:
        """For a click or choice in a message or view, by its `action_id`.

        Raises:
            InvalidHandler: The `action_id` is empty or no text, or `when` can't be called.
        """
        return self._register("action", action_id, when)

    def view(
        self, callback_id: str = "*", *, closed: bool = False, when: Matcher | None = None
    ) -> Callable[[H], H]:
        """For the submission of a view; with `closed`, for its being closed (if it has `notify_on_close`).

        Raises:
            InvalidHandler: The `callback_id` is empty or no text, or `when` can't be called.
        """
        return self._register("view_closed" if closed else "view", callback_id, when)

    def shortcut(self, callback_id: str = "*", *, when: Matcher | None = None) -> Callable[[H], H]:
        """For a global shortcut or one on a message.

        Raises:
            InvalidHandler: The `callback_id` is empty or no text, or `when` can't be called.
        """
        return self._register("shortcut", callback_id, when)

    def options(self, action_id: str = "*", *, when: Matcher | None = None) -> Callable[[H], H]:
        """For the options of an external select menu; it returns `{"options": […]}`.

        Raises:
            InvalidHandler: The `action_id` is empty or no text, or `when` can't be called.
        """
        return self._register("options", action_id, when)

    def step(self, callback_id: str = "*", *, when: Matcher | None = None) -> Callable[[H], H]:
        """For a custom step of a workflow (`function_executed`). A dict that it returns is the step's outputs;
        `Context.complete` and `Context.fail` end the step otherwise.

        Raises:
            InvalidHandler: The `callback_id` is empty or no text, or `when` can't be called.
        """
        return self._register("event", f"{STEP}{_text('step', callback_id)}", when)

    def envelope(self, type: str = "*", *, when: Matcher | None = None) -> Callable[[H], H]:  # noqa: A002
        """For every envelope (of a type) that no other handler takes.

        Raises:
            InvalidHandler: The type is empty or no text, or `when` can't be called.
        """
        return self._register("envelope", type, when)

    def error(self) -> Callable[[E], E]:
        """For what a handler raised: called with the exception, the `Envelope`, and perhaps a `Context`.

        What it returns is the answer in the handler's place; where it returns None, and answers nothing, the
        delivery is tried again, or a dead letter, as without it.
        """
        return self._add_hook("error")

    def ready(self) -> Callable[[R], R]:
        """For `Ready`: slackd has accepted the session, at the start and after each of its restarts."""
        return self._add_hook("ready")

    def late(self) -> Callable[[L], L]:
        """For `Late`: an answer is not in Slack's acknowledgement. Without a handler a warning in the log."""
        return self._add_hook("late")

    def gap(self) -> Callable[[G], G]:
        """For `Gap`: an app had no connection for a while; needs `gaps = true` under
        `[delivery]` in the plugin's file."""
        return self._add_hook("gap")

    def _register(
        self, kind: str, pattern: str, when: Matcher | None = None, wanted: re.Pattern[str] | None = None
    ) -> Callable[[H], H]:
        if not _text(kind, pattern):
            raise InvalidHandler(f'@plugin.{kind}(""): nothing has an empty name; @plugin.{kind}() is for all')
        check_matcher(when)

        def register(handler: H) -> H:
            self.routes.add(kind, pattern, handler, when, wanted)
            return handler

        return register

    def _add_hook(self, kind: str) -> Callable[[F], F]:
        def register(handler: F) -> F:
            self.routes.add(kind, "*", handler)
            return handler

        return register

    def run(self) -> None:
        """Serves until SIGTERM or SIGINT: then takes no more work, ends what is in flight, and returns.

        A second signal ends the process at once.

        Raises:
            PluginRefused: slackd doesn't accept this plugin, and won't until a person changes something.
        """
        if _definitions_only.get():
            return
        from slackd.plugin.runner import run  # asyncio takes longer to import than all the rest

        run(self)

    async def serve(self) -> None:
        """`run` for programs with a loop of their own: serves until `stop()`; signals are the program's
        business.

        Cancelling it leaves at once, and what is in flight is delivered again.

        Raises:
            NotRunning: It is being served already.
            PluginRefused: slackd refuses this plugin, and will until a person changes something.
        """
        if _definitions_only.get():
            return
        from slackd.plugin.runner import Runner

        if self._runner is not None:
            raise NotRunning(f"plugin {self.name} is being served already")
        self._runner = Runner(self, lambda: socket_path(self._socket, os.environ))
        try:
            await self._runner.serve()
        finally:
            self._runner = None

    def stop(self) -> None:
        """Take no more work, end what is in flight, leave; from any thread. Nothing happens if nothing runs."""
        if self._runner is not None:
            self._runner.stop()

    def log(self, message: str, *, level: str = "info") -> None:
        """A line for slackd's journal under the plugin's name; to stderr while there is no connection.

        `level` is debug, info, warning or error.
        """
        if self._runner is None:
            print(f"{self.name}: {level}: {message}", file=sys.stderr)
        else:
            self._runner.log(level, message)

    async def request(self, method: str, params: dict[str, Any]) -> jsonrpc.Result | jsonrpc.Failure:
        """A request of the protocol, for methods that have no name here yet.

        Raises:
            NotRunning: The plugin is not being served.
            NotJsonError: The params have no JSON text.
            TooLarge: They don't fit into a line.
        """
        return await self._running().request(method, params)

    def request_from_thread(self, method: str, params: dict[str, Any]) -> jsonrpc.Result | jsonrpc.Failure:
        """`request` for plain functions.

        Raises:
            NotRunning: The plugin is not being served, or this is the thread of its loop.
            NotJsonError: The params have no JSON text.
            TooLarge: They don't fit into a line.
        """
        return self._running().request_from_thread(method, params)

    def _running(self) -> Runner:
        if self._runner is None:
            raise NotRunning(f"plugin {self.name} is not being served, so it can't call slackd")
        return self._runner


def _text(kind: str, pattern: object) -> str:
    """What a decorator was called with. Raises `InvalidHandler`."""
    if isinstance(pattern, str):
        return pattern
    shown = f"@plugin.{kind}" if kind != "view_closed" else "@plugin.view"
    if callable(pattern):
        raise InvalidHandler(f'a decorator is called before it decorates: {shown}() or {shown}("…")')
    raise InvalidHandler(f"{shown} takes a text, not {type(pattern).__name__}")

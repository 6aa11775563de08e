"""`Plugin`: what an author writes against."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from slackd import jsonrpc
from slackd.plugin.address import socket_path
from slackd.plugin.errors import NotRunning
from slackd.plugin.matching import Handler, Routes
from slackd.plugin.slack import Slack

if TYPE_CHECKING:
    from slackd.plugin.runner import Runner

H = TypeVar("H", bound=Handler)


class Plugin:
    """A plugin: handlers for what Slack sends, and the way back to Slack.

    A handler takes the `Envelope`, or the `Envelope` and a `Context`. It may be async; a plain function runs
    in a thread of its own, so that it may block. Each envelope goes to one handler, the most specific one
    (`slackd.plugin.matching`).

    What becomes of the delivery: a handler that returns has handled it. What it returns (a dict, or a string
    for `{"text": …}`) goes to Slack where Slack takes an answer, and is of no account for events. A handler
    that raises has not: the traceback is logged, and slackd hands it over again, up to the attempts in the
    plugin's file; `Retry` and `Permanent` say more. `Context` answers before the end, and does the rest. An
    envelope for which there is no handler is acknowledged with a warning in the log, since retrying would not
    help and would end as a dead letter: subscribe to no more than you handle.

    Arguments:
        name: As in slackd's plugins.d; the kernel vouches for the user, this only says which of its plugins.
        socket: Path of the plugin socket; `slackd.plugin.address` says where it is looked for otherwise.
        window: Ask for fewer deliveries at once than the plugin's file allows.
        auto_extend: Tell slackd every so many seconds that handlers are still at work, so that slow ones are
            not given up at the ack timeout. Off by default: then a handler that hangs is found out.
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
        self._socket = socket
        self._runner: Runner | None = None

    def event(self, name: str = "*") -> Callable[[H], H]:
        """For events of the Events API by any of their names (`Envelope.events`), globs allowed: "app_mention",
        "message.channels", "message.file_share"."""
        return self._register("event", name)

    def command(self, name: str = "*") -> Callable[[H], H]:
        """For a slash command, with its slash. What it returns is shown to the person who typed it."""
        return self._register("command", name)

    def action(self, action_id: str = "*") -> Callable[[H], H]:
        """For a click or choice in a message or view, by its `action_id`."""
        return self._register("action", action_id)

    def view(self, callback_id: str = "*", *, closed: bool = False) -> Callable[[H], H]:
        """For the submission of a view; with `closed`, for its being closed (if it has `notify_on_close`)."""
        return self._register("view_closed" if closed else "view", callback_id)

    def shortcut(self, callback_id: str = "*") -> Callable[[H], H]:
        """For a global shortcut or one on a message."""
        return self._register("shortcut", callback_id)

    def options(self, action_id: str = "*") -> Callable[[H], H]:
        """For the options of an external select menu; it returns `{"options": […]}`."""
        return self._register("options", action_id)

    def envelope(self, type: str = "*") -> Callable[[H], H]:  # noqa: A002  Slack's word for it
        """For every envelope (of a type) that no other handler takes."""
        return self._register("envelope", type)

    def late(self) -> Callable[[H], H]:
        """For `Late`: an answer came after Slack's deadline. Without a handler it is a warning in the log."""
        return self._register("late", "*")

    def gap(self) -> Callable[[H], H]:
        """For `Gap`: an app had no connection for a while; needs `gaps = true` in the plugin's file."""
        return self._register("gap", "*")

    def _register(self, kind: str, pattern: str) -> Callable[[H], H]:
        if not isinstance(pattern, str):
            raise TypeError(
                f'a decorator is called before it decorates: @plugin.{kind}() or @plugin.{kind}("…")'
            )

        def register(handler: H) -> H:
            self.routes.add(kind, pattern, handler)
            return handler

        return register

    def run(self) -> None:
        """Serves until SIGTERM or SIGINT: then takes no more work, ends what is in hand, and returns.

        A second signal ends the process at once. Raises `PluginRefused` if slackd doesn't accept this plugin.
        """
        from slackd.plugin.runner import run  # asyncio takes longer to import than all the rest

        run(self)

    async def serve(self) -> None:
        """`run` for programs with a loop of their own: serves until `stop()`; signals are the program's
        business.

        Cancelling it leaves at once, and what is in hand is handed out again.
        """
        from slackd.plugin.runner import Runner

        if self._runner is not None:
            raise NotRunning(f"plugin {self.name} is being served already")
        self._runner = Runner(self, lambda: socket_path(self._socket, os.environ))
        try:
            await self._runner.serve()
        finally:
            self._runner = None

    def stop(self) -> None:
        """Take no more work, end what is in hand, leave; from any thread. Nothing happens if nothing runs."""
        if self._runner is not None:
            self._runner.stop()

    def log(self, message: str, *, level: str = "info") -> None:
        """A line for slackd's journal under the plugin's name; to stderr while there is no connection.

        `level` is debug, info, warning or error.
        """
        if self._runner is None:
            raise NotRunning(f"plugin {self.name} is not being served, so it can't log to slackd")
        self._runner.log(level, message)

    async def request(self, method: str, params: dict[str, Any]) -> jsonrpc.Result | jsonrpc.Failure:
        """A request of the protocol, for methods that have no name here yet. Raises `NotRunning`."""
        return await self._running().request(method, params)

    def request_from_thread(self, method: str, params: dict[str, Any]) -> jsonrpc.Result | jsonrpc.Failure:
        """`request` for plain functions. Raises `NotRunning`."""
        return self._running().request_from_thread(method, params)

    def _running(self) -> Runner:
        if self._runner is None:
            raise NotRunning(f"plugin {self.name} is not being served, so it can't call slackd")
        return self._runner

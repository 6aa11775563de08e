"""Plugin connections and what they become: sessions of the core (rule R4)."""

import asyncio
import logging
from collections.abc import Sequence

from slackd import jsonrpc
from slackd.broker.background_tasks import BackgroundTasks
from slackd.broker.calls import CallRefused, Calls
from slackd.broker.engine import Engine
from slackd.broker.journal.writes import ForgetSession, ListSession
from slackd.broker.plugins.connection import PluginConnection, greeting
from slackd.broker.plugins.peer_credentials import NotPermitted, check_identity
from slackd.broker.plugins.protocol import Answered, CallAsked, Extended, Initialize, Nacked, PostAsked
from slackd.broker.plugins.rate_limits import PluginQuota
from slackd.config import Config, PluginConfig
from slackd.errors import JournalError

MAX_SESSIONS = 256
"""Sessions of one plugin at a time."""
MAX_SILENT = 256
"""Connections of one user that have not said who they are."""
MAX_CONNECTIONS = 2_048
"""Plugin connections at a time, sessions or not yet."""


class PluginHost:
    """Everybody who is connected to the plugin socket."""

    def __init__(
        self,
        config: Config,
        engine: Engine,
        calls: Calls,
        background_tasks: BackgroundTasks,
        *,
        foreground: bool,
    ) -> None:
        self._config, self._engine, self._calls, self._background_tasks = (
            config,
            engine,
            calls,
            background_tasks,
        )
        self._foreground = foreground
        self._connections: set[PluginConnection] = set()
        self._waiting: dict[int, dict[PluginConnection, None]] = {}
        self._sessions: dict[tuple[str, str], PluginConnection] = {}
        self._standings: dict[str | int, PluginQuota] = {}
        self._unnamed = 0

    def connect(self) -> PluginConnection:
        """A new connection, for asyncio's server."""
        connection = PluginConnection(self)
        self._connections.add(connection)
        return connection

    def arrived(self, connection: PluginConnection) -> None:
        """As in `Host`: of the connections of one user that have said nothing yet, the oldest makes room."""
        assert connection.peer is not None
        waiting = self._waiting.setdefault(connection.peer.uid, {})
        waiting[connection] = None
        if len(waiting) > MAX_SILENT:
            oldest = next(iter(waiting))
            del waiting[oldest]
            oldest.abort()

    def standing(self, connection: PluginConnection) -> PluginQuota:
        """As in `Host`. It outlives the connection: who comes again is as deep in debt as before."""
        assert connection.peer is not None
        return self._standings.setdefault(connection.plugin or connection.peer.uid, PluginQuota())

    def sessions_of(self, plugin: str) -> list[PluginConnection]:
        """The open connections of one plugin, without those for calls alone."""
        mine = (each for (of, _), each in self._sessions.items() if of == plugin)
        return [each for each in mine if each.is_open and not each.calls_only]

    def connection_of(self, plugin: str, session: str) -> PluginConnection | None:
        """The open connection of one session."""
        connection = self._sessions.get((plugin, session))
        return connection if connection is not None and connection.is_open else None

    def close(self) -> None:
        """End every connection, after what is queued on it."""
        for connection in list(self._connections):
            connection.close()

    def plugin(self, name: str) -> PluginConfig | None:
        """As in `Host`."""
        return self._config.plugin_files.get(name)

    def identify(self, connection: PluginConnection, plugin: PluginConfig, said: Initialize) -> None:
        """As in `Host`: beside the loop, since a directory of users may take its time."""
        self._no_longer_silent(connection)
        self._background_tasks.begin(self._identify(connection, plugin, said))

    def admit(self, connection: PluginConnection, said: Initialize) -> tuple[int, str] | None:
        """As in `Host`: the session is opened as soon as the journal lists it."""
        mine = sum(of == connection.plugin and name != said.session for of, name in self._sessions)
        if mine >= MAX_SESSIONS or len(self._connections) > MAX_CONNECTIONS:
            return jsonrpc.TOO_MANY_SESSIONS, f"{connection.plugin} has {mine} sessions, the most there may be"
        connection.named = said.session is not None
        connection.calls_only = said.window == 0
        if said.session is None:
            self._unnamed += 1
            connection.session = f"\x00{self._unnamed}"  # No program can choose this name.
        else:
            connection.session = said.session
        key = (connection.plugin, connection.session)
        predecessor = self._sessions.get(key)
        self._sessions[key] = connection
        if predecessor is not None:
            predecessor.abort()
        self._background_tasks.begin(self._open(connection, said))
        return None

    def is_held(self, connection: PluginConnection, delivery: int, attempt: int) -> bool:
        """As in `Host`."""
        return self._engine.core.plugins[connection.plugin].is_held(connection.session, delivery, attempt)

    def answered(self, connection: PluginConnection, answers: Sequence[Answered]) -> None:
        """As in `Host`."""
        now, plugin, session = self._engine.clock(), connection.plugin, connection.session
        for answer in answers:
            self._engine.core.answered(plugin, session, answer.delivery, answer.attempt, answer.response, now)
        self._engine.wake()

    def nacked(self, connection: PluginConnection, nack: Nacked) -> None:
        """As in `Host`."""
        self._engine.core.nacked(
            connection.plugin,
            connection.session,
            nack.delivery,
            nack.attempt,
            nack.error,
            self._engine.clock(),
            retry_after=nack.retry_after,
            permanent=nack.permanent,
        )
        self._engine.wake()

    def extended(self, connection: PluginConnection, extended: Extended) -> None:
        """As in `Host`."""
        plugin = self._engine.core.plugins[connection.plugin]
        plugin.extend(connection.session, extended.delivery, extended.attempt, self._engine.clock())
        self._engine.wake()

    def call_asked(self, connection: PluginConnection, asked: CallAsked | PostAsked) -> None:
        """As in `Host`."""
        self._background_tasks.begin(self._call(connection, asked))

    def paused(self, connection: PluginConnection, paused: bool) -> None:
        """As in `Host`."""
        if connection.is_open and self._is_current(connection):
            plugin = self._engine.core.plugins[connection.plugin]
            plugin.pause(connection.session, paused, self._engine.clock())
            self._engine.wake()

    def gone(self, connection: PluginConnection) -> None:
        """As in `Host`."""
        self._connections.discard(connection)
        self._no_longer_silent(connection)
        if not connection.session or not self._is_current(connection):
            return
        del self._sessions[connection.plugin, connection.session]
        if not connection.calls_only:
            self._left(connection)

    def _no_longer_silent(self, connection: PluginConnection) -> None:
        if connection.peer is not None:
            waiting = self._waiting.get(connection.peer.uid, {})
            waiting.pop(connection, None)
            if not waiting:
                self._waiting.pop(connection.peer.uid, None)

    def _is_current(self, connection: PluginConnection) -> bool:
        return self._sessions.get((connection.plugin, connection.session)) is connection

    def _left(self, connection: PluginConnection) -> None:
        self._engine.core.left(connection.plugin, connection.session, self._engine.clock())
        self._engine.wake()
        if connection.is_open:
            connection.note(logging.INFO, "session-ended", f"{connection.plugin}: a session ended")

    async def _identify(self, connection: PluginConnection, plugin: PluginConfig, said: Initialize) -> None:
        assert connection.peer is not None
        refusal = ""
        try:
            await asyncio.to_thread(check_identity, connection.peer, plugin, foreground=self._foreground)
        except NotPermitted as error:
            refusal = str(error)
        connection.identified(plugin, said, refusal)

    async def _open(self, connection: PluginConnection, said: Initialize) -> None:
        engine, plugin = self._engine, self._config.plugin_files[connection.plugin]
        apps = plugin.apps or tuple(self._config.apps)
        deadline = self._config.plugins.answer_deadline
        if said.window == 0:
            if self._is_current(connection):
                connection.opened(said.id, greeting(plugin, apps, 0, deadline))
                connection.resume()
            return
        try:
            rows = await engine.journal.open_by_id([delivery for delivery, _ in said.holding])
            if connection.named and not self._is_listed(connection):
                await engine.write(ListSession(connection.plugin, connection.session))
        except JournalError as error:
            connection.refuse(said.id, jsonrpc.INTERNAL_ERROR, f"the journal cannot list the session: {error}")
            return
        if not self._is_current(connection):
            self._forget_unless_known(connection)
            return
        window = min(said.window or plugin.delivery.window, plugin.delivery.window)
        connection.opened(said.id, greeting(plugin, apps, window, deadline))
        engine.core.joined(
            connection.plugin,
            connection.session,
            window,
            said.holding,
            {row.id: row for row in rows},
            engine.clock(),
            named=connection.named,
            remembers=said.remembers,
        )
        engine.wake()
        client, pid = said.client or "an unnamed client", connection.peer.pid if connection.peer else 0
        text = f"{connection.plugin}: a session began ({client}, pid {pid})"
        connection.note(logging.INFO, "session-began", text)
        connection.resume()

    def _is_listed(self, connection: PluginConnection) -> bool:
        """The journal lists a session for as long as its plugin's dispatch knows it."""
        return self._engine.core.plugins[connection.plugin].sessions.get(connection.session) is not None

    def _forget_unless_known(self, connection: PluginConnection) -> None:
        """It was gone before it was open: nothing was handed to it."""
        key = (connection.plugin, connection.session)
        known = self._engine.core.plugins[connection.plugin].sessions.get(connection.session)
        if connection.named and known is None and key not in self._sessions:
            self._engine.core.write([ForgetSession(connection.plugin, connection.session)])
            self._engine.wake()

    async def _call(self, connection: PluginConnection, asked: CallAsked | PostAsked) -> None:
        plugin = self._config.plugin_files[connection.plugin]
        try:
            connection.send_result(asked.id, await self._calls.for_plugin(plugin, asked))
        except CallRefused as refused:
            connection.send_failure(asked.id, refused.code, str(refused), refused.data)
        except jsonrpc.NotJsonError as error:
            connection.send_failure(asked.id, jsonrpc.INTERNAL_ERROR, f"Slack's answer: {error}")

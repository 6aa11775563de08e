"""Plugin connections and what they become: sessions of the core (rule R4)."""

import asyncio
import logging
import socket
from collections.abc import Sequence

import attrs

from slackd import jsonrpc
from slackd.broker.background_tasks import BackgroundTasks
from slackd.broker.calls import Calls
from slackd.broker.engine import Engine
from slackd.broker.file_transfers import FileTransfers
from slackd.broker.grants import CallRefused
from slackd.broker.intercepts import Intercept
from slackd.broker.journal.writes import ForgetSession, Lane, ListSession, OpenDelivery
from slackd.broker.plugins.announced_handlers import unmatched
from slackd.broker.plugins.connection import PluginConnection
from slackd.broker.plugins.encoding import greeting
from slackd.broker.plugins.events import (
    Answered,
    CallAsked,
    Extended,
    Initialize,
    KeptAnswer,
    Leaving,
    Nacked,
    PostAsked,
    Unordered,
)
from slackd.broker.plugins.flow_control import Pause
from slackd.broker.plugins.opening import OpeningConnections
from slackd.broker.plugins.peer_credentials import NotPermitted, check_identity
from slackd.broker.plugins.peer_group import PeerAccounts, PeerGroup
from slackd.broker.plugins.peer_limits import CONNECT_RATE
from slackd.broker.plugins.transfers import TransferAsked
from slackd.config import Config, PluginConfig
from slackd.errors import JournalError
from slackd.link.messages import AppIdentity
from slackd.listener import descriptor_limit
from slackd.unix_peers import uid_of

log = logging.getLogger(__name__)

MAX_SESSIONS = 256
"""Sessions of one plugin at a time."""
MAX_SESSIONS_IN_ALL = 2_048
"""Sessions of all plugins at a time."""
MAX_OPENING = 512
"""Connections of one user that have no session yet."""
MAX_OPENING_IN_ALL = 1_536
"""Connections of all users that have no session yet."""
CROWD, FAIR_SHARE = 256, 64
"""Connections without a session, of others and of one user, beyond which its next one is closed as soon as it
is
accepted. That takes a tenth of the time that serving it takes: so many users at once, each with all connections
that it can have, keep a plugin waiting for seconds at most."""
SPARED = 0.25
"""Part of the connections without a session that is closed when no descriptor is left."""


class PluginHost:
    """Everybody who is connected to the plugin socket."""

    def __init__(
        self,
        config: Config,
        engine: Engine,
        calls: Calls,
        transfers: FileTransfers,
        background_tasks: BackgroundTasks,
        *,
        foreground: bool,
    ) -> None:
        self._config, self._engine = config, engine
        self._calls, self._transfers = calls, transfers
        self._background_tasks = background_tasks
        self._foreground = foreground
        self._connections: set[PluginConnection] = set()
        limit = descriptor_limit()
        self._opening: OpeningConnections[PluginConnection] = OpeningConnections(
            min(MAX_OPENING, limit // 8), min(MAX_OPENING_IN_ALL, limit // 4)
        )
        self._max_sessions = min(MAX_SESSIONS_IN_ALL, limit // 2)
        self._sessions: dict[tuple[str, str], PluginConnection] = {}
        self.peers = PeerAccounts()
        self._unnamed = 0
        self._stops = False

    def connect(self, accepted: socket.socket) -> PluginConnection | None:
        """A connection that was accepted; None if its user connects too often.

        Raises:
            OSError: The peer has gone already.
        """
        uid = uid_of(accepted)
        group, now = self.peers.of_user(uid), asyncio.get_running_loop().time()
        connects = group.limits.connects
        if connects.wait_for(1.0, now) > 0:
            text = f"uid {uid} connects more often than {CONNECT_RATE:g} times a second: closed at once"
            group.refused(text, plugin="", uid=uid)
            return None
        connects.take(1.0, now)
        if self._opening.is_crowded(uid, FAIR_SHARE, CROWD):
            text = (
                f"uid {uid} has {FAIR_SHARE} connections without a session, while others wait: closed at once"
            )
            group.log_notice(logging.INFO, "plugin-refused", text, plugin="", uid=uid)
            return None
        connection = PluginConnection(self)
        self._connections.add(connection)
        return connection

    def spare_descriptors(self) -> None:
        """No descriptor is left: close connections that have no session yet."""
        for connection in self._opening.take(SPARED):
            connection.abort()

    def connected(self, connection: PluginConnection) -> None:
        """As in `Host`: where there are too many without a session, one makes room."""
        assert connection.peer is not None
        too_many = self._opening.add(connection.peer.uid, connection)
        if too_many is not None:
            too_many.abort()

    def group_of(self, connection: PluginConnection) -> PeerGroup:
        """As in `Host`."""
        assert connection.peer is not None
        if connection.plugin:
            return self.peers.of_plugin(connection.plugin)
        return self.peers.of_user(connection.peer.uid)

    def group_of_user(self, connection: PluginConnection) -> PeerGroup:
        """As in `Host`."""
        assert connection.peer is not None
        return self.peers.of_user(connection.peer.uid)

    def sessions_of(self, plugin: str) -> list[PluginConnection]:
        """The open connections of one plugin, without those for calls alone."""
        mine = (each for (of, _), each in self._sessions.items() if of == plugin)
        return [each for each in mine if each.is_open and not each.calls_only]

    def connection_of(self, plugin: str, session: str) -> PluginConnection | None:
        """The open connection of one session."""
        connection = self._sessions.get((plugin, session))
        return connection if connection is not None and connection.is_open else None

    def read_no_more(self) -> None:
        """The broker writes down what is in flight, and ends: what programs say from now on they repeat to the
        next one, which must not find it done already by a session that it doesn't know of."""
        self._stops = True
        for connection in self._connections:
            connection.pause(Pause.STOPPING)

    def close(self) -> None:
        """End every connection, after what is queued on it."""
        for connection in list(self._connections):
            connection.close()

    def plugin(self, name: str) -> PluginConfig | None:
        """As in `Host`."""
        return self._config.plugin_files.get(name)

    def identify(self, connection: PluginConnection, plugin: PluginConfig, said: Initialize) -> None:
        """As in `Host`: beside the loop, since a directory of users may take its time."""
        self._background_tasks.begin(self._identify(connection, plugin, said))

    def admit(self, connection: PluginConnection, said: Initialize) -> tuple[int, str] | None:
        """As in `Host`: the session is opened as soon as the journal lists it."""
        name = said.session
        if name is not None and connection.intercept is not None:
            # No program can choose this name: whoever develops a plugin takes no session of production's.
            name = f"{connection.intercept.person}\xa0{name}"
        mine = sum(of == connection.plugin and each != name for of, each in self._sessions)
        if mine >= MAX_SESSIONS:
            return jsonrpc.TOO_MANY_SESSIONS, f"{connection.plugin} has {mine} sessions, the most there may be"
        if len(self._sessions) >= self._max_sessions and (connection.plugin, name) not in self._sessions:
            text = f"all plugins together have {len(self._sessions)} sessions, the most there may be"
            return jsonrpc.TOO_MANY_SESSIONS, text
        self._not_opening(connection)
        connection.named = name is not None
        connection.calls_only = said.window == 0
        if name is None:
            self._unnamed += 1
            name = f"\x00{self._unnamed}"  # Nor this one.
        connection.session = name
        key = (connection.plugin, connection.session)
        predecessor = self._sessions.get(key)
        self._sessions[key] = connection
        if predecessor is not None:
            predecessor.note_end()
            predecessor.abort()
        self._background_tasks.begin(self._open(connection, said))
        return None

    def answered(self, connection: PluginConnection, answers: Sequence[Answered]) -> int:
        """As in `Host`."""
        now, plugin, session = self._engine.clock(), connection.plugin, connection.session
        connection.handled += len(answers)
        counted = 0
        for answer in answers:
            counted += self._engine.core.answered(
                plugin, session, answer.delivery, answer.attempt, answer.response, now
            )
        self._engine.wake()
        return counted

    def answered_and_kept(self, connection: PluginConnection, answer: KeptAnswer) -> None:
        """As in `Host`."""
        plugin, session, now = connection.plugin, connection.session, self._engine.clock()
        about = (answer.delivery, answer.attempt, answer.response)
        self._engine.core.answered_and_kept(plugin, session, *about, now)
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
        # Nothing is due any sooner by it, so nobody need look.
        plugin.extend(connection.session, extended.delivery, extended.attempt, self._engine.clock())

    def unordered(self, connection: PluginConnection, unordered: Unordered) -> None:
        """As in `Host`."""
        plugin = self._engine.core.plugins[connection.plugin]
        plugin.unorder(connection.session, unordered.delivery, unordered.attempt, self._engine.clock())
        self._engine.wake()

    def leaving(self, connection: PluginConnection, leaving: Leaving) -> None:
        """As in `Host`."""
        if not connection.calls_only:
            plugin = self._engine.core.plugins[connection.plugin]
            plugin.leaving(connection.session, leaving.holding, self._engine.clock())
            self._engine.wake()

    def call_asked(self, connection: PluginConnection, asked: CallAsked | PostAsked | TransferAsked) -> None:
        """As in `Host`."""
        connection.call_began()
        self._background_tasks.begin(self._call(connection, asked))

    def paused(self, connection: PluginConnection, paused: bool) -> None:
        """As in `Host`."""
        if connection.is_open and self._is_current(connection):
            plugin = self._engine.core.plugins[connection.plugin]
            plugin.pause(connection.session, paused, self._engine.clock())
            self._engine.wake()

    def disconnected(self, connection: PluginConnection) -> None:
        """As in `Host`."""
        self._connections.discard(connection)
        self._not_opening(connection)
        if not connection.session or not self._is_current(connection):
            return
        del self._sessions[connection.plugin, connection.session]
        if connection.calls_only:
            connection.note_end()
        else:
            self._left(connection)

    def _not_opening(self, connection: PluginConnection) -> None:
        if connection.peer is not None:
            self._opening.discard(connection.peer.uid, connection)

    def _is_current(self, connection: PluginConnection) -> bool:
        return self._sessions.get((connection.plugin, connection.session)) is connection

    def _left(self, connection: PluginConnection) -> None:
        self._engine.core.left(connection.plugin, connection.session, self._engine.clock())
        self._engine.wake()
        if connection.is_open:
            connection.note(logging.INFO, "session-ended", f"{connection.plugin}: a session ended")
        connection.note_end()

    async def _identify(self, connection: PluginConnection, plugin: PluginConfig, said: Initialize) -> None:
        assert connection.peer is not None
        refusal = ""
        if said.dev:
            refusal = self._of_intercept(connection, said)
            connection.identified(plugin, said, refusal)
            return
        try:
            async with self.peers.of_user(connection.peer.uid).identifying:
                await asyncio.to_thread(check_identity, connection.peer, plugin, foreground=self._foreground)
        except NotPermitted as error:
            refusal = str(error)
        connection.identified(plugin, said, refusal)

    def _of_intercept(self, connection: PluginConnection, said: Initialize) -> str:
        """With the ticket of an intercept, its developer may be the plugin; returns why not."""
        assert connection.peer is not None
        intercept = self._engine.core.ingest.intercepts.of_ticket(said.dev)
        if intercept is None:
            return "the ticket in dev is of no intercept in force: its slackctl dev, or slackd, has ended since"
        if intercept.plugin != said.plugin or intercept.uid != connection.peer.uid:
            return f"the ticket in dev is for plugin {intercept.plugin!r} and uid {intercept.uid} alone"
        connection.intercept = intercept
        return ""

    def end_intercept(self, intercept: Intercept) -> None:
        """Close the sessions that came with its ticket: what they have goes to the plugin's own."""
        for connection in [each for each in self._sessions.values() if each.intercept == intercept]:
            connection.close()

    async def _open(self, connection: PluginConnection, said: Initialize) -> None:
        engine, plugin = self._engine, self._config.plugin_files[connection.plugin]
        apps = plugin.apps or tuple(self._config.apps)
        deadline = self._config.plugins.answer_deadline
        dispatch = engine.core.plugins[plugin.name]
        if said.window == 0:
            if self._is_current(connection):
                result = greeting(plugin, apps, 0, deadline, engine.journal.id)
                connection.opened(said.id, {**result, **self._known_of(connection, plugin, said, apps)})
                connection.read_on(dispatch.is_held_by(connection.session))
            return
        try:
            rows = await self._resumed(said.holding)
            if connection.named and not self._is_listed(connection):
                await engine.write(ListSession(connection.plugin, connection.session))
        except JournalError as error:
            connection.refuse(said.id, jsonrpc.INTERNAL_ERROR, f"the journal cannot list the session: {error}")
            return
        if not self._is_current(connection):
            self._forget_unless_known(connection)
            return
        if self._stops:
            return  # its connection ends with all others
        window = min(said.window or plugin.delivery.window, plugin.delivery.window)
        result = greeting(plugin, apps, window, deadline, engine.journal.id)
        if said.ahead:
            result["ahead"] = said.ahead
        connection.opened(said.id, {**result, **self._known_of(connection, plugin, said, apps)})
        engine.core.joined(
            connection.plugin,
            connection.session,
            window,
            said.holding,
            rows,
            engine.clock(),
            named=connection.named,
            remembers=said.remembers,
            ahead=said.ahead,
            person=connection.intercept.person if connection.intercept is not None else "",
        )
        engine.wake()
        client, pid = said.client or "an unnamed client", connection.peer.pid if connection.peer else 0
        text = f"{connection.plugin}: a session began ({client}, pid {pid})"
        connection.note(logging.INFO, "session-began", text)
        connection.read_on(dispatch.is_held_by(connection.session))

    async def _resumed(self, holding: Sequence[tuple[int, int]]) -> dict[int, OpenDelivery]:
        """What a program comes back with that is open, with the envelopes that a person may wait for."""
        journal = self._engine.journal
        rows = {row.id: row for row in await journal.open_by_id([delivery for delivery, _ in holding])}
        prompt = [row for row in rows.values() if row.lane is Lane.PROMPT]
        if prompt:
            envelopes = await journal.envelopes(sorted({row.envelope for row in prompt}))
            rows |= {row.id: attrs.evolve(row, stored=envelopes.get(row.envelope)) for row in prompt}
        return rows

    def identified(self, identity: AppIdentity) -> None:
        """A connector reported who an app's bot is: whoever may call for that app is notified."""
        for (name, _), connection in self._sessions.items():
            plugin = self._config.plugin_files[name]
            if connection.is_open and identity.app in (plugin.apps or self._config.apps):
                connection.notify("identity", attrs.asdict(identity))

    def _known_of(
        self, connection: PluginConnection, plugin: PluginConfig, said: Initialize, apps: Sequence[str]
    ) -> dict[str, object]:
        """What else a program learns at its start: whose its apps are, and which handlers get nothing."""
        known: dict[str, object] = {}
        identities = self._engine.core.ingest.identities
        if ids := {app: attrs.asdict(identities[app]) for app in apps if app in identities}:
            known["identities"] = ids
        if lines := unmatched(plugin, said.handlers):
            known["unmatched"] = lines
            for line in lines:
                connection.note(logging.WARNING, "handler-unmatched", f"{plugin.name}: {line}")
        return known

    def _is_listed(self, connection: PluginConnection) -> bool:
        """The journal lists a session for as long as its plugin's dispatch knows it."""
        return self._engine.core.plugins[connection.plugin].sessions.get(connection.session) is not None

    def _forget_unless_known(self, connection: PluginConnection) -> None:
        """It was gone before it was open: nothing was delivered to it."""
        key = (connection.plugin, connection.session)
        known = self._engine.core.plugins[connection.plugin].sessions.get(connection.session)
        if connection.named and known is None and key not in self._sessions:
            self._engine.core.write([ForgetSession(connection.plugin, connection.session)])
            self._engine.wake()

    async def _call(self, connection: PluginConnection, asked: CallAsked | PostAsked | TransferAsked) -> None:
        plugin = self._config.plugin_files[connection.plugin]

        def rest(begins: bool) -> None:
            if isinstance(asked, CallAsked) and asked.delivery is not None:
                dispatch, now = self._engine.core.plugins[plugin.name], self._engine.clock()
                dispatch.rest(connection.session, *asked.delivery, begins, now)
                self._engine.wake()

        try:
            if isinstance(asked, TransferAsked):
                result = await self._transfers.for_plugin(plugin, asked)
            else:
                result = await self._calls.for_plugin(plugin, asked, rest)
            connection.send_result(asked.id, result)
        except CallRefused as refused:
            connection.send_failure(asked.id, refused.code, str(refused), refused.data)
        except jsonrpc.NotJsonError as error:
            connection.send_failure(asked.id, jsonrpc.INTERNAL_ERROR, f"Slack's answer: {error}")
        finally:
            connection.call_ended()

"""The broker's process: journal first, then sockets; and on the way out the reverse (rules R2, R5, R6)."""

import asyncio
import itertools
import logging
import random
import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from slackd.broker import usergroup_store
from slackd.broker.access import groups_wanted
from slackd.broker.actions import PostLate
from slackd.broker.background_tasks import BackgroundTasks
from slackd.broker.calls import Calls
from slackd.broker.clock import BrokerClock, now
from slackd.broker.connection_registry import ConnectionRegistry
from slackd.broker.connector_calls import ConnectorCalls
from slackd.broker.connector_host import ConnectorHost
from slackd.broker.control.context import ControlContext
from slackd.broker.control.observations import Observations
from slackd.broker.control.watchers import Watchers
from slackd.broker.core import BrokerCore
from slackd.broker.engine import Engine, Outgoing, Outlets
from slackd.broker.file_transfers import FileTransfers
from slackd.broker.journal import Journal, Opening, StoredEnvelope
from slackd.broker.journal.engines import OpenOptions, open_journal
from slackd.broker.journal.limits import DeadLettered, DroppedDeadLetters, PluginLimits
from slackd.broker.journal.writes import CleanShutdown, GapRecord, Lane
from slackd.broker.notices import AWAY_AFTER, RegularNotices
from slackd.broker.outages import Outages
from slackd.broker.plugins.conduct import CRASHES, Fault
from slackd.broker.plugins.server import PluginHost
from slackd.broker.response_url import Posting
from slackd.broker.usergroups import UserGroups
from slackd.config import Config
from slackd.config.on_disk import DiskCheck
from slackd.errors import JournalError
from slackd.late_import import imported
from slackd.link import BrokerEnd
from slackd.link.messages import AppIdentity
from slackd.link.server import LinkServer
from slackd.listener import Listener, raise_descriptor_limit
from slackd.slotted import frozen
from slackd.systemd.digest import Side, process_digest

if TYPE_CHECKING:
    from slackd.broker.control.server import ControlServer

log = logging.getLogger(__name__)

LOOK_EVERY = 1.0
"""Seconds between two looks for gaps and for plugins that are away."""
SEEN_EVERY = 5
"""Looks between two notes of which apps have a READY connection: should everything die at once, the gap is
known to have begun at most so many seconds later."""
DISK_EVERY = 5.0
"""Seconds between two looks at whether the configuration on disk has changed and can be used."""
STOP_PATIENCE = 2.0
"""Seconds in which a stop waits for commits that are under way."""
FIRST_PATIENCE = 0.1
"""Seconds in which a start acknowledges what waits for it, and does nothing else."""
FIRST_TURNS = 8
"""Turns of the loop after which nothing waits: who connects is accepted and read in one after the other."""


@frozen
class Sockets:
    """The listening sockets that the broker serves.

    Attributes:
        link: For connectors; None when they are in this process.
        plugins: For plugins.
        control: For operators, or None.
        metrics: For `/metrics` alone, or None.
    """

    link: socket.socket | None
    plugins: socket.socket
    control: socket.socket | None = None
    metrics: socket.socket | None = None


class BrokerDaemon:
    """One broker, from the journal's lock to its clean-shutdown record."""

    def __init__(self, config: Config, *, foreground: bool = False) -> None:
        self.config, self.foreground = config, foreground
        self.watchers = Watchers(self._watched)
        started = now()
        self.observations = Observations(started.monotonic, started.unix)
        self.journal: Journal
        self.core: BrokerCore
        self.engine: Engine
        self.connectors: ConnectionRegistry
        self.connector_calls: ConnectorCalls
        self.posting: Posting
        self.connector_host: ConnectorHost
        self.plugin_host: PluginHost
        self._background_tasks = BackgroundTasks()
        self._notices = RegularNotices()

        self.disk = DiskCheck(config, None if foreground else config.journal.directory)

    async def run(self, stop: asyncio.Event, sockets: Sockets, on_ready: Callable[[BrokerEnd], None]) -> None:
        """Serve until `stop` is set.

        Args:
            stop: Set it to stop cleanly.
            sockets: What to listen on; nothing is accepted before the journal is open.
            on_ready: Called once everything is served, with the end for connectors in this process.

        Raises:
            JournalError: The journal can't be opened; what it says is for the operator.
        """
        raise_descriptor_limit()
        self.journal, opening = await open_journal(
            self.config.journal,
            OpenOptions(
                plugins=self._limits(),
                on_dead_lettered=self._dead_lettered,
                on_dropped=self._letters_dropped,
            ),
        )
        try:
            async with asyncio.TaskGroup() as tasks:
                helpers = [
                    tasks.create_task(self._background_tasks.run()),
                    tasks.create_task(self._end_with_the_journal()),
                ]
                await self._background_tasks.accepted.wait()
                helpers += await self._start(opening, tasks)
                servers = self._listen(sockets)
                control: ControlServer | None = None
                try:
                    await self._settle_down(FIRST_PATIENCE, FIRST_TURNS)
                    control = await self._serve_operators(sockets)
                    if control is not None:
                        helpers.append(tasks.create_task(control.run()))
                    on_ready(self.connector_host)
                    await stop.wait()
                finally:
                    await asyncio.gather(
                        self._stop(servers), *([control.close()] if control is not None else [])
                    )
                    for helper in helpers:
                        helper.cancel()
        finally:
            await self.journal.close()

    async def _end_with_the_journal(self) -> None:
        raise await self.journal.lost()

    async def _start(self, opening: Opening, tasks: asyncio.TaskGroup) -> Sequence[asyncio.Task[None]]:
        self.core = BrokerCore(self.config, rng=random.Random(), now=now())
        in_flight = [each.delivery for each in opening.clean_shutdown or ()]
        rows = {row.id: row for row in await self.journal.open_by_id(in_flight)}
        self.core.start(opening, rows, now())
        self.connectors = ConnectionRegistry(
            self.config.apps, opening.ghosts, opening.open_gaps, opening.seen_ready
        )
        self.connector_host = ConnectorHost(self.connectors, self.observations.acknowledged, self._identified)
        self.engine = Engine(self.core, self.journal, BrokerClock(self.journal.clock_ahead))
        seen = {each.app: each.at for each in opening.seen_ready}
        self.engine.outages = Outages(seen, now())
        self.connector_calls = ConnectorCalls(self.connectors, self.connector_host.send_call)
        calls = Calls(self.connector_calls, self.config.apps, self.core.counters)
        transfers = FileTransfers(self.connector_calls, self.config.apps)
        self.posting = Posting(self.connector_calls)
        wanted = groups_wanted(self.config.plugin_files, self.config.apps)
        folder, members = self.config.journal.directory, self.core.ingest.members
        if wanted:
            await asyncio.to_thread(usergroup_store.load, folder, members, now())
        self._user_groups = UserGroups(
            self.connector_calls, wanted, members, lambda: usergroup_store.save(folder, members, now())
        )
        self.connector_host.attach(self.engine, self.connector_calls)
        self.plugin_host = PluginHost(
            self.config, self.engine, calls, transfers, self._background_tasks, foreground=self.foreground
        )
        self.engine.attach(
            Outlets(
                to_connector=self.connector_host.send,
                to_session=self.plugin_host.connection_of,
                post=self._post,
                passed=self.watchers.passed,
            )
        )
        self.engine.wake()
        return [
            tasks.create_task(self.engine.read_for_ever()),
            tasks.create_task(self._look_for_ever()),
            tasks.create_task(self._user_groups.keep_fresh()),
            tasks.create_task(self._watch_the_disk()),
        ]

    def _listen(self, sockets: Sockets) -> list[LinkServer | Listener]:
        servers: list[LinkServer | Listener] = []
        if sockets.link is not None:
            links = LinkServer(self.connector_host)
            connectors = Listener(
                "connectors", sockets.link, links.connect, self._background_tasks.begin, links.spare_descriptors
            )
            servers += [links, connectors]
        host = self.plugin_host
        plugins = Listener(
            "plugins", sockets.plugins, host.connect, self._background_tasks.begin, host.spare_descriptors
        )
        servers.append(plugins)
        for server in servers:
            if isinstance(server, Listener):
                server.listen()
        return servers

    async def _serve_operators(self, sockets: Sockets) -> "ControlServer | None":
        """After connectors and plugins are served, and what waited for them is acknowledged: HTTP alone takes
        as long to import as most of the broker. It is done before READY all the same (nothing is imported
        later, but for what is scraped where no socket for scraping is), while the loop turns."""
        if sockets.control is None and sockets.metrics is None:
            return None
        server = await imported("slackd.broker.control.server")
        if sockets.metrics is not None:
            await imported("slackd.broker.control.metrics")
        control: ControlServer = server.ControlServer(
            ControlContext(
                config=self.config,
                digest=await asyncio.to_thread(process_digest, Side.BROKER, self.config),
                core=self.core,
                engine=self.engine,
                journal=self.journal,
                connectors=self.connectors,
                plugin_host=self.plugin_host,
                connector_calls=self.connector_calls,
                observations=self.observations,
                watchers=self.watchers,
                disk=self.disk,
                foreground=self.foreground,
            ),
            self._background_tasks,
        )
        if sockets.control is not None:
            control.serve_control(sockets.control)
        if sockets.metrics is not None:
            control.serve_metrics(sockets.metrics)
        return control

    async def _stop(self, servers: Sequence[LinkServer | Listener]) -> None:
        """Rule R5: no more dispatch; what plugins have written is read and committed; the note; the end."""
        self.core.halt()
        for server in servers:
            if isinstance(server, Listener):
                server.close()
        await self._settle_down(STOP_PATIENCE)
        self.connector_host.listen_no_more()
        self.connector_host.look_for_gaps(at_last=True)
        self.plugin_host.read_no_more()
        in_flight = self.core.in_flight()
        try:
            async with asyncio.timeout(STOP_PATIENCE):
                record = [CleanShutdown(in_flight)] if in_flight is not None else []
                await self.engine.write(*record, *self.connectors.seen_ready(now()))
        except (JournalError, TimeoutError) as error:
            log.error("the clean-shutdown record could not be written: %s", error, extra={"event": "no-note"})
        self.engine.stop()
        self.plugin_host.close()
        for server in servers:
            if isinstance(server, LinkServer):
                await server.close()

    async def _settle_down(self, patience: float, turns: int = 2) -> None:
        """Until so many turns of the loop in a row brought nothing that waits for a commit; for so many seconds
        at most."""
        quiet, until = 0, asyncio.get_running_loop().time() + patience
        while quiet < turns and asyncio.get_running_loop().time() < until:
            self.engine.wake()
            await asyncio.sleep(0 if quiet else 0.002)
            quiet = 0 if self.core.has_unwritten else quiet + 1

    async def _look_for_ever(self) -> None:
        for look in itertools.count(1):
            await asyncio.sleep(LOOK_EVERY)
            if look % SEEN_EVERY == 0:
                self.core.write(self.connectors.seen_ready(now()), _try_later)
                self.engine.wake()
            gaps = self.connector_host.look_for_gaps()
            for gap in [*gaps, *self._look_for_outages(gaps)]:
                if gap.end is not None:
                    self._notify_gap(gap)
            self._say_regularly()
            away = {name for name, plugin in self.core.plugins.items() if plugin.sessions.is_empty}
            self.journal.set_away(away)

    def _look_for_outages(self, reported: Sequence[GapRecord]) -> list[GapRecord]:
        """Writes down intervals in which nothing could be journaled, and returns them."""
        outages, at = self.engine.outages, now()
        ended = outages.look(at)
        gaps = [gap for outage in ended for gap in outage.gaps(self.config.apps)]
        gaps += outages.without_broker(reported, self.connectors.may_be_a_gap)
        for reason, seconds in {gap.reason: (gap.end or gap.start) - gap.start for gap in gaps}.items():
            log.warning("for %.0f s %s", seconds, reason, extra={"event": "journal-writable"})
        if gaps:
            self.core.write(gaps)
            self.engine.wake()
        return gaps

    def _identified(self, identity: AppIdentity) -> None:
        self.plugin_host.identified(identity)

    def _say_regularly(self) -> None:
        at = now()
        notices = self._notices.duplicates(self.core.counters.duplicates, at.monotonic)
        notices += self._notices.refused(self.core.counters.refused, at.monotonic)
        notices += self._notices.foreign(self.connectors.foreign, at.monotonic)
        for name, plugin in self.core.plugins.items():
            config = self.config.plugin_files[name]
            notices += self._notices.held_up(config, plugin.held_up(at), at.monotonic)
        for notice in [*notices, *self._notices.limits(at.monotonic)]:
            log.log(
                notice.level, "%s", notice.text, extra={"event": notice.event, notice.about: notice.subject}
            )

    async def _watch_the_disk(self) -> None:
        """Say it when the configuration on disk stops being usable, which a reload or a restart would meet."""
        said: tuple[str, ...] = ()
        while True:
            found = await asyncio.to_thread(self.disk.look)
            for words in found:
                if words not in said:
                    log.error("%s", words, extra={"event": "config-on-disk"})
            said = found
            await asyncio.sleep(DISK_EVERY)

    def troubles(self) -> list[str]:
        """What is wrong, in a few words each, for a line of status; `slackctl status` knows more."""
        found = ["the journal cannot be written"] if self.engine.outages.in_trouble else []
        found += [
            f"{app}: no connection is READY" for app in self.config.apps if not self.connectors.ready(app)
        ]
        linked = {view.hello.connector for view in self.connectors.views.values()}
        found += [f"connector {number} is not linked" for number in (1, 2) if number not in linked]
        at = now().monotonic
        for name, plugin in self.core.plugins.items():
            if plugin.sessions.absent_for(at) >= AWAY_AFTER:
                found.append(f"{name} is away")
            elif any(
                each.fault is Fault.CRASHED and each.count >= CRASHES
                for each in self.plugin_host.peers.faults_of(name)
            ):
                found.append(f"{name} crashes")
        return found

    def _notify_gap(self, gap: GapRecord) -> None:
        params = {"app": gap.app, "from": gap.start, "until": gap.end, "reason": gap.reason}
        for plugin in self.config.plugin_files.values():
            if plugin.delivery.gaps:
                for connection in self.plugin_host.sessions_of(plugin.name):
                    connection.notify("gap", params)

    def _limits(self) -> dict[str, PluginLimits]:
        return {
            name: PluginLimits(plugin.delivery.max_age, plugin.delivery.max_bytes)
            for name, plugin in self.config.plugin_files.items()
        }

    def _dead_lettered(self, dead_lettered: Sequence[DeadLettered]) -> None:
        by_plugin: dict[str, list[DeadLettered]] = {}
        for each in dead_lettered:
            by_plugin.setdefault(each.plugin, []).append(each)
        for plugin, mine in by_plugin.items():
            self._notices.dead_lettered(plugin, [each.reason.value for each in mine])
            ids, envelopes = {each.delivery for each in mine}, {each.envelope for each in mine}
            prompt = [(each.delivery, each.envelope) for each in mine if each.lane is Lane.PROMPT]
            self.core.dead_lettered(plugin, ids, envelopes, now(), prompt)
        self.engine.wake()

    def _letters_dropped(self, dropped: Sequence[DroppedDeadLetters]) -> None:
        for each in dropped:
            self._notices.dropped(each.plugin, each.letters, each.bytes)

    def _post(self, what: Outgoing) -> None:
        if isinstance(what, PostLate):
            self._background_tasks.begin(self._post_late(what))
        else:
            self._background_tasks.begin(self.posting.post(what.app, what.response_url, what.body))

    def _watched(self, watched: bool) -> None:
        self.core.commits.watched = watched

    async def _post_late(self, what: PostLate) -> None:
        late, reason = what.late, what.reason
        app, url = late.app, late.response_url
        if not url or not reason:
            stored = await self._envelope(late.envelope)
            app, url = (stored.app, stored.response_url) if stored is not None else ("", "")
            reason = reason or self.engine.why_late(late.plugin, stored)
        sent = "response_url" if url and await self.posting.post(app, url, late.response) else None
        self.core.late_posted(late, what.session, what.attempt, sent, reason)
        self.engine.wake()

    async def _envelope(self, envelope: int) -> StoredEnvelope | None:
        while True:
            try:
                return (await self.journal.envelopes([envelope])).get(envelope)
            except JournalError as error:
                log.error("a late answer waits: %s", error, extra={"event": "journal-unreadable"})
                await asyncio.sleep(LOOK_EVERY)


def _try_later(_outcome: object) -> None:
    """A note that could not be written is written at the next look."""

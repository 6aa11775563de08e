"""The running broker, as operators see and steer it."""

import asyncio

import attrs

from slackd.broker.connection_registry import ConnectionRegistry
from slackd.broker.connector_calls import ConnectorCalls
from slackd.broker.control.observations import Observations
from slackd.broker.control.watchers import Watchers
from slackd.broker.core import BrokerCore
from slackd.broker.engine import Engine
from slackd.broker.journal import Journal, JournalHealth
from slackd.broker.plugins.server import PluginHost
from slackd.config import Config
from slackd.config.on_disk import DiskCheck
from slackd.slotted import frozen


@frozen
class ControlContext:
    """Everything that the control API reads and writes.

    Attributes:
        digest: Fingerprint of the broker's code and configuration.
        watchers: Who watches envelopes pass.
        disk: Whether the next start could use what is on disk.
        foreground: Somebody started it by hand: it is no unit of systemd's.
        stopping: Set when streams are to end.
    """

    config: Config
    digest: str
    core: BrokerCore
    engine: Engine
    journal: Journal
    connectors: ConnectionRegistry
    plugin_host: PluginHost
    connector_calls: ConnectorCalls
    observations: Observations
    watchers: Watchers
    disk: DiskCheck
    foreground: bool = False
    stopping: asyncio.Event = attrs.field(factory=asyncio.Event)

    def look_at_journal(self) -> JournalHealth:
        """The journal's health; what it reports only once is kept in the observations."""
        health = self.journal.health()
        self.observations.committed(health)
        return health

    def mark(self) -> None:
        """Time has passed; call it about once a second."""
        self.look_at_journal()
        now = self.engine.clock().monotonic
        self.observations.mark(self.core.counters, self.config.apps, self.config.plugin_files, now)

"""Opens a journal of either engine in the same way, so that one specification holds both to the same words."""

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import attrs

from slackd.broker.journal import Journal, Opening
from slackd.broker.journal.engines import OpenOptions, open_journal
from slackd.broker.journal.limits import DeadLettered, DroppedDeadLetters, PluginLimits, limits_of
from slackd.config.values import JournalConfig
from tests.support.journal.memory_journal import MemoryDisk, open_memory_journal
from tests.support.journal.writing import Time

OpenJournal = Callable[..., contextlib.AbstractAsyncContextManager[tuple[Journal, Opening]]]
"""`JournalRig.open`."""


class JournalRig:
    """Opens journals of one engine, in any folder, with a clock that stands still and retention on demand.

    Attributes:
        engine: "memory", or what `[journal] engine` may say.
    """

    def __init__(self, engine: str) -> None:
        self.engine = engine
        self._disks: dict[Path, MemoryDisk] = {}

    @contextlib.asynccontextmanager
    async def open(
        self,
        folder: Path,
        time: Time | None = None,
        plugins: Mapping[str, PluginLimits] | None = None,
        dead_lettered: list[DeadLettered] | None = None,
        dropped: list[DroppedDeadLetters] | None = None,
        **config: Any,
    ) -> AsyncIterator[tuple[Journal, Opening]]:
        """A journal in this folder, closed in the end."""
        options = OpenOptions(
            clock=(clock := time or Time()),
            uptime=clock,
            plugins=plugins or {},
            on_dead_lettered=dead_lettered.extend if dead_lettered is not None else None,
            on_dropped=dropped.extend if dropped is not None else None,
            retention_by_itself=False,
            delivery_base=lambda _, last: last,
        )
        journal, opening = await self._open(JournalConfig(folder, **config), options)
        try:
            yield journal, opening
        finally:
            await journal.close()

    async def _open(self, config: JournalConfig, options: OpenOptions) -> tuple[Journal, Opening]:
        if self.engine != "memory":
            return await open_journal(config, options)
        return open_memory_journal(
            self._disks.setdefault(config.directory, MemoryDisk()),
            clock=options.clock,
            limits=attrs.evolve(limits_of(config), plugins=options.plugins),
            on_dead_lettered=options.on_dead_lettered,
            on_dropped=options.on_dropped,
        )

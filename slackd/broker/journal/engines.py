"""Opens the journal with the engine that `[journal] engine` names.

An engine is a folder beside this module, by that name, with an `ENGINE` in its package. It is imported when it
is opened, so that one with needs of its own can be a package of its own.
"""

import importlib
import time
from collections.abc import Callable, Mapping
from typing import Protocol

import attrs

from slackd.broker.journal import Journal, Opening
from slackd.broker.journal.limits import OnDeadLettered, OnDropped, PluginLimits
from slackd.broker.journal.rules import delivery_base
from slackd.config import values
from slackd.errors import JournalError
from slackd.slotted import frozen


@frozen
class OpenOptions:
    """How a broker opens its journal.

    Attributes:
        clock: UNIX seconds, for retention and the time at which a delivery died.
        uptime: Of the machine, sleep included, seconds; None for its own. By it a clock that was set is told
            from time that passed (`ages`).
        plugins: Limits of the plugins' backlogs; a plugin that isn't named has the default ones.
        on_dead_lettered: Called on the event loop, after the commit, with what retention dead-lettered.
        on_dropped: The same, with the dead letters that it dropped.
        owner_wait: Seconds to wait for a predecessor that is dying.
        retention_by_itself: Retention runs every few seconds; otherwise only in `run_retention`.
        delivery_base: As `rules.delivery_base`.
    """

    clock: Callable[[], float] = time.time
    uptime: Callable[[], float] | None = None
    plugins: Mapping[str, PluginLimits] = attrs.field(factory=dict)
    on_dead_lettered: OnDeadLettered | None = None
    on_dropped: OnDropped | None = None
    owner_wait: float = 5.0
    retention_by_itself: bool = True
    delivery_base: Callable[[float, int], int] = delivery_base


class StorageEngine(Protocol):
    """What the package of an engine has as `ENGINE`."""

    async def open(self, config: values.JournalConfig, options: OpenOptions) -> tuple[Journal, Opening]:
        """As `open_journal`."""


async def open_journal(
    config: values.JournalConfig, options: OpenOptions | None = None
) -> tuple[Journal, Opening]:
    """Become the journal's owner and open it; neither depends on how much is in it.

    Args:
        config: Which engine, where it is, and how much is kept.
        options: The usual ones if None.

    Returns:
        The journal, and what the broker before this one left in it.

    Raises:
        JournalBusy: Another broker owns it.
        JournalUnwritable: It cannot be made or written (a full disk, say).
        JournalDamaged: What is there is damaged, or not a journal.
        JournalError: It was written by a release that this one cannot follow, or the engine isn't installed.
    """
    return await engine_of(config).open(config, options or OpenOptions())


def engine_of(config: values.JournalConfig) -> StorageEngine:
    """The engine that the configuration names, imported now.

    Raises:
        JournalError: It isn't installed.
    """
    name = config.engine.value
    try:
        module = importlib.import_module(f"slackd.broker.journal.{name}")
    except ImportError as error:
        raise JournalError(
            f'[journal] engine = "{name}" cannot be loaded ({error})',
            hint="install the package that has it, or leave the key out for the engine that is always there",
        ) from error
    engine: StorageEngine = module.ENGINE
    return engine

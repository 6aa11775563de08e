"""A broker in this process: its configuration in one folder, and its life from READY to a clean stop."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path
from typing import Any

import attrs

from slackd.broker.daemon import BrokerDaemon, Sockets
from slackd.config import App, Config, Control, JournalConfig, Log, PluginConfig, Plugins
from slackd.config.values import SecretKind, SecretSource
from slackd.link import BrokerEnd

PATIENCE = 30.0
"""Seconds for anything that takes well under one on an idle machine."""


def broker_config(
    home: Path, plugins: Iterable[PluginConfig], *, apps: Sequence[str] = ("main",), **rules: Any
) -> Config:
    """A configuration whose journal and sockets are in `home`; nobody looks for the tokens.

    Args:
        rules: Keys of `[plugins]`.
    """
    return Config(
        file=home / "slackd.toml",
        apps={name: App(name, SecretSource(SecretKind.ENV, "NOT_THERE")) for name in apps},
        journal=JournalConfig(home / "journal"),
        plugins=attrs.evolve(Plugins(home / "plugins.d", home / "p.sock"), **rules),
        control=Control(home / "c.sock"),
        log=Log(),
        link_socket=home / "l.sock",
        plugin_files={each.name: each for each in plugins},
    )


@attrs.frozen
class RunningBroker:
    """A broker that is READY.

    Attributes:
        end: Where connectors are joined to it.
        stop: Set, it stops it.
        life: Its task.
    """

    daemon: BrokerDaemon
    end: BrokerEnd
    stop: asyncio.Event
    life: asyncio.Task[None]


@contextlib.asynccontextmanager
async def running_broker(
    config: Config, sockets: Sockets, *, foreground: bool = True
) -> AsyncIterator[RunningBroker]:
    """A broker that is READY, until the block ends; then it stops cleanly. One that can't start raises why."""
    daemon, stop = BrokerDaemon(config, foreground=foreground), asyncio.Event()
    ready: asyncio.Future[BrokerEnd] = asyncio.get_running_loop().create_future()
    life = asyncio.create_task(daemon.run(stop, sockets, ready.set_result))
    try:
        async with asyncio.timeout(PATIENCE):
            first: set[asyncio.Future[Any]] = {life, ready}
            await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        if life.done():
            life.result()
        yield RunningBroker(daemon, ready.result(), stop, life)
        assert stop.is_set() or not life.done(), "the broker has ended"
    finally:
        stop.set()
        async with asyncio.timeout(PATIENCE):
            await life

"""`slackd broker`: the journal and the plugins' side, without tokens and without a network."""

import asyncio
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from socket import socket

from slackd.accelerators import loop_factory
from slackd.broker.daemon import BrokerDaemon, Sockets
from slackd.cli.process import begin, keep_good, report_status, run_to_the_end, say_left_out
from slackd.config import Config
from slackd.config.last_good import state_folder
from slackd.config.paths import started_by_systemd
from slackd.link import BrokerEnd
from slackd.systemd.idle_memory import give_back_when_idle
from slackd.systemd.lifetime import settle_memory
from slackd.systemd.notify import Notifier, feed_watchdog
from slackd.systemd.sockets import ListeningSocket, inherited, listen

log = logging.getLogger(__name__)

_LINK_MODE = 0o600
_CONTROL_MODE = 0o600
MOST_TROUBLES = 3
"""What fits into a line that people read."""
# Anybody may connect: the kernel says who may be which plugin (SO_PEERCRED).
_PLUGINS_MODE = 0o666


def run_broker(config_file: str | None) -> None:
    """Serve until told to stop.

    Raises:
        SlackdError: The process cannot start; its words are for the operator.
    """
    config = begin(config_file, "slackd-broker", lambda file: state_folder(file, os.environ, os.geteuid()))
    say_left_out(config)
    notifier = Notifier()
    daemon = BrokerDaemon(config, foreground=not started_by_systemd(os.environ))
    with open_sockets(config, inherited(), with_link=True) as sockets:
        run_to_the_end(lambda stop: _serve(daemon, sockets, stop, notifier), loop_factory())


@contextmanager
def open_sockets(
    config: Config, passed: Mapping[str, tuple[socket, ...]], *, with_link: bool
) -> Iterator[Sockets]:
    """The broker's sockets, from systemd or made here; those made here are removed at the end.

    Raises:
        ServiceError: One of them cannot be had.
    """
    made: list[ListeningSocket] = []

    def take(name: str, mode: int) -> socket:
        paths = {"link": config.link_socket, "plugins": config.plugins.socket, "control": config.control.socket}
        made.append(listen(name, paths[name], mode, passed))
        return made[-1].socket

    # Made by systemd or not at all: a port on the network is for the operator to turn on.
    metrics = passed.get("metrics", ())
    try:
        yield Sockets(
            link=take("link", _LINK_MODE) if with_link else None,
            plugins=take("plugins", _PLUGINS_MODE),
            control=take("control", _CONTROL_MODE),
            metrics=metrics[0] if metrics else None,
        )
    finally:
        for listener in made:
            listener.close()


async def _serve(daemon: BrokerDaemon, sockets: Sockets, stop: asyncio.Event, notifier: Notifier) -> None:
    async with asyncio.TaskGroup() as group:
        attendants: list[asyncio.Task[None]] = []

        def ready(_end: BrokerEnd) -> None:
            status = broker_status(daemon)
            notifier.ready(status)
            keep_good(daemon.config, daemon.config.journal.directory)
            settle_memory()
            log.info("the broker is ready: %s", status, extra={"event": "service-ready"})
            attendants.append(group.create_task(attend(daemon, notifier)))

        async def say_stopping() -> None:
            await stop.wait()
            notifier.stopping("stopping: what is under way is written to the journal")

        attendants.append(group.create_task(say_stopping()))
        await daemon.run(stop, sockets, ready)
        for task in attendants:
            task.cancel()


async def attend(daemon: BrokerDaemon, notifier: Notifier) -> None:
    """Tell systemd how the broker is, until cancelled."""
    async with asyncio.TaskGroup() as group:
        group.create_task(report_status(notifier, lambda: broker_status(daemon)))
        group.create_task(feed_watchdog(notifier, lambda: _journal_answers(daemon)))
        group.create_task(give_back_when_idle(lambda: daemon.journal.release_memory()))


async def _journal_answers(daemon: BrokerDaemon) -> None:
    """The writer's thread has said something, if only that the disk is full (no reason to be killed)."""
    answered = asyncio.Event()
    daemon.journal.submit((), lambda _outcome: answered.set())
    await answered.wait()


def broker_status(daemon: BrokerDaemon) -> str:
    """One line for `systemctl status`."""
    config = daemon.config
    apps = f"{len(config.apps)} app{'s' * (len(config.apps) != 1)}" if config.apps else "no app configured"
    plugins = f"{len(config.plugin_files)} plugin{'s' * (len(config.plugin_files) != 1)}"
    troubles = daemon.troubles()
    return f"serving {apps}, {plugins}" + (f"; {', '.join(troubles[:MOST_TROUBLES])}" if troubles else "")

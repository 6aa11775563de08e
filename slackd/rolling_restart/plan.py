"""Which units a rolling restart restarts, in which order, and what each restart has to wait for. Pure.

A process is restarted if what it runs with (a fingerprint of its code, configuration and credentials) is not
what is on disk, or if its unit's own file has changed. The broker goes first: both connectors keep what it has
not settled, so nothing is lost while it is away. Then one connector after the other, each up to READY: no
restart takes an app's last READY connection (rule R9, for promise P2). An app that is READY nowhere has
nothing to lose, and holds nothing up. Receiver and gateway come last; systemd holds their sockets, so that
nobody is refused meanwhile.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from slackd.link.messages import RECEIVER as RECEIVER_NUMBER
from slackd.slotted import frozen

WHOLE: Final = "slackd.service"
BROKER: Final = "slackd-broker.service"
CONNECTORS: Final[Mapping[int, str]] = {1: "slackd-connector@1.service", 2: "slackd-connector@2.service"}
RECEIVER: Final = "slackd-receiver.service"
"""Off until somebody enables it; its socket is systemd's, so that a restart refuses no request."""
GATEWAY: Final = "slackd-gateway.service"
"""As off, and its sockets are systemd's as well; the apps behind it are told to connect again."""
UNITS: Final = (BROKER, *CONNECTORS.values(), RECEIVER, GATEWAY)
"""The processes of the daemon, in the order of a rolling restart."""


@frozen
class ConnectorNow:
    """One connector as the broker sees it.

    Attributes:
        linked: It is connected to the broker; all else is empty while it isn't.
        digest: Fingerprint of its code, configuration and credentials.
        ready: By app, connections that are READY.
    """

    linked: bool = False
    digest: str = ""
    ready: Mapping[str, int] = attrs.field(factory=dict)


@frozen
class Now:
    """The daemon as it runs.

    Attributes:
        broker_digest: "" while the broker cannot be asked.
        gateway_digest: "" while the gateway cannot be asked.
    """

    broker_digest: str = ""
    connectors: Mapping[int, ConnectorNow] = attrs.field(factory=dict)
    gateway_digest: str = ""

    def digest(self, unit: str) -> str:
        """The fingerprint that a process runs with, "" where it is not known."""
        if unit == BROKER:
            return self.broker_digest
        if unit == GATEWAY:
            return self.gateway_digest
        number = number_of(unit)
        return self.connectors[number].digest if number in self.connectors else ""


def number_of(unit: str) -> int:
    """The number of a connector's unit, or the receiver's; 0 for the broker's."""
    if unit == RECEIVER:
        return RECEIVER_NUMBER
    return next((number for number, name in CONNECTORS.items() if name == unit), 0)


def restarts(
    wanted: Mapping[str, str], now: Now, *, changed_units: Sequence[str] = (), force: bool = False
) -> tuple[str, ...]:
    """Choose the units to restart: those whose process would not be what runs already.

    Args:
        wanted: By unit, the fingerprint of what is on disk.
        now: The daemon as it runs.
        changed_units: Units whose own files have changed since systemd read them.
        force: Restart although nothing changed.

    Returns:
        The units, in the order of their restarts.
    """
    return tuple(
        unit
        for unit in UNITS
        if unit in wanted and (force or unit in changed_units or now.digest(unit) != wanted[unit])
    )


def last_ready(number: int, now: Now, apps: Sequence[str]) -> tuple[str, ...]:
    """Find the apps whose last READY connection a restart of this connector would take (rule R9).

    Args:
        number: The connector's.
        now: The daemon as it runs.
        apps: Those that the configuration on disk has; nobody waits for one that was taken out.

    Returns:
        The apps that the restart has to wait for.
    """
    here = now.connectors.get(number, ConnectorNow())
    if number not in CONNECTORS:
        return ()
    others = [each for other, each in now.connectors.items() if other != number and other in CONNECTORS]
    return tuple(
        app
        for app in sorted(apps)
        if here.ready.get(app, 0) and not any(other.ready.get(app, 0) for other in others)
    )


def ready_nowhere(now: Now, apps: Sequence[str]) -> tuple[str, ...]:
    """The apps that no connector has a READY connection for."""
    return tuple(app for app in apps if not any(each.ready.get(app, 0) for each in now.connectors.values()))

"""The table of transports: which ones an app's `transport` names, and how each is made in a connector.

A new transport is a folder beside `socketmode/` and a line here.
"""

import random
import time
from collections.abc import Callable, Mapping
from typing import Final

from slackd.config.values import App
from slackd.connector.credentials import AppSecrets
from slackd.connector.socketmode.transport import SocketModeTransport
from slackd.connector.transport import Transport
from slackd.slotted import frozen


@frozen
class TransportSetting:
    """What a transport is made of.

    Attributes:
        app: The app it serves.
        secrets: The app's tokens.
        connector: The number of the connector that it runs in.
        clock: Seconds on the machine's monotonic clock.
        rng: For jitter.
        first_number: Connections are numbered from here on.
    """

    app: App
    secrets: AppSecrets
    connector: int
    clock: Callable[[], float]
    rng: random.Random
    first_number: int


def _socketmode(setting: TransportSetting) -> Transport:
    assert setting.secrets.app_token is not None
    return SocketModeTransport(
        setting.app,
        setting.connector,
        setting.secrets.app_token,
        clock=setting.clock,
        rng=setting.rng,
        first_number=setting.first_number,
    )


def _request_url(setting: TransportSetting) -> Transport:
    # No connector has one, and what is imported for it takes a hundredth of their start.
    from slackd.connector.request_url.transport import RequestUrlTransport

    return RequestUrlTransport(setting.app.name, clock=setting.clock, first_number=setting.first_number)


@frozen
class TransportEntry:
    """One transport.

    Attributes:
        make: Makes it.
        named: The values of `[apps.NAME] transport` that ask for it.
        listens: It runs in the receiver; all others dial out, in the connectors.
    """

    make: Callable[[TransportSetting], Transport]
    named: frozenset[str]
    listens: bool = False


TRANSPORTS: Final[Mapping[str, TransportEntry]] = {
    "socketmode": TransportEntry(_socketmode, frozenset({"socketmode", "both"})),
    "http": TransportEntry(_request_url, frozenset({"http", "both"}), listens=True),
}
"""Every transport there is."""


def make_transports(
    apps: Mapping[str, App],
    secrets: Mapping[str, AppSecrets],
    connector: int,
    *,
    clock: Callable[[], float] = time.monotonic,
    rng: random.Random | None = None,
    first_number: int | None = None,
    listens: bool = False,
) -> dict[str, Transport]:
    """What brings the envelopes of every app that has secrets, by the app's name.

    Args:
        apps: By name.
        secrets: By the app's name.
        connector: The number of the process.
        clock: Seconds on the machine's monotonic clock.
        rng: For jitter.
        first_number: Connections are numbered from here on; the default is `first_number_at` this moment.
        listens: For the receiver; else what dials out.
    """
    if first_number is None:
        first_number = first_number_at(time.time())
    rng = rng if rng is not None else random.Random()
    return {
        name: entry.make(TransportSetting(app, secrets[name], connector, clock, rng, first_number))
        for name, app in apps.items()
        for entry in TRANSPORTS.values()
        if name in secrets and app.transport in entry.named and entry.listens == listens
    }


def first_number_at(now: float) -> int:
    """The number of the first connection of a process that begins now (UNIX seconds): no name comes back in the
    next process while the broker still remembers it, as an unconfirmed connection's, say."""
    return int(now * 10) % 10_000_000

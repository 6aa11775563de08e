"""The table of transports: which ones an app's `transport` names, and how each is made in a connector.

A new transport is a folder beside `socketmode/` and a line here.
"""

import random
import time
from collections.abc import Callable, Mapping
from typing import Final

import attrs

from slackd.config.values import App
from slackd.connector.credentials import AppSecrets
from slackd.connector.socketmode.transport import SocketModeTransport
from slackd.connector.transport import Transport


@attrs.frozen
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
    return SocketModeTransport(
        setting.app,
        setting.connector,
        setting.secrets.app_token,
        clock=setting.clock,
        rng=setting.rng,
        first_number=setting.first_number,
    )


TRANSPORTS: Final[Mapping[str, Callable[[TransportSetting], Transport]]] = {"socketmode": _socketmode}
"""By the name in `[apps.NAME] transport`: what a connector dials out with."""


def make_transports(
    apps: Mapping[str, App],
    secrets: Mapping[str, AppSecrets],
    connector: int,
    *,
    clock: Callable[[], float] = time.monotonic,
    rng: random.Random | None = None,
    first_number: int | None = None,
) -> dict[str, Transport]:
    """What brings the envelopes of every app that has secrets, by the app's name.

    Connections are numbered from `first_number` on. The default is drawn from the wall clock, so that no name
    comes back in the next process while the broker still remembers it (as an unconfirmed connection's, say).
    """
    if first_number is None:
        first_number = int(time.time()) % 1_000_000
    rng = rng if rng is not None else random.Random()
    return {
        name: TRANSPORTS[app.transport](
            TransportSetting(app, secrets[name], connector, clock, rng, first_number)
        )
        for name, app in apps.items()
        if name in secrets
    }

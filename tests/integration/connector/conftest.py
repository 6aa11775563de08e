"""The Slack that the connector's tests run against."""

from collections.abc import AsyncIterator

import pytest

from slackd.emulator import EmulatedApp, Emulator, EmulatorClient, EmulatorSettings


@pytest.fixture
async def slack() -> AsyncIterator[EmulatorClient]:
    """An emulated Slack, a hundred times faster but for the times to acknowledge and to leave."""
    settings = EmulatorSettings(
        time_scale=0.01, ack_deadline=3_000.0, repeat_same_envelope_after=None, warning_grace=300.0, seed=1
    )
    app = EmulatedApp(events=("app_mention",))
    async with Emulator([app], settings).serving() as emulated:
        for name in ("C1", "C9"):
            emulated.add_channel(name.lower(), channel=name)
        yield emulated

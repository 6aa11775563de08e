"""The Slack that the connector's tests run against."""

from collections.abc import AsyncIterator

import pytest

from slackd.emulator import Emulator, EmulatorClient, EmulatorSettings


@pytest.fixture
async def slack() -> AsyncIterator[EmulatorClient]:
    """An emulated Slack, a hundred times faster but for the times to acknowledge and to leave."""
    settings = EmulatorSettings(
        time_scale=0.01, ack_deadline=3_000.0, repeat_same_envelope_after=None, warning_grace=300.0, seed=1
    )
    async with Emulator(settings=settings).serving() as emulated:
        yield emulated

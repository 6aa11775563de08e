"""The Slack that the connector's tests run against."""

from collections.abc import AsyncIterator

import pytest

from slackd.emulator import EmulatedSlack, Emulator, EmulatorSettings


@pytest.fixture
async def slack() -> AsyncIterator[EmulatedSlack]:
    """An emulated Slack a hundred times faster than the real one, but for the time to acknowledge."""
    settings = EmulatorSettings(time_scale=0.01, ack_deadline=1_000.0, seed=1)
    async with Emulator(settings=settings).serving() as emulated:
        yield emulated

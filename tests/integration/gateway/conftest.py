"""One running slackd with a gateway for all tests of a module that want nothing special of it; such a module
has `pytest.mark.asyncio(loop_scope="module")`.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from slackd.emulator import Emulator, EmulatorClient
from tests.integration.gateway.gateway_rig import GatewayHouse, behind

Running = tuple[EmulatorClient, GatewayHouse]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[Running]:
    async with Emulator().serving() as emulated, behind(emulated) as made:
        yield emulated, made


@pytest.fixture
def shared_slack(running: Running) -> EmulatorClient:
    """The Slack of the shared house, with nothing in its ledger."""
    running[0].reset()
    return running[0]


@pytest_asyncio.fixture(loop_scope="module")
async def shared_house(running: Running, shared_slack: EmulatorClient) -> AsyncIterator[GatewayHouse]:
    """The shared house: the app `bot` may do everything, and is not connected."""
    yield running[1]
    await running[1].until_connected(count=0)

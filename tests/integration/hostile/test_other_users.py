"""What users of the host do who are no plugin: an honest plugin's commands take as long as without them.

Each attack runs beside the honest plugin in turns with a process that only takes the same share of the machine.
"""

import asyncio
import os

import pytest

from tests.integration.hostile.comparison import GROWTH, QUIET_LOG, RATIO, compare
from tests.integration.hostile.hostile_rig import measured_broker
from tests.integration.hostile.users import OUTSIDER, ROGUE

pytestmark = [pytest.mark.load, pytest.mark.skipif(os.getuid() != 0, reason="other users' processes need root")]


@pytest.mark.parametrize(
    ("attack", "uid"),
    [
        ("connects_without_end", OUTSIDER),
        ("connects_and_stays", OUTSIDER),
        ("connects_again_and_stays", OUTSIDER),
        ("another_plugins_name", OUTSIDER),
        ("many_users_stay", 0),
    ],
)
async def test_whoever_connects_changes_nothing_for_a_plugin(attack: str, uid: int) -> None:
    async with measured_broker() as broker:
        found = await compare(broker, attack, uid)
        assert found.ratio < RATIO, found
        assert found.growth < GROWTH
        assert found.unanswered == 0
        assert found.logged < QUIET_LOG


async def test_nine_users_with_all_the_connections_they_can_have_keep_no_plugin_out() -> None:
    async with measured_broker() as broker, broker.program("many_users_stay", 0):
        await asyncio.sleep(1.0)
        async with broker.program("is_slow", ROGUE):
            async with asyncio.timeout(30):
                while not (await broker.ask("status"))["plugins"][1]["sessions"]:
                    await asyncio.sleep(0.05)

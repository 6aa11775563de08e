"""What users of the host do who are no plugin: an honest plugin's commands take as long as without them.

Each attack runs beside the honest plugin in turns with a process that only takes the same share of the machine.
"""

import asyncio
import os

import pytest

from tests.integration.hostile.comparison import GROWTH, QUIET_LOG, assert_unnoticed, compare
from tests.integration.hostile.hostile_rig import measured_broker
from tests.integration.hostile.users import OUTSIDER, ROGUE

pytestmark = [
    pytest.mark.alone,
    pytest.mark.load,
    pytest.mark.timeout(240),
    pytest.mark.skipif(os.getuid() != 0, reason="other users' processes need root"),
]


WITHOUT_A_FAULT = {"connects_and_stays", "many_users_stay"}
"""Whoever connects and says nothing has done nothing wrong yet."""


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
        found = await compare(broker, attack, uid, "burn", OUTSIDER)
        assert_unnoticed(found)
        assert found.growth < GROWTH
        assert found.unanswered == 0
        assert found.logged < QUIET_LOG
        assert attack in WITHOUT_A_FAULT or await broker.shows(
            lambda status: any(each["uid"] == uid for each in status["users"]), attack, uid
        )


async def test_nine_users_with_all_the_connections_they_can_have_keep_no_plugin_out() -> None:
    async with measured_broker() as broker, broker.program("many_users_stay", 0):
        await asyncio.sleep(1.0)
        async with broker.program("is_slow", ROGUE):
            async with asyncio.timeout(15):
                while not (await broker.ask("status"))["plugins"][1]["sessions"]:
                    await asyncio.sleep(0.05)

"""What a plugin does that is slow, broken or hostile: the one beside it notices nothing, and it is told of.

Each attack runs in turns with the same plugin as it should be, which takes the same share of the machine.
"""

import os
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.hostile.comparison import GROWTH, QUIET_LOG, TURNS, assert_unnoticed, compare
from tests.integration.hostile.hostile_rig import measured_broker
from tests.integration.hostile.users import ROGUE

pytestmark = [
    pytest.mark.alone,
    pytest.mark.load,
    pytest.mark.timeout(240),
    pytest.mark.skipif(os.getuid() != 0, reason="other users' processes need root"),
]

Plugin = dict[str, Any]


def fault(kind: str, words: str = "") -> Callable[[Plugin], bool]:
    """The status counts faults of this kind; the last one's words have these in them."""
    return lambda plugin: any(each["fault"] == kind and words in each["last"] for each in plugin["faults"])


def has_in_flight(plugin: Plugin) -> bool:
    return bool(plugin["in_flight"] > 0 or plugin["open"] > 0)


def has_stale_answers(plugin: Plugin) -> bool:
    return bool(plugin["stale_hour"] > 0)


def has_dead_letters(plugin: Plugin) -> bool:
    return bool(plugin["dead"] > 0)


def nothing(plugin: Plugin) -> bool:
    return True


@pytest.mark.parametrize(
    ("attack", "event", "shown"),
    [
        ("is_slow", "session-began", has_in_flight),
        ("crashes_in_a_loop", "session-ended", fault("crashed")),
        ("crashes_with_a_delivery", "session-ended", fault("crashed")),
        ("never_reads", "session-began", nothing),
        ("half_lines", "session-began", nothing),
        ("long_lines", "plugin-refused", fault("refused", "bytes")),
        ("invalid_utf8", "plugin-refused", fault("refused", "not UTF-8")),
        ("wrong_ids", "session-began", has_stale_answers),
        ("huge_ids", "plugin-refused", fault("refused", '"id" must be')),
        ("late_answers", "session-began", has_stale_answers),
        ("nacks_everything", "delivery-dead", has_dead_letters),
        ("nacks_at_once", "delivery-dead", has_dead_letters),
        ("extends_without_end", "session-began", has_in_flight),
        ("floods_the_log", "plugin-log", nothing),
        ("floods_with_calls", "session-began", nothing),
        ("floods_with_answers", "session-began", has_in_flight),
        ("costly_lines", "session-began", fault("slowed")),
    ],
)
async def test_a_bad_plugin_costs_another_one_nothing_and_is_told_of(
    attack: str, event: str, shown: Callable[[Plugin], bool]
) -> None:
    async with measured_broker() as broker:
        found = await compare(broker, attack, ROGUE, "behaves", ROGUE)
        assert_unnoticed(found)
        assert found.growth < GROWTH
        assert found.unanswered == 0
        assert found.logged < QUIET_LOG or event == "plugin-log"  # its own lines: 25 kB a second at most
        assert await broker.shows(lambda status: shown(status["plugins"][1]), attack, ROGUE)
        assert (await broker.ask("log"))["events"][event] > 0


async def test_a_flaw_is_noticed() -> None:
    async with measured_broker("flawed") as broker:
        found = await compare(broker, "crashes_in_a_loop", ROGUE, "behaves", ROGUE, TURNS + 2)
        assert found.noticed(), found

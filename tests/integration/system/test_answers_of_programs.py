"""When an envelope is acknowledged, and with what: the design's table, with real processes."""

import asyncio

from slackd.emulator import Emulator
from tests.integration.system.house import living
from tests.integration.system.programs import PATIENCE

COMMANDS = """
[[subscribe]]
type = "slash_commands"
command = "/do"
respond = true
[[subscribe]]
type = "interactive"
"""


async def test_an_answer_in_time_and_one_that_is_late() -> None:
    async with Emulator().serving() as slack, living(slack, {"recorder": COMMANDS}) as house:
        prompt, late = slack.command("/do", "this"), slack.command("/do", "sleep 4", user="U0BOB000001")
        await slack.wait_for_ack(prompt)
        assert prompt.response == {"text": "done this"}
        await slack.wait_for_ack(late)
        assert late.response is None
        assert late.ack_seconds is not None
        assert 2.4 < late.ack_seconds < 3.0
        assert (await slack.wait_for_post(late, timeout=PATIENCE))["text"] == "done sleep 4"
        assert len(house.records["recorder"].handlings) == 2


async def test_a_broker_that_is_killed_owes_the_answer_still() -> None:
    async with Emulator().serving() as slack, living(slack, {"recorder": COMMANDS}) as house:
        record = house.records["recorder"]
        command = slack.command("/do", "sleep 0.3")
        await record.until(lambda: command.key in record.keys, "the command to be in the plugin's hands")
        house.broker.kill()
        await slack.wait_for_ack(command)
        assert command.response == {"text": "done sleep 0.3"}
        assert len(record.handlings) == 1


async def test_nobody_waits_for_a_plugin_that_does_not_exist_or_is_away() -> None:
    async with Emulator().serving() as slack, living(slack, {"recorder": COMMANDS}) as house:
        unknown = await slack.wait_for_ack(slack.command("/unknown"))
        assert "Nothing here answers this command" in unknown.response["text"]
        click = await slack.wait_for_ack(slack.click("press", made_up=True))
        assert click.response is None
        assert await house.program("recorder").stop() == 0
        async with asyncio.timeout(PATIENCE):
            while (refused := await slack.wait_for_ack(slack.command("/do", "that"))).response is None:
                assert refused.ack_seconds is not None
                assert refused.ack_seconds < 3.0
        assert "recorder is not available" in refused.response["text"]
        assert refused.ack_seconds is not None
        assert refused.ack_seconds < 2.0

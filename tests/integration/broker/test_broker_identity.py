"""Who the app's own bot is comes from a connector, and decides what `ignore_self` leaves out."""

from slackd.config import Subscription
from slackd.link.messages import AppIdentity, Identified
from tests.integration.broker.broker_rig import house, plugin
from tests.support.slack_texts import command, event


def bot_message(number: int, bot_id: str) -> str:
    inner = {
        "type": "message",
        "subtype": "bot_message",
        "channel": f"C{number}",
        "ts": "1.0",
        "bot_id": bot_id,
    }
    return event(number, inner)


async def test_the_apps_own_bot_message_is_left_out_once_its_bot_is_known() -> None:
    async with house(plugin("bot", Subscription("events_api"))) as here:
        here.connector.say(Identified(AppIdentity("main", bot_id="B0OWN")))
        program = await here.program()
        here.connector.deliver(bot_message(1, "B0OWN"), bot_message(2, "B0OTHER"))
        assert (await program.handed())["envelope"]["payload"]["event_id"] == "Ev2"


async def test_a_connector_of_0_1_0_tells_no_identity_and_everything_else_goes_on() -> None:
    async with house(plugin("bot", Subscription("events_api"))) as here:
        program = await here.program()
        here.connector.deliver(bot_message(1, "B0OWN"))
        assert (await program.handed())["envelope"]["payload"]["event_id"] == "Ev1"


async def test_three_interactions_that_share_a_trigger_are_three() -> None:
    async with house() as here:
        program = await here.program()
        cases = [command(number, "/bot", trigger_id="1.2", text=str(number)) for number in (1, 2, 3)]
        here.connector.deliver(*cases)
        for number in (1, 2, 3):
            delivery = await program.handed()
            await program.answer(delivery, {"text": f"answer {number}"})
        assert [(await here.connector.acknowledgement(n))["text"] for n in (1, 2, 3)] == [
            "answer 1",
            "answer 2",
            "answer 3",
        ]

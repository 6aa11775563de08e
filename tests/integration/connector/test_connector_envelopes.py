"""A connector against the emulated Slack: what comes in is handed over, and acknowledged when it is settled."""

import json

from slackd.emulator import EmulatedSlack
from tests.integration.connector.connector_rig import rig_for


async def test_an_envelope_is_handed_over_and_acknowledged(slack: EmulatedSlack) -> None:
    async with rig_for(slack) as rig:
        await rig.ready()
        entry = slack.mention("hello")
        await slack.wait_for_ack(entry)
        (arrival,) = rig.broker.arrivals
        assert json.loads(arrival.text)["payload"]["event"]["type"] == "app_mention"
        assert rig.broker.hellos[0].apps == {"emulated": 1}

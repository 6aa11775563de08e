"""User groups are looked up by a connector, before anybody of them may, and again and again."""

import asyncio
import shutil
import tempfile
from pathlib import Path

from slackd.broker import usergroup_store, usergroups
from slackd.config import Allow, Subscription
from slackd.link.messages import Call, CallKind, Returned
from tests.integration.broker.broker_rig import house, plugin
from tests.support.broker import PATIENCE
from tests.support.slack_texts import command

OPS = plugin("bot", Subscription("slash_commands", respond=True, allow=Allow(usergroups=("S0OPS",))))


async def test_a_member_may_as_soon_as_a_connector_has_said_so() -> None:
    async with house(OPS) as here:
        program = await here.program()

        def answer(call: Call) -> Returned:
            assert (call.kind, call.target, call.args) == (
                CallKind.METHOD,
                usergroups.METHOD,
                {"usergroup": "S0OPS"},
            )
            return Returned(call.number, {"ok": True, "users": ["U1"]})

        here.connector.answer = answer
        members, clock = here.daemon.core.ingest.members, here.daemon.engine.clock
        async with asyncio.timeout(PATIENCE):
            while members.of(("main", "S0OPS"), clock().monotonic) is None:
                await asyncio.sleep(0.01)
        here.connector.deliver(command(1, "/bot"))
        await program.answer(await program.handed(), {"text": "deployed"})
        (refused,) = here.connector.deliver(command(2, "/bot", user_id="U2"))
        assert (await here.connector.acknowledgement(refused))["text"] == "You may not do this here."


async def test_where_it_cannot_be_looked_up_the_answer_is_no() -> None:
    async with house(OPS) as here:
        here.connector.answer = lambda call: Returned(call.number, {"ok": False, "error": "missing_scope"})
        await here.connector.until(lambda: bool(here.connector.calls))
        (refused,) = here.connector.deliver(command(1, "/bot"))
        assert (await here.connector.acknowledgement(refused))["text"] == "You may not do this here."


async def test_a_broker_that_is_started_again_knows_what_the_one_before_knew() -> None:
    folder = Path(tempfile.mkdtemp(dir="/tmp", prefix="slackd-b-"))
    async with house(OPS, folder=folder) as here:
        here.connector.answer = lambda call: Returned(call.number, {"ok": True, "users": ["U1"]})
        async with asyncio.timeout(PATIENCE):
            while not (folder / "journal" / usergroup_store.FILE_NAME).exists():
                await asyncio.sleep(0.01)
    async with house(OPS, folder=folder) as here:
        here.connector.answer = lambda call: Returned(call.number, None, error="Slack is away")
        program = await here.program()
        here.connector.deliver(command(1, "/bot"))
        await program.answer(await program.handed(), {"text": "deployed"})
    shutil.rmtree(folder)

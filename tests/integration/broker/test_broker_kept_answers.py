"""Answered now, and kept: the SDK, the plugin socket and the journal together."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from slackd import jsonrpc
from slackd.plugin import Context, Envelope, Plugin, Retry
from slackd.slack.limits import ACK_LIMIT
from tests.integration.broker.broker_rig import House, house
from tests.support.slack_texts import command, interactive

CLEAR = {"response_action": "clear"}
MODAL = {"callback_id": "bot"}


async def serve(here: House, plugin: Plugin) -> asyncio.Task[None]:
    return asyncio.create_task(plugin.serve())


async def test_a_modal_closes_at_once_and_its_work_is_tried_again_until_it_is_done() -> None:
    async with house() as here:
        plugin = Plugin("bot", socket=str(here.folder / "p.sock"))
        seen: list[tuple[int, bool]] = []
        done = asyncio.Event()

        @plugin.view("bot")
        async def order(envelope: Envelope, context: Context) -> None:
            context.respond(CLEAR, keep=True)
            seen.append((envelope.attempt, envelope.answered))
            if envelope.attempt == 1:
                raise Retry("the kitchen is closed", after=0)
            done.set()

        serving = await serve(here, plugin)
        (arrived,) = here.connector.deliver(interactive("view_submission", view=MODAL))
        assert await here.connector.acknowledgement(arrived) == CLEAR
        await asyncio.wait_for(done.wait(), 10)
        await here.nothing_is_open()
        assert seen == [(1, False), (2, True)]
        assert here.connector.calls == []
        plugin.stop()
        await serving


@pytest.mark.parametrize("dies", [False, True])
async def test_over_a_restart_of_slackd_it_is_given_once(tmp_path: Path, dies: bool) -> None:
    """The program comes back with its work, or a new one begins it again."""
    async with house(folder=tmp_path) as here:
        program = await here.program(session="one")
        (arrived,) = here.connector.deliver(command(1, "/bot"))
        delivery = await program.handed()
        asked = {"id": delivery["id"], "response": {"text": "one moment"}}
        await program.say(id=8, method="answer", params=asked)
        assert await program.hear() == {"jsonrpc": "2.0", "id": 8, "result": {}}
        assert await here.connector.acknowledgement(arrived) == {"text": "one moment"}
    async with house(folder=tmp_path) as here:
        if dies:
            program = await here.program(session="two")
            again = await program.handed()
            assert (again["attempt"], again["answered"], again["respond_by"]) == (2, True, None)
            await program.answer(again)
        else:
            program = await here.program(session="one", holding=[delivery["id"]])
            await program.say(id=9, method="answer", params=asked)
            assert (await program.hear())["result"] == {}
            await program.answer(delivery)
        await here.nothing_is_open()
        assert here.connector.calls == []


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"id": "1.1"}, jsonrpc.INVALID_PARAMS),
        ({"id": "1.1", "response": ["x"]}, jsonrpc.INVALID_PARAMS),
        ({"response": {}}, jsonrpc.INVALID_PARAMS),
        ({"id": "1.1", "respons": {}}, jsonrpc.INVALID_PARAMS),
        ({"id": "99.1", "response": {}}, jsonrpc.NOT_HELD),
        ({"id": "1.2", "response": {}}, jsonrpc.NOT_HELD),
        ({"id": "1.1", "response": {"errors": "x" * ACK_LIMIT}}, jsonrpc.RESPONSE_TOO_LARGE),
    ],
)
async def test_what_is_no_answer_is_refused_and_leaves_the_delivery_as_it_was(
    params: dict[str, Any], code: int
) -> None:
    async with house() as here:
        program = await here.program()
        (arrived,) = here.connector.deliver(interactive("view_submission", view=MODAL))
        delivery = await program.handed()
        renamed = {**params, "id": delivery["id"]} if params.get("id") == "1.1" else params
        await program.say(id=8, method="answer", params=renamed)
        assert (await program.hear())["error"]["code"] == code
        await program.answer(delivery, CLEAR)
        assert await here.connector.acknowledgement(arrived) == CLEAR

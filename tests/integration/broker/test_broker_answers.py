"""What Slack's acknowledgement says: the plugin's answer in time, else the fallback of each kind."""

from typing import Any

import pytest

from slackd import jsonrpc
from slackd.config import Absent, Subscription
from slackd.jsonrpc import MAX_LINE_TO_PLUGIN
from slackd.link.memory import join
from slackd.link.messages import CallKind, Returned
from slackd.slack.limits import ACK_LIMIT
from tests.integration.broker.broker_rig import house, plugin
from tests.support.slack_texts import TOKEN, command, event, interactive

SOON: dict[str, Any] = {"answer_deadline": 0.2}
AWAY: dict[str, Any] = {"absent_after": 0.0}
KEPT = plugin("bot", Subscription("*", respond=True, absent=Absent.KEEP))


async def test_a_command_is_acknowledged_with_its_plugins_answer() -> None:
    async with house() as here:
        program = await here.program()
        (arrived,) = here.connector.deliver(command(1, "/bot"))
        delivery = await program.handed()
        assert (delivery["type"], delivery["attempt"], delivery["app"]) == ("slash_commands", 1, "main")
        assert delivery["respond_by"] - delivery["received_at"] == pytest.approx(2.9)
        assert TOKEN not in str(delivery)
        await program.answer(delivery, {"text": "done"})
        assert await here.connector.acknowledgement(arrived) == {"text": "done"}


async def test_an_event_is_acknowledged_before_anybody_answers() -> None:
    async with house() as here:
        (arrived,) = here.connector.deliver(event(1))
        assert await here.connector.acknowledgement(arrived) is None
        program = await here.program()
        assert (await program.handed())["respond_by"] is None


@pytest.mark.parametrize("taken", [True, False])
async def test_a_late_answer_goes_out_through_the_response_url_and_the_plugin_is_told(taken: bool) -> None:
    async with house(rules=SOON) as here:
        here.connector.answer = lambda call: Returned(call.number, {"ok": taken}, 200 if taken else 404)
        program = await here.program()
        (arrived,) = here.connector.deliver(command(1, "/bot"))
        delivery = await program.handed()
        assert await here.connector.acknowledgement(arrived) is None
        await program.answer(delivery, {"text": "late"})
        told = await program.hear()
        assert told["method"] == "late"
        assert told["params"] == {"id": delivery["id"], "sent": "response_url" if taken else None}
        (call,) = here.connector.calls
        assert (call.kind, call.args) == (CallKind.RESPONSE_URL, {"text": "late"})


async def test_a_late_answer_that_is_no_message_reaches_nobody_and_the_plugin_is_told() -> None:
    async with house(rules=SOON) as here:
        program = await here.program()
        (arrived,) = here.connector.deliver(interactive("view_submission", view={"callback_id": "bot"}))
        delivery = await program.handed()
        await here.connector.acknowledgement(arrived)
        await program.answer(delivery, {"response_action": "clear"})
        assert (await program.hear())["params"]["sent"] is None
        assert here.connector.calls == []


async def test_a_message_too_large_for_the_acknowledgement_goes_through_the_response_url() -> None:
    async with house() as here:
        program = await here.program()
        (arrived,) = here.connector.deliver(command(1, "/bot"))
        await program.answer(await program.handed(), {"text": "x" * ACK_LIMIT})
        assert await here.connector.acknowledgement(arrived) is None
        told = (await program.hear())["params"]
        assert (told["sent"], told["reason"]) == ("response_url", "too_large")
        (call,) = here.connector.calls
        assert call.kind is CallKind.RESPONSE_URL
        await here.nothing_is_open()


async def test_a_forgotten_respond_is_told_with_the_line_to_write() -> None:
    async with house(plugin("bot", Subscription("slash_commands"))) as here:
        program = await here.program()
        here.connector.deliver(command(1, "/bot"))
        await program.answer(await program.handed(), {"text": "hi"})
        told = (await program.hear())["params"]
        assert (told["sent"], told["reason"]) == ("response_url", "no_respond")
        assert "write respond = true" in told["message"]


async def test_a_handler_that_fails_for_good_leaves_nobody_in_silence() -> None:
    async with house() as here:
        program = await here.program()
        view = {"callback_id": "bot", "blocks": [{"type": "input", "block_id": "b"}]}
        (arrived,) = here.connector.deliver(interactive("view_submission", view=view))
        delivery = await program.handed()
        await program.nack(delivery, permanent=True)
        told = await here.connector.acknowledgement(arrived)
        reference = delivery["id"].partition(".")[0]
        assert told["response_action"] == "errors"
        assert reference in told["errors"]["b"]
        assert [str(each.delivery) for each in await here.daemon.journal.dead_letters(0, 10)] == [reference]


async def test_a_response_too_large_for_slack_is_refused_and_the_envelope_acknowledged_without_it() -> None:
    async with house() as here:
        program = await here.program()
        view = {"callback_id": "bot"}
        (arrived,) = here.connector.deliver(interactive("view_submission", view=view))
        delivery = await program.handed()
        await program.answer(delivery, {"response_action": "update", "view": {"text": "x" * ACK_LIMIT}})
        told = await program.hear()
        assert (told["id"], told["error"]["code"]) == (delivery["id"], jsonrpc.RESPONSE_TOO_LARGE)
        assert told["error"]["data"]["limit"] == ACK_LIMIT
        assert await here.connector.acknowledgement(arrived) is None
        await here.nothing_is_open()


async def test_a_menu_gets_empty_options_at_the_deadline() -> None:
    async with house(rules=SOON) as here:
        program = await here.program()
        (arrived,) = here.connector.deliver(interactive("block_suggestion", callback_id="bot"))
        await program.handed()
        assert await here.connector.acknowledgement(arrived) == {"options": []}


async def test_a_view_can_be_answered_with_errors() -> None:
    async with house() as here:
        program = await here.program()
        (arrived,) = here.connector.deliver(interactive("view_submission", view={"callback_id": "bot"}))
        errors = {"response_action": "errors", "errors": {"b": "no"}}
        await program.answer(await program.handed(), errors)
        assert await here.connector.acknowledgement(arrived) == errors


async def test_an_absent_plugin_is_said_to_be_absent_in_the_form_of_each_kind() -> None:
    async with house(rules=AWAY) as here:
        view = {"callback_id": "bot", "blocks": [{"type": "input", "block_id": "b"}]}
        asked, submitted = here.connector.deliver(
            command(1, "/bot"), interactive("view_submission", 2, view=view)
        )
        assert "not available" in (await here.connector.acknowledgement(asked))["text"]
        told = await here.connector.acknowledgement(submitted)
        assert told["response_action"] == "errors"
        assert "not available" in told["errors"]["b"]
        await here.nothing_is_open()


async def test_a_command_kept_for_an_absent_plugin_runs_when_it_is_back_and_answers_late() -> None:
    async with house(KEPT, rules=AWAY) as here:
        (arrived,) = here.connector.deliver(command(1))
        assert "as soon as it is back" in (await here.connector.acknowledgement(arrived))["text"]
        program = await here.program()
        await program.answer(await program.handed(), {"text": "done now"})
        assert (await program.hear())["params"]["sent"] == "response_url"
        assert here.connector.calls[0].args == {"text": "done now"}


async def test_a_command_that_nobody_subscribes_to_is_told_so() -> None:
    async with house() as here:
        (arrived,) = here.connector.deliver(command(1, "/nobody"))
        assert "Nothing here answers" in (await here.connector.acknowledgement(arrived))["text"]


async def test_what_comes_twice_is_handed_out_once_and_acknowledged_as_often_as_it_came() -> None:
    async with house() as here:
        program = await here.program()
        first, second = here.connector.deliver(command(1, "/bot"), command(1, "/bot"))
        delivery = await program.handed()
        (third,) = here.connector.deliver(command(1, "/bot"))
        await program.answer(delivery, {"text": "once"})
        for arrived in (first, second, third):
            assert await here.connector.acknowledgement(arrived) == {"text": "once"}
        (fourth,) = here.connector.deliver(command(1, "/bot"))
        assert await here.connector.acknowledgement(fourth) == {"text": "once"}
        here.connector.deliver(command(2, "/bot"))
        assert (await program.handed())["envelope"]["envelope_id"] == "env-2"


async def test_ids_that_utf8_cannot_hold_are_acknowledged_as_slack_spelt_them() -> None:
    async with house() as here:
        program = await here.program()
        one, other = (
            event(number).replace("env-", rf"\u{half}-") for number, half in ((1, "d800"), (2, "dfff"))
        )
        asked = command(3, "/bot").replace("env-", r"\ud800-")
        events = here.connector.deliver(one, other)
        for _ in events:
            await program.answer(await program.handed())
        (commanded,) = here.connector.deliver(asked)
        await program.answer(await program.handed(), {"text": "done"})
        assert await here.connector.acknowledgement(commanded) == {"text": "done"}
        (again,) = here.connector.deliver(asked)
        assert await here.connector.acknowledgement(again) == {"text": "done"}
        assert [here.connector.acknowledged_as[each] for each in (*events, commanded, again)] == [
            "\ud800-1",
            "\udfff-2",
            "\ud800-3",
            "\ud800-3",
        ]


async def test_a_link_that_breaks_takes_no_answer_with_it() -> None:
    async with house() as here:
        program = await here.program()
        here.connector.deliver(command(1, "/bot"))
        delivery = await program.handed()
        here.link.close()
        await program.answer(delivery, {"text": "done"})
        await here.nothing_is_open()
        here.connector.settled.clear()
        join(here.connector, here.end)
        (again,) = here.connector.deliver(command(1, "/bot"))
        assert await here.connector.acknowledgement(again) == {"text": "done"}


async def test_an_envelope_larger_than_a_line_is_acknowledged_and_a_dead_letter_that_says_so() -> None:
    async with house() as here:
        (arrived,) = here.connector.deliver(event(1, {"type": "message", "text": "x" * MAX_LINE_TO_PLUGIN}))
        assert await here.connector.acknowledgement(arrived) is None
        assert await here.dead_letters() == ["too_large"]


async def test_an_envelope_that_nobody_can_read_is_acknowledged_and_a_dead_letter() -> None:
    async with house() as here:
        (arrived,) = here.connector.deliver('{"envelope_id":"e1","payload":')
        assert await here.connector.acknowledgement(arrived) is None
        assert await here.dead_letters() == ["unreadable"]

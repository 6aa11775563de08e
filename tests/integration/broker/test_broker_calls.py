"""Web API calls of plugins: within their grants, through a connector, rate limits waited out."""

from typing import Any

import pytest

from slackd import jsonrpc
from slackd.broker import calls, connector_calls
from slackd.broker.counters import MOST_OUTCOMES, Counters
from slackd.config import Delivery
from slackd.config.values import PluginGateway
from slackd.link.messages import NOT_SENT, NOT_SLACKS, OUTCOME_UNKNOWN, Call, CallKind, Returned
from tests.integration.broker.broker_rig import Program, house, plugin
from tests.support.slack_texts import event

BOT = plugin(methods=("chat.*", "api.test"), apps=("main",))


async def call(program: Program, **params: Any) -> Any:
    await program.say(id=5, method="slack.call", params={"method": "chat.postMessage", **params})
    heard = await program.hear()
    assert heard["id"] == 5
    return heard["result"] if "result" in heard else heard["error"]["code"]


async def test_slacks_own_answer_comes_back_also_a_bad_one() -> None:
    async with house(BOT) as here:
        here.connector.answer = lambda each: Returned(each.number, {"ok": False, "error": "not_in_channel"})
        program = await here.program()
        assert await call(program, args={"channel": "C1"}) == {"ok": False, "error": "not_in_channel"}
        (made,) = here.connector.calls
        assert (made.app, made.kind, made.target) == ("main", CallKind.METHOD, "chat.postMessage")
        assert made.args == {"channel": "C1"}
        assert here.daemon.core.counters.calls["bot", "not_in_channel"] == 1


async def test_half_a_surrogate_pair_in_the_args_reaches_slack_as_a_question_mark() -> None:
    async with house(BOT) as here:
        assert await call(await here.program(), args={"text": "\ud800"}) == {"ok": True}
        assert here.connector.calls[0].args == {"text": "?"}


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"method": "auth.revoke"}, jsonrpc.METHOD_NOT_GRANTED),
        ({"method": "chat.x/../auth.revoke"}, jsonrpc.INVALID_PARAMS),
        ({"app": "other"}, jsonrpc.UNKNOWN_APP),
        ({"args": "x"}, jsonrpc.INVALID_PARAMS),
    ],
)
async def test_what_the_file_does_not_grant_never_reaches_a_connector(
    params: dict[str, Any], code: int
) -> None:
    async with house(BOT) as here:
        assert await call(await here.program(), **params) == code
        assert here.connector.calls == []


async def test_a_rate_limit_is_waited_out() -> None:
    async with house(BOT) as here:

        def answer(made: Call) -> Returned:
            limited = len(here.connector.calls) == 1
            return Returned(
                made.number, {"ok": not limited}, 429 if limited else 200, 0.01 if limited else None
            )

        here.connector.answer = answer
        assert await call(await here.program()) == {"ok": True}
        assert len(here.connector.calls) == 2


async def test_a_connector_that_dies_during_a_call_leaves_its_outcome_unknown() -> None:
    async with house(BOT) as here:
        here.connector.answer = lambda _: None
        program = await here.program()
        await program.say(id=5, method="slack.call", params={"method": "api.test"})
        await here.connector.until(lambda: len(here.connector.calls) == 1)
        here.link.close()
        assert (await program.hear())["error"]["code"] == jsonrpc.OUTCOME_UNKNOWN


async def test_without_a_connector_nothing_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connector_calls, "CONNECTOR_PATIENCE", 0.05)
    async with house(BOT) as here:
        program = await here.program()
        here.link.close()
        assert await call(program) == jsonrpc.SLACK_UNAVAILABLE


@pytest.mark.parametrize(
    ("status", "code", "counted"),
    [
        (NOT_SENT, jsonrpc.SLACK_UNAVAILABLE, "unavailable"),
        (OUTCOME_UNKNOWN, jsonrpc.OUTCOME_UNKNOWN, "unknown"),
        (500, jsonrpc.OUTCOME_UNKNOWN, "unknown"),
        (200, jsonrpc.OUTCOME_UNKNOWN, "unknown"),
        (429, jsonrpc.SLACK_UNAVAILABLE, "unavailable"),
    ],
)
async def test_whether_a_call_without_an_answer_may_have_been_carried_out(
    status: int, code: int, counted: str
) -> None:
    async with house(BOT) as here:
        here.connector.answer = lambda each: Returned(each.number, None, status, 0.0, error="no answer")
        assert await call(await here.program()) == code
        assert here.daemon.core.counters.calls["bot", counted] == 1


async def test_an_answer_that_is_no_json_is_an_error_and_not_the_end() -> None:
    async with house(BOT) as here:
        here.connector.answer = lambda each: Returned(each.number, {"ok": float("nan")})
        program = await here.program()
        assert await call(program) == jsonrpc.INTERNAL_ERROR
        here.connector.answer = lambda each: Returned(each.number, {"ok": True})
        assert await call(program) == {"ok": True}


async def test_methods_that_a_plugin_invents_take_no_counter_of_their_own() -> None:
    async with house(BOT) as here:
        program = await here.program()
        for number in range(3):
            await call(program, method=f"chat.x{number}")
        assert dict(here.daemon.core.counters.calls) == {("bot", "ok"): 3}


def test_outcomes_without_end_share_one_counter() -> None:
    counters = Counters()
    for number in range(MOST_OUTCOMES + 10):
        counters.count_call("bot", f"error_{number}")
    assert len(counters.calls) == MOST_OUTCOMES + 1
    assert counters.calls["bot", "other"] == 10


async def test_no_more_than_so_many_of_one_plugin_are_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "MAX_WAITING", 1)
    async with house(BOT) as here:
        here.connector.answer = lambda _: None
        program = await here.program()
        await program.say(id=1, method="slack.call", params={"method": "api.test"})
        assert await call(program) == jsonrpc.TOO_MANY_CALLS


async def test_nor_so_many_bytes_of_them_but_a_single_one_may_have_any(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "MAX_WAITING_BYTES", 1_000)
    async with house(BOT) as here:
        here.connector.answer = lambda _: None
        program = await here.program()
        large = {"method": "chat.postMessage", "args": {"text": "x" * 2_000}}
        await program.say(id=1, method="slack.call", params=large)
        assert await call(program) == jsonrpc.TOO_MANY_CALLS


async def test_who_would_rather_not_wait_hears_how_long_the_rate_limit_lasts() -> None:
    async with house(BOT) as here:
        here.connector.answer = lambda made: Returned(made.number, {"ok": False}, 429, 40.0)
        program = await here.program()
        await program.say(
            id=5, method="slack.call", params={"method": "chat.postMessage", "args": {}, "max_wait": 1}
        )
        error = (await program.hear())["error"]
        assert (error["code"], error["data"]) == (jsonrpc.RATE_LIMITED, {"retry_after": 40})
        assert len(here.connector.calls) == 1


async def test_a_connection_for_calls_alone_is_delivered_nothing_and_leaves_the_plugin_absent() -> None:
    async with house(BOT) as here:
        program = await here.program(window=0)
        assert await call(program) == {"ok": True}
        assert here.daemon.core.plugins["bot"].sessions.is_empty
        await program.goes()
        assert await call(await here.program(window=0)) == {"ok": True}


async def test_a_message_for_a_response_url_goes_out_through_the_connector() -> None:
    async with house(BOT) as here:
        here.connector.answer = lambda made: Returned(made.number, {"ok": False, "error": "used_url"}, 404)
        program = await here.program()
        url = "https://hooks.slack.com/actions/T1/2/x"
        await program.say(id=5, method="slack.respond", params={"url": url, "message": {"text": "done"}})
        assert (await program.hear())["result"] == {"status": 404, "body": {"ok": False, "error": "used_url"}}
        (made,) = here.connector.calls
        assert (made.app, made.kind, made.target) == ("main", CallKind.RESPONSE_URL, url)
        assert made.args == {"text": "done"}


async def test_a_post_to_a_url_that_is_not_slacks_was_certainly_not_made() -> None:
    async with house(BOT) as here:
        here.connector.answer = lambda made: Returned(made.number, None, NOT_SLACKS, error="not Slack's")
        program = await here.program()
        params = {"url": "https://evil.example/x", "message": {"text": "done"}}
        await program.say(id=5, method="slack.respond", params=params)
        refused = (await program.hear())["error"]
        assert refused["code"] == jsonrpc.INVALID_PARAMS
        assert "not Slack's" in refused["message"]


async def test_an_app_of_the_gateway_may_always_ask_who_it_is() -> None:
    served = plugin(methods=(), apps=("main",), gateway=PluginGateway())
    async with house(served) as here:
        assert await call(await here.program(), method="auth.test") == {"ok": True}
        assert await call(await here.program(), method="chat.postMessage") == jsonrpc.METHOD_NOT_GRANTED


async def test_a_second_call_in_a_channel_waits_for_the_probe_and_other_channels_do_not() -> None:
    async with house(BOT) as here:
        limited = {"C1": 2}

        def answer(made: Call) -> Returned:
            channel = made.args["channel"]
            if limited.get(channel, 0) > 0:
                limited[channel] -= 1
                return Returned(made.number, {"ok": False, "error": "ratelimited"}, 429, 0.05)
            return Returned(made.number, {"ok": True, "channel": channel}, 200)

        here.connector.answer = answer
        program = await here.program()
        for number, channel in enumerate(("C1", "C1", "C2"), 1):
            params = {"method": "chat.postMessage", "args": {"channel": channel}}
            await program.say(id=number, method="slack.call", params=params)
        heard = [await program.hear() for _ in range(3)]
        assert [each["id"] for each in heard] == [3, 1, 2]
        assert all(each["result"]["ok"] for each in heard)
        assert len(here.connector.calls) == 5


async def test_while_a_call_of_a_delivery_is_held_back_its_ack_timeout_rests() -> None:
    bot = plugin(methods=("chat.*",), apps=("main",), delivery=Delivery(ack_timeout=0.3))
    async with house(bot) as here:
        limited = [1]

        def answer(made: Call) -> Returned:
            if limited:
                limited.clear()
                return Returned(made.number, {"ok": False, "error": "ratelimited"}, 429, 1.0)
            return Returned(made.number, {"ok": True}, 200)

        here.connector.answer = answer
        program = await here.program()
        here.connector.deliver(event(1))
        delivery = await program.handed()
        params = {"method": "chat.postMessage", "args": {"channel": "C1"}, "delivery": delivery["id"]}
        await program.say(id=1, method="slack.call", params=params)
        heard = await program.hear()
        assert heard["result"] == {"ok": True}, "the delivery came again before the call was over"
        await program.answer(delivery)
        await here.nothing_is_open()
        assert here.daemon.core.counters.deliveries["bot", "retried"] == 0


async def test_too_many_calls_says_when_to_try_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "MAX_WAITING", 1)
    async with house(BOT) as here:
        here.connector.answer = lambda _: None
        program = await here.program()
        for number in (1, 2):
            await program.say(id=number, method="slack.call", params={"method": "api.test"})
        heard = await program.hear()
        assert (heard["id"], heard["error"]["code"]) == (2, jsonrpc.TOO_MANY_CALLS)
        assert heard["error"]["data"] == {"retry_after": 1}


async def test_who_has_closed_its_half_gets_the_results_of_its_calls() -> None:
    async with house(BOT) as here:
        here.connector.answer = lambda _: None
        program = await here.program()
        await program.say(id=1, method="slack.call", params={"method": "api.test"})
        program.writer.write_eof()
        await here.connector.until(lambda: len(here.connector.calls) == 1)
        here.connector.say(Returned(here.connector.calls[0].number, {"ok": True}))
        assert (await program.hear())["result"] == {"ok": True}
        assert await program.hear() is None


async def test_a_script_that_says_everything_at_once_gets_the_result_too() -> None:
    async with house(BOT) as here:
        program = await here.connect()
        await program.say(id=0, method="initialize", params={"protocol": 1, "plugin": "bot"})
        await program.say(id=1, method="slack.call", params={"method": "api.test"})
        program.writer.write_eof()
        assert [(await program.hear())["id"], (await program.hear())["id"]] == [0, 1]
        assert await program.hear() is None

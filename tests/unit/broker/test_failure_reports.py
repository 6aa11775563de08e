"""A person hears of it when what they asked for has failed, in the form that its envelope has for it."""

import json
from pathlib import Path
from typing import Any

import attrs

from slackd.broker.actions import NotifyLate, PostLate, ReadForReport
from slackd.broker.answer_reasons import NO_RESPOND, NOT_TAKEN, TOO_LARGE, UNKNOWN
from slackd.broker.ingest import PostNotice
from slackd.broker.journal.writes import OpenDelivery
from slackd.config import Delivery, PluginConfig, Subscription
from slackd.link.messages import Promised
from slackd.slack.limits import ACK_LIMIT
from tests.support.slack_texts import command, event, interactive
from tests.unit.broker.test_ingest import RESPONDS, UNTIL, Bench, payloads, the, told
from tests.unit.broker.test_ingest import plugin as plugin_of

VIEW = {"id": "V1", "callback_id": "order", "blocks": [{"type": "input", "block_id": "b1"}]}
MODAL: dict[str, Any] = {"view": VIEW}
RULES: dict[str, Any] = {
    "failure_text": "{plugin}: no. ({reference})",
    "retry_text": "{plugin}: not yet. ({reference})",
    "slow_modal_text": "{plugin}: at work. ({reference})",
}


def bench_of(*subscriptions: Subscription, attempts: int = 1, **delivery: Any) -> Bench:
    rules = Delivery(max_attempts=attempts, **delivery)
    file = PluginConfig("bot", Path("/bot.toml"), subscriptions=subscriptions, delivery=rules)
    return Bench(file, **RULES)


def fails(bench: Bench, delivery: OpenDelivery, **how: Any) -> list[Any]:
    bench.core.nacked("bot", "s", delivery.id, delivery.attempt, "oops", bench.now, **how)
    return bench.pump()


def posts(actions: list[Any]) -> list[Any]:
    return [json.loads(each.body) for each in actions if isinstance(each, PostNotice)]


def ephemeral(text: str) -> dict[str, Any]:
    return {"response_type": "ephemeral", "text": text}


def errors(text: str) -> dict[str, Any]:
    return {"response_action": "errors", "errors": {"b1": text}}


def forget_text(delivery: OpenDelivery) -> str:
    """Memory has let go of the envelope's text, which was this."""
    assert delivery.stored is not None
    text, delivery.stored.text = delivery.stored.text, ""
    return text


def is_read(bench: Bench, actions: list[Any], text: str) -> list[Any]:
    """The journal is read for what the core wants of it; what follows."""
    (wanted,) = [each for each in actions if isinstance(each, ReadForReport)]
    stored = bench.store.envelopes[wanted.delivery.envelope]
    stored.text = text
    bench.core.failure_read(wanted, stored, bench.now)
    return bench.pump()


class TestADeadLetter:
    def test_of_a_command_is_told_in_its_acknowledgement_at_once(self) -> None:
        bench = bench_of(RESPONDS)
        delivery = the(bench.deliver(command()))
        assert payloads(fails(bench, delivery)) == [ephemeral(f"bot: no. ({delivery.id})")]

    def test_of_a_modal_is_shown_as_an_error_so_that_it_stays_open(self) -> None:
        bench = bench_of(RESPONDS)
        delivery = the(bench.deliver(interactive("view_submission", **MODAL)))
        (told,) = payloads(fails(bench, delivery, permanent=True))
        assert told == {"response_action": "errors", "errors": {"b1": f"bot: no. ({delivery.id})"}}

    def test_after_the_acknowledgement_goes_through_the_response_url(self) -> None:
        bench = bench_of(RESPONDS)
        delivery = the(bench.deliver(command()))
        assert payloads(bench.passes(UNTIL)) == [None]
        (told,) = posts(fails(bench, delivery))
        assert told["text"] == f"bot: no. ({delivery.id})"

    def test_of_a_click_goes_there_too_though_nobody_answers_clicks(self) -> None:
        bench = bench_of(Subscription("interactive"))
        url = "https://hooks.slack.com/actions/1"
        delivery = the(bench.deliver(interactive("block_actions", response_url=url)))
        assert posts(fails(bench, delivery)) == [
            {**ephemeral(f"bot: no. ({delivery.id})"), "replace_original": False}
        ]

    def test_of_an_event_or_a_menu_tells_nobody(self) -> None:
        bench = bench_of(RESPONDS)
        assert posts(fails(bench, the(bench.deliver(event())))) == []
        menu = the(bench.deliver(interactive("block_suggestion", 2)))
        assert payloads(fails(bench, menu)) == [{"options": []}]

    def test_whose_envelope_is_not_in_memory_is_read_before_anybody_is_settled(self) -> None:
        bench = bench_of(RESPONDS)
        delivery = the(bench.deliver(interactive("view_submission", **MODAL)))
        text = forget_text(delivery)
        actions = fails(bench, delivery)
        assert payloads(actions) == []
        assert payloads(is_read(bench, actions, text)) == [errors(f"bot: no. ({delivery.id})")]

    def test_whose_envelope_cannot_be_read_in_time_is_settled_all_the_same(self) -> None:
        bench = bench_of(RESPONDS)
        delivery = the(bench.deliver(command()))
        text = forget_text(delivery)
        actions = fails(bench, delivery)
        assert payloads(bench.passes(UNTIL)) == [None]
        (told,) = posts(is_read(bench, actions, text))
        assert told["text"] == f"bot: no. ({delivery.id})"

    def test_by_the_journals_limits_is_told_of_too(self) -> None:
        bench = bench_of(RESPONDS)
        delivery = the(bench.deliver(interactive("view_submission", **MODAL)))
        assert delivery.stored is not None
        mine = delivery.id, delivery.envelope
        bench.core.dead_lettered("bot", {mine[0]}, {mine[1]}, bench.now, [mine])
        actions = bench.pump()
        assert payloads(is_read(bench, actions, delivery.stored.text)) == [errors(f"bot: no. ({delivery.id})")]

    def test_so_old_that_its_response_url_is_gone_tells_nobody(self) -> None:
        bench = bench_of(RESPONDS)
        delivery = the(bench.deliver(command()))
        bench.passes(UNTIL)
        bench.time = 2_000.0
        assert posts(fails(bench, delivery)) == []

    def test_that_fails_before_its_connector_is_back_is_told_when_it_is(self) -> None:
        """After a restart of the broker: the session is back before the connector delivers again."""
        bench = bench_of(RESPONDS)
        text = interactive("view_submission", **MODAL)
        delivery = the(bench.deliver(text))
        bench.core.link_lost(1)
        assert payloads(fails(bench, delivery)) == []
        assert payloads(bench.deliver(text, link=2)) == [errors(f"bot: no. ({delivery.id})")]

    def test_is_no_news_to_people_where_the_file_says_so(self) -> None:
        bench = bench_of(RESPONDS, report_failures=False)
        assert payloads(fails(bench, the(bench.deliver(command())))) == [None]


class TestAnAttemptThatFailed:
    def test_is_told_at_the_deadline_and_not_before(self) -> None:
        bench = bench_of(RESPONDS, attempts=5)
        delivery = the(bench.deliver(command()))
        assert payloads(fails(bench, delivery, retry_after=60.0)) == []
        assert payloads(bench.passes(UNTIL)) == [ephemeral(f"bot: not yet. ({delivery.id})")]

    def test_is_not_told_where_the_next_one_answers_in_time(self) -> None:
        bench = bench_of(RESPONDS, attempts=5)
        delivery = the(bench.deliver(command()))
        fails(bench, delivery, retry_after=0.0)
        again = attrs.evolve(delivery, attempt=2)
        assert payloads(bench.answers(again, {"text": "done"})) == [{"text": "done"}]

    def test_that_still_works_at_the_deadline_has_not_failed(self) -> None:
        bench = bench_of(RESPONDS)
        bench.deliver(command())
        assert payloads(bench.passes(UNTIL)) == [None]

    def test_is_no_news_once_the_next_one_has_handled_it_without_an_answer(self) -> None:
        bench = bench_of(RESPONDS, attempts=5)
        delivery = the(bench.deliver(interactive("view_submission", **MODAL)))
        fails(bench, delivery, retry_after=0.0)
        assert payloads(bench.answers(attrs.evolve(delivery, attempt=2))) == [None]

    def test_is_told_at_the_deadline_although_its_envelope_had_to_be_read(self) -> None:
        bench = bench_of(RESPONDS, attempts=5)
        delivery = the(bench.deliver(interactive("view_submission", **MODAL)))
        text = forget_text(delivery)
        actions = fails(bench, delivery, retry_after=60.0)
        is_read(bench, actions, text)
        assert payloads(bench.passes(UNTIL)) == [errors(f"bot: not yet. ({delivery.id})")]


class TestAHandlerThatIsStillAtWork:
    def test_leaves_its_modal_open_at_the_deadline_with_words(self) -> None:
        bench = bench_of(RESPONDS)
        delivery = the(bench.deliver(interactive("view_submission", **MODAL)))
        assert payloads(bench.passes(UNTIL)) == [errors(f"bot: at work. ({delivery.id})")]

    def test_has_its_words_in_the_promise_should_the_broker_be_gone(self) -> None:
        bench = bench_of(RESPONDS)
        actions = bench.deliver(interactive("view_submission", **MODAL))
        ((promise,),) = [each.promises for each in told(actions, Promised)]
        assert promise.settlement.payload is not None
        assert json.loads(promise.settlement.payload) == errors(f"bot: at work. ({the(actions).id})")

    def test_of_a_modal_without_inputs_shows_the_words_in_its_place(self) -> None:
        bench = bench_of(RESPONDS)
        title = {"type": "plain_text", "text": "Order"}
        delivery = the(bench.deliver(interactive("view_submission", view={"id": "V1", "title": title})))
        (shown,) = payloads(bench.passes(UNTIL))
        assert shown["response_action"] == "update"
        assert shown["view"]["title"] == title
        assert shown["view"]["blocks"][0]["text"]["text"] == f"bot: at work. ({delivery.id})"

    def test_has_words_for_a_command_where_the_configuration_has(self) -> None:
        bench = Bench(plugin_of(RESPONDS), slow_text="{plugin}: one moment.")
        bench.deliver(command())
        assert payloads(bench.passes(UNTIL)) == [ephemeral("bot: one moment.")]

    def test_closes_its_modal_where_the_file_says_so(self) -> None:
        bench = bench_of(RESPONDS, report_failures=False)
        bench.deliver(interactive("view_submission", **MODAL))
        assert payloads(bench.passes(UNTIL)) == [None]

    def test_and_answers_nothing_closes_its_modal(self) -> None:
        bench = bench_of(RESPONDS)
        delivery = the(bench.deliver(interactive("view_submission", **MODAL)))
        assert payloads(bench.answers(delivery)) == [None]

    def test_after_a_restart_is_named_by_the_delivery_that_its_session_holds(self) -> None:
        bench = bench_of(RESPONDS)
        text = interactive("view_submission", **MODAL)
        delivery = the(bench.deliver(text))
        bench.core.link_lost(1)
        bench.deliver(text, link=2)
        assert payloads(bench.passes(UNTIL)) == [errors(f"bot: at work. ({delivery.id})")]


class TestWhereAnAnswerGoes:
    def test_one_too_large_for_the_acknowledgement_goes_through_the_response_url(self) -> None:
        bench = Bench(plugin_of(RESPONDS))
        delivery = the(bench.deliver(command()))
        large = {"text": "x" * ACK_LIMIT}
        actions = bench.answers(delivery, large)
        assert payloads(actions) == [None]
        (late,) = [each for each in actions if isinstance(each, PostLate)]
        assert (json.loads(late.late.response), late.reason) == (large, TOO_LARGE)
        bench.core.late_posted(late.late, "s", 1, "response_url", late.reason)
        (told,) = [each for each in bench.pump() if isinstance(each, NotifyLate)]
        assert (told.sent, told.reason) == ("response_url", TOO_LARGE)

    def test_a_message_for_a_click_goes_through_the_response_url(self) -> None:
        bench = Bench(plugin_of(RESPONDS))
        for number, kind in enumerate(("block_actions", "message_action"), 1):
            actions = bench.deliver(interactive(kind, number, response_url=f"https://hooks.slack.com/{number}"))
            assert payloads(actions) == [None]
            (late,) = [
                each for each in bench.answers(the(actions), {"text": "ok"}) if isinstance(each, PostLate)
            ]
            assert late.reason == NOT_TAKEN

    def test_a_forgotten_respond_is_told_as_such(self) -> None:
        bench = Bench(plugin_of(Subscription("slash_commands")))
        actions = bench.answers(the(bench.deliver(command())), {"text": "hi"})
        (late,) = [each for each in actions if isinstance(each, PostLate)]
        assert late.reason == NO_RESPOND

    def test_a_forgotten_respond_is_found_in_the_envelope_where_memory_has_let_go_of_it(self) -> None:
        bench = Bench(plugin_of(Subscription("slash_commands")))
        delivery = the(bench.deliver(command()))
        forget_text(delivery)
        (late,) = [each for each in bench.answers(delivery, {"text": "hi"}) if isinstance(each, PostLate)]
        assert late.reason == UNKNOWN

    def test_where_slack_takes_no_answer_that_is_said(self) -> None:
        bench = Bench(plugin_of(RESPONDS))
        actions = bench.answers(the(bench.deliver(interactive("shortcut", accepts=False))), {"view": {}})
        (told,) = [each for each in actions if isinstance(each, PostLate | NotifyLate)]
        assert told.reason == NOT_TAKEN

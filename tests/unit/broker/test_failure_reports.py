"""A person hears of it when what they asked for has failed, in the form that its envelope has for it."""

import json
from pathlib import Path
from typing import Any

import attrs

from slackd.broker.actions import NotifyLate, PostFailure, PostLate
from slackd.broker.answer_reasons import NO_RESPOND, NOT_TAKEN, TOO_LARGE
from slackd.broker.ingest import PostNotice
from slackd.broker.journal.writes import OpenDelivery
from slackd.config import Delivery, PluginConfig, Subscription
from slackd.slack.limits import ACK_LIMIT
from tests.support.slack_texts import command, event, interactive
from tests.unit.broker.test_ingest import RESPONDS, UNTIL, Bench, payloads, the
from tests.unit.broker.test_ingest import plugin as plugin_of

VIEW = {"id": "V1", "callback_id": "order", "blocks": [{"type": "input", "block_id": "b1"}]}
MODAL: dict[str, Any] = {"view": VIEW}
RULES: dict[str, Any] = {
    "failure_text": "{plugin}: no. ({reference})",
    "retry_text": "{plugin}: not yet. ({reference})",
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

    def test_whose_envelope_is_not_in_memory_is_read_again(self) -> None:
        bench = bench_of(RESPONDS)
        delivery = the(bench.deliver(command()))
        bench.passes(UNTIL)
        assert delivery.stored is not None
        delivery.stored.text = ""
        (wanted,) = [each for each in fails(bench, delivery) if isinstance(each, PostFailure)]
        assert wanted.delivery.id == delivery.id

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

    def test_where_slack_takes_no_answer_that_is_said(self) -> None:
        bench = Bench(plugin_of(RESPONDS))
        actions = bench.answers(the(bench.deliver(interactive("shortcut", accepts=False))), {"view": {}})
        (told,) = [each for each in actions if isinstance(each, PostLate | NotifyLate)]
        assert told.reason == NOT_TAKEN

"""An answer whose delivery is kept: given once, in time, by the journal's word; the work goes on."""

import json
from typing import Any

import pytest

from slackd.broker.actions import NOT_HELD, NotifyKept, PostLate, Submit
from slackd.broker.answer_reasons import TOO_LARGE
from slackd.broker.journal.writes import AnswerState, Lane, OpenDelivery
from slackd.broker.write_queue import REWRITE_AFTER
from slackd.errors import JournalUnwritable
from slackd.slack.limits import ACK_LIMIT
from tests.support.slack_texts import command, interactive
from tests.unit.broker.test_ingest import RESPONDS, UNTIL, Bench, payloads, plugin, the

NOW = {"text": "one moment"}
CLEAR = {"response_action": "clear"}


def keeps(bench: Bench, handed: OpenDelivery, response: Any, session: str = "s") -> list[Any]:
    text = json.dumps(response)
    bench.core.answered_and_kept("bot", session, handed.id, handed.attempt, text, bench.now)
    return bench.pump()


def told(actions: list[Any]) -> list[str]:
    """What the session is told of the answers whose deliveries it keeps: "" for given."""
    return [each.refusal for each in actions if isinstance(each, NotifyKept)]


def fails(bench: Bench, handed: OpenDelivery) -> OpenDelivery:
    """The delivery's next attempt."""
    bench.core.nacked("bot", "s", handed.id, handed.attempt, "no", bench.now, retry_after=0.0)
    return the(bench.pump())


@pytest.mark.parametrize(
    ("text", "response"), [(command(), NOW), (interactive("view_submission"), CLEAR)], ids=["command", "modal"]
)
def test_it_goes_into_the_acknowledgement_and_the_delivery_stays_open(text: str, response: Any) -> None:
    bench = Bench(plugin(RESPONDS))
    delivery = the(bench.deliver(text))
    actions = keeps(bench, delivery, response)
    assert payloads(actions) == [response]
    assert told(actions) == [""]
    assert bench.store.open[delivery.id].answered
    assert bench.store.envelopes[delivery.envelope].answer is AnswerState.GIVEN
    bench.answers(delivery)
    assert bench.store.open == {}
    assert not [each for each in bench.seen if isinstance(each, PostLate)]


def test_it_is_told_after_the_commit_and_never_before() -> None:
    bench = Bench(plugin(RESPONDS))
    actions = keeps(bench, the(bench.deliver(command())), NOW)
    kinds = [type(each) for each in actions]
    assert kinds.index(Submit) < kinds.index(NotifyKept)


def test_a_repetition_gives_nothing_twice() -> None:
    bench = Bench(plugin(RESPONDS))
    delivery = the(bench.deliver(command()))
    keeps(bench, delivery, NOW)
    actions = keeps(bench, delivery, NOW)
    assert (told(actions), payloads(actions)) == ([""], [])
    assert not [each for each in actions if isinstance(each, Submit)]


def test_the_next_attempt_knows_that_it_was_given() -> None:
    bench = Bench(plugin(RESPONDS))
    delivery = the(bench.deliver(command()))
    keeps(bench, delivery, NOW)
    again = fails(bench, delivery)
    assert (again.attempt, again.answered, again.respond_by) == (2, True, None)


def test_what_closes_it_may_say_one_thing_more_which_goes_the_late_way() -> None:
    bench = Bench(plugin(RESPONDS))
    delivery = the(bench.deliver(command()))
    keeps(bench, delivery, NOW)
    (post,) = [each for each in bench.answers(delivery, {"text": "done"}) if isinstance(each, PostLate)]
    assert (post.late.response, post.reason) == ('{"text": "done"}', "answered")


def test_the_end_of_the_work_does_not_overtake_an_answer_on_its_way() -> None:
    bench = Bench(plugin(RESPONDS))
    delivery = the(bench.deliver(command()))
    bench.core.answered_and_kept("bot", "s", delivery.id, 1, json.dumps(NOW), bench.now)
    assert payloads(bench.answers(delivery)) == [NOW]
    assert bench.store.open == {}


def test_a_full_disk_delays_what_is_told_and_not_the_acknowledgement() -> None:
    bench = Bench(plugin(RESPONDS))
    delivery = the(bench.deliver(command()))
    bench.disk_is_full = True
    assert told(keeps(bench, delivery, NOW)) == []
    assert told(keeps(bench, delivery, NOW)) == [], "a repetition while it is on its way"
    assert payloads(bench.passes(UNTIL)) == [NOW]
    bench.disk_is_full = False
    assert told(bench.passes(REWRITE_AFTER)) == [""]
    assert bench.store.open[delivery.id].answered


def test_after_the_deadline_it_follows_through_the_response_url_and_the_delivery_stays() -> None:
    bench = Bench(plugin(RESPONDS))
    delivery = the(bench.deliver(command()))
    bench.passes(UNTIL + 0.1)
    actions = keeps(bench, delivery, NOW)
    assert [each.late.response for each in actions if isinstance(each, PostLate)] == [json.dumps(NOW)]
    assert told(actions) == [""]
    assert bench.store.open[delivery.id].answered


def test_one_that_is_too_large_is_refused_and_a_smaller_one_is_still_in_time() -> None:
    bench = Bench(plugin(RESPONDS))
    delivery = the(bench.deliver(interactive("view_submission")))
    errors = {"response_action": "errors", "errors": {"b": "x" * ACK_LIMIT}}
    actions = keeps(bench, delivery, errors)
    assert (told(actions), payloads(actions)) == ([TOO_LARGE], [])
    assert payloads(keeps(bench, delivery, CLEAR)) == [CLEAR]


def test_who_does_not_hold_it_is_told_so() -> None:
    bench = Bench(plugin(RESPONDS))
    delivery = the(bench.deliver(command()))
    assert told(keeps(bench, delivery, NOW, session="another")) == [NOT_HELD]
    again = fails(bench, delivery)
    assert told(keeps(bench, delivery, NOW)) == [NOT_HELD]
    assert told(keeps(bench, again, NOW)) == [""]


def test_one_that_the_journal_gave_up_meanwhile_is_not_held() -> None:
    bench = Bench(plugin(RESPONDS))
    delivery = the(bench.deliver(command()))
    del bench.store.open[delivery.id]
    assert told(keeps(bench, delivery, NOW)) == [NOT_HELD]


def test_a_session_that_comes_back_to_a_new_broker_finds_it_answered() -> None:
    bench = Bench(plugin(RESPONDS))
    delivery = the(bench.deliver(command()))
    keeps(bench, delivery, NOW)
    row = bench.store.open[delivery.id]
    assert row.lane is Lane.PROMPT
    successor = Bench(plugin(RESPONDS), connected=False)
    successor.store = bench.store
    claims, rows = [(delivery.id, 1)], {delivery.id: row}
    successor.core.joined("bot", "s", 9, claims, rows, successor.now, named=True)
    successor.pump()
    assert told(keeps(successor, delivery, NOW)) == [""]
    assert bench.store.envelopes[delivery.envelope].response == json.dumps(NOW)


@pytest.mark.parametrize("is_handled", [True, False], ids=["is handled", "fails"])
def test_it_is_given_though_the_disk_was_full_for_it_and_not_for_what_came_of_its_work(
    is_handled: bool,
) -> None:
    bench = Bench(plugin(RESPONDS))
    delivery = the(bench.deliver(command()))
    text = json.dumps(NOW)
    bench.core.answered_and_kept("bot", "s", delivery.id, 1, text, bench.now)
    (keeping,) = (each for each in bench.core.end_turn() if isinstance(each, Submit))
    if is_handled:
        bench.core.answered("bot", "s", delivery.id, 1, None, bench.now)
    else:
        bench.core.nacked("bot", "s", delivery.id, 1, "no", bench.now, retry_after=60.0)
    ending = [each for each in bench.core.end_turn() if isinstance(each, Submit)]
    bench.core.committed(keeping.token, JournalUnwritable("the disk is full"), bench.now)
    for each in ending:
        bench.core.committed(each.token, bench.store.apply(each.writes, bench.now.unix), bench.now)
    assert payloads(bench.passes(REWRITE_AFTER)) == [NOW]
    assert [each.attempt for each in bench.store.open.values()] == ([] if is_handled else [2])
    assert not bench.core.has_unwritten

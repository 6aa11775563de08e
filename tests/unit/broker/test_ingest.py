"""What becomes of an arrival: the design's table, and no word to a connector before the commit."""

import json
import random
from pathlib import Path
from typing import Any

import attrs
import pytest

from slackd.broker.actions import Submit, ToConnector
from slackd.broker.core import BrokerCore
from slackd.broker.dispatch.actions import LoadKey, LoadKeys, SendDeliveries
from slackd.broker.fallback_responses import notice, unanswered
from slackd.broker.ingest import KEPT_TEXT, REFUSED_TEXT, PostNotice
from slackd.broker.instant import Instant
from slackd.broker.journal import Opening
from slackd.broker.journal.writes import AnswerState, DeadReason, Lane, OpenDelivery, Record
from slackd.config import (
    Absent,
    Config,
    PluginConfig,
    Subscription,
)
from slackd.errors import JournalUnwritable
from slackd.jsonrpc import MAX_LINE_TO_PLUGIN
from slackd.link.messages import Refused, Settled
from slackd.slack.limits import ACK_LIMIT
from tests.support.broker import broker_config
from tests.support.journal.memory_store import MemoryStore
from tests.support.slack_texts import arrival, command, event, frame, interactive, understood

EPOCH = 1_800_000_000.0
RESPONDS = Subscription("*", respond=True)
UNTIL = 2.5


def config(*plugins: PluginConfig, **rules: Any) -> Config:
    return broker_config(Path("/x"), plugins, **rules)


def plugin(*subscriptions: Subscription, name: str = "bot") -> PluginConfig:
    return PluginConfig(name, Path(f"/{name}.toml"), subscriptions=subscriptions)


class Bench:
    """A core over the journal's store, one step at a time."""

    def __init__(self, *plugins: PluginConfig, connected: bool = True, **rules: Any) -> None:
        self.time = 0.0
        self.store = MemoryStore()
        self.core = BrokerCore(config(*plugins, **rules), rng=random.Random(1), now=self.now)
        self.core.start(Opening((), None, 0), {}, self.now)
        self.seen: list[Any] = []
        self.disk_is_full = False
        if connected:
            for each in plugins:
                self.joins(each.name)
        self.pump()

    @property
    def now(self) -> Instant:
        return Instant(self.time, EPOCH + self.time)

    def joins(self, name: str = "bot", session: str = "s") -> None:
        self.core.joined(name, session, 99, (), {}, self.now, named=True)

    def pump(self) -> list[Any]:
        """Everything that follows; what is read from the journal is nothing here."""
        new: list[Any] = []
        while actions := self.core.end_turn():
            for action in actions:
                new.append(action)
                if isinstance(action, Submit):
                    full = JournalUnwritable("the disk is full")
                    came = full if self.disk_is_full else self.store.apply(action.writes, self.now.unix)
                    self.core.committed(action.token, came, self.now)
                elif isinstance(action, LoadKeys):
                    rows = sorted({d.key for d in self.store.open.values() if d.lane is action.lane})
                    self.core.plugins[action.plugin].keys_loaded(action, rows, self.now)
                elif isinstance(action, LoadKey):
                    mine = [
                        d for d in self.store.open.values() if d.lane is action.lane and d.key == action.key
                    ]
                    wanted = [d for d in mine if d.id > action.after and d.plugin == action.plugin]
                    self.core.plugins[action.plugin].key_loaded(action, wanted, self.now)
        self.seen += new
        return new

    def deliver(self, *texts: str, link: int = 1) -> list[Any]:
        numbered = enumerate(texts, start=1 + len(self.seen))
        self.core.deliver(link, [arrival(text, n, self.time) for n, text in numbered], self.now)
        return self.pump()

    def passes(self, seconds: float) -> list[Any]:
        self.time += seconds
        self.core.tick(self.now)
        return self.pump()

    def answers(self, handed: OpenDelivery, response: Any = None, session: str = "s") -> list[Any]:
        text = None if response is None else json.dumps(response)
        self.core.answered(handed.plugin, session, handed.id, handed.attempt, text, self.now)
        return self.pump()


def told(actions: list[Any], kind: type[Any]) -> list[Any]:
    """What the connectors are told of this kind."""
    said = [action.message for action in actions if isinstance(action, ToConnector)]
    return [each for each in said if isinstance(each, kind)]


def payloads(actions: list[Any]) -> list[Any]:
    """What is acknowledged, with what."""
    settled = [each for said in told(actions, Settled) for each in said.settlements]
    return [None if each.payload is None else json.loads(each.payload) for each in settled]


def handed(actions: list[Any]) -> list[OpenDelivery]:
    sends = [action for action in actions if isinstance(action, SendDeliveries)]
    return [delivery for send in sends for delivery in send.deliveries]


def the(actions: list[Any]) -> OpenDelivery:
    """The one delivery that was delivered."""
    (delivery,) = handed(actions)
    return delivery


class TestAcknowledged:
    def test_after_the_commit_and_never_before(self) -> None:
        bench = Bench(plugin(Subscription("*")))
        kinds = [type(getattr(each, "message", each)) for each in bench.deliver(event())]
        assert kinds.index(Submit) < kinds.index(Settled)

    def test_not_at_all_when_the_commit_fails(self) -> None:
        bench = Bench(plugin(Subscription("*")))
        bench.disk_is_full = True
        actions = bench.deliver(event(), "{broken")
        assert payloads(actions) == []
        (refusal,) = told(actions, Refused)
        assert len(refusal.refusals) == 2
        bench.disk_is_full = False
        assert payloads(bench.deliver(event())) == [None]

    def test_events_with_nothing(self) -> None:
        assert payloads(Bench(plugin(RESPONDS)).deliver(event())) == [None]

    def test_commands_with_the_plugins_answer(self) -> None:
        bench = Bench(plugin(RESPONDS))
        actions = bench.deliver(command())
        assert payloads(actions) == []
        assert payloads(bench.answers(the(actions), {"text": "done"})) == [{"text": "done"}]

    def test_commands_without_it_at_the_deadline(self) -> None:
        bench = Bench(plugin(RESPONDS))
        bench.deliver(command())
        assert payloads(bench.passes(UNTIL - 0.01)) == []
        assert payloads(bench.passes(0.01)) == [None]

    def test_a_menu_with_empty_options_at_the_deadline(self) -> None:
        bench = Bench(plugin(RESPONDS))
        bench.deliver(interactive("block_suggestion", action_id="a"))
        assert payloads(bench.passes(UNTIL)) == [{"options": []}]

    def test_at_once_where_nobody_responds(self) -> None:
        assert payloads(Bench(plugin(Subscription("*"))).deliver(command())) == [None]

    def test_with_a_text_where_nobody_subscribes_to_a_command(self) -> None:
        (told,) = payloads(Bench().deliver(command()))
        assert told["response_type"] == "ephemeral"
        assert "Nothing here answers" in told["text"]

    def test_without_what_slack_would_not_take(self) -> None:
        bench = Bench(plugin(RESPONDS))
        modal = the(bench.deliver(interactive("view_submission", view={"callback_id": "order"})))
        actions = bench.answers(modal, {"response_action": "update", "view": {"x": "x" * ACK_LIMIT}})
        assert payloads(actions) == [None]
        assert "NotifyTooLarge" in {type(each).__name__ for each in actions}

    def test_raw_and_a_dead_letter_when_nobody_can_read_it(self) -> None:
        bench = Bench(plugin(RESPONDS))
        assert payloads(bench.deliver('{"envelope_id":"e1",')) == [None]
        ((letter, _, _),) = bench.store.dead.values()
        assert letter.reason is DeadReason.UNREADABLE

    def test_and_a_dead_letter_when_it_is_larger_than_a_line(self) -> None:
        bench = Bench(plugin(RESPONDS))
        huge = command(text="x" * MAX_LINE_TO_PLUGIN)
        assert payloads(bench.deliver(huge)) == [None]
        ((letter, _, _),) = bench.store.dead.values()
        assert letter.reason is DeadReason.TOO_LARGE
        assert bench.core.counters.deliveries["bot", "dead"] == 1


class TestDuplicates:
    def test_of_a_settled_one_get_the_stored_response_and_go_nowhere(self) -> None:
        bench = Bench(plugin(RESPONDS))
        bench.answers(the(bench.deliver(command())), {"text": "done"})
        again = bench.deliver(command(), link=2)
        assert payloads(again) == [{"text": "done"}]
        assert handed(again) == []

    def test_of_one_that_is_awaited_wait_too_and_get_the_same(self) -> None:
        bench = Bench(plugin(RESPONDS))
        first = bench.deliver(command())
        bench.time += 1.0
        assert payloads(bench.deliver(command(), link=2)) == []
        answered = bench.answers(the(first), {"text": "done"})
        assert payloads(answered) == [{"text": "done"}] * 2
        assert {each.link for each in answered if isinstance(each, ToConnector)} == {1, 2}

    def test_in_one_batch(self) -> None:
        actions = Bench(plugin(RESPONDS)).deliver(event(), event(), event(2))
        assert payloads(actions) == [None] * 3
        assert len(handed(actions)) == 1  # the other one waits for its turn in the channel


class TestAbsent:
    @pytest.mark.parametrize(("absent", "text"), [(Absent.REFUSE, REFUSED_TEXT), (Absent.KEEP, KEPT_TEXT)])
    def test_a_plugin_without_a_session_for_ten_seconds(self, absent: Absent, text: str) -> None:
        bench = Bench(plugin(attrs.evolve(RESPONDS, absent=absent)), connected=False)
        bench.time = 9.9
        assert payloads(bench.deliver(command(1))) == []  # it may come back before the deadline
        bench.time = 10.0
        (told,) = payloads(bench.deliver(command(2)))
        assert told["text"] == text.format(plugin="bot")
        assert len(bench.store.open) == (1 if absent is Absent.REFUSE else 2)

    def test_never_while_one_is_connected_or_awaited(self) -> None:
        bench = Bench(plugin(RESPONDS))
        bench.time = 100.0
        assert payloads(bench.deliver(command(1))) == []
        bench.core.left("bot", "s", bench.now)
        assert payloads(bench.deliver(command(2))) == []

    def test_kept_its_answer_goes_out_through_the_response_url_when_it_is_back(self) -> None:
        bench = Bench(plugin(attrs.evolve(RESPONDS, absent=Absent.KEEP)), connected=False, absent_after=0.0)
        bench.deliver(command())
        bench.time = 1.0  # before the deadline, but the acknowledgement has gone out
        bench.joins()
        (delivery,) = handed(bench.pump())
        assert delivery.respond_by is None
        actions = bench.answers(delivery, {"text": "done"})
        (late,) = [each for each in actions if type(each).__name__ == "PostLate"]
        assert late.late.response == '{"text": "done"}'

    def test_a_menu_expires_at_its_deadline_even_so(self) -> None:
        bench = Bench(plugin(attrs.evolve(RESPONDS, absent=Absent.KEEP)), connected=False, absent_after=0.0)
        assert payloads(bench.deliver(interactive("block_suggestion"))) == [{"options": []}]
        (delivery,) = bench.store.open.values()
        assert delivery.expires_at == pytest.approx(EPOCH + UNTIL)

    def test_a_click_is_told_through_its_response_url(self) -> None:
        bench = Bench(plugin(RESPONDS), connected=False, absent_after=0.0)
        actions = bench.deliver(
            interactive("block_actions", accepts=False, response_url="https://hooks.slack.com/x")
        )
        assert payloads(actions) == [None]
        (post,) = [each for each in actions if isinstance(each, PostNotice)]
        assert "not available" in json.loads(post.body)["text"]


class TestNotices:
    """A refusal in the form that each kind has for it."""

    def test_of_a_view_stand_at_its_first_input(self) -> None:
        blocks = [{"type": "section", "block_id": "a"}, {"type": "input", "block_id": "b"}]
        told = notice(understood(interactive("view_submission", view={"blocks": blocks})), "no").payload
        assert json.loads(told or "") == {"response_action": "errors", "errors": {"b": "no"}}

    @pytest.mark.parametrize(
        "view", ["text", [], 7, None, {"blocks": "x"}, {"blocks": [1]}, {"state": {"values": []}}]
    )
    def test_of_a_view_without_any_are_none(self, view: Any) -> None:
        told = notice(understood(interactive("view_submission", view=view)), "no")
        assert (told.payload, told.post) == (None, None)

    def test_are_none_where_there_is_no_text_or_no_way(self) -> None:
        assert notice(understood(command()), "").payload is None
        assert notice(understood(event()), "no").post is None
        assert unanswered(understood(command())) is None


class TestLanes:
    def test_a_person_who_waits_is_not_behind_events(self) -> None:
        bench = Bench(plugin(RESPONDS))
        actions = bench.deliver(*(event(n) for n in range(50)), command())
        assert [each.lane for each in handed(actions)] == [Lane.PROMPT, Lane.EVENTS]

    def test_everybody_who_subscribed_gets_it_and_one_answers(self) -> None:
        bench = Bench(plugin(RESPONDS), plugin(Subscription("slash_commands"), name="log"))
        mine = {each.plugin: each.respond_by for each in handed(bench.deliver(command()))}
        assert mine == {"bot": EPOCH + UNTIL, "log": None}

    def test_what_is_owed_is_recorded_as_owed(self) -> None:
        bench = Bench(plugin(RESPONDS))
        submit = next(each for each in bench.deliver(command()) if isinstance(each, Submit))
        (record,) = submit.writes
        assert isinstance(record, Record)
        assert record.answer is AnswerState.OWED

    def test_unknown_types_go_to_whoever_subscribes_to_them(self) -> None:
        bench = Bench(plugin(Subscription("hello_world")))
        assert len(handed(bench.deliver(frame("hello_world", {})))) == 1
        assert handed(bench.deliver(frame("another", {}, 2))) == []

"""A plugin's session: what it says when it comes back, what it starts, what it answers."""

from typing import Any, ClassVar

import pytest

from slackd import jsonrpc
from slackd.plugin import Gap, Late, NotJsonError, TooLarge
from slackd.plugin.actions import (
    Action,
    CallFinished,
    Complaint,
    InitializeRefused,
    Notified,
    Send,
    Start,
    StreamBroken,
)
from slackd.plugin.answers import Ack, Nack
from slackd.plugin.envelope import Ready
from slackd.plugin.session import Session, SessionPhase


def new(window: int | None = None) -> Session:
    return Session("deploybot", "s1", client={"name": "test", "version": "1"}, window=window)


def sent(actions: list[Action]) -> list[jsonrpc.Message]:
    data = b"".join(action.data for action in actions if isinstance(action, Send))
    return jsonrpc.LineReader(jsonrpc.MAX_LINE_FROM_PLUGIN).receive(data)


def accept(
    session: Session, window: int = 2, deadline_window: int = 1, journal: str | None = None
) -> list[Action]:
    result: dict[str, Any] = {
        "protocol": 1,
        "server": "slackd/1",
        "apps": ["main"],
        "methods": [],
        "window": window,
        "deadline_window": deadline_window,
    }
    if journal is not None:
        result["journal"] = journal
    return session.receive(jsonrpc.encode_result(0, result))


def ready(window: int = 2, deadline_window: int = 1) -> Session:
    session = new()
    session.connected()
    accept(session, window, deadline_window)
    return session


def handed(delivery: str, attempt: int = 1, *, prompt: bool = False, **more: Any) -> bytes:
    params: dict[str, Any] = {
        "attempt": attempt,
        "app": "main",
        "type": "slash_commands" if prompt else "events_api",
        "received_at": 1000.5,
        "respond_by": 1003.0 if prompt else None,
        "envelope": {"envelope_id": "e", "payload": {}},
    }
    return jsonrpc.encode_request(f"{delivery}.{attempt}", "envelope", {**params, **more})


def started(actions: list[Action]) -> list[str]:
    return [
        f"{action.envelope.delivery}.{action.envelope.attempt}"
        for action in actions
        if isinstance(action, Start)
    ]


def initialize(actions: list[Action]) -> dict[str, Any]:
    first = sent(actions)[0]
    assert isinstance(first, jsonrpc.Request)
    assert first.method == "initialize"
    return first.params


class TestInitialize:
    def test_says_who_it_is_and_that_it_holds_nothing(self) -> None:
        assert initialize(new().connected()) == {
            "protocol": 1,
            "plugin": "deploybot",
            "client": {"name": "test", "version": "1"},
            "session": "s1",
            "holding": [],
            "remembers": 2_000,
        }

    def test_asks_for_a_window_only_if_told_to(self) -> None:
        assert initialize(new(window=5).connected())["window"] == 5

    def test_the_result_makes_it_ready(self) -> None:
        session = new()
        session.connected()
        [action] = accept(session, window=8, deadline_window=4)
        assert action == Ready("slackd/1", ("main",), 8, 4)
        assert session.phase is SessionPhase.READY

    def test_an_error_is_a_refusal(self) -> None:
        session = new()
        session.connected()
        refusal = jsonrpc.encode_failure(0, jsonrpc.UNKNOWN_PLUGIN, "no deploybot here")
        assert session.receive(refusal + handed("1")) == [
            InitializeRefused(jsonrpc.UNKNOWN_PLUGIN, "no deploybot here")
        ]
        assert session.phase is SessionPhase.DOWN

    def test_a_result_that_is_no_object_breaks_the_connection(self) -> None:
        session = new()
        session.connected()
        [action] = session.receive(jsonrpc.encode_result(0, "yes"))
        assert isinstance(action, StreamBroken)


class TestWork:
    def test_an_envelope_is_started_and_answered_under_its_id(self) -> None:
        session = ready()
        assert started(session.receive(handed("7"))) == ["7.1"]
        assert sent(session.answer("7", Ack())) == [jsonrpc.Result("7.1", {})]

    def test_the_response_goes_with_the_answer(self) -> None:
        session = ready()
        session.receive(handed("7", prompt=True))
        assert sent(session.answer("7", Ack({"text": "hi"}))) == [
            jsonrpc.Result("7.1", {"response": {"text": "hi"}})
        ]

    def test_a_nack_says_when_and_whether_to_try_again(self) -> None:
        session = ready()
        session.receive(handed("7") + handed("8") + handed("9"))
        code = jsonrpc.HANDLER_FAILED
        assert sent(session.answer("7", Nack("busy"))) == [jsonrpc.Failure("7.1", code, "busy")]
        assert sent(session.answer("8", Nack("busy", 1.5))) == [
            jsonrpc.Failure("8.1", code, "busy", {"retry_after": 1.5})
        ]
        assert sent(session.answer("9", Nack("no", permanent=True))) == [
            jsonrpc.Failure("9.1", code, "no", {"permanent": True})
        ]

    def test_the_first_answer_counts(self) -> None:
        session = ready()
        session.receive(handed("7"))
        session.answer("7", Ack())
        assert session.answer("7", Nack("late thought")) == []

    def test_what_has_no_json_text_leaves_the_delivery_in_hand(self) -> None:
        session = ready()
        session.receive(handed("7", prompt=True))
        with pytest.raises(NotJsonError):
            session.answer("7", Ack({"x": object()}))
        assert session.in_hand == ("7",)

    def test_extend_names_the_attempt_in_hand(self) -> None:
        session = ready()
        session.receive(handed("7", 3))
        assert sent(session.extend("7")) == [jsonrpc.Notification("extend", {"id": "7.3"})]
        assert sent(session.unorder("7")) == [jsonrpc.Notification("unorder", {"id": "7.3"})]
        session.answer("7", Ack())
        assert session.extend("7") == []

    @pytest.mark.parametrize("id_", [7, "7", "7.", ".1", "7.x", "7.-1", "7.²"])
    def test_an_id_that_is_no_delivery_and_attempt_is_refused(self, id_: int | str) -> None:
        params = {"app": "main", "type": "x", "received_at": 1, "respond_by": None, "envelope": {}}
        [answer] = sent(ready().receive(jsonrpc.encode_request(id_, "envelope", params)))
        assert isinstance(answer, jsonrpc.Failure)
        assert (answer.id, answer.code) == (id_, jsonrpc.INVALID_PARAMS)

    @pytest.mark.parametrize(
        "params", [{"app": 1}, {"type": None}, {"envelope": []}, {"received_at": "x"}, {"respond_by": "x"}]
    )
    def test_params_of_the_wrong_kind_are_refused(self, params: dict[str, Any]) -> None:
        [answer] = sent(ready().receive(handed("7", **params)))
        assert isinstance(answer, jsonrpc.Failure)
        assert answer.code == jsonrpc.INVALID_PARAMS

    def test_an_unknown_request_is_answered(self) -> None:
        [answer] = sent(ready().receive(jsonrpc.encode_request(4, "dance", {})))
        assert isinstance(answer, jsonrpc.Failure)
        assert (answer.id, answer.code) == (4, jsonrpc.METHOD_NOT_FOUND)


class TestTheSameDeliveryAgain:
    def test_the_same_attempt_in_hand_is_not_started_twice(self) -> None:
        session = ready()
        session.receive(handed("7"))
        assert session.receive(handed("7")) == []
        assert sent(session.answer("7", Ack())) == [jsonrpc.Result("7.1", {})]

    def test_the_same_attempt_answered_is_answered_again(self) -> None:
        session = ready()
        session.receive(handed("7"))
        session.answer("7", Nack("busy"))
        again = session.receive(handed("7"))
        assert started(again) == []
        assert sent(again) == [jsonrpc.Failure("7.1", jsonrpc.HANDLER_FAILED, "busy")]

    def test_a_newer_attempt_takes_over_the_work_in_hand(self) -> None:
        session = ready()
        session.receive(handed("7", 1))
        assert session.receive(handed("7", 2)) == []
        session.disconnected()
        assert initialize(session.connected())["holding"] == ["7.2"]
        assert sent(session.answer("7", Ack())) == [jsonrpc.Result("7.2", {})]

    def test_a_program_that_passes_deliveries_on_starts_a_newer_attempt_again(self) -> None:
        session = Session("deploybot", "s1", client={}, restarts=True)
        session.connected()
        accept(session)
        assert started(session.receive(handed("7", 1))) == ["7.1"]
        assert started(session.receive(handed("7", 2))) == ["7.2"]
        assert started(session.receive(handed("7", 2))) == []
        assert sent(session.answer("7", Ack())) == [jsonrpc.Result("7.2", {})]

    def test_what_is_released_is_neither_claimed_nor_answered(self) -> None:
        session = ready()
        session.receive(handed("7", 1))
        session.release("7")
        assert session.in_hand == ()
        assert session.answer("7", Ack()) == []
        session.disconnected()
        assert initialize(session.connected())["holding"] == []

    def test_a_newer_attempt_after_a_late_success_gets_that_answer(self) -> None:
        session = ready()
        session.receive(handed("7", 1, prompt=True))
        session.answer("7", Ack({"text": "done"}))
        again = session.receive(handed("7", 2, prompt=True))
        assert started(again) == []
        assert sent(again) == [jsonrpc.Result("7.2", {"response": {"text": "done"}})]

    def test_a_newer_attempt_after_a_nack_is_new_work(self) -> None:
        session = ready()
        session.receive(handed("7", 1))
        session.answer("7", Nack("busy"))
        assert started(session.receive(handed("7", 2))) == ["7.2"]
        session.disconnected()
        assert initialize(session.connected())["holding"] == ["7.2"]


class TestComingBack:
    def test_it_keeps_its_session_and_claims_what_it_has_in_hand(self) -> None:
        session = ready()
        session.receive(handed("7") + handed("8", 2))
        session.disconnected()
        params = initialize(session.connected())
        assert params["session"] == "s1"
        assert params["holding"] == ["7.1", "8.2"]

    def test_it_sends_its_last_answers_again_right_after_initialize(self) -> None:
        session = ready()
        session.receive(handed("7") + handed("8"))
        session.answer("7", Ack())
        session.disconnected()
        actions = session.connected()
        assert initialize(actions)["holding"] == ["8.1", "7.1"]
        assert sent(actions)[1:] == [jsonrpc.Result("7.1", {})]

    @pytest.mark.parametrize(
        ("before", "after", "remembered"),
        [("j1", "j1", True), ("j1", None, True), (None, "j1", True), ("j1", "j2", False)],
    )
    def test_the_answers_of_another_journal_are_forgotten(
        self, before: str | None, after: str | None, remembered: bool
    ) -> None:
        session = new()
        session.connected()
        accept(session, journal=before)
        session.receive(handed("7") + handed("8"))
        session.answer("7", Ack({"text": "to somebody else"}))
        session.disconnected()
        session.connected()
        accept(session, journal=after)
        assert started(session.receive(handed("7"))) == ([] if remembered else ["7.1"])
        assert "8" in session.in_hand, "work in flight goes on"

    def test_answers_given_while_no_connection_stands_wait_for_the_next(self) -> None:
        session = ready(window=1, deadline_window=1)
        for number in range(5):
            session.receive(handed(str(number)))
        session.disconnected()
        for number in range(5):
            assert session.answer(str(number), Ack()) == []
        assert session.remembers_answers
        actions = session.connected()
        assert sent(actions)[1:] == [jsonrpc.Result(f"{number}.1", {}) for number in range(5)]

    def test_answers_given_between_connection_and_acceptance_are_sent_at_once(self) -> None:
        session = ready()
        session.receive(handed("7"))
        session.disconnected()
        session.connected()
        assert sent(session.answer("7", Ack())) == [jsonrpc.Result("7.1", {})]

    def test_it_remembers_its_windows_and_what_it_says_in_each_lane_however_many_the_other_has(self) -> None:
        session = ready(window=2, deadline_window=1)
        session.receive(handed("c", prompt=True))
        session.answer("c", Ack())
        for number in range(2_100):
            session.receive(handed(str(number)))
            session.answer(str(number), Ack())
        session.disconnected()
        said = initialize(session.connected())
        kept = 2 + 1 + said["remembers"]
        assert said["holding"] == ["c.1", *(f"{number}.1" for number in range(2_100 - kept, 2_100))]

    def test_a_window_that_shrinks_forgets_nothing_of_the_larger_one(self) -> None:
        session = ready(window=4, deadline_window=1)
        for number in range(4):
            session.receive(handed(str(number)))
            session.answer(str(number), Ack())
        for _ in range(2):
            session.disconnected()
            session.connected()
            accept(session, window=1, deadline_window=1)
        session.disconnected()
        assert set(initialize(session.connected())["holding"]) == {"0.1", "1.1", "2.1", "3.1"}

    def test_nothing_of_an_ended_connection_is_looked_at(self) -> None:
        session = ready()
        session.receive(handed("6")[:20])
        session.disconnected()
        assert session.receive(handed("7")) == []
        session.connected()
        accept(session)
        assert started(session.receive(handed("8"))) == ["8.1"]
        assert session.in_hand == ("8",)

    def test_draining_it_neither_starts_nor_claims_new_work(self) -> None:
        session = ready()
        session.receive(handed("7"))
        session.drain()
        assert session.receive(handed("8")) == []
        session.disconnected()
        assert initialize(session.connected())["holding"] == ["7.1"]


class TestCalls:
    def test_a_call_and_its_result(self) -> None:
        session = ready()
        number, actions = session.call("slack.call", {"method": "auth.test"})
        assert sent(actions) == [jsonrpc.Request(number, "slack.call", {"method": "auth.test"})]
        outcome = jsonrpc.Result(number, {"ok": True})
        assert session.receive(jsonrpc.encode_result(number, {"ok": True})) == [CallFinished(number, outcome)]
        assert session.receive(jsonrpc.encode_result(number, {"ok": True})) == []

    def test_a_call_waits_for_acceptance_and_is_repeated_on_a_new_connection(self) -> None:
        session = new()
        number, actions = session.call("slack.call", {"call_id": "x"})
        assert actions == []
        assert len(sent(session.connected())) == 1
        again = [jsonrpc.Request(number, "slack.call", {"call_id": "x"})]
        assert sent(accept(session)) == again
        session.disconnected()
        session.connected()
        assert sent(accept(session)) == again

    def test_a_forgotten_call_is_not_repeated(self) -> None:
        session = new()
        number, _ = session.call("slack.call", {})
        session.forget(number)
        session.connected()
        assert sent(accept(session)) == []

    def test_a_failure_is_an_outcome_too(self) -> None:
        session = ready()
        number, _ = session.call("slack.call", {})
        failure = jsonrpc.Failure(number, jsonrpc.METHOD_NOT_GRANTED, "no")
        assert session.receive(jsonrpc.encode_failure(number, failure.code, "no")) == [
            CallFinished(number, failure)
        ]

    def test_a_call_that_fits_no_line_is_never_sent(self) -> None:
        session = ready()
        with pytest.raises(TooLarge):
            session.call("slack.call", {"args": {"text": "x" * jsonrpc.MAX_LINE_FROM_PLUGIN}})
        session.disconnected()
        session.connected()
        assert sent(accept(session)) == []


class TestNotices:
    def test_late_and_gap(self) -> None:
        late = jsonrpc.encode_notification("late", {"id": "7.1", "sent": "response_url"})
        gap = jsonrpc.encode_notification("gap", {"app": "main", "from": 1, "until": 2.5, "reason": "dns"})
        unknown = jsonrpc.encode_notification("dance", {})
        assert ready().receive(late + gap + unknown) == [
            Notified(Late("7", "response_url")),
            Notified(Gap("main", 1.0, 2.5, "dns")),
        ]

    def test_what_slackd_cannot_use_is_told(self) -> None:
        line = jsonrpc.encode_failure("7.1", jsonrpc.RESPONSE_TOO_LARGE, "30000 bytes")
        assert ready().receive(line) == [Complaint("7.1", jsonrpc.RESPONSE_TOO_LARGE, "30000 bytes")]

    def test_a_broken_line_ends_the_connection(self) -> None:
        session = ready()
        [action] = session.receive(b"{\n" + handed("7"))
        assert isinstance(action, StreamBroken)
        assert session.in_hand == ()

    def test_log_lines_are_cut_and_need_a_connection(self) -> None:
        assert new().log("info", "x") == []
        [line] = sent(ready().log("info", "x" * 10**6))
        assert isinstance(line, jsonrpc.Notification)
        assert line.params["level"] == "info"
        assert len(line.params["message"]) < 20_000


class TestAnswerNow:
    """An answer is given, and the delivery kept (`answer` of the protocol)."""

    GIVEN: ClassVar = {"text": "one moment"}

    @staticmethod
    def says(actions: list[Action]) -> list[tuple[str, Any]]:
        """The answers that are sent, each with its delivery, in order."""
        said: list[tuple[str, Any]] = []
        for message in sent(actions):
            match message:
                case jsonrpc.Request(_, "answer", params):
                    said.append((params["id"], params["response"]))
                case jsonrpc.Result(str(id_), result):
                    said.append((id_, result))
        return said

    @staticmethod
    def working(session: Session) -> int:
        """Session at work on delivery 7, answered; the number of its request."""
        session.receive(handed("7", prompt=True))
        [request] = sent(session.answer_now("7", TestAnswerNow.GIVEN))
        assert isinstance(request, jsonrpc.Request)
        assert isinstance(request.id, int)
        return request.id

    def test_it_is_sent_at_once_and_the_work_goes_on(self) -> None:
        session = ready()
        session.receive(handed("7", prompt=True))
        assert self.says(session.answer_now("7", self.GIVEN)) == [("7.1", self.GIVEN)]
        assert session.in_hand == ("7",)
        assert session.answer_now("7", {"text": "again"}) == []
        assert session.answer_now("8", self.GIVEN) == []

    def test_until_it_is_journaled_it_is_said_again_ahead_of_the_works_end(self) -> None:
        session = ready()
        self.working(session)
        session.disconnected()
        assert self.says(session.connected()) == [("7.1", self.GIVEN)]
        accept(session)
        session.answer("7", Ack())
        session.disconnected()
        assert self.says(session.connected()) == [("7.1", self.GIVEN), ("7.1", {})]

    def test_once_it_is_journaled_it_is_said_no_more(self) -> None:
        session = ready()
        number = self.working(session)
        assert session.receive(jsonrpc.encode_result(number, {})) == []
        session.answer("7", Ack())
        session.disconnected()
        assert self.says(session.connected()) == [("7.1", {})]

    @pytest.mark.parametrize("knows", [False, True])
    def test_a_newer_attempt_gets_it_unless_slackd_has_it(self, knows: bool) -> None:
        session = ready()
        number = self.working(session)
        refusal = jsonrpc.encode_failure(number, jsonrpc.NOT_HELD, "another attempt")
        assert session.receive(refusal) == []
        more = {"answered": True} if knows else {}
        again = session.receive(handed("7", 2, prompt=True, **more))
        assert self.says(again) == ([] if knows else [("7.2", self.GIVEN)])

    def test_the_envelope_says_that_an_earlier_attempt_gave_it(self) -> None:
        [action] = ready().receive(handed("7", 2, answered=True))
        assert isinstance(action, Start)
        assert action.envelope.answered

    def test_a_slackd_that_takes_none_gets_it_with_the_works_end(self) -> None:
        session = ready()
        number = self.working(session)
        session.receive(jsonrpc.encode_failure(number, jsonrpc.METHOD_NOT_FOUND, "no such method"))
        assert self.says(session.answer("7", Ack())) == [("7.1", {"response": self.GIVEN})]

    def test_what_slackd_cannot_give_is_complained_about(self) -> None:
        session = ready()
        number = self.working(session)
        refusal = jsonrpc.encode_failure(number, jsonrpc.RESPONSE_TOO_LARGE, "too large")
        assert session.receive(refusal) == [Complaint("7", jsonrpc.RESPONSE_TOO_LARGE, "too large")]
        assert self.says(session.answer_now("7", {"text": "smaller"})) == [("7.1", {"text": "smaller"})]

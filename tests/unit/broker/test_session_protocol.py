"""What a plugin connection says: any bytes become values, or an error and the end; nothing is raised."""

import itertools
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slackd import jsonrpc
from slackd.broker.nesting import DEEPEST
from slackd.broker.plugins.events import (
    Answered,
    CallAsked,
    Event,
    Extended,
    Initialize,
    KeptAnswer,
    Logged,
    Misanswered,
    Nacked,
    RejectedLine,
    Unordered,
    Violation,
)
from slackd.broker.plugins.params import MAX_HOLDING
from slackd.broker.plugins.protocol import SessionProtocol

FIRST = {"protocol": 1, "plugin": "p"}
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
ODD = st.sampled_from((10**400, -(10**400), "\ud800", "1.1", "9" * 30 + ".1", 1e308, "", "0.0"))
VALUES = st.recursive(
    SCALARS | ODD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = st.sampled_from(
    (
        *("protocol", "plugin", "client", "window", "session", "holding", "id", "level", "message"),
        *("response", "retry_after", "permanent", "app", "method", "args", "call_id"),
    )
)
PARAMS = st.dictionaries(MEMBERS, VALUES, max_size=6)


def line(**members: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", **members}).encode() + b"\n"


def request(method: str, params: Any, id_: Any = 1) -> bytes:
    return line(id=id_, method=method, params=params)


def opened() -> SessionProtocol:
    protocol = SessionProtocol()
    assert isinstance(protocol.receive(request("initialize", FIRST))[0], Initialize)
    assert protocol.opened(lambda delivery, attempt: True) == []
    return protocol


def first(**params: Any) -> Event:
    """What comes of an `initialize` with these params."""
    return SessionProtocol().receive(request("initialize", {**FIRST, **params}))[0]


def said(*lines: bytes) -> list[Event]:
    """What an open connection hears in these lines."""
    return opened().receive(b"".join(lines))


HANDLED_IDS = st.sampled_from(
    ("1.1", "0012.3", "9" * 18 + ".1", "9" * 19 + ".1", "9" * 30 + ".1", "7", "1.", ".1")
)
ANSWERS = st.one_of(
    HANDLED_IDS.map(lambda id_: jsonrpc.encode_result(id_, {})),
    HANDLED_IDS.map(lambda id_: line(id=id_, result={"response": "hi"})),
    st.sampled_from(
        (line(method="log", params={"message": "x"}), b"\n", request("slack.call", {"method": "a.b"}))
    ),
)


@given(st.lists(ANSWERS, max_size=12), st.data())
def test_neither_spelling_nor_chunks_make_a_difference(lines: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    protocol = opened()
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    heard = [event for piece in pieces for event in protocol.receive(piece)]
    assert heard == said(*(each.replace(b'","result"', b'", "result"') for each in lines))


class TestNothingRaises:
    @given(st.lists(st.binary(max_size=64), max_size=5))
    def test_on_any_bytes(self, chunks: list[bytes]) -> None:
        for protocol in (SessionProtocol(), opened()):
            heard = [event for chunk in chunks for event in protocol.receive(chunk)]
            assert sum(isinstance(event, Violation) for event in heard) <= 1
            assert not any(isinstance(event, Violation) for event in heard[:-1])

    @given(
        st.sampled_from(("initialize", "slack.call", "extend", "unorder", "log", "other")),
        PARAMS,
        st.booleans(),
    )
    def test_on_any_params(self, method: str, params: dict[str, Any], is_request: bool) -> None:
        message = {"id": 1} if is_request else {}
        for protocol in (SessionProtocol(), opened()):
            protocol.receive(line(method=method, params=params, **message))
            protocol.receive(line(method=method, params={**FIRST, **params}, **message))

    @given(st.sampled_from(("1.1", 7, "x", "9" * 30 + ".1")), VALUES | PARAMS, PARAMS)
    def test_on_any_answer(self, id_: Any, result: Any, data: dict[str, Any]) -> None:
        for event in said(
            line(id=id_, result=result), line(id=id_, error={"code": 1, "message": "", "data": data})
        ):
            if isinstance(event, Answered) and event.response is not None:
                event.response.encode()

    @pytest.mark.parametrize("member", ["protocol", "client", "plugin", "holding", "session"])
    @pytest.mark.parametrize("depth", [90, 500, *range(940, 990, 3)])
    def test_on_any_depth(self, member: str, depth: int) -> None:
        deep = b"[" * depth + b"]" * depth
        text = b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocol":1,"plugin":"p","%s":%s}}\n'
        SessionProtocol().receive(text % (member.encode(), deep))
        said(text % (member.encode(), deep))
        said(b'{"jsonrpc":"2.0","method":"log","params":{"message":"","level":%s}}\n' % deep)
        said(b'{"jsonrpc":"2.0","id":"1.1","result":{"response":{"blocks":%s}}}\n' % deep)


class TestOpening:
    def test_tells_who_it_says_it_is(self) -> None:
        event = first(session="s", window=3, client={"name": "bot", "version": "2"}, holding=["12.3", "1.1"])
        assert event == Initialize(1, "p", "bot 2", 3, "s", ((12, 3), (1, 1)))
        assert first() == Initialize(1, "p", "", None, None, ())

    @pytest.mark.parametrize(
        ("opening", "code"),
        [
            (b"\xff\n", jsonrpc.PARSE_ERROR),
            (b"hello\n", jsonrpc.PARSE_ERROR),
            (b"[]\n", jsonrpc.INVALID_REQUEST),
            (b"x" * (jsonrpc.MAX_LINE_FROM_PLUGIN + 1), jsonrpc.LINE_TOO_LONG),
            (request("slack.call", {}), jsonrpc.NOT_INITIALIZED),
            (line(method="initialize", params=FIRST), jsonrpc.NOT_INITIALIZED),
            (line(id="1.1", result={}), jsonrpc.NOT_INITIALIZED),
        ],
    )
    def test_is_an_error_and_then_the_door_for_anything_else(self, opening: bytes, code: int) -> None:
        protocol = SessionProtocol()
        (event,) = protocol.receive(opening)
        assert isinstance(event, Violation)
        assert event.code == code
        assert protocol.receive(request("initialize", FIRST)) == []

    @pytest.mark.parametrize(
        "params",
        [
            {"plugin": ""},
            {"plugin": 7},
            {"window": -1},
            {"window": True},
            {"window": "3"},
            {"session": ""},
            {"session": "s" * 257},
            {"session": "a\nb"},
            {"session": "\x00"},
            {"session": "\ud800"},
            {"holding": {"1.1": 1}},
            {"holding": ["1"]},
            {"holding": ["-1.1"]},
            {"holding": ["١.1"]},
            {"holding": [f"{2**63}.1"]},
            {"holding": ["1.1"] * (MAX_HOLDING + 1)},
        ],
    )
    def test_names_the_member_that_is_wrong(self, params: dict[str, Any]) -> None:
        event = first(**params)
        assert isinstance(event, Violation)
        assert event.code == jsonrpc.INVALID_PARAMS
        assert f'"{next(iter(params))}"' in event.message

    @pytest.mark.parametrize("protocol", [2, 0, None, "1", True, [1]])
    def test_in_another_protocol_is_told_which_ones_there_are(self, protocol: Any) -> None:
        event = first(protocol=protocol)
        assert isinstance(event, Violation)
        assert (event.code, event.data) == (jsonrpc.UNSUPPORTED_PROTOCOL, {"supported": [1]})

    def test_takes_all_that_a_program_with_the_widest_window_holds(self) -> None:
        holding = [f"{10**9 + each}.1" for each in range(60_000)]
        text = request("initialize", {**FIRST, "session": "s", "holding": holding})
        assert len(text) <= jsonrpc.MAX_LINE_FROM_PLUGIN
        (event,) = SessionProtocol().receive(text)
        assert isinstance(event, Initialize)
        assert len(event.holding) == 60_000

    def test_keeps_what_was_said_in_the_same_breath_until_the_session_is_open(self) -> None:
        protocol = SessionProtocol()
        answer = line(id="1.1", result={})
        assert len(protocol.receive(request("initialize", FIRST) + answer)) == 1
        assert protocol.receive(answer) == []
        assert protocol.opened(lambda delivery, attempt: True) == [Answered(1, 1, None)] * 2

    def test_happens_once(self) -> None:
        (event,) = said(request("initialize", FIRST))
        assert isinstance(event, Violation)


class TestAnswers:
    @pytest.mark.parametrize("result", [{}, None, "done", {"response": None}, {"other": 1}])
    def test_without_a_response(self, result: Any) -> None:
        assert said(line(id="12.3", result=result)) == [Answered(12, 3, None)]

    def test_with_one(self) -> None:
        assert said(line(id="1.1", result={"response": {"text": "é"}})) == [Answered(1, 1, '{"text":"é"}')]
        assert said(line(id="1.1", result={"response": "hi"})) == [Answered(1, 1, '{"text":"hi"}')]

    def test_with_half_a_character_in_it_are_sent_with_a_question_mark(self) -> None:
        assert said(line(id="1.1", result={"response": {"text": "\ud800"}})) == [Answered(1, 1, '{"text":"?"}')]

    @pytest.mark.parametrize("response", [[], 7, True, [{"text": "x"}]])
    def test_with_a_response_that_is_no_object_count_without_it_and_are_told(self, response: Any) -> None:
        (event,) = said(line(id="1.1", result={"response": response}))
        assert isinstance(event, Misanswered)
        assert '"response" must be an object' in event.message

    def test_may_be_as_deep_as_an_envelope(self) -> None:
        def nested(depth: int) -> bytes:
            inner = "[" * (depth - 1) + "]" * (depth - 1)
            return f'{{"jsonrpc":"2.0","id":"1.1","result":{{"response":{{"a":{inner}}}}}}}\n'.encode()

        assert isinstance(said(nested(DEEPEST))[0], Answered)
        assert isinstance(said(nested(DEEPEST + 1))[0], Misanswered)

    @pytest.mark.parametrize("id_", [1, "1", "1.", ".1", "1.1.1", "a.b", "+1.1", " 1.1", "1" * 41 + ".1"])
    def test_to_what_was_never_asked_are_ignored(self, id_: Any) -> None:
        assert said(line(id=id_, result={}), line(id=id_, error={"code": 1, "message": "no"})) == []

    def test_that_are_errors_are_nacks(self) -> None:
        def nack(**data: Any) -> Event:
            return said(line(id="1.2", error={"code": -1, "message": "no", "data": data}))[0]

        assert nack() == Nacked(1, 2, "no", None, False)
        assert nack(retry_after=5, permanent=True) == Nacked(1, 2, "no", 5.0, True)
        assert nack(retry_after=10**400) == Nacked(1, 2, "no", 3_600.0, False)
        assert nack(retry_after=-1) == Nacked(1, 2, "no", 0.0, False)
        assert nack(retry_after="5", permanent=1) == Nacked(1, 2, "no", None, False)
        assert nack(retry_after=True) == Nacked(1, 2, "no", None, False)


class TestAnswersThatNobodyWaitsFor:
    @pytest.mark.parametrize("response", [{"text": "x"}, "x", [], 7, {"blocks": [{}] * 1_000}])
    def test_their_responses_are_not_looked_at(self, response: Any) -> None:
        protocol = SessionProtocol()
        protocol.receive(request("initialize", FIRST))
        protocol.opened(lambda delivery, attempt: (delivery, attempt) == (1, 2))
        assert protocol.receive(line(id="1.1", result={"response": response})) == [Answered(1, 1, None)]
        assert protocol.receive(line(id="1.2", result={"response": response})) != [Answered(1, 2, None)]


class TestEverythingElse:
    def test_a_call(self) -> None:
        params = {"app": "main", "method": "chat.postMessage", "args": {"text": "x"}, "call_id": "7/post"}
        (asked,) = said(request("slack.call", params))
        assert asked == CallAsked(1, "main", "chat.postMessage", {"text": "x"}, "7/post")
        assert isinstance(asked, CallAsked)
        assert asked.size == len(request("slack.call", params)) - 1
        assert said(request("slack.call", {"method": "api.test", "args": None})) == [
            CallAsked(1, None, "api.test", {})
        ]

    def test_a_call_holds_no_lone_surrogate_wherever_it_was(self) -> None:
        args = {"text": "\ud800é", "\udfff": [{"a": ["\ud800", 1, None]}]}
        (asked,) = said(request("slack.call", {"method": "api.test", "args": args}))
        assert asked == CallAsked(1, None, "api.test", {"text": "?é", "?": [{"a": ["?", 1, None]}]})

    @pytest.mark.parametrize(
        "params",
        [
            {"method": ""},
            {"method": "chat.postMessage/../auth.revoke"},
            {"method": "chat.postMessage?token=x"},
            {"method": "chat.postMessage\n"},
            {"method": "chat..x"},
            {"args": []},
            {"app": 1},
            {"call_id": ""},
            {"call_id": "\ud800"},
            {"call_id": 7},
        ],
    )
    def test_a_call_that_is_none_is_refused_and_the_connection_goes_on(self, params: dict[str, Any]) -> None:
        heard = said(request("slack.call", {"method": "api.test", **params}), line(id="1.1", result={}))
        assert isinstance(heard[0], RejectedLine)
        assert heard[0].code == jsonrpc.INVALID_PARAMS
        assert heard[1:] == [Answered(1, 1, None)]

    def test_an_unknown_method_is_refused_an_unknown_notification_ignored(self) -> None:
        heard = said(request("x", {}), line(method="x"))
        assert [type(each) for each in heard] == [RejectedLine]

    def test_extend_and_log(self) -> None:
        assert said(line(method="extend", params={"id": "4.2"})) == [Extended(4, 2)]
        assert said(line(method="extend", params={"id": 4})) == []
        assert said(line(method="unorder", params={"id": "4.2"})) == [Unordered(4, 2)]
        assert said(line(method="unorder", params={"id": "4"})) == []
        assert said(line(method="log", params={"level": "warning", "message": "m"})) == [Logged("warning", "m")]
        assert said(line(method="log", params={"message": "\ud800"})) == [Logged("info", "?")]
        assert said(line(method="log", params={"message": 7})) == []

    def test_half_a_line_is_nothing_yet(self) -> None:
        protocol = opened()
        text = line(id="1.1", result={})
        assert protocol.receive(text[:10]) == []
        assert protocol.receive(text[10:]) == [Answered(1, 1, None)]


class TestMembers:
    """One that was meant for another is said; one that a later version may bring is ignored."""

    @pytest.mark.parametrize(
        ("result", "words"),
        [
            ({"text": "hi"}, 'belongs into the member "response"'),
            ({"response_action": "errors", "errors": {}}, 'belongs into the member "response"'),
            ({"options": []}, 'belongs into the member "response"'),
            ({"respons": {"text": "hi"}}, 'is "response" meant?'),
        ],
    )
    def test_a_response_in_the_wrong_place_counts_without_it_and_is_told(self, result: Any, words: str) -> None:
        (event,) = said(line(id="7.1", result=result))
        assert isinstance(event, Misanswered)
        assert words in event.message

    @pytest.mark.parametrize("result", [{}, None, True, "ok", {"took": 3}, {"trace": {"text": "x"}}, []])
    def test_what_a_later_version_may_say_is_handled(self, result: Any) -> None:
        assert said(line(id="7.1", result=result)) == [Answered(7, 1, None)]

    @pytest.mark.parametrize(
        ("method", "params", "meant"),
        [
            ("slack.call", {"method": "chat.postMessage", "arg": {}}, "args"),
            ("slack.call", {"method": "chat.postMessage", "callid": "x"}, "call_id"),
            ("slack.call", {"method": "chat.postMessage", "maxwait": 1}, "max_wait"),
            ("slack.respond", {"url": "https://hooks.slack.com/x", "mesage": {}}, "message"),
        ],
    )
    def test_a_misspelt_member_of_a_request_is_refused(
        self, method: str, params: dict[str, Any], meant: str
    ) -> None:
        (event,) = said(request(method, params))
        assert isinstance(event, RejectedLine)
        assert event.code == jsonrpc.INVALID_PARAMS
        assert f'is "{meant}" meant?' in event.message

    @pytest.mark.parametrize("method", ["slack.call", "answer"])
    def test_that_there_are_very_many_unknown_ones_takes_no_longer_than_to_read_them(self, method: str) -> None:
        """A loop that stands still is everybody's."""
        letters = itertools.islice(itertools.permutations("dohtemyx"), 20_000)
        params = {"method": "api.test", "id": "1.1", "response": {}}
        text = request(method, {**params, **{"".join(each): 0 for each in letters}})
        began = time.thread_time()
        json.loads(text)
        parsed = time.thread_time()
        (event,) = opened().receive(text)
        assert time.thread_time() - parsed < 20 * (parsed - began)
        assert isinstance(event, CallAsked | KeptAnswer)

    def test_an_unknown_member_that_is_like_none_is_ignored(self) -> None:
        (event,) = said(request("slack.call", {"method": "chat.postMessage", "priority": 3}))
        assert isinstance(event, CallAsked)

    def test_a_misspelt_member_of_initialize_is_refused(self) -> None:
        event = first(holdings=[])
        assert isinstance(event, Violation)
        assert 'is "holding" meant?' in event.message

    def test_a_nack_with_a_misspelt_member_counts_and_is_told(self) -> None:
        error = {"code": -32050, "message": "no", "data": {"retryafter": 30}}
        nack, told = said(line(id="7.1", error=error))
        assert nack == Nacked(7, 1, "no", None, False)
        assert isinstance(told, RejectedLine)
        assert 'is "retry_after" meant?' in told.message

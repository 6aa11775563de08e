"""Every message of the link comes back as it went, and neighbouring releases understand each other."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slackd import jsonrpc
from slackd.envelope import Arrival, Promise, Refusal, Settlement
from slackd.errors import LinkError
from slackd.link.codec import DELIVER_LIMIT, LINE_LIMIT, decode, encode
from slackd.link.messages import (
    Acknowledged,
    AppIdentity,
    AppPeers,
    AppTrouble,
    Call,
    CallKind,
    Changed,
    Closing,
    ConnectionState,
    Deliver,
    Hello,
    Identified,
    LinkMessage,
    Peers,
    Promised,
    Refused,
    Returned,
    Settled,
    Trouble,
    Unsent,
    Welcome,
)
from slackd.link.protocol import LinkBroken, LinkReader

STATE = ConnectionState("c1-main-7", "main", "ready", 12.5, 12.0, "applink-1", 4, 18060.0)
TROUBLE = AppTrouble("main", "invalid_auth", "put a valid app token in place")
MESSAGES: list[LinkMessage] = [
    Hello(1, 2, 4711, "abc", (STATE,), (TROUBLE,), {"main": 1, "other": 2}),
    Welcome(2),
    Deliver((Arrival(1, "main", "c1-main-7", 3.25, '{"a":"\\u00e9\n"}'), Arrival(2, "main", "x", 4.0, "é💥"))),
    Changed(9, STATE, "hello", 12.5, None),
    Changed(10, STATE, "dropped", 13.5, 18072.0),
    Identified(AppIdentity("main", "A1", "T1", "B1", "U1")),
    Identified(AppIdentity("main")),
    Trouble(TROUBLE),
    Acknowledged("main", (0.001, 0.5), 3),
    Closing("c1-main-7"),
    Closing("c1-main-7", everything=True, mute=True),
    Unsent((3, 4)),
    Returned(5, {"ok": True, "n": [1, {"x": None}]}, 200, None, ""),
    Returned(6, None, 0, None, "the proxy refused"),
    Returned(7, {"ok": False, "error": "ratelimited"}, 429, 30.0),
    Settled((Settlement(1, "e-1", '{"text":"hi"}'), Settlement(2, None))),
    Settled((Settlement(1, "e-\ud800", '{"text":"é💥"}'),)),
    Promised((Promise(Settlement(1, "e-\udfff"), 1.0),)),
    Promised((Promise(Settlement(1, "e-1", '{"options":[]}'), 12.75), Promise(Settlement(2, None), 13.0))),
    Refused((Refusal(3, "the disk is full"),)),
    Call(8, "main", CallKind.METHOD, "chat.postMessage", {"channel": "C1", "blocks": [{}]}, 12.0),
    Call(9, "main", CallKind.RESPONSE_URL, "https://hooks.slack.com/x", {}),
    Peers({"main": AppPeers(1, 6)}),
]


def read(data: bytes) -> list[Any]:
    return LinkReader().receive(data)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: type(m).__name__)
def test_what_was_said_is_what_is_heard(message: LinkMessage, version: int) -> None:
    assert read(encode(message, version)) == [message]


BATCH = Deliver(tuple(Arrival(number, "main", "c1-main-7", 3.25, "{}") for number in (7, 8, 9)))
OLD_BATCH = (
    b'{"jsonrpc":"2.0","method":"deliver","params":{"numbers":[7,8,9],"apps":["main","main","main"],'
    b'"connections":["c1-main-7","c1-main-7","c1-main-7"],"received_at":[3.25,3.25,3.25]}}\n{}\n{}\n{}\n'
)


class TestNeighbours:
    """What 0.1.0 says and understands, word for word."""

    def test_an_older_side_is_sent_whole_columns(self) -> None:
        assert encode(BATCH) == OLD_BATCH
        assert read(OLD_BATCH) == [BATCH]

    def test_a_side_that_knows_them_is_sent_columns_as_their_first_value(self) -> None:
        assert encode(BATCH, 2) == (
            b'{"jsonrpc":"2.0","method":"deliver","params":{"numbers":7,"apps":"main","connections":"c1-main-7",'
            b'"received_at":[3.25,3.25,3.25]}}\n{}\n{}\n{}\n'
        )

    def test_the_settlement_of_a_batch_too(self) -> None:
        settled = Settled(tuple(Settlement(number, f"e-{number}") for number in (7, 8)))
        assert b'"numbers":[7,8]' in encode(settled)
        assert b'"numbers":7,' in encode(settled, 2)

    def test_what_is_mixed_goes_whole_to_everybody(self) -> None:
        mixed = Deliver((Arrival(7, "a", "c1", 1.0, "{}"), Arrival(9, "b", "c2", 2.0, "{}")))
        assert encode(mixed, 2) == encode(mixed)

    @pytest.mark.parametrize(
        "line",
        [
            b'"promised","params":{"promises":[{"due":1.5,"number":3,"envelope_id":"e","payload":null}]}',
            b'"trouble","params":{"app":"main","reason":"invalid_auth","hint":"x"}',
            b'"peers","params":{"apps":{"main":{"ready_elsewhere":1,"free":6}}}',
            b'"refused","params":{"refusals":[{"number":3,"reason":"full"}]}',
            b'"unsent","params":{"numbers":[3]}',
        ],
    )
    def test_a_rare_message_is_spelt_as_ever(self, line: bytes) -> None:
        whole = b'{"jsonrpc":"2.0","method":' + line + b"}\n"
        (message,) = read(whole)
        assert encode(message) == whole


def test_every_message_is_among_those_that_are_tried() -> None:
    assert {type(message) for message in MESSAGES} == set(LinkMessage.__args__)


@given(st.text(st.characters(exclude_categories=())), st.floats(allow_nan=False, allow_infinity=False))
def test_any_text_survives(text: str, at: float) -> None:
    message = Deliver((Arrival(1, "main", "c1-main-1", at, text),))
    assert read(encode(message)) == [message]


@given(st.data())
def test_chunks_make_no_difference_but_that_arrivals_come_in_parts(data: st.DataObject) -> None:
    whole = b"".join(encode(message) for message in MESSAGES)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=20)))
    reader = LinkReader()
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    heard: list[Any] = []
    for message in (message for piece in pieces for message in reader.receive(piece)):
        if isinstance(message, Deliver) and heard and isinstance(heard[-1], Deliver):
            heard[-1] = Deliver(heard[-1].arrivals + message.arrivals)
        else:
            heard.append(message)
    assert heard == MESSAGES


def test_texts_that_are_there_are_handed_on_while_others_are_on_their_way() -> None:
    arrivals = tuple(Arrival(number, "main", "c", 0.0, f"text {number}") for number in (1, 2, 3))
    head, first, second, third, end = encode(Deliver(arrivals)).split(b"\n")
    reader = LinkReader()
    assert reader.receive(head + b"\n") == []
    assert reader.receive(first + b"\n" + second + b"\n") == [Deliver(arrivals[:2])]
    assert reader.receive(third) == []
    assert reader.receive(b"\n" + end) == [Deliver(arrivals[2:])]


@given(st.binary())
def test_no_bytes_raise(data: bytes) -> None:
    assert all(isinstance(each, LinkBroken) for each in LinkReader().receive(b"!" + data + b"\n"))


def test_after_something_broken_nothing_more_is_believed() -> None:
    reader = LinkReader()
    (broken,) = reader.receive(b"nonsense\n" + encode(Peers({})))
    assert isinstance(broken, LinkBroken)
    assert reader.receive(encode(Peers({}))) == []


def test_a_line_without_end_is_given_up() -> None:
    (broken,) = LinkReader(first_limit=100).receive(b"x" * 101)
    assert isinstance(broken, LinkBroken)


def test_a_text_goes_as_it_is_and_one_with_a_line_feed_too() -> None:
    whole = encode(Deliver((Arrival(1, "main", "c", 0.0, '{"a":1}'), Arrival(2, "main", "c", 0.0, "{\n}"))))
    head, text, rest = whole.split(b"\n")
    assert text == b'{"a":1}'
    assert rest == b""
    assert b"{\\n}" in head


def test_a_batch_goes_together_and_a_backlog_in_parts() -> None:
    small = tuple(Arrival(n, "main", "c", 0.0, "x" * 2_000) for n in range(100))
    assert len(read(encode(Deliver(small)))) == 1
    large = tuple(Arrival(n, "main", "c", 0.0, "x" * (DELIVER_LIMIT // 2)) for n in range(5))
    heard = read(encode(Deliver(large)))
    assert len(heard) == 3
    assert [a for part in heard if isinstance(part, Deliver) for a in part.arrivals] == list(large)


def test_a_member_and_a_method_of_a_newer_release_are_ignored() -> None:
    (note,) = jsonrpc.LineReader(LINE_LIMIT).receive(encode(Peers({"main": AppPeers(1, 6)})))
    assert isinstance(note, jsonrpc.Notification)
    note.params["since"] = 3
    note.params["apps"]["main"]["ghosts"] = 2
    assert decode(note) == Peers({"main": AppPeers(1, 6)})
    assert decode(jsonrpc.Notification("quiesce", {})) is None


def test_a_member_that_an_older_release_lacks_has_its_default() -> None:
    assert decode(jsonrpc.Notification("hello", {"version": 1, "connector": 1, "pid": 2})) == Hello(1, 1, 2, "")
    old = {"number": 1, "body": None, "status": 0}
    assert decode(jsonrpc.Notification("result", old)) == Returned(1, None, 0)


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("deliver", {}),
        ("deliver", {"arrivals": [{"number": "1"}]}),
        ("deliver", {"arrivals": 3}),
        ("hello", {"version": True, "connector": 1, "pid": 1}),
        ("call", {"number": 1, "app": "main", "kind": "delete", "target": "x"}),
        ("peers", {"apps": []}),
        ("settled", {"settlements": [None]}),
    ],
)
def test_nonsense_is_a_link_error_that_names_the_message(method: str, params: dict[str, Any]) -> None:
    with pytest.raises(LinkError, match=method):
        decode(jsonrpc.Notification(method, params))


def test_a_value_without_json_text_cannot_be_sent() -> None:
    with pytest.raises(LinkError, match="result"):
        encode(Returned(1, {"n": float("nan")}))


def test_a_line_is_json_for_anyone_to_read() -> None:
    line = json.loads(encode(Settled((Settlement(1, "e-1"),))))
    assert line["jsonrpc"] == "2.0"
    assert line["method"] == "settled"

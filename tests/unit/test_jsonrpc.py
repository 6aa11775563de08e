"""What the line protocol promises: nothing raises, nothing depends on chunks, what goes in comes out."""

import json
import re
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slackd import SlackdError, jsonrpc
from slackd.jsonrpc import (
    INVALID_REQUEST,
    LINE_TOO_LONG,
    PARSE_ERROR,
    Failure,
    LineReader,
    Malformed,
    Message,
    Notification,
    NotJsonError,
    Request,
    Result,
    encode_failure,
    encode_notification,
    encode_request,
    encode_result,
)
from slackd.line_cutter import BLOCK

LIMIT = 4096


def read(data: bytes, limit: int = LIMIT) -> list[Message]:
    return LineReader(limit).receive(data)


def only(text: str | bytes) -> Message:
    [message] = read((text.encode() if isinstance(text, str) else text) + b"\n")
    return message


def refused_with(text: str | bytes) -> int:
    message = only(text)
    assert isinstance(message, Malformed)
    return message.code


ids = st.one_of(st.integers(-(2**63), 2**63 - 1), st.text(max_size=10))
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.text(), values, max_size=4)
messages = st.one_of(
    st.builds(Request, ids, st.text(), objects),
    st.builds(Notification, st.text(), objects),
    st.builds(Result, ids, values),
    st.builds(Failure, st.none() | ids, st.integers(), st.text(), values),
)


def encode(message: Message) -> bytes:
    match message:
        case Request(id_, method, params):
            return encode_request(id_, method, params)
        case Notification(method, params):
            return encode_notification(method, params)
        case Result(id_, result):
            return encode_result(id_, result)
        case Failure(id_, code, text, data):
            return encode_failure(id_, code, text, data)
        case Malformed():
            raise AssertionError("no peer sends this")


class TestLaws:
    @given(messages)
    def test_what_is_encoded_is_one_line_and_comes_out_again(self, message: Message) -> None:
        line = encode(message)
        assert line.endswith(b"\n")
        assert line.count(b"\n") == 1
        assert b"\r" not in line
        assert read(line, limit=10**6) == [message]

    @given(st.lists(messages, max_size=4), st.binary(max_size=20), st.data())
    def test_chunks_make_no_difference(self, sent: list[Message], rest: bytes, data: st.DataObject) -> None:
        stream = b"".join(map(encode, sent)) + rest
        cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
        reader, limit = [], data.draw(st.integers(1, 200))
        chunked = LineReader(limit)
        for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
            reader += chunked.receive(stream[start:end])
        whole = LineReader(limit)
        assert reader == whole.receive(stream)
        assert chunked.finished == whole.finished

    @given(st.lists(st.binary(max_size=60), max_size=6), st.integers(0, 80))
    def test_no_bytes_raise_and_only_the_last_is_malformed(self, chunks: list[bytes], limit: int) -> None:
        reader = LineReader(limit)
        out = [message for chunk in chunks for message in reader.receive(chunk)]
        assert not any(isinstance(message, Malformed) for message in out[:-1])
        assert reader.finished == (bool(out) and isinstance(out[-1], Malformed))

    @given(values)
    def test_no_json_value_raises(self, value: Any) -> None:
        assert len(read(json.dumps(value).encode() + b"\n", limit=10**6)) == 1


class TestReading:
    def test_many_messages_in_one_chunk(self) -> None:
        assert read(encode_result(1, {}) + encode_notification("log", {})) == [
            Result(1, {}),
            Notification("log", {}),
        ]

    def test_empty_lines_and_carriage_returns_are_passed_over(self) -> None:
        assert read(b'\n\r\n  \n{"jsonrpc":"2.0","id":1,"result":{}}\r\n') == [Result(1, {})]

    def test_absent_params_are_empty(self) -> None:
        assert only('{"jsonrpc":"2.0","id":"a","method":"m"}') == Request("a", "m", {})

    def test_unknown_and_repeated_members_are_tolerated(self) -> None:
        text = '{"jsonrpc":"2.0","id":1,"id":2,"trace":true,"method":"m"}'
        assert only(text) == Request(2, "m", {})

    def test_a_null_beside_its_counterpart_is_as_if_it_were_absent(self) -> None:
        assert only('{"jsonrpc":"2.0","id":1,"result":{},"error":null}') == Result(1, {})
        assert only('{"jsonrpc":"2.0","id":1,"result":null,"error":{"code":1,"message":""}}') == Failure(
            1, 1, ""
        )

    def test_a_result_may_be_null(self) -> None:
        assert only('{"jsonrpc":"2.0","id":1,"result":null}') == Result(1, None)

    def test_a_failure_without_id_answers_a_line_that_was_not_understood(self) -> None:
        assert only('{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"x"}}') == Failure(
            None, -32700, "x"
        )

    def test_a_lone_surrogate_survives(self) -> None:
        message = only('{"jsonrpc":"2.0","method":"m","params":{"x":"\\ud800"}}')
        assert isinstance(message, Notification)
        assert read(encode(message)) == [message]

    @pytest.mark.parametrize(
        "text",
        [
            b"{",
            b"\xff",
            b'{"jsonrpc":"2.0","method":"\xc3"}',
            b"\xef\xbb\xbf{}",
            b'{"x":NaN}',
            b'{"x":-Infinity}',
            b'{"x":1e999}',
            b"[" * 3000,
            b'{"x":' + b"9" * 4301 + b"}",
        ],
    )
    def test_what_is_not_json(self, text: bytes) -> None:
        [message] = read(text + b"\n", limit=10**6)
        assert isinstance(message, Malformed)
        assert message.code == PARSE_ERROR

    @pytest.mark.parametrize("depth", [900, 100_000, 1_000_000])
    def test_no_depth_of_nesting_raises(self, depth: int) -> None:
        assert len(read(b'{"x":' * depth + b"1" + b"}" * depth + b"\n", limit=10**7)) == 1

    @pytest.mark.parametrize(
        "text",
        [
            "null",
            "1",
            '"x"',
            '[{"jsonrpc":"2.0","method":"m"}]',
            "{}",
            '{"method":"m"}',
            '{"jsonrpc":"1.0","method":"m"}',
            '{"jsonrpc":2.0,"method":"m"}',
            '{"jsonrpc":"2.0"}',
            '{"jsonrpc":"2.0","method":1}',
            '{"jsonrpc":"2.0","method":"m","params":[]}',
            '{"jsonrpc":"2.0","method":"m","params":null}',
            '{"jsonrpc":"2.0","method":"m","id":null}',
            '{"jsonrpc":"2.0","method":"m","id":true}',
            '{"jsonrpc":"2.0","method":"m","id":1.0}',
            '{"jsonrpc":"2.0","method":"m","id":[1]}',
            '{"jsonrpc":"2.0","result":{}}',
            '{"jsonrpc":"2.0","id":null,"result":{}}',
            '{"jsonrpc":"2.0","id":1.5,"error":{"code":1,"message":""}}',
            '{"jsonrpc":"2.0","id":1,"error":null}',
            '{"jsonrpc":"2.0","id":1,"error":{"code":true,"message":""}}',
            '{"jsonrpc":"2.0","id":1,"error":{"code":1}}',
            '{"jsonrpc":"2.0","id":1,"error":"x"}',
            '{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":""}}',
        ],
    )
    def test_what_is_json_but_no_message(self, text: str) -> None:
        assert refused_with(text) == INVALID_REQUEST


class TestTheDoor:
    def test_nothing_is_read_after_a_broken_line(self) -> None:
        reader = LineReader(LIMIT)
        out = reader.receive(encode_result(1, {}) + b"{\n" + encode_result(2, {}))
        assert [type(message) for message in out] == [Result, Malformed]
        assert reader.finished
        assert reader.receive(encode_result(3, {})) == []

    def test_a_line_may_be_as_long_as_the_limit(self) -> None:
        line = encode_result(1, "x" * 100)
        assert read(line, limit=len(line) - 1) == [Result(1, "x" * 100)]
        [refusal] = read(line, limit=len(line) - 2)
        assert isinstance(refusal, Malformed)
        assert refusal.code == LINE_TOO_LONG

    def test_a_line_that_is_too_long_is_refused_before_it_ends(self) -> None:
        reader = LineReader(10)
        assert reader.receive(b"x" * 10) == []
        [refusal] = reader.receive(b"x")
        assert isinstance(refusal, Malformed)
        assert refusal.code == LINE_TOO_LONG


class TestWriting:
    @pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {1: {2}}, b"x"])
    def test_what_is_no_json_is_an_error_of_ours(self, value: Any) -> None:
        with pytest.raises(NotJsonError):
            encode_result(1, value)
        assert issubclass(NotJsonError, SlackdError)

    def test_a_circle_is_an_error_of_ours(self) -> None:
        circle: list[Any] = []
        circle.append(circle)
        with pytest.raises(NotJsonError):
            encode_notification("log", {"x": circle})

    def test_lines_are_compact_and_utf8(self) -> None:
        assert encode_result(1, {"a": "é"}) == '{"jsonrpc":"2.0","id":1,"result":{"a":"é"}}\n'.encode()
        assert (
            encode_failure(None, -1, "x") == b'{"jsonrpc":"2.0","id":null,"error":{"code":-1,"message":"x"}}\n'
        )

    @pytest.mark.parametrize("id_", [7, "7.1", 'a "quoted" id', "é", "\ud800"])
    def test_an_empty_result_is_a_line_like_any_other(self, id_: int | str) -> None:
        assert read(encode_result(id_, {})) == [Result(id_, {})]
        assert encode_result(id_, {}) == encode_result(id_, {"a": 1}).replace(b'{"a":1}', b"{}")


def test_a_line_in_tiny_pieces_takes_little_more_memory_than_it_is_long() -> None:
    reader = LineReader(1 << 20)
    tracemalloc.start()
    try:
        for _ in range(30_000):
            reader.receive(b"xy")
        assert tracemalloc.get_traced_memory()[0] < 2 * 60_000
    finally:
        tracemalloc.stop()
    assert reader.unfinished == 60_000


def test_a_line_in_many_blocks_is_the_same_line() -> None:
    line = encode_request(1, "m", {"text": "x" * (3 * BLOCK)})
    reader = LineReader(1 << 20)
    found = [
        each for start in range(0, len(line), 1_000) for each in reader.receive(line[start : start + 1_000])
    ]
    assert found == LineReader(1 << 20).receive(line)


def test_cost_grows_with_bytes_not_with_their_square() -> None:
    def seconds(size: int) -> float:
        line, reader, start = encode_result(1, "x" * size), LineReader(10 * size), time.perf_counter()
        found = [m for i in range(0, len(line), 4096) for m in reader.receive(line[i : i + 4096])]
        assert len(found) == 1
        return time.perf_counter() - start

    assert min(seconds(8 << 20) for _ in range(3)) < 50 * min(seconds(1 << 20) for _ in range(3))


def test_the_protocol_document_has_every_error_code() -> None:
    constants = {
        name: value
        for name, value in vars(jsonrpc).items()
        if name.isupper() and isinstance(value, int) and value < 0
    }
    assert len(set(constants.values())) == len(constants)
    document = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text()
    table = re.findall(r"^\| `?(-32\d{3})`? \| `(\w+)` \|", document, re.MULTILINE)
    assert {name: int(code) for code, name in table} == constants

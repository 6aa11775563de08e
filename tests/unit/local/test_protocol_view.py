"""What passes between slackd and a program, as an author reads it."""

from typing import Any

from slackd import jsonrpc
from slackd.local.protocol_view import ProtocolView
from slackd.local.relay import with_ticket

COMMAND = {"command": "/deploy", "user_id": "U1"}


def opened() -> ProtocolView:
    view = ProtocolView()
    assert view.heard(jsonrpc.encode_result(0, {"protocol": 1})) == []
    assert view.is_open
    return view


def delivery(id_: str, payload: dict[str, Any] | None = None, attempt: int = 1) -> bytes:
    params = {"attempt": attempt, "type": "slash_commands", "envelope": {"payload": payload or COMMAND}}
    return jsonrpc.encode_request(id_, "envelope", params)


def test_an_envelope_its_answer_and_its_call() -> None:
    view = opened()
    (line,) = view.heard(delivery("1.1"))
    assert (line.kind, line.text) == ("slack", "▶ slash_commands /deploy")
    (line,) = view.said(
        jsonrpc.encode_request(1, "slack.call", {"method": "chat.postMessage", "args": {"a": 1}})
    )
    assert (line.kind, line.text) == ("call", '◀ chat.postMessage: {"a": 1}')
    assert view.heard(jsonrpc.encode_result(1, {"ok": True})) == []
    (line,) = view.said(jsonrpc.encode_result("1.1", {"response": {"text": "ok"}}))
    assert (line.kind, line.text) == ("answer", '◀ /deploy handled: {"text": "ok"}')


def test_what_fails_says_why() -> None:
    view = opened()
    view.heard(delivery("1.1"))
    view.said(jsonrpc.encode_request(1, "slack.call", {"method": "chat.update"}))
    view.said(jsonrpc.encode_request(2, "slack.call", {"method": "chat.delete"}))
    lines = view.heard(
        jsonrpc.encode_failure(1, -32004, "not granted") + jsonrpc.encode_result(2, {"ok": False})
    )
    lines += view.said(jsonrpc.encode_failure("1.1", -32050, "a bug"))
    lines += view.heard(jsonrpc.encode_notification("late", {"id": "1.1", "sent": None}))
    assert [line.text for line in lines] == [
        "✗ chat.update: not granted",
        "✗ chat.delete: None",
        "✗ /deploy: a bug",
        "◀ /deploy: its answer reached nobody",
    ]


def test_another_attempt_says_so_and_what_cannot_be_read_breaks_nothing() -> None:
    view = opened()
    assert view.heard(delivery("1.2", attempt=2))[0].text.endswith("(again, attempt 2)")
    assert view.heard(jsonrpc.encode_request("2.1", "envelope", {"envelope": 7}))[0].text == "▶  (unreadable)"
    assert view.said(b"not json\n") == []
    assert view.said(b"more\n") == []


def test_the_ticket_is_added_to_initialize_and_to_nothing_else() -> None:
    first = jsonrpc.encode_request(0, "initialize", {"protocol": 1, "plugin": "bot"})
    (message,) = jsonrpc.LineReader(1_000).receive(with_ticket(first, "t"))
    assert isinstance(message, jsonrpc.Request)
    assert message.params == {"protocol": 1, "plugin": "bot", "dev": "t"}
    for line in (
        b"no json\n",
        b"[]\n",
        b"7\n",
        b'{"method":"x","params":[]}\n',
        b'{"method":"x","params":{}}\n',
        b"",
    ):
        assert with_ticket(line, "t") == line

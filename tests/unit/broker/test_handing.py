"""The line that hands a delivery to a plugin says the same as a printed request would."""

import json

from hypothesis import given
from hypothesis import strategies as st

from slackd import jsonrpc
from slackd.broker.journal import StoredEnvelope
from slackd.broker.journal.writes import AnswerState, Lane, OpenDelivery
from slackd.broker.plugins.encoding import encode_envelope

texts = st.text(st.characters(exclude_categories=["Cs"]))
moments = st.floats(allow_nan=False, allow_infinity=False)


@given(
    st.integers(1, 2**63 - 1),
    st.integers(1, 9),
    texts,
    texts,
    moments,
    st.none() | moments,
    st.dictionaries(texts, texts),
)
def test_it_is_the_request_that_any_json_printer_would_write(
    number: int, attempt: int, app: str, kind: str, at: float, respond_by: float | None, frame: dict[str, str]
) -> None:
    delivery = OpenDelivery(number, 7, "p", Lane.PROMPT, "k", attempt, respond_by=respond_by)
    envelope = StoredEnvelope(7, app, "e", kind, json.dumps(frame), at, AnswerState.NONE, None, "")
    params = {"attempt": attempt, "app": app, "type": kind, "received_at": at, "respond_by": respond_by}
    line = encode_envelope(delivery, envelope)
    assert line.endswith(b"\n")
    assert jsonrpc.decode(line) == jsonrpc.Request(
        f"{number}.{attempt}", "envelope", {**params, "envelope": frame}
    )


def test_slacks_text_stays_as_it_was() -> None:
    delivery = OpenDelivery(1, 7, "p", Lane.EVENTS, "k")
    envelope = StoredEnvelope(7, "main", "e", "events_api", '{ "a" :1e2}', 1.5, AnswerState.NONE, None, "")
    assert encode_envelope(delivery, envelope) == (
        b'{"jsonrpc":"2.0","id":"1.1","method":"envelope","params":{"attempt":1,"app":"main","type":"events_api",'
        b'"received_at":1.5,"respond_by":null,"envelope":{ "a" :1e2}}}\n'
    )

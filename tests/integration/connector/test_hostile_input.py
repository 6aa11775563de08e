"""Whatever the link or Slack says, a connector goes on: no input raises out of one of its tasks."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from slackd.connector.function_tokens import blank_function_token
from slackd.connector.socketmode.protocol import read_frame
from slackd.connector.webapi import WebApi
from slackd.emulator import Emulator, EmulatorClient, EmulatorSettings
from slackd.envelope import Promise, Settlement
from slackd.link.messages import Call, CallKind, FromBroker, Promised, Refused, Settled
from slackd.link.protocol import LinkBroken, LinkReader
from tests.support.connector_rig import app_of, rig_for, secrets_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
URLS = st.sampled_from(
    ["http://127.0.0.1", "http://127.0.0.1:", "https://127.0.0.1:1/", "https://[::1", "", "//"]
).flatmap(lambda start: st.text(max_size=12).map(lambda rest: start + rest))
TARGETS = URLS | st.text(max_size=20) | st.sampled_from(["chat.postMessage", "auth.test", "a.b"])
CALLS = st.builds(
    Call,
    number=st.integers(),
    app=st.just("emulated"),
    kind=st.sampled_from(CallKind),
    target=TARGETS,
    args=st.dictionaries(st.text(), JSON, max_size=3),
    timeout=st.floats(max_value=0.2) | st.sampled_from([float("nan"), 0.1]),
    key=st.text(max_size=3),
)
BAD_PORTS = [
    "https://hooks.slack.com:99999/x",
    "https://hooks.slack.com:0/x",
    "https://hooks.slack.com:port/x",
    "https://hooks.slack.com:\u00b2/x",
    "http://[::1/x",
]


ODD = {"\x1f": "\x00", "a\r\nb": [], "\ud800": "\udfff", "": [["\ud800"]]}


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(CALLS, min_size=1, max_size=5))
@example([Call(1, "emulated", CallKind.METHOD, "chat.postMessage", ODD, 5.0)])
@example([Call(1, "emulated", CallKind.RESPONSE_URL, "http://127.0.0.1:1/", ODD, 5.0)])
def test_every_call_is_answered_whatever_is_in_it(calls: list[Call]) -> None:
    async def carry_out() -> None:
        async with (
            Emulator(settings=EmulatorSettings(seed=1)).serving() as slack,
            WebApi(app_of(slack), secrets_of(slack)) as web,
        ):
            for call in calls:
                assert (await web.carry_out(call)).number == call.number

    asyncio.run(carry_out())


@pytest.mark.parametrize("url", BAD_PORTS)
async def test_a_response_url_with_a_bad_port_is_refused_and_nothing_is_lost(
    slack: EmulatorClient, url: str
) -> None:
    async with rig_for(slack) as rig:
        await rig.ready()
        returned = await rig.broker.call(Call(1, "emulated", CallKind.RESPONSE_URL, url, {"text": "x"}))
        assert (returned.body, returned.status) == (None, 403)
        await slack.wait_for_ack(slack.mention("still here"))


async def test_a_mistake_in_one_call_ends_that_call_alone(
    slack: EmulatorClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig_for(slack) as rig:
        await rig.ready()

        async def fails(*_: Any) -> Any:
            raise KeyError("a mistake of slackd's")

        monkeypatch.setattr(WebApi, "_ask", fails)
        returned = await rig.broker.call(Call(1, "emulated", CallKind.METHOD, "auth.test", {}))
        assert "please" not in returned.error
        assert "KeyError" in returned.error
        await slack.wait_for_ack(slack.mention("still here"))


async def test_what_the_broker_says_of_arrivals_that_nobody_knows_changes_nothing(
    slack: EmulatorClient,
) -> None:
    async with rig_for(slack) as rig:
        await rig.ready()
        unknown = Settlement(10**30, "e", "{")
        words: list[FromBroker] = [
            Settled((unknown, Settlement(-1, None))),
            Promised((Promise(unknown, -1e300), Promise(unknown, 1e300))),
            Refused(()),
        ]
        for word in words:
            assert rig.broker.link is not None
            rig.broker.link.send(word)
        await slack.wait_for_ack(slack.mention("still here"))


@pytest.mark.parametrize(
    "line",
    [
        '{"jsonrpc":"2.0","method":"call","params":{"number":1,"app":"a","kind":"probe","target":"","timeout":1'
        + "0" * 400
        + "}}",
        '{"jsonrpc":"2.0","method":"promised","params":{"promises":[{"number":1,"due":1' + "0" * 400 + "}]}}",
        '{"jsonrpc":"2.0","method":"deliver","params":{"numbers":[1],"apps":["a"],"connections":["c"],'
        '"received_at":[1' + "0" * 400 + "]}}",
        '{"jsonrpc":"2.0","method":"state","params":{"number":1,"state":[],"cue":"","at":1}}',
    ],
)
def test_a_number_too_large_for_a_float_breaks_the_link_and_not_its_reader(line: str) -> None:
    (broken,) = LinkReader().receive(line.encode() + b"\n")
    assert isinstance(broken, LinkBroken)


METHODS = st.sampled_from(
    ["hello", "deliver", "state", "closing", "result", "promised", "settled", "call", "peers"]
)


@given(METHODS, JSON)
def test_the_links_reader_raises_on_nothing(method: str, params: Any) -> None:
    try:
        line = json.dumps({"jsonrpc": "2.0", "method": method, "params": params}).encode()
    except UnicodeEncodeError:
        return
    LinkReader().receive(line + b"\n")


def frame(kind: str, rest: Any) -> str:
    """A frame with the fields that slackd looks at, and anything in them."""
    debug_info = {"host": rest, "approximate_connection_time": rest}
    payload = {"bot_access_token": rest, "event": rest}
    return json.dumps(
        {"type": kind, "reason": rest, "num_connections": rest, "debug_info": debug_info, "payload": payload}
    )


FRAMES = st.builds(frame, st.sampled_from(["hello", "disconnect", "events_api"]), JSON)


@given(st.text() | JSON.map(json.dumps) | FRAMES)
def test_no_frame_of_slacks_raises(text: str) -> None:
    read_frame(text)
    blank_function_token(text)

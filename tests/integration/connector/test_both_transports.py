"""What happens in Slack reaches the broker the same over Socket Mode and over HTTP: a plugin can't tell.

What differs is what Slack itself sends differently: an envelope's id, which HTTP has none of.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from slackd.broker.parsing import read
from slackd.emulator import EmulatorClient
from slackd.emulator.ledger import LedgerEntry
from slackd.emulator.request_url import RequestUrl, posting_to
from slackd.envelope import ParsedEnvelope
from tests.integration.connector.request_url_rig import PATH, SECRET, posted_app, receiver
from tests.support.connector_rig import Rig, rig_for

Happening = Callable[[EmulatorClient], LedgerEntry]


@contextlib.asynccontextmanager
async def over(transport: str, slack: EmulatorClient) -> AsyncIterator[tuple[Rig, RequestUrl | None]]:
    """One of the two, with the emulated Slack on the other side."""
    if transport == "socketmode":
        async with rig_for(slack) as rig:
            await rig.ready()
            yield rig, None
        return
    async with (
        receiver(posted_app("emulated")) as rig,
        posting_to(slack, f"http://127.0.0.1:{rig.port}{PATH}", SECRET) as posted,
    ):
        yield rig, posted


HAPPENINGS: dict[str, Happening] = {
    "a mention": lambda slack: slack.mention('say "hé" \\ & = + %'),
    "a command": lambda slack: slack.command("/deploy", "api & more = 1 + 1 é"),
    "a command without text": lambda slack: slack.command("/deploy", ""),
    "a shortcut": lambda slack: slack.shortcut("open"),
}
CHANGING = {
    *("envelope_id", "trigger_id", "event_id", "event_time", "event_context", "response_url"),
    *("ts", "event_ts", "action_ts", "client_msg_id", "block_id", "blocks"),
}


def without_what_changes(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_what_changes(each) for name, each in value.items() if name not in CHANGING}
    if isinstance(value, list):
        return [without_what_changes(each) for each in value]
    return value


async def arrived(
    transport: str, slack: EmulatorClient, happening: Happening
) -> tuple[Any, ParsedEnvelope, Any]:
    async with over(transport, slack) as (rig, _):
        rig.broker.payload = '{"text":"an answer"}'
        entry = await slack.wait_for_ack(happening(slack))
        (arrival,) = rig.broker.arrivals
        parsed = read(arrival)
        assert isinstance(parsed, ParsedEnvelope)
        return json.loads(arrival.text), parsed, entry.response


@pytest.mark.parametrize("name", HAPPENINGS)
async def test_the_same_arrives_and_the_same_answer_goes_back(slack: EmulatorClient, name: str) -> None:
    one, first, answer = await arrived("socketmode", slack, HAPPENINGS[name])
    other, second, same_answer = await arrived("http", slack, HAPPENINGS[name])
    assert without_what_changes(one) == without_what_changes(other)
    assert one.keys() == other.keys()
    assert first.facets == second.facets or first.facets.thread != second.facets.thread
    assert (first.type, first.accepts_response, first.is_prompt) == (
        second.type,
        second.accepts_response,
        second.is_prompt,
    )
    assert bool(first.response_url) == bool(second.response_url)
    assert answer == same_answer


@pytest.mark.parametrize("fault", ["forged", "stale"])
async def test_what_was_signed_wrongly_is_sent_again_and_arrives_once(
    slack: EmulatorClient, fault: str
) -> None:
    async with over("http", slack) as (rig, posted):
        assert posted is not None
        posted.fault(fault)
        entry = await slack.wait_for_ack(slack.mention("x"))
        assert [each.status for each in posted.requests] == [401, 200]
        assert len(entry.sends) == 2
        assert json.loads(rig.broker.arrivals[0].text)["retry_attempt"] == 1
        assert len(rig.broker.arrivals) == 1


async def test_a_request_that_comes_twice_arrives_once(slack: EmulatorClient) -> None:
    async with over("http", slack) as (rig, posted):
        assert posted is not None
        posted.fault("twice")
        await slack.wait_for_ack(slack.mention("x"))
        async with asyncio.timeout(10):
            while len(posted.requests) < 2:
                await asyncio.sleep(0.01)
        assert [each.status for each in posted.requests] == [200, 409]
        assert len(rig.broker.arrivals) == 1


async def test_slack_asks_whose_the_url_is(slack: EmulatorClient) -> None:
    async with over("http", slack) as (_, posted):
        assert posted is not None
        assert await posted.verify()
        posted.secret = "another app's"
        assert not await posted.verify()

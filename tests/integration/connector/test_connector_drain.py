"""A connector that is told to stop (rule R9), and one that has just started."""

import asyncio
import json
import time

import pytest

from slackd.emulator import EmulatorClient
from slackd.link.messages import Call, CallKind, Closing
from tests.support.connector_rig import PATIENCE, Rig, app_of, connected, rig_for, secrets_of


async def test_a_drain_of_an_idle_connector_closes_and_leaves_no_ghost(slack: EmulatorClient) -> None:
    async with rig_for(slack) as rig:
        await rig.ready()
        async with asyncio.timeout(PATIENCE):
            await rig.connector.drain(20)
        assert rig.broker.phases("c1-emulated-1")[-2:] == ["retiring", "closed"]
        assert rig.broker.changes[-1].ghost_until is None
        await slack.wait_until(lambda: slack.core.side().ready_spans.count == 0)


async def test_a_drain_goes_on_reading_and_acknowledging_until_nothing_is_in_flight(
    slack: EmulatorClient,
) -> None:
    async with rig_for(slack) as rig:
        await rig.ready()
        rig.broker.settles = False
        before = slack.mention("before")
        await rig.broker.until(lambda: rig.broker.arrivals)
        draining = asyncio.create_task(rig.connector.drain(20))
        await rig.broker.until(lambda: rig.broker.phases("c1-emulated-1")[-1] == "retiring")
        during = slack.mention("during")
        await rig.broker.until(lambda: len(rig.broker.arrivals) == 2)
        assert not draining.done()
        rig.broker.settle(rig.broker.arrivals)
        async with asyncio.timeout(PATIENCE):
            await draining
        await slack.wait_for_ack(before)
        await slack.wait_for_ack(during)


@pytest.fixture
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A quiet moment is waited for as short as can be."""
    monkeypatch.setattr("slackd.connector.socketmode.draining.QUIET_PATIENCE", 0.05)
    monkeypatch.setattr("slackd.connector.socketmode.draining.LAST_PATIENCE", 0.1)


async def test_a_drain_without_a_quiet_moment_asks_the_broker_for_one(
    slack: EmulatorClient, no_patience: None
) -> None:
    async with rig_for(slack) as rig:
        await rig.ready()
        rig.broker.settles = False
        command = slack.command("/slow")
        await rig.broker.until(lambda: rig.broker.arrivals)
        rig.broker.promise(rig.broker.arrivals[0], time.monotonic() + 60.0)
        draining = asyncio.create_task(rig.connector.drain(20))
        name = "c1-emulated-1"
        await rig.broker.until(lambda: len(rig.broker.closings) == 2)
        assert rig.broker.closings == [Closing(name), Closing(name, everything=True)]
        rig.broker.settle(rig.broker.arrivals)
        await slack.wait_for_ack(command)
        await rig.broker.until(lambda: rig.broker.phases(name)[-1] == "closed")
        assert rig.broker.closings[2:] == [Closing(name, mute=True)]
        assert rig.broker.changes[-1].ghost_until is None
        # Its answer follows, and here is the last connector that could post it.
        assert not draining.done()
        rig.broker.tell_peers(emulated=(1, 6))
        async with asyncio.timeout(PATIENCE):
            await draining


async def test_a_broker_that_comes_back_is_told_again_before_it_is_delivered_to(
    slack: EmulatorClient, no_patience: None
) -> None:
    async with rig_for(slack) as rig:
        await rig.ready()
        rig.broker.settles = False
        command = slack.command("/slow")
        await rig.broker.until(lambda: rig.broker.arrivals)
        rig.link.close()
        draining = asyncio.create_task(rig.connector.drain(20))
        await slack.wait_until(lambda: rig.connector._closing_notices.all())
        rig.relink()
        await rig.broker.until(lambda: len(rig.broker.arrivals) == 2)
        assert {(told.connection, told.mute) for told in rig.broker.closings} == {("c1-emulated-1", False)}
        rig.broker.settle(rig.broker.arrivals[1:])
        rig.broker.tell_peers(emulated=(1, 6))
        await slack.wait_for_ack(command)
        async with asyncio.timeout(PATIENCE):
            await draining


async def loses_a_connection_with_a_command(rig: Rig, slack: EmulatorClient) -> None:
    """The broker has the command, and has heard of the loss; it settles nothing by itself."""
    await rig.ready()
    rig.broker.settles = False
    slack.command("/slow")
    await rig.broker.until(lambda: rig.broker.arrivals)
    slack.fault("drop")
    await rig.broker.until(lambda: rig.broker.closings)


async def test_what_a_lost_connection_brought_cannot_be_acknowledged_and_the_broker_is_told(
    slack: EmulatorClient,
) -> None:
    async with rig_for(slack) as rig:
        await loses_a_connection_with_a_command(rig, slack)
        assert rig.broker.closings == [Closing("c1-emulated-1", mute=True)]
        await rig.ready()
        rig.broker.payload = '{"text":"done"}'
        rig.broker.settle(rig.broker.arrivals)
        await rig.broker.until(lambda: sum(ack.unsendable for ack in rig.broker.acks))
        assert rig.broker.unsent == [rig.broker.arrivals[0].number]
        slack.fault("drop")  # nothing is in flight: nobody needs to know
        await rig.broker.until(lambda: rig.broker.phases("c1-emulated-2")[-1:] == ["backoff"])
        assert len(rig.broker.closings) == 1


async def test_a_drain_ends_when_the_broker_knows_what_could_not_be_sent(slack: EmulatorClient) -> None:
    async with rig_for(slack) as rig:
        await loses_a_connection_with_a_command(rig, slack)
        await rig.ready()
        rig.broker.tell_peers(emulated=(1, 6))
        draining = asyncio.create_task(rig.connector.drain(20))
        await rig.broker.until(lambda: rig.broker.phases("c1-emulated-2")[-1:] == ["closed"])
        await asyncio.sleep(0.1)
        assert not draining.done()  # its journal does not know yet that nobody waits there
        rig.broker.payload = '{"text":"done"}'
        rig.broker.settle(rig.broker.arrivals)
        await rig.broker.until(lambda: rig.broker.unsent)
        await asyncio.sleep(0.1)
        assert not draining.done()  # nor that the answer must follow
        rig.broker.payload = None
        rig.broker.settle(rig.broker.arrivals)
        async with asyncio.timeout(PATIENCE):
            await draining


async def test_a_drain_waits_for_calls_that_are_under_way(slack: EmulatorClient) -> None:
    slack.fault("api_error", method="chat.postMessage", delay=100.0)
    async with rig_for(slack) as rig:
        await rig.ready()
        call = Call(1, "emulated", CallKind.METHOD, "chat.postMessage", {"channel": "C1", "text": "hi"})
        assert rig.broker.link is not None
        rig.broker.link.send(call)
        await slack.wait_until(lambda: rig.connector.status().calls == 1 or rig.broker.returned)
        async with asyncio.timeout(PATIENCE):
            await rig.connector.drain(20)
        await rig.broker.until(lambda: rig.broker.returned)


async def test_a_drain_takes_no_longer_than_it_may(slack: EmulatorClient) -> None:
    slack.fault("api_error", method="chat.postMessage", hang=True)
    async with rig_for(slack) as rig:
        await rig.ready()
        rig.broker.settles = False
        slack.mention("never settled")
        await rig.broker.until(lambda: rig.broker.arrivals)
        assert rig.broker.link is not None
        rig.broker.link.send(Call(1, "emulated", CallKind.METHOD, "chat.postMessage", {"text": "hi"}, 600.0))
        await slack.wait_until(lambda: rig.connector.status().calls)
        async with asyncio.timeout(PATIENCE):
            await rig.connector.drain(0.2)
            await rig.life
        assert rig.broker.phases("c1-emulated-1")[-1] == "closed"


@pytest.mark.parametrize("fault", ["silent_close", "tcp_stays"])
async def test_a_slack_that_does_not_answer_our_close_is_left_after_two_seconds(
    slack: EmulatorClient, fault: str
) -> None:
    async with rig_for(slack) as rig:
        await rig.ready()
        slack.fault(fault)
        async with asyncio.timeout(PATIENCE):
            await rig.connector.drain(20)
        closed = rig.broker.changes[-1]
        assert closed.state.phase == "closed"
        assert (closed.ghost_until is not None) == (fault == "silent_close")


async def test_a_drain_in_the_midst_of_a_dial_gives_it_up(slack: EmulatorClient) -> None:
    slack.fault("open_error", hang=True)
    async with rig_for(slack) as rig:
        await rig.broker.until(lambda: rig.broker.changes)
        async with asyncio.timeout(PATIENCE):
            await rig.connector.drain(20)
        assert rig.broker.phases("c1-emulated-1") == ["dialling", "retiring", "closed"]


async def test_ready_is_the_hello_and_not_the_handshake(slack: EmulatorClient) -> None:
    slack.fault("hello", hang=True)
    async with rig_for(slack) as rig:
        rig.broker.tell_peers(emulated=(1, 6))
        readiness = await rig.connector.wait_ready(0.3)
        assert (readiness.ready, readiness.reason) == (False, "emulated: dialling")
        rig.broker.tell_peers(emulated=(0, 6))
        readiness = await rig.connector.wait_ready(0.1)
        assert readiness.ready, "what is READY nowhere holds nothing up"


async def test_an_app_without_tokens_is_in_trouble_and_holds_nothing_up(slack: EmulatorClient) -> None:
    async with connected([app_of(slack)], [secrets_of(slack)]) as rig:
        other = app_of(slack)
        connector = type(rig.connector)(2, {"tokenless": other}, {}, {})
        readiness = await connector.wait_ready(5)
        assert readiness.ready
        assert "tokenless" in readiness.reason


async def test_what_is_said_on_the_link_is_json(slack: EmulatorClient) -> None:
    async with rig_for(slack) as rig:
        await rig.ready()
        entry = slack.mention("x")
        await slack.wait_for_ack(entry)
        assert json.loads(rig.broker.arrivals[0].text)["envelope_id"]

"""Envelopes through a connector: handed over together, kept until settled, acknowledged where they came in."""

import asyncio
import json
import time

import pytest

from slackd.connector.unacknowledged import Unacknowledged
from slackd.emulator import EmulatorClient
from slackd.link.messages import LINK_VERSION, Call, CallKind
from slackd.slack.limits import ACK_LIMIT
from tests.support.connector_rig import app_of, connected, rig_for, secrets_of


async def test_an_envelope_is_handed_over_as_slack_sent_it_and_acknowledged(slack: EmulatorClient) -> None:
    async with rig_for(slack) as rig:
        await rig.ready()
        entry = slack.mention("héllo 💥")
        await slack.wait_for_ack(entry)
        (arrival,) = rig.broker.arrivals
        assert json.loads(arrival.text)["payload"]["event"]["text"].endswith("héllo 💥")
        assert (arrival.app, arrival.number) == ("emulated", 1)
        (hello,) = rig.broker.hellos
        assert (hello.version, hello.connector, hello.apps) == (LINK_VERSION, 1, {"emulated": 1})
        await rig.broker.until(lambda: rig.broker.acks)
        assert len(rig.broker.acks[0].seconds) == 1
        assert 0 < rig.broker.acks[0].seconds[0] < 5


async def test_nothing_is_acknowledged_before_it_is_settled(slack: EmulatorClient) -> None:
    async with rig_for(slack) as rig:
        await rig.ready()
        rig.broker.settles = False
        entries = [slack.mention(str(n)) for n in range(20)]
        await rig.broker.until(lambda: len(rig.broker.arrivals) == 20)
        assert not any(entry.acknowledged for entry in entries)
        rig.broker.settle(rig.broker.arrivals[5:])
        for entry in entries[5:]:
            await slack.wait_for_ack(entry)
        rig.broker.refuse(rig.broker.arrivals[:5])
        last = slack.mention("last")
        await rig.broker.until(lambda: len(rig.broker.arrivals) == 21)
        rig.broker.settle(rig.broker.arrivals)
        await slack.wait_for_ack(last)
        assert not any(entry.acknowledged for entry in entries[:5])
        assert rig.connector.status().unsettled == 0


async def test_what_the_broker_has_at_a_time_is_bounded_by_its_bytes(slack: EmulatorClient) -> None:
    async with rig_for(slack) as rig:
        await rig.ready()
        rig.broker.settles = False
        large = slack.batch(count=40, size=500_000)
        await rig.broker.until(lambda: rig.connector.status().paused)
        assert rig.connector.status().unsettled < 40
        rig.link.close()  # without a broker there is time: as much is read as memory is for
        assert not rig.connector.status().paused
        rig.broker.settles = True
        rig.relink()
        await slack.wait_until(lambda: large.acknowledged == 40)


async def test_frames_that_are_read_together_go_together(slack: EmulatorClient) -> None:
    async with rig_for(slack) as rig:
        await rig.ready()
        for n in range(300):
            slack.mention(f"{n}")
        await rig.broker.until(lambda: len(rig.broker.arrivals) == 300)
        assert len(rig.broker.batches) < 60
        texts = [json.loads(one.text)["payload"]["event"]["text"] for one in rig.broker.arrivals]
        assert texts == sorted(texts, key=lambda text: int(text.split()[-1]))


async def test_after_a_restart_of_the_broker_everything_unsettled_is_delivered_again(
    slack: EmulatorClient,
) -> None:
    async with rig_for(slack) as rig:
        await rig.ready()
        rig.broker.settles = False
        first = slack.mention("first")
        await rig.broker.until(lambda: rig.broker.arrivals)
        rig.link.close()
        assert not rig.connector.status().linked
        second = slack.mention("second")
        slack.fault("warning")
        await slack.wait_until(lambda: rig.connector.status().unsettled == 2)
        rig.broker.settles = True
        rig.relink()
        await slack.wait_for_ack(first)
        await slack.wait_for_ack(second)
        assert [one.number for one in rig.broker.arrivals] == [1, 1, 2]
        assert len(rig.broker.hellos) == 2
        await rig.broker.until(lambda: "warning" in rig.broker.cues())


async def test_a_broker_that_dies_after_its_promise_does_not_cost_the_deadline(slack: EmulatorClient) -> None:
    async with rig_for(slack) as rig:
        await rig.ready()
        rig.broker.settles = False
        promised, unknown = slack.command("/deploy", "api"), slack.command("/deploy", "web")
        await rig.broker.until(lambda: len(rig.broker.arrivals) == 2)
        first = next(one for one in rig.broker.arrivals if '"api"' in one.text)
        rig.broker.promise(first, due=time.monotonic() + 0.5)
        rig.broker.settles = True
        await slack.wait_for_ack(slack.mention("said after the promise, so that was heard"))
        rig.link.close()
        await slack.wait_for_ack(promised)
        assert promised.response is None
        assert not unknown.acknowledged
        assert rig.connector.status().unsettled == 1


async def test_a_broker_that_only_lagged_is_told_that_its_answer_came_too_late(slack: EmulatorClient) -> None:
    async with rig_for(slack) as rig:
        await rig.ready()
        rig.broker.settles = False
        command = slack.command("/deploy")
        await rig.broker.until(lambda: rig.broker.arrivals)
        rig.broker.promise(rig.broker.arrivals[0], due=time.monotonic())
        await slack.wait_for_ack(command)
        assert rig.broker.unsent == []
        rig.broker.payload = '{"text":"done"}'
        rig.broker.settle(rig.broker.arrivals)
        await rig.broker.until(lambda: rig.broker.unsent)
        assert rig.broker.unsent == [rig.broker.arrivals[0].number]


async def test_a_response_goes_into_the_acknowledgement(slack: EmulatorClient) -> None:
    async with rig_for(slack) as rig:
        await rig.ready()
        rig.broker.payload = '{"text":"done"}'
        entry = slack.command("/deploy", "api")
        await slack.wait_for_ack(entry)
        assert entry.response == {"text": "done"}


async def test_a_response_that_slack_would_not_take_is_left_out(slack: EmulatorClient) -> None:
    async with rig_for(slack) as rig:
        await rig.ready()
        rig.broker.payload = json.dumps({"text": "x" * ACK_LIMIT})
        entry = slack.command("/deploy", "api")
        await slack.wait_for_ack(entry)
        assert entry.response is None
        assert rig.broker.fewest_ready == 1


async def test_an_acknowledgement_that_would_close_the_connection_is_counted_and_not_sent(
    slack: EmulatorClient, caplog: pytest.LogCaptureFixture
) -> None:
    async with rig_for(slack) as rig:
        await rig.ready()
        rig.broker.payload = '{"text":"done"}'
        slack.fault("raw", text=f'{{"type":"slash_commands","envelope_id":"{"e" * 30_000}","payload":{{}}}}')
        await rig.broker.until(lambda: rig.broker.unsent and rig.broker.acks)
        assert rig.broker.unsent == [rig.broker.arrivals[0].number], "its answer has another way"
        assert sum(ack.unsendable for ack in rig.broker.acks) == 1
        entry = slack.command("/deploy", "api")
        await slack.wait_for_ack(entry)
        assert rig.broker.fewest_ready == 1
    (said,) = [each for each in caplog.records if getattr(each, "event", "") == "acknowledgement-too-large"]
    assert len(said.getMessage()) < 300


async def test_an_acknowledgement_goes_out_on_the_connection_that_brought_the_envelope(
    slack: EmulatorClient,
) -> None:
    slack.core.change_settings(acks_on_any_connection=False, warning_grace=1_000.0)
    async with rig_for(slack) as rig:
        await rig.ready()
        rig.broker.settles = False
        before = [slack.mention(str(n)) for n in range(3)]
        await rig.broker.until(lambda: len(rig.broker.arrivals) == 3)
        slack.fault("warning")
        await rig.broker.until(lambda: "c1-emulated-2" in rig.broker.ready)
        rig.broker.settle(rig.broker.arrivals)
        for entry in before:
            await slack.wait_for_ack(entry)
        assert rig.broker.phases("c1-emulated-1") == ["dialling", "ready", "leaving", "retiring"]


async def test_what_is_settled_after_its_connection_is_gone_is_counted_and_not_sent(
    slack: EmulatorClient,
) -> None:
    async with rig_for(slack) as rig:
        await rig.ready()
        rig.broker.settles = False
        entry = slack.mention("lost")
        await rig.broker.until(lambda: rig.broker.arrivals)
        slack.fault("drop", reset=True)
        await rig.broker.until(lambda: "c1-emulated-2" in rig.broker.ready)
        rig.broker.settle(rig.broker.arrivals)
        await rig.broker.until(lambda: rig.broker.acks)
        assert sum(ack.unsendable for ack in rig.broker.acks) == 1
        assert not entry.acknowledged


async def test_what_nobody_understands_is_handed_over_as_it_is(slack: EmulatorClient) -> None:
    async with rig_for(slack) as rig:
        await rig.ready()
        slack.fault("raw", text="no JSON at all")
        slack.fault("raw", text='{"type":"news","envelope_id":"e-1"')
        await rig.broker.until(lambda: len(rig.broker.arrivals) == 2)
        assert [one.text for one in rig.broker.arrivals] == [
            "no JSON at all",
            '{"type":"news","envelope_id":"e-1"',
        ]
        entry = slack.send_envelope("something_new", {"a": 1})
        await slack.wait_for_ack(entry)


async def test_a_steps_calls_are_made_with_the_bot_token_whoever_saw_its_envelope(
    slack: EmulatorClient,
) -> None:
    async with rig_for(slack) as rig:
        await rig.ready()
        entry = slack.send_event(
            {"type": "function_executed", "bot_access_token": "xwfp-secret", "function_execution_id": "Fx1"}
        )
        await slack.wait_for_ack(entry)
        step = {"function_execution_id": "Fx1", "outputs": {}}
        app = slack.apps[0].name
        returned = await rig.broker.call(Call(1, app, CallKind.METHOD, "functions.completeSuccess", step))
        assert returned.body is not None
        assert returned.body.get("error") != "invalid_auth", "the emulator knows the bot token alone"


async def test_a_function_token_never_leaves_the_connector(slack: EmulatorClient) -> None:
    async with rig_for(slack) as rig:
        await rig.ready()
        entry = slack.send_event(
            {"type": "function_executed", "bot_access_token": "xwfp-secret", "function_execution_id": "Fx1"}
        )
        await slack.wait_for_ack(entry)
        assert "xwfp-secret" not in rig.broker.arrivals[0].text
        assert '"bot_access_token": ""' in rig.broker.arrivals[0].text.replace('":"', '": "')


async def test_a_large_envelope_comes_through(slack: EmulatorClient) -> None:
    async with rig_for(slack) as rig:
        await rig.ready()
        entry = slack.send_envelope("events_api", {"type": "event_callback", "text": "x" * (17 * 1024 * 1024)})
        await slack.wait_for_ack(entry, timeout=30)
        assert len(rig.broker.arrivals[0].text) > 17 * 1024 * 1024


async def test_when_the_broker_does_not_keep_up_slack_is_read_no_further(slack: EmulatorClient) -> None:
    small = Unacknowledged(high_water_arrivals=100)
    async with connected([app_of(slack)], [secrets_of(slack)], unsettled=small) as rig:
        await rig.ready()
        rig.broker.settles = False
        entries = [slack.mention("x" * 4_000) for _ in range(3_000)]
        await rig.broker.until(lambda: len(rig.broker.arrivals) >= 100)
        assert rig.connector.status().paused
        assert len(rig.broker.arrivals) < 400
        assert "reading paused" in rig.connector.status_text()
        rig.broker.settles = True
        rig.broker.settle(rig.broker.arrivals)
        for entry in entries:
            await slack.wait_for_ack(entry)
        assert not rig.connector.status().paused


async def test_several_apps_and_two_connections_each(slack: EmulatorClient) -> None:
    async with connected([app_of(slack, connections=2)], [secrets_of(slack)], number=2) as rig:
        await rig.ready(2)
        assert {name.rsplit("-", 1)[0] for name in rig.broker.ready} == {"c2-emulated"}
        entries = [slack.mention(str(n)) for n in range(50)]
        for entry in entries:
            await slack.wait_for_ack(entry)
        assert len({one.connection for one in rig.broker.arrivals}) == 2
        async with asyncio.timeout(30):
            readiness = await rig.connector.wait_ready(10)
        assert (readiness.ready, readiness.reason) == (True, "")
        assert rig.connector.status_text() == "emulated 2/2 READY"

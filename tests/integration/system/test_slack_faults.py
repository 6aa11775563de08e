"""Slack's reasons and faults, on all connections at once, against the whole house."""

import asyncio
import collections
import contextlib
import math
import time
from collections.abc import AsyncIterator

import pytest

from slackd.emulator import Emulator, EmulatorClient, EmulatorSettings, LedgerEntry
from tests.integration.system.house import EVERYTHING, House, living
from tests.integration.system.programs import PATIENCE

SOON = EmulatorSettings(
    redelivery_delays=(0.5, 1.0, 2.0, 4.0), repeat_same_envelope_after=4.0, warning_grace=2.0
)
"""Slack's own deadline; its redeliveries sooner than the minutes they take."""


CROSSED = 0.5
"""Seconds that an envelope and its acknowledgement are on their way at most, on a machine that others use."""


@contextlib.asynccontextmanager
async def steady_mentions(slack: EmulatorClient, seconds: float = 0.02) -> AsyncIterator[list[LedgerEntry]]:
    """One mention every so many seconds while the block lasts; yields them."""
    sent: list[LedgerEntry] = []

    async def send() -> None:
        while True:
            sent.append(slack.mention(f"number {len(sent)}", channel=f"C0{len(sent) % 5}"))
            await asyncio.sleep(seconds)

    async with asyncio.TaskGroup() as group:
        sending = group.create_task(send())
        yield sent
        sending.cancel()


async def all_handled_once(house: House, sent: list[LedgerEntry]) -> None:
    """All of them are acknowledged in time, and were handled, each once."""
    slack, record = house.slack, house.records["recorder"]
    await slack.wait_until(lambda: not slack.unanswered(), timeout=PATIENCE, what="nothing unanswered")
    await record.until(lambda: {each.key for each in sent} <= record.keys, "everything to be handled")
    assert all(each.acknowledged for each in sent)
    counts = collections.Counter(each.key for each in record.handlings)
    assert [each for each in record.handlings if counts[each.key] > 1] == [], "handled twice"


@pytest.mark.parametrize(("reason", "grace"), [("warning", None), ("refresh_requested", 2.0)])
async def test_all_connections_are_asked_to_leave_at_once_and_nobody_notices(
    reason: str, grace: float | None
) -> None:
    async with Emulator(settings=SOON).serving() as slack, living(slack) as house:
        async with steady_mentions(slack) as sent:
            old = slack.fault(reason, grace=grace)
            connections = slack.core.connections
            await slack.wait_until(
                lambda: all(connections[each].ended_at for each in old), what="the end of the old ones"
            )
            assert len(old) == 2
        await all_handled_once(house, sent)
        assert slack.summary().ready_gaps == []
        # Only what came just before Slack's Close, which crossed its acknowledgement, came again.
        again = [each.sends[0] for each in sent if len(each.sends) > 1]
        ended = {each: connections[each].ended_at or 0.0 for each in old}
        late = [each for each in again if each.at < ended.get(str(each.connection), math.inf) - CROSSED]
        assert late == [], f"came again, though there was time to acknowledge it: {ended}"
        assert (await house.ask("/v1/gaps"))["gaps"] == []
        status = await house.ask("/v1/status")
        assert [(each["ready"], each["ghosts"]) for each in status["apps"]] == [(2, 0)]


@pytest.mark.parametrize("broker_is_away", [False, True])
async def test_a_drop_of_all_connections_is_a_gap_that_is_told(broker_is_away: bool) -> None:
    settings = EmulatorSettings(redelivery_delays=(0.5, 1.0, 2.0), repeat_same_envelope_after=4.0)
    async with (
        Emulator(settings=settings).serving() as slack,
        living(slack, {"recorder": EVERYTHING + "[delivery]\ngaps = true\n"}) as house,
    ):
        record = house.records["recorder"]
        slack.fault("open_error", times=2)
        if broker_is_away:
            house.broker.kill()
        slack.fault("drop")
        missed = slack.mention("is anybody there?")
        assert missed.sends[0].connection is None
        await slack.wait_until_ready(2, timeout=PATIENCE)
        await record.until(lambda: record.gaps, "the gap to be told")
        await all_handled_once(house, [missed])

        ((began, ended),) = slack.summary().ready_gaps
        assert ended is not None
        (gap,) = await house.gaps()
        assert record.gaps == [[gap["from"], gap["until"], gap["reason"]]]
        assert gap["app"] == slack.apps[0].name
        assert gap["until"] - gap["from"] == pytest.approx(ended - began, abs=0.5)
        assert gap["from"] == pytest.approx(slack.core.context.wall(began), abs=0.5)
        status = await house.ask("/v1/status")
        # Slack noticed, as its count in the hello says: no ghosts.
        assert [(each["gaps_day"], each["ghosts"]) for each in status["apps"]] == [(1, 0)]


async def test_a_stall_of_all_connections_is_noticed_and_leaves_ghosts() -> None:
    # Every other repetition goes to a ghost: so many in a row don't.
    settings = EmulatorSettings(
        ping_interval=0.5, redelivery_delays=(0.5, 1.0, *(2.0,) * 14), redelivery_ids="fresh"
    )
    async with (
        Emulator(settings=settings).serving() as slack,
        living(slack, app='stall_timeout = "3s"') as house,
    ):
        slack.fault("stall")
        stalled = time.time()
        missed = [slack.mention("does anybody hear?") for _ in range(4)]
        await slack.wait_until_ready(2, timeout=PATIENCE)
        heard_again = time.time()
        # Slack goes on giving the ghosts their share.
        await all_handled_once(house, missed)
        status = await house.until_status(lambda status: status["apps"][0]["ghosts"] == 2, "two ghosts")
        assert [(each["ready"], each["foreign"], each["free"]) for each in status["apps"]] == [(2, 0, 6)]
        # From the last frame that was heard to the first hello after it.
        async with asyncio.timeout(PATIENCE):
            while (gap := (await house.gaps())[-1])["until"] is None or gap["until"] < stalled:
                await asyncio.sleep(0.05)
        assert gap["from"] == pytest.approx(stalled, abs=1.0)
        assert gap["until"] == pytest.approx(heard_again, abs=1.0)


async def test_without_a_place_a_connection_waits_and_is_back_when_the_ghosts_are_gone() -> None:
    # Slack may still give a connection that it takes for alive its share: it sends again, and soon.
    settings = EmulatorSettings(
        ping_interval=0.5, max_connections=3, redelivery_delays=(0.5, 1.0, 1.0, 1.0, 1.0, 1.0)
    )
    async with (
        Emulator(settings=settings).serving() as slack,
        living(slack, app='stall_timeout = "3s"') as house,
    ):
        began = time.monotonic()
        slack.fault("stall")
        await slack.wait_until_ready(1, timeout=PATIENCE)
        waiting = "Slack has no place for one more connection"
        connectors = [house.program("connector-1"), house.program("connector-2")]
        async with asyncio.timeout(PATIENCE):
            while not any(waiting in each.tail() for each in connectors):
                await asyncio.sleep(0.05)
        status = await house.until_status(
            lambda status: any("1 of 2" in each["text"] for each in status["reasons"]), "what is missing"
        )
        # A place that is missing for a moment is a note: a rolling restart has that, too.
        assert status["health"] in ("ok", "degraded")
        dials = len(slack.ledger.calls_of("apps.connections.open"))
        # A slow machine leaves time for the next try, which is 7.5 s away at the least.
        assert dials <= 5 + (time.monotonic() - began) / 7.5, "dialled in a loop"
        slack.fault("forget_ghosts")
        await slack.wait_until_ready(2, timeout=PATIENCE)
        await slack.wait_for_ack(slack.mention("there again"), timeout=PATIENCE)


async def test_socket_mode_is_switched_off_and_on_again() -> None:
    async with Emulator(settings=SOON).serving() as slack, living(slack) as house:
        app = slack.apps[0].name
        slack.fault("link_disabled")
        status = await house.until_status(lambda status: status["health"] == "failing", "the trouble")
        (reason,) = [each for each in status["reasons"] if each["about"] == app and each["level"] == "failing"]
        assert "link_disabled" in reason["text"]
        assert "Socket Mode" in reason["hint"]
        missed = slack.mention("while it was off")
        for name in ("connector-1", "connector-2"):
            connector = house.program(name)
            assert "Socket Mode" in connector.tail()
            # What `systemctl reload slackd` does; without it, it is tried every five minutes.
            connector.terminate()
            await connector.wait_ready()
        await slack.wait_until_ready(2, timeout=PATIENCE)
        await all_handled_once(house, [missed])
        await house.until_status(lambda status: not status["apps"][0]["troubles"], "no trouble any more")
        assert await house.gaps()


async def test_each_process_in_turn_is_restarted_under_load_and_nobody_notices() -> None:
    async with Emulator(settings=SOON).serving() as slack, living(slack) as house:
        async with steady_mentions(slack, 0.005) as sent:
            for name in ("broker", "connector-1", "connector-2", "broker", "connector-1", "connector-2"):
                program = house.program(name)
                program.terminate()
                await program.wait_ready()
        await all_handled_once(house, sent)
        summary = slack.summary()
        assert summary.ready_gaps == []
        assert summary.late_acks == 0
        assert (await house.ask("/v1/gaps"))["gaps"] == []
        assert {each.rpartition("(")[2] for each in house.ended} == {"status 0) and is started again"}


async def test_one_process_drains_under_load_and_the_next_one_goes_on() -> None:
    async with (
        Emulator(settings=SOON).serving() as slack,
        living(slack, together=True) as house,
    ):
        daemon = house.program("slackd")
        async with steady_mentions(slack, 0.005) as sent:
            await slack.wait_until(lambda: slack.summary().acked > 50, what="some load")
            command = slack.command("/do", "sleep 0.5")
            await house.records["recorder"].until(
                lambda: command.key in house.records["recorder"].keys, "the command to be in the plugin's hands"
            )
            daemon.terminate()
            await slack.wait_until(lambda: not slack.summary().ready_now, what="the drain", timeout=PATIENCE)
            assert command.response == {"text": "done sleep 0.5"}
            closed = [each.how_ended for each in slack.core.connections.values()]
            assert closed == ["closed by the client: 1000"] * 2
            await daemon.wait_ready()
            await slack.wait_until_ready(2, timeout=PATIENCE)
        await all_handled_once(house, sent)
        assert slack.summary().late_acks == 0
        assert house.ended == ["slackd ended (status 0) and is started again"]

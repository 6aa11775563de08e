"""Every reason and fault of Slack's, against the emulated Slack: what the connector does, and what it says."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator
from functools import partial

import pytest

from slackd.connector.credentials import AppSecrets, Secret
from slackd.connector.socketmode import transport
from slackd.connector.socketmode.troubles import ALL_SILENT
from slackd.emulator import EmulatedApp, Emulator, EmulatorClient, EmulatorSettings
from tests.support.connector_rig import Rig, app_of, connected, rig_for, secrets_of


@contextlib.asynccontextmanager
async def still_works(slack: EmulatorClient, rig: Rig) -> AsyncIterator[None]:
    """Afterwards an envelope is acknowledged, and no frame was sent that Slack wouldn't take."""
    yield
    await slack.wait_for_ack(slack.mention("still there?"))


async def test_a_warning_is_no_gap(slack: EmulatorClient) -> None:
    async with rig_for(slack) as rig:
        await rig.ready()
        async with still_works(slack, rig):
            slack.fault("warning")
            await rig.broker.until(lambda: "c1-emulated-2" in rig.broker.ready)
            await rig.broker.until(lambda: rig.broker.phases("c1-emulated-1")[-1] == "closed")
        assert rig.broker.fewest_ready == 1
        assert rig.broker.changes[-1].ghost_until is None


@pytest.mark.parametrize("reason", ["refresh_requested", "tomorrow_s_reason", "too_many_websockets"])
async def test_an_end_without_grace_is_followed_by_a_new_connection(slack: EmulatorClient, reason: str) -> None:
    async with rig_for(slack) as rig:
        await rig.ready()
        async with still_works(slack, rig):
            slack.fault("disconnect", reason=reason)
            await rig.broker.until(lambda: "c1-emulated-2" in rig.broker.ready)
            await rig.broker.until(lambda: rig.broker.phases("c1-emulated-1")[-1] == "closed")
        assert rig.broker.phases("c1-emulated-1")[2] == "leaving"


@pytest.mark.parametrize("reset", [False, True])
async def test_an_abrupt_drop_is_dialled_again(slack: EmulatorClient, reset: bool) -> None:
    async with rig_for(slack) as rig:
        await rig.ready()
        async with still_works(slack, rig):
            slack.fault("drop", reset=reset)
            await rig.broker.until(lambda: "c1-emulated-2" in rig.broker.ready)
        (dropped,) = [change for change in rig.broker.changes if change.cue == "dropped"]
        assert dropped.state.phase == "backoff"
        assert dropped.ghost_until is not None


async def test_a_close_of_slacks_is_dialled_again_and_leaves_no_ghost(slack: EmulatorClient) -> None:
    async with rig_for(slack) as rig:
        await rig.ready()
        async with still_works(slack, rig):
            slack.fault("close", code=1001)
            await rig.broker.until(lambda: "c1-emulated-2" in rig.broker.ready)
        (closed,) = [change for change in rig.broker.changes if change.cue == "closed by either side"]
        assert closed.ghost_until is None


async def test_a_stall_is_replaced_first_and_then_ended(slack: EmulatorClient) -> None:
    async with rig_for(slack, stall_timeout=1.0) as rig:
        await rig.ready()
        slack.fault("stall")
        await rig.broker.until(lambda: rig.broker.phases("c1-emulated-1")[-1] == "closed")
        assert rig.broker.phases("c1-emulated-1") == ["dialling", "ready", "retiring", "closed"]
        assert "c1-emulated-2" in rig.broker.ready
        assert rig.broker.changes[-1].ghost_until is not None


async def test_after_the_machines_sleep_a_connection_is_replaced_at_once(
    slack: EmulatorClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A short sleep is none: what was open then is still."""
    slept = 1_000.0
    monkeypatch.setattr(transport, "asleep", lambda: slept)
    monkeypatch.setattr(transport, "LOOK_FOR_SLEEP", 0.01)
    async with rig_for(slack) as rig:
        await rig.ready()
        await asyncio.sleep(0.05)
        slept += 29.0
        await asyncio.sleep(0.05)
        assert rig.broker.cues() == ["retry due", "hello"]
        slept += 7_200.0
        async with still_works(slack, rig):
            await rig.broker.until(lambda: "closed" in rig.broker.phases("c1-emulated-1"))
        assert rig.broker.phases("c1-emulated-1") == ["dialling", "ready", "retiring", "closed"]
        assert rig.broker.ready == {"c1-emulated-2"}


async def test_pings_alone_keep_a_connection_alive(slack: EmulatorClient) -> None:
    async with rig_for(slack, stall_timeout=0.5) as rig:
        await rig.ready()
        await asyncio.sleep(1.5)  # silence but for the pings is what this is about
        assert rig.broker.ready == {"c1-emulated-1"}


async def test_link_disabled_is_said_with_the_setting_that_enables_it(slack: EmulatorClient) -> None:
    async with rig_for(slack) as rig:
        await rig.ready()
        slack.fault("link_disabled")
        await rig.broker.until(lambda: rig.broker.troubles)
        (trouble,) = rig.broker.troubles
        assert "link_disabled" in trouble.trouble.reason
        assert "Socket Mode" in trouble.trouble.hint
        assert rig.broker.phases("c1-emulated-1")[-1] == "backoff"
        readiness = await rig.connector.wait_ready(10)
        assert readiness.ready
        assert "Socket Mode" in readiness.reason


async def test_too_many_websockets_in_place_of_the_hello_waits(slack: EmulatorClient) -> None:
    slack.core.change_settings(max_connections=0)
    async with rig_for(slack) as rig:
        await rig.broker.until(lambda: "too_many_websockets" in rig.broker.cues())
        assert rig.broker.phases("c1-emulated-1") == ["dialling", "backoff"]
        slack.core.change_settings(max_connections=10)
        rig.broker.tell_peers(emulated=(0, 0))
        rig.broker.tell_peers(emulated=(0, 3))
        async with still_works(slack, rig):
            await rig.ready()


@pytest.mark.parametrize("status", [404, 408, 200, 500])
async def test_a_failed_handshake_gets_a_new_url(slack: EmulatorClient, status: int) -> None:
    slack.fault("handshake", status=status, body="<html>no</html>")
    async with rig_for(slack) as rig, still_works(slack, rig):
        await rig.ready()
        assert len(slack.ledger.calls_of("apps.connections.open")) == 2
        assert rig.broker.cues()[:3] == ["retry due", "dial failed", "retry due"]


async def test_a_spent_ticket_is_never_dialled_twice(slack: EmulatorClient) -> None:
    slack.core.change_settings(ticket_lifetime=0.0)
    async with rig_for(slack) as rig:
        await rig.broker.until(lambda: rig.broker.cues().count("dial failed") >= 2)
        slack.core.change_settings(ticket_lifetime=30_000.0)
        async with still_works(slack, rig):
            await rig.ready()


@pytest.mark.parametrize("error", ["internal_error", "fatal_error", "service_unavailable"])
async def test_errors_of_slacks_own_are_tried_again(slack: EmulatorClient, error: str) -> None:
    slack.fault("open_error", error=error)
    async with rig_for(slack) as rig, still_works(slack, rig):
        await rig.ready()
        assert rig.broker.troubles == []


async def test_a_429_is_waited_out(slack: EmulatorClient) -> None:
    slack.fault("ratelimited", method="apps.connections.open", retry_after=1)
    async with rig_for(slack) as rig, still_works(slack, rig):
        await rig.ready()
        first, second = slack.ledger.calls_of("apps.connections.open")
        assert second.at - first.at >= 1.0


@pytest.mark.parametrize("body", ["<html>proxy</html>", "", "[1]", '"text"', '{"ok":true}', '{"ok":tr'])
async def test_an_answer_that_is_not_slacks_is_tried_again(slack: EmulatorClient, body: str) -> None:
    slack.fault("open_error", status=200, body=body)
    async with rig_for(slack) as rig, still_works(slack, rig):
        await rig.ready()


async def test_a_refused_token_is_said_once_and_the_other_apps_go_on() -> None:
    apps = [EmulatedApp.numbered(1), EmulatedApp.numbered(2)]
    async with Emulator(apps, EmulatorSettings(time_scale=0.01)).serving() as slack:
        bad = AppSecrets(Secret("xapp-1-A0-1-wrong"))
        async with connected([app_of(slack, 0), app_of(slack, 1)], [bad, secrets_of(slack, 1)]) as rig:
            readiness = await rig.connector.wait_ready(20)
            await rig.broker.until(lambda: rig.broker.troubles)
            (trouble,) = rig.broker.troubles
            assert trouble.trouble.app == "emulated1"
            assert trouble.trouble.reason.startswith("invalid_auth")
            assert "apps.emulated1.app_token" in trouble.trouble.hint
            assert readiness.ready
            assert "invalid_auth" in readiness.reason
            await slack.wait_for_ack(slack.mention("hi", app="A0EMULATED2"))


async def test_a_hello_that_leaves_everything_out_is_a_hello(slack: EmulatorClient) -> None:
    slack.fault("hello", text='{ "num_connections": null, "type" : "hello" }')
    async with rig_for(slack) as rig:
        await rig.ready()
        assert rig.broker.changes[-1].state.lifetime == 0


async def test_planned_rotation_needs_no_warning() -> None:
    settings = EmulatorSettings(
        time_scale=0.01, connection_lifetime=400.0, approximate_connection_time=400.0, ack_deadline=1_000.0
    )
    async with Emulator(settings=settings).serving() as slack, rig_for(slack) as rig:
        await rig.broker.until(lambda: rig.broker.cues().count("rotation due") >= 2)
        assert "warning" not in rig.broker.cues()
        assert rig.broker.fewest_ready == 1
        await slack.wait_for_ack(slack.mention("hi"))


async def test_rotation_waits_when_fewer_than_two_places_are_free() -> None:
    settings = EmulatorSettings(
        time_scale=0.01, connection_lifetime=200.0, approximate_connection_time=200.0, ack_deadline=1_000.0
    )
    async with Emulator(settings=settings).serving() as slack, rig_for(slack) as rig:
        rig.broker.tell_peers(emulated=(1, 1))
        await rig.broker.until(lambda: "warning" in rig.broker.cues())
        assert "rotation due" not in rig.broker.cues()
        await rig.broker.until(lambda: "c1-emulated-2" in rig.broker.ready)
        assert rig.broker.fewest_ready == 1


async def test_slack_that_closes_at_once_is_not_dialled_in_a_loop(slack: EmulatorClient) -> None:
    async with rig_for(slack) as rig:
        await rig.ready()
        for _ in range(4):
            rig.broker.changes.clear()
            slack.fault("close")
            await rig.broker.until(lambda: "hello" in rig.broker.cues())
        calls = slack.ledger.calls_of("apps.connections.open")
        assert len(calls) == 5


@pytest.mark.parametrize(("busy", "lines"), [(False, 0), (True, 1)])
async def test_that_no_quiet_moment_was_found_is_said_of_a_busy_connection_alone(
    slack: EmulatorClient,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    busy: bool,
    lines: int,
) -> None:
    monkeypatch.setattr("slackd.connector.socketmode.draining.BEFORE_FAREWELL", 0.1)
    caplog.set_level(logging.INFO)
    async with rig_for(slack) as rig:
        await rig.ready()
        rig.broker.settles = False
        if busy:
            slack.command("/slow")
            await rig.broker.until(lambda: rig.broker.arrivals)
            rig.broker.promise(rig.broker.arrivals[0], time.monotonic() + 60.0)
        slack.fault("warning")
        await rig.broker.until(lambda: rig.broker.closings)
        rig.broker.settle(rig.broker.arrivals)
    said = [each for each in caplog.records if getattr(each, "event", "") == "waiting-ended"]
    assert len(said) == lines


def is_ready(rig: Rig, connection: str) -> bool:
    return connection in rig.broker.ready


async def test_the_first_frame_after_a_hello_ends_the_trouble_of_connections_that_fell_silent(
    slack: EmulatorClient,
) -> None:
    slack.core.change_settings(ping_interval=1e6)
    async with rig_for(slack, stall_timeout=0.5) as rig:
        for number in range(1, ALL_SILENT + 1):
            await rig.broker.until(partial(is_ready, rig, f"c1-emulated-{number}"))
            slack.fault("stall")
        await rig.broker.until(lambda: rig.broker.troubles)
        begun = rig.broker.troubles[0].trouble.reason
        assert "every connection falls silent right after Slack's hello" in begun
        while not rig.broker.arrivals:  # those that a stalled connection gets are lost
            slack.mention("now it speaks")
            await asyncio.sleep(0.05)
        await rig.broker.until(lambda: len(rig.broker.troubles) == 2)
        assert rig.broker.troubles[1].trouble.reason == ""

"""What operators are told: a real broker, asked over its real control socket."""

import asyncio
import json
import os
import time
from pathlib import Path

import pytest

from slackd.broker.journal.writes import GapRecord
from slackd.config import PluginConfig, Subscription
from slackd.control_client import ControlRefused
from tests.integration.control.control_rig import World, message, plugin_file, refuses, world
from tests.support.slack_texts import TOKEN


def reasons(status: dict[str, list[dict[str, str]]], about: str) -> list[str]:
    return [each["text"] for each in status["reasons"] if each["about"] == about]


async def test_all_is_well_with_both_connectors_and_every_plugin_there() -> None:
    async with world(plugin_file("deploy")) as here:
        here.both_connectors()
        await here.plugin("deploy")
        status = await here.status(lambda found: found["plugins"][0]["sessions"])
        assert (status["health"], status["reasons"]) == ("ok", [])
        assert status["broker"]["pid"] == os.getpid()
        assert len(status["broker"]["digest"]) == 64
        assert [(each["number"], each["pid"], each["digest"]) for each in status["connectors"]] == [
            (1, 4_001, "digest-1"),
            (2, 4_002, "digest-2"),
        ]
        (app,) = status["apps"]
        assert (app["ready"], app["wanted"], app["ghosts"], app["foreign"], app["free"]) == (2, 2, 0, 0, 8)
        (session,) = status["plugins"][0]["sessions"]
        assert (session["session"], session["client"]) == ("session-1", "stand-in 1.0")
        assert (session["pid"], session["uid"]) == (os.getpid(), os.getuid())
        assert status["journal"]["healthy"]


async def test_what_a_roll_goes_by() -> None:
    """`slackd rolling-restart` reads the status with these very names."""
    from slackd.rolling_restart.systemd import read_status

    async with world() as here:
        here.connector(1)
        status = await here.status()
        now = read_status(status)
        assert now.broker_digest == status["broker"]["digest"]
        assert now.connectors[1].linked
        assert now.connectors[1].ready == {"main": 1}
        assert not now.connectors[2].linked


async def test_a_connector_that_is_gone_is_named_and_trouble_once_it_does_not_come_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with world() as here:
        here.both_connectors()
        here.links[2].close()
        assert (await here.status())["health"] == "ok"
        monkeypatch.setattr("slackd.broker.control.health.RESTARTING", 0.0)
        status = await here.status()
        assert status["health"] == "degraded"
        assert reasons(status, "connector 2") == ["not linked to the broker yet"]
        assert reasons(status, "main") == ["1 of 2 connections are READY"]


async def test_a_gap_that_lasts_is_failing_and_says_since_when_and_why() -> None:
    async with world() as here:
        connector = here.connector(1)
        here.daemon.connectors._quiet_until = 0.0
        connector.enters("main", "closed", "stalled")
        status = await here.status(lambda found: found["apps"][0]["gap"])
        assert status["health"] == "failing"
        assert status["apps"][0]["gap"]["reason"] == "stalled"
        assert status["apps"][0]["seconds_without_ready"] >= 0
        await here.status(lambda found: found["apps"][0]["gaps_day"])
        (gap,) = (await here.get("/v1/gaps"))["gaps"]
        assert (gap["app"], gap["until"], gap["reason"]) == ("main", None, "stalled")


async def test_the_newest_gaps_are_shown_however_many_another_app_has() -> None:
    async with world(apps=["main", "other"]) as here:
        now = time.time()
        others = [GapRecord("other", now - 9_000 + n, now - 8_999.5 + n, "flaps") for n in range(1_200)]
        mine = [GapRecord("main", now - at, now - at + 1, "stalled") for at in (9_500, 8_500, 100)]
        await here.daemon.engine.write(*others, *mine)
        newest = await here.get("/v1/gaps", limit=3)
        assert [(each["app"], each["from"]) for each in newest["gaps"]] == [
            *(("other", each.start) for each in others[-2:]),
            ("main", now - 100),
        ]
        assert newest["more"]
        of_main = await here.get("/v1/gaps", app="main", limit=500)
        assert [each["from"] for each in of_main["gaps"]] == [each.start for each in mine]
        assert not of_main["more"]
        status = await here.status()
        assert [each["gaps_day"] for each in status["apps"]] == [3, 1_000]


async def test_ghosts_and_foreign_connections_are_told_apart() -> None:
    async with world() as here:
        connector = here.connector(1)
        connector.enters("main", "closed", "stalled", ghost_for=3_600.0)
        connector.enters("main", "ready", "hello", counted=3)
        status = await here.status(lambda found: found["apps"][0]["ready"])
        assert (status["apps"][0]["ghosts"], status["apps"][0]["foreign"]) == (1, 1)
        assert status["apps"][0]["free"] == 7
        assert any("another process on the same app token" in each for each in reasons(status, "main"))


async def test_an_app_in_trouble_says_its_hint() -> None:
    async with world() as here:
        connector = here.both_connectors()
        connector.is_in_trouble("main", "Slack says invalid_auth", "put a new app token in place")
        status = await here.status(lambda found: found["apps"][0]["troubles"])
        about = [each for each in status["reasons"] if each["about"] == "main"]
        assert (about[0]["text"], about[0]["hint"]) == (
            "Slack says invalid_auth",
            "put a new app token in place",
        )


async def test_a_plugin_that_is_away_shows_what_waits_for_it() -> None:
    async with world(plugin_file("deploy")) as here:
        await here.both_connectors().deliver_and_wait(*(message(n) for n in range(3)))
        (plugin,) = (await here.get("/v1/plugins"))["plugins"]
        assert (plugin["open"], plugin["in_flight"], plugin["dead"]) == (3, 0, 0)
        assert plugin["absent_for"] > 0
        assert plugin["oldest_age"] >= 0


async def test_what_a_plugin_has_in_hand_is_in_flight() -> None:
    async with world(plugin_file("deploy"), plugin_file("audit")) as here:
        plugin = await here.plugin("deploy")
        plugin.answer = lambda _: None
        await here.both_connectors().deliver_and_wait(message(1))
        await plugin.has_been_handed(1)
        found = await here.get("/v1/inflight")
        (delivery,) = found["deliveries"]
        assert (found["total"], delivery["plugin"], delivery["attempt"]) == (1, "deploy", 1)
        assert (delivery["key"], delivery["session"], delivery["state"]) == ("main/C1", "session-1", "held")
        assert (await here.get("/v1/inflight", plugin="audit"))["total"] == 0
        with pytest.raises(ControlRefused, match=r"no file in plugins.d declares a plugin 'nobody'"):
            await here.get("/v1/inflight", plugin="nobody")


async def test_events_are_counted_against_slacks_limit() -> None:
    async with world() as here:
        await here.both_connectors().deliver_and_wait(*(message(n) for n in range(7)), message(3))
        (app,) = (await here.get("/v1/apps"))["apps"]
        assert (app["events_hour"], app["events_hour_limit"]) == (8, 30_000)


async def test_health_and_readiness_have_their_own_status_codes() -> None:
    async with world() as here:
        assert b"200 OK" in await _ask(here, "/healthz")
        assert b"503 Service Unavailable" in (answer := await _ask(here, "/readyz"))
        assert b"main: no connection is READY" in answer
        here.connector(1)
        await here.status(lambda found: found["apps"][0]["ready"])
        assert b"200 OK" in await _ask(here, "/readyz")


async def test_an_app_in_trouble_keeps_nobody_from_being_ready() -> None:
    async with world(apps=["main", "broken"]) as here:
        here.connector(1, ["main"])
        connector = here.connector(2, ["broken"])
        connector.is_in_trouble("broken", "Slack says account_inactive", "install the app again")
        connector.enters("broken", "closed", "app refused")
        await here.status(lambda found: not found["apps"][1]["ready"] and found["apps"][1]["troubles"])
        assert b"200 OK" in await _ask(here, "/readyz")


async def _ask(here: World, path: str) -> bytes:
    request = f"GET {path} HTTP/1.1\r\nHost: slackd\r\nConnection: close\r\n\r\n"
    return await here.raw(request.encode())


@pytest.mark.parametrize(
    ("method", "path", "body", "code", "words"),
    [
        ("GET", "/v1/nothing", "", 404, "there is no GET /v1/nothing"),
        ("DELETE", "/v1/status", "", 405, "there is no DELETE /v1/status"),
        ("GET", "/v1/deadletters?limit=0", "", 400, "expected a whole number from 1 to 500"),
        ("GET", "/v1/deadletters?limt=5", "", 400, "'limt' is no parameter"),
        ("GET", "/v1/deadletters/17", "", 404, "there is no dead letter 17"),
        ("GET", "/v1/deadletters/x", "", 400, "expected the number of a delivery"),
        ("GET", "/v1/gaps?since=nan", "", 400, "expected UNIX seconds"),
        ("GET", "/v1/events?event=a&evnt=b", "", 400, "'evnt' is no parameter"),
        (
            "GET",
            "/v1/events?what=zzz",
            "",
            400,
            "what='zzz': expected one of recorded, duplicate, forbidden",
        ),
        ("GET", "/v1/events?what=deed", "", 400, "did you mean 'dead'?"),
        ("GET", "/v1/events?type=event_api", "", 400, "did you mean 'events_api'?"),
        ("GET", "/v1/events?app=mian", "", 404, "has no app 'mian'; did you mean 'main'?"),
        ("GET", "/v1/events?plugin=deploi", "", 404, "a plugin 'deploi'; did you mean 'deploy'?"),
        ("GET", "/v1/gaps?app=nope", "", 404, "has no app 'nope'; it has main"),
        ("GET", "/v1/inflight?plugin=deploi", "", 404, "a plugin 'deploi'; did you mean 'deploy'?"),
        ("GET", "/v1/deadletters?plugin=nope", "", 404, "a plugin 'nope', and none has dead letters"),
        ("POST", "/v1/deadletters/discard", '{"plugin": "nope"}', 404, "a plugin 'nope', and none has"),
        ("POST", "/v1/deadletters/retry", '{"plugin": "deploi"}', 404, "did you mean 'deploy'?"),
        ("POST", "/v1/replay", '{"plugin": "deploy", "since": 1, "app": "nope"}', 404, "has no app 'nope'"),
        (
            "POST",
            "/v1/replay",
            '{"plugin": "deploy", "since": 1, "type": "x"}',
            400,
            "type='x': expected one of",
        ),
        ("POST", "/v1/deadletters/retry", "{", 400, "the body is not JSON"),
        ("POST", "/v1/deadletters/retry", "[" * 100_000, 400, "the body is not JSON"),
        ("POST", "/v1/deadletters/retry", "[]", 400, "must be a JSON object"),
        ("POST", "/v1/deadletters/retry", "{}", 400, "say which"),
        ("POST", "/v1/deadletters/retry", '{"ids": [1], "plugin": "deploy"}', 400, "say which"),
        ("POST", "/v1/deadletters/discard", '{"ids": [-1]}', 400, "expected a list of ids"),
        ("POST", "/v1/deadletters/discard", '{"ids": [true]}', 400, "expected a list of ids"),
        ("POST", "/v1/deadletters/discard", '{"plugin": "deploy", "reason": "old"}', 400, "expected one of"),
        ("POST", "/v1/replay", '{"plugin": "deploy"}', 400, "say which"),
        ("POST", "/v1/replay", '{"plugin": "nobody", "since": 1}', 404, "declares a plugin 'nobody'"),
        ("POST", "/v1/replay", '{"plugin": "deploy", "since": 1e400}', 400, "expected UNIX seconds"),
        ("POST", "/v1/replay", '{"plugin": "deploy", "since": 1, "form": 2}', 400, "'form' is no member"),
    ],
)
async def test_a_wrong_request_is_answered_with_what_is_wrong(
    method: str, path: str, body: str, code: int, words: str
) -> None:
    async with world(plugin_file("deploy")) as here:
        length = f"Content-Length: {len(body)}"
        head = f"{method} {path} HTTP/1.1\r\nHost: slackd\r\nConnection: close\r\n{length}\r\n\r\n"
        answer = await here.raw((head + body).encode())
        first, _, content = answer.partition(b"\r\n\r\n")
        assert int(first.split()[1]) == code
        assert words in json.loads(content)["error"]


async def test_a_type_that_a_plugin_subscribes_to_or_slack_has_sent_is_known() -> None:
    hears = PluginConfig(
        "odd", Path("/etc/slackd/plugins.d/odd.toml"), subscriptions=(Subscription("new_type"),)
    )
    async with world(hears) as here:
        await here.both_connectors().deliver_and_wait(message(1).replace("events_api", "newer_type"))
        for kind in ("new_type", "newer_type", "interactive"):
            content = {"plugin": "odd", "since": 1, "type": kind, "dry_run": True}
            assert (await here.post("/v1/replay", content))["missing"] == []


async def test_what_is_gone_from_the_configuration_is_known_by_what_it_left() -> None:
    async with world() as here:
        await here.daemon.engine.write(GapRecord("gone", time.time() - 9, time.time() - 8, "stalled"))
        assert len((await here.get("/v1/gaps", app="gone"))["gaps"]) == 1


async def test_no_token_is_in_anything_that_can_be_asked() -> None:
    async with world(plugin_file("deploy")) as here:
        plugin = await here.plugin("deploy")
        plugin.answer = refuses
        await here.both_connectors().deliver_and_wait(message(1))
        await here.status(lambda found: found["plugins"][0]["dead"])
        (letter,) = (await here.get("/v1/deadletters"))["deadletters"]
        shown = await here.get(f"/v1/deadletters/{letter['delivery']}")
        everything = [
            await here.get(f"/v1/{name}") for name in ("status", "apps", "plugins", "inflight", "gaps")
        ]
        assert json.loads(shown["text"])["payload"]["token"] == ""
        assert TOKEN not in json.dumps([shown, *everything])


async def test_a_status_is_answered_while_many_ask() -> None:
    async with world(plugin_file("deploy")) as here:
        here.both_connectors()
        answers = await asyncio.gather(*(here.get("/v1/status") for _ in range(20)))
        assert len(answers) == 20

"""Dead letters and replay: what an operator changes, and what it never changes."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from slackd.config import Delivery
from slackd.control_client import ControlRefused
from tests.integration.control.control_rig import World, message, plugin_file, refuses, world
from tests.support.slack_texts import command


async def dead_letters(here: World, plugin: str, count: int, first: int = 0) -> list[int]:
    """Make so many, and return their deliveries."""
    program = await here.plugin(plugin)
    program.answer = refuses
    await here.both_connectors().deliver_and_wait(*(message(first + n, f"C{n}") for n in range(count)))
    await here.status(lambda found: _dead(found, plugin) == count)
    program.answer = lambda _: {"result": {}}
    return [each["delivery"] for each in (await here.get("/v1/deadletters"))["deadletters"]]


def _dead(status: Mapping[str, Any], plugin: str) -> int:
    return next(int(each["dead"]) for each in status["plugins"] if each["name"] == plugin)


async def test_they_are_listed_in_pages_oldest_first() -> None:
    async with world(plugin_file("deploy")) as here:
        deliveries = await dead_letters(here, "deploy", 5)
        first = await here.get("/v1/deadletters", limit=3, plugin="deploy")
        rest = await here.get("/v1/deadletters", limit=3, after=first["deadletters"][-1]["delivery"])
        assert [each["delivery"] for each in (*first["deadletters"], *rest["deadletters"])] == sorted(
            deliveries
        )
        assert (first["more"], rest["more"]) == (True, False)
        letter = first["deadletters"][0]
        assert (letter["plugin"], letter["app"], letter["type"]) == ("deploy", "main", "events_api")
        assert (letter["reason"], letter["error"], letter["attempts"]) == (
            "permanent",
            "the database is gone",
            1,
        )
        with pytest.raises(
            ControlRefused, match=r"'deplyo', and none has dead letters; did you mean 'deploy'\?"
        ):
            await here.get("/v1/deadletters", plugin="deplyo")


async def test_one_is_shown_with_its_envelope() -> None:
    async with world(plugin_file("deploy")) as here:
        (delivery,) = await dead_letters(here, "deploy", 1)
        shown = await here.get(f"/v1/deadletters/{delivery}")
        assert json.loads(shown["text"])["payload"]["event"]["text"] == "hello"


async def test_a_retry_hands_it_to_the_plugin_from_the_first_attempt() -> None:
    async with world(plugin_file("deploy")) as here:
        one, *_ = await dead_letters(here, "deploy", 2)
        plugin = await here.plugin("deploy", "session-2")
        answer = await here.post("/v1/deadletters/retry", {"ids": [one, 999_999]})
        assert answer["retried"] == [one]
        assert answer["failed"] == {"999999": "there is no such dead letter"}
        status = await here.status(
            lambda found: _dead(found, "deploy") == 1 and not found["plugins"][0]["open"]
        )
        assert status["plugins"][0]["dead"] == 1
        assert all(each["params"]["attempt"] == 1 for each in plugin.handed)


async def test_all_of_a_plugin_are_retried_but_not_what_dies_meanwhile() -> None:
    async with world(plugin_file("deploy")) as here:
        deliveries = await dead_letters(here, "deploy", 4)
        newest = (await here.get(f"/v1/deadletters/{max(deliveries)}"))["died_at"]
        answer = await here.post("/v1/deadletters/retry", {"plugin": "deploy", "until": newest})
        assert (sorted(answer["retried"]), answer["more"]) == (sorted(deliveries), False)
        again = await here.post("/v1/deadletters/retry", {"plugin": "deploy", "until": newest})
        assert again["retried"] == []


async def test_only_those_that_died_of_a_reason() -> None:
    async with world(plugin_file("deploy")) as here:
        await dead_letters(here, "deploy", 2)
        content = {"plugin": "deploy", "reason": "expired"}
        assert (await here.post("/v1/deadletters/discard", content))["discarded"] == []
        assert (
            len((await here.post("/v1/deadletters/discard", content | {"reason": "permanent"}))["discarded"])
            == 2
        )
        assert (await here.get("/v1/deadletters"))["deadletters"] == []


async def test_what_nobody_understood_can_be_discarded_and_not_retried() -> None:
    async with world(plugin_file("deploy")) as here:
        await here.both_connectors().deliver_and_wait('{"envelope_id": "odd"', message(1))
        (letter,) = (await here.get("/v1/deadletters"))["deadletters"]
        assert (letter["plugin"], letter["reason"]) == ("", "unreadable")
        refused = await here.post("/v1/deadletters/retry", {"ids": [letter["delivery"]]})
        assert "no plugin to deliver it to" in refused["failed"][str(letter["delivery"])]
        assert (await here.status())["journal"]["unreadable_letters"] == 1
        assert (await here.post("/v1/deadletters/discard", {"plugin": ""}))["discarded"] == [letter["delivery"]]


async def test_a_plugin_that_is_not_declared_any_more_gets_nothing_back() -> None:
    async with world(plugin_file("deploy")) as here:
        (delivery,) = await dead_letters(here, "deploy", 1)
        del here.daemon.core.plugins["deploy"]
        failed = (await here.post("/v1/deadletters/retry", {"ids": [delivery]}))["failed"]
        assert failed == {str(delivery): "no file in plugins.d declares the plugin deploy"}


async def test_replay_by_id_hands_an_envelope_out_again() -> None:
    async with world(plugin_file("deploy")) as here:
        plugin = await here.plugin("deploy")
        await here.both_connectors().deliver_and_wait(message(1), message(2))
        await plugin.has_been_handed(2)
        answer = await here.post("/v1/replay", {"plugin": "deploy", "envelopes": [1, 77]})
        assert (answer["replayed"], answer["missing"]) == ([1], [77])
        await plugin.has_been_handed(3)
        assert plugin.handed[2]["params"]["envelope"] == plugin.handed[0]["params"]["envelope"]
        assert plugin.handed[2]["id"] != plugin.handed[0]["id"]


async def test_replay_by_time_hands_out_what_was_received_then_and_is_subscribed() -> None:
    async with world(plugin_file("deploy"), plugin_file("audit")) as here:
        plugin = await here.plugin("deploy")
        connector = here.both_connectors()
        await connector.deliver_and_wait(message(1))
        await connector.deliver_and_wait(command(2, "/audit"))
        await plugin.has_been_handed(1)
        received = plugin.handed[0]["params"]["received_at"]
        dry = await here.post("/v1/replay", {"plugin": "deploy", "since": received - 60, "dry_run": True})
        assert (dry["replayed"], dry["not_subscribed"], dry["more"]) == ([1], [2], False)
        assert len(plugin.handed) == 1
        none = await here.post("/v1/replay", {"plugin": "deploy", "since": received + 3_600})
        assert none["replayed"] == []
        await here.post("/v1/replay", {"plugin": "deploy", "since": 0, "type": "events_api"})
        await plugin.has_been_handed(2)


async def test_a_replayed_command_is_answered_by_nobody_and_expires() -> None:
    """Slack had its acknowledgement long ago; P6: it goes to no plugin that did not subscribe."""
    async with world(plugin_file("deploy", delivery=Delivery(expire=0.05))) as here:
        connector = here.both_connectors()
        await connector.deliver_and_wait(command(1))
        await here.post("/v1/replay", {"plugin": "deploy", "envelopes": [1]})
        (plugin,) = (await here.get("/v1/plugins"))["plugins"]
        assert plugin["open"] == 1
        assert (await here.get("/v1/inflight"))["answers_awaited"] == 0


async def test_a_closed_journal_is_said_and_nothing_is_claimed_done() -> None:
    async with world(plugin_file("deploy")) as here:
        (delivery,) = await dead_letters(here, "deploy", 1)
        await here.daemon.journal.close()
        with pytest.raises(ControlRefused, match="the journal is closed"):
            await here.post("/v1/deadletters/retry", {"ids": [delivery]})
        status = await here.get("/v1/status")
        assert status["plugins"][0]["open"] is None
        assert "the journal is closed" in status["journal"]["failing"]

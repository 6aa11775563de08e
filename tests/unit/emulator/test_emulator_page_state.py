"""What the page is given to show, and how it learns that something has changed."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

import slackd.emulator
from slackd.emulator import EmulatedApp, Emulator, EmulatorClient
from slackd.emulator.page_state import page_state

STATIC = Path(slackd.emulator.__file__).parent / "static"
ALICE, BOB = "U0ALICE0001", "U0BOB000001"
GENERAL = "C0GENERAL01"


@pytest.fixture
async def slack() -> AsyncIterator[EmulatorClient]:
    async with Emulator([EmulatedApp(commands=("/deploy",))]).serving() as running:
        yield running


def shown(slack: EmulatorClient, user: str = ALICE, channel: str = GENERAL) -> dict[str, Any]:
    return page_state(slack, user, channel, None)


async def test_each_sees_their_own_conversations_and_messages(slack: EmulatorClient) -> None:
    slack.add_channel("secret", channel="C0SECRET001", private=True, members=[BOB, "U0BOTUSER01"])
    names = {each["name"] for each in shown(slack)["channels"]}
    assert names == {"general", "random", "deploys", "emulated"}
    assert "secret" in {each["name"] for each in shown(slack, BOB)["channels"]}
    slack.post_message("for all")
    note = {"ts": "1.1", "text": "for Bob", "reader": BOB, "is_ephemeral": True}
    slack.workspace().conversations[GENERAL].ephemeral["1.1"] = note
    assert [each["text"] for each in shown(slack)["conversation"]["messages"]] == ["for all"]
    assert [each["text"] for each in shown(slack, BOB)["conversation"]["messages"]] == ["for Bob", "for all"]
    assert shown(slack, ALICE, "C0SECRET001")["conversation"]["id"] == GENERAL
    assert shown(slack, "U0NOBODY001")["me"] == ALICE


async def test_what_slack_refused_is_shown_as_refused(slack: EmulatorClient) -> None:
    headers = {"Authorization": f"Bearer {slack.apps[0].bot_token}"}
    message = {"channel": GENERAL, "text": "never", "blocks": [{"type": "section"}]}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{slack.api_url}chat.postMessage", json=message, headers=headers) as response,
    ):
        assert not (await response.json())["ok"]
    (refused,) = shown(slack)["conversation"]["messages"]
    assert (refused["type"], refused["error"], refused["text"]) == ("refused", "invalid_blocks", "never")
    assert shown(slack, ALICE, "C0RANDOM001")["conversation"]["messages"] == []


async def test_commands_that_are_known_and_used_are_offered(slack: EmulatorClient) -> None:
    assert shown(slack)["commands"] == ["/deploy"]
    async with aiohttp.ClientSession() as session:
        url = f"{slack.base_url}/control/command"
        async with session.post(url, json={"command": "/other", "text": "x"}) as response:
            assert response.status == 200
    assert shown(slack)["commands"] == ["/deploy", "/other"]
    (entry,) = shown(slack)["entries"]
    assert entry["played_by"] == ("/control/command", {"command": "/other", "text": "x"})


async def test_a_change_is_sent_at_once(slack: EmulatorClient) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{slack.base_url}/page/events") as events,
        asyncio.timeout(10),
    ):
        first = json.loads((await events.content.readline()).removeprefix(b"data: "))
        await events.content.readline()
        slack.post_message("now")
        second = json.loads((await events.content.readline()).removeprefix(b"data: "))
    assert second["version"] > first["version"]


def test_the_page_needs_no_other_host() -> None:
    for file in STATIC.iterdir():
        text = file.read_text()
        assert not re.search(r"(?:src|href|import|url)\s*[=(:]?\s*['\"(]?(?:https?:)?//", text), file.name
        assert "innerHTML" not in text, "what apps send is never taken for markup"

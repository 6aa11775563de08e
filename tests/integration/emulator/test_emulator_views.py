"""What Slack refuses of modals and Home tabs, with the errors of the pages of each of `views.*`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from slackd.emulator import EmulatedApp, Emulator, EmulatorClient, EmulatorSettings

APP = EmulatedApp()
ALICE, BOB = "U0ALICE0001", "U0BOB000001"


@pytest.fixture
async def slack() -> AsyncIterator[EmulatorClient]:
    async with Emulator([APP], EmulatorSettings(trigger_lifetime=60.0)).serving() as running:
        yield running


@pytest.fixture
def web(slack: EmulatorClient) -> AsyncWebClient:
    return AsyncWebClient(token=APP.bot_token, base_url=slack.api_url)


def modal(**more: Any) -> dict[str, Any]:
    return {"type": "modal", "title": {"type": "plain_text", "text": "Ask"}, "blocks": [], **more}


def home(**more: Any) -> dict[str, Any]:
    return {"type": "home", "blocks": [], **more}


async def error_of(web: AsyncWebClient, method: str, **args: Any) -> str:
    with pytest.raises(SlackApiError) as refused:
        await web.api_call(method, json=args)
    return str(refused.value.response["error"])


async def test_a_trigger_is_exchanged_once(slack: EmulatorClient, web: AsyncWebClient) -> None:
    trigger = slack.command("/ask").trigger_id
    await web.views_open(trigger_id=trigger, view=modal())
    for method in ("views.open", "views.push"):
        assert await error_of(web, method, trigger_id=trigger, view=modal()) == "exchanged_trigger_id"
    assert await error_of(web, "views.open", trigger_id="1.2.x", view=modal()) == "invalid_trigger_id"


async def test_a_trigger_or_a_pointer_opens_a_view_but_not_both(
    slack: EmulatorClient, web: AsyncWebClient
) -> None:
    trigger = slack.command("/ask").trigger_id
    both = {"trigger_id": trigger, "interactivity_pointer": trigger, "view": modal()}
    assert await error_of(web, "views.open", **both) == "invalid_arguments"
    assert await error_of(web, "views.open", view=modal()) == "invalid_arguments"
    await web.views_open(trigger_id=trigger, view=modal())


async def test_a_view_above_250_kilobytes_is_too_large(slack: EmulatorClient, web: AsyncWebClient) -> None:
    sections = [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 2_900}}] * 90
    trigger = slack.command("/ask").trigger_id
    assert (
        await error_of(web, "views.open", trigger_id=trigger, view=modal(blocks=sections)) == "view_too_large"
    )
    assert await error_of(web, "views.publish", user_id=ALICE, view=home(blocks=sections)) == "view_too_large"
    opened = await web.views_open(trigger_id=trigger, view=modal())
    too_large = {"view_id": opened["view"]["id"], "view": modal(blocks=sections)}
    assert await error_of(web, "views.update", **too_large) == "view_too_large"


async def test_an_external_id_names_one_view(slack: EmulatorClient, web: AsyncWebClient) -> None:
    named = modal(external_id="mine")
    opened = await web.views_open(trigger_id=slack.command("/ask").trigger_id, view=named)
    again = slack.command("/ask").trigger_id
    assert await error_of(web, "views.open", trigger_id=again, view=named) == "duplicate_external_id"
    assert await error_of(web, "views.publish", user_id=ALICE, view=home(external_id="mine")) == (
        "duplicate_external_id"
    )
    updated = await web.views_update(external_id="mine", view=named)
    assert updated["view"]["id"] == opened["view"]["id"]
    await web.views_publish(user_id=ALICE, view=home(external_id="hers"))
    await web.views_publish(user_id=ALICE, view=home(external_id="hers"))
    assert await error_of(web, "views.publish", user_id=BOB, view=home(external_id="hers")) == (
        "duplicate_external_id"
    )


async def test_a_view_is_updated_only_with_its_current_hash(slack: EmulatorClient, web: AsyncWebClient) -> None:
    opened = (await web.views_open(trigger_id=slack.command("/ask").trigger_id, view=modal()))["view"]
    updated = (await web.views_update(view_id=opened["id"], hash=opened["hash"], view=modal()))["view"]
    assert updated["hash"] != opened["hash"]
    stale = {"view_id": opened["id"], "hash": opened["hash"], "view": modal()}
    assert await error_of(web, "views.update", **stale) == "hash_conflict"
    first = (await web.views_publish(user_id=ALICE, view=home()))["view"]
    await web.views_publish(user_id=ALICE, view=home(), hash=first["hash"])
    assert (
        await error_of(web, "views.publish", user_id=ALICE, view=home(), hash=first["hash"]) == "hash_conflict"
    )


async def test_three_modals_are_the_most(slack: EmulatorClient, web: AsyncWebClient) -> None:
    assert (
        await error_of(web, "views.push", trigger_id=slack.command("/ask").trigger_id, view=modal())
        == "not_found"
    )
    await web.views_open(trigger_id=slack.command("/ask").trigger_id, view=modal())
    for _ in range(2):
        await web.views_push(trigger_id=slack.command("/ask").trigger_id, view=modal())
    assert await error_of(web, "views.push", trigger_id=slack.command("/ask").trigger_id, view=modal()) == (
        "push_limit_reached"
    )


async def test_a_modal_that_was_closed_is_not_updated(slack: EmulatorClient, web: AsyncWebClient) -> None:
    opened = (await web.views_open(trigger_id=slack.command("/ask").trigger_id, view=modal()))["view"]
    slack.close_view(view_id=opened["id"])
    assert await error_of(web, "views.update", view_id=opened["id"], view=modal()) == "not_found"
    published = (await web.views_publish(user_id=ALICE, view=home()))["view"]
    assert (await web.views_update(view_id=published["id"], view=home()))["ok"]

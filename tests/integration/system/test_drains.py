"""A drain under commands that are always in flight: each is acknowledged in time, each answer arrives once.

Slack sends into a connection until it reads our Close: no moment comes in which nothing waits for its answer.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from slackd.emulator import Emulator, EmulatorClient, EmulatorSettings, LedgerEntry
from slackd.slack.limits import ACK_DEADLINE
from tests.integration.system.house import living
from tests.integration.system.programs import PATIENCE

SETTINGS = EmulatorSettings(keep_payloads=True)
COMMANDS_A_SECOND = 20
TAKES = 1.0
"""Seconds that each command takes its plugin."""
A_CLOSE_CROSSES = 0.5
"""Seconds before a connection's end in which Slack may have sent into our Close, on a loaded machine."""


@contextlib.asynccontextmanager
async def steady_commands(slack: EmulatorClient) -> AsyncIterator[list[LedgerEntry]]:
    """Slow commands of many people while the block lasts; yields them."""
    sent: list[LedgerEntry] = []

    async def send() -> None:
        while True:
            text = f"sleep {TAKES + len(sent) / 1_000_000:.6f}"
            sent.append(slack.command("/do", text, user=f"U{len(sent)}"))
            await asyncio.sleep(1 / COMMANDS_A_SECOND)

    async with asyncio.TaskGroup() as group:
        sending = group.create_task(send())
        yield sent
        sending.cancel()


def answers(entry: LedgerEntry) -> list[Any]:
    """What the person sees of it: in the acknowledgement, and through the `response_url`."""
    posts = [post.body["text"] for post in entry.posts if post.status == 200]
    return posts if entry.response is None else [entry.response["text"], *posts]


def crossed_a_close(slack: EmulatorClient, entry: LedgerEntry) -> bool:
    """Slack had sent it when we closed: nobody can acknowledge it."""
    (send,) = entry.sends
    if send.connection is None:
        return False
    ended_at = slack.core.connections[send.connection].ended_at
    return ended_at is not None and send.at > ended_at - A_CLOSE_CROSSES


async def all_answered_once(slack: EmulatorClient, sent: list[LedgerEntry]) -> None:
    """All that reached slackd is acknowledged in time, and was answered, each once."""
    await slack.wait_until(
        lambda: all(answers(each) for each in sent), timeout=PATIENCE, what="all the answers"
    )
    for entry in sent:
        assert answers(entry) == [f"done {entry_text(entry)}"]
        if entry.acks:
            assert entry.acknowledged
            assert entry.acks[0].after < ACK_DEADLINE
        else:
            assert crossed_a_close(slack, entry), entry


def entry_text(entry: LedgerEntry) -> str:
    assert entry.payload is not None
    return str(json.loads(entry.payload)["text"])


async def test_a_connector_drains_while_the_other_goes_on() -> None:
    async with Emulator(settings=SETTINGS).serving() as slack, living(slack) as house:
        connector = house.program("connector-1")
        async with steady_commands(slack) as sent:
            await slack.wait_until(lambda: slack.summary().acked > 5, what="some load", timeout=PATIENCE)
            connector.terminate()
            await connector.wait_ready()
        await all_answered_once(slack, sent)
        assert slack.summary().ready_gaps == []
        followed = [entry for entry in sent if entry.posts]
        assert followed
        drained = {entry.sends[0].connection or "" for entry in followed}
        assert [slack.core.connections[each].how_ended for each in drained] == ["closed by the client: 1000"]


async def test_one_process_drains_and_posts_what_follows_before_it_ends() -> None:
    async with Emulator(settings=SETTINGS).serving() as slack, living(slack, together=True) as house:
        daemon = house.program("slackd")
        async with steady_commands(slack) as sent:
            await slack.wait_until(lambda: slack.summary().acked > 5, what="some load", timeout=PATIENCE)
            daemon.terminate()
            await slack.wait_until(lambda: not slack.summary().ready_now, what="the drain", timeout=PATIENCE)
        reached = [entry for entry in sent if entry.sends[0].connection is not None]
        await slack.wait_until(lambda: all(map(answers, reached)), timeout=PATIENCE, what="all the answers")
        assert house.ended == []
        await all_answered_once(slack, reached)
        assert any(entry.posts for entry in reached)

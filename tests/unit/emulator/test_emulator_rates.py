"""The Web API's rate limits are those of each method's page ("Rate limits": tiers 1 to 4, and special ones)."""

from __future__ import annotations

import pytest

from slackd.emulator.context import EmulatorContext
from slackd.emulator.rates import RateLimits
from slackd.emulator.settings import EmulatorSettings


@pytest.mark.parametrize(
    ("method", "a_minute"),
    [
        ("conversations.create", 20),
        ("conversations.rename", 20),
        ("conversations.setTopic", 20),
        ("conversations.archive", 20),
        ("chat.startStream", 20),
        ("chat.stopStream", 20),
        ("pins.add", 20),
        ("reactions.remove", 20),
        ("reactions.add", 50),
        ("bookmarks.list", 50),
        ("bookmarks.add", 20),
        ("usergroups.users.update", 20),
        ("users.setPresence", 20),
        ("users.list", 20),
        ("emoji.list", 20),
        ("chat.update", 50),
        ("conversations.history", 50),
        ("chat.appendStream", 100),
        ("files.info", 100),
        ("users.profile.get", 100),
        ("views.open", 100),
        ("assistant.threads.setTitle", 100),
        ("assistant.threads.setStatus", 600),
        ("apps.connections.open", 50),
    ],
)
def test_a_method_may_be_called_as_often_as_its_page_says(method: str, a_minute: int) -> None:
    rates = RateLimits(EmulatorContext(EmulatorSettings(), now=0.0, wall=0.0))
    allowed = [rates.retry_after("A1", method, "C1", 0.0) for _ in range(a_minute)]
    assert set(allowed) == {None}
    assert rates.retry_after("A1", method, "C1", 0.0) == 60
    assert rates.retry_after("A2", method, "C1", 0.0) is None
    assert rates.retry_after("A1", method, "C1", 60.0) is None


def test_a_channel_takes_one_message_a_second() -> None:
    rates = RateLimits(EmulatorContext(EmulatorSettings(), now=0.0, wall=0.0))
    assert rates.retry_after("A1", "chat.postMessage", "C1", 0.0) is None
    assert rates.retry_after("A1", "chat.postMessage", "C1", 0.5) == 1
    assert rates.retry_after("A1", "chat.postMessage", "C2", 0.5) is None
    assert rates.retry_after("A1", "chat.postMessage", "C1", 1.0) is None

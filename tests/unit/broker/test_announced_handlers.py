"""A decorator that was written and a subscription that was forgotten: the line to write is said."""

import time
from pathlib import Path

import pytest

from slackd.broker.plugins.announced_handlers import unmatched
from slackd.config import PluginConfig, Subscription

FILE = Path("/etc/slackd/plugins.d/bot.toml")
PLUGIN = PluginConfig(
    "bot",
    FILE,
    subscriptions=(
        Subscription("events_api", event=("message.*", "app_mention"), not_event=("message.message_changed",)),
        Subscription("events_api", event=("function_executed",), callback_id=("sample_*",)),
        Subscription("slash_commands", command=("/deploy",)),
        Subscription("interactive", action_id=("approve",)),
        Subscription("interactive", callback_id=("order",)),
        Subscription("interactive", shortcut=("file",)),
    ),
)


@pytest.mark.parametrize(
    "handler",
    [
        ("event", "message.channels"),
        ("event", "app_*"),
        ("event", "*"),
        ("event", "function_executed:sample_step"),
        ("command", "/deploy"),
        ("command", "/de*"),
        ("action", "approve"),
        ("view", "order"),
        ("view_closed", "order"),
        ("shortcut", "file"),
        ("shortcut", "order"),
        ("envelope", "*"),
        ("brand_new_kind", "x"),
    ],
)
def test_what_a_subscription_may_have_something_for_is_no_news(handler: tuple[str, str]) -> None:
    assert unmatched(PLUGIN, [handler]) == []


@pytest.mark.parametrize(
    ("handler", "line"),
    [
        (("event", "reaction_added"), 'type = "events_api", event = "reaction_added"'),
        (("event", "message.message_changed"), 'event = "message.message_changed"'),
        (("event", "function_executed:other"), 'event = "function_executed", callback_id = "other"'),
        (("command", "/rollback"), 'type = "slash_commands", command = "/rollback", respond = true'),
        (("command", "deploy"), 'command = "/deploy" (with its slash, in the program, too)'),
        (("view", "survey"), 'callback_id = "survey"'),
        (("shortcut", "other"), 'shortcut = "other"'),
        (("envelope", "brand_new"), 'type = "brand_new"'),
    ],
)
def test_the_lines_to_write(handler: tuple[str, str], line: str) -> None:
    (words,) = unmatched(PLUGIN, [handler])
    assert words.startswith(str(FILE))
    assert line in words


MANY = PluginConfig(
    "bot",
    FILE,
    subscriptions=tuple(
        Subscription("interactive", action_id=(f"approve_{n}", f"*_{n}_[a-z]*")) for n in range(30)
    ),
)


@pytest.mark.parametrize("name", ["*[{}]", "[{}*", "[!{}]*", "*?" * 126, "*a" * 126, "a" * 254])
def test_no_program_takes_long_by_what_it_announces(name: str) -> None:
    """Everybody waits meanwhile. A second is for a machine that others use."""
    handlers = [
        ("action", name.format("".join(chr(0x4E00 + 7 * i + n) for i in range(250)))) for n in range(1_000)
    ]
    began = time.thread_time()
    unmatched(MANY, handlers)
    assert time.thread_time() - began < 1.0


def test_globs_are_looked_at_as_long_as_there_are_not_very_many() -> None:
    handlers = [("command", f"/order_{n}_*") for n in range(12)]
    assert len(unmatched(PLUGIN, handlers)) == 12

"""A decorator that was written and a subscription that was forgotten: the line to write is said."""

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

"""What `slackctl doctor` says of what it looked at."""

from email.utils import formatdate
from pathlib import Path

import pytest

from slackd.config.values import PluginConfig, Subscription
from slackd.connector.slackapi import SlackAnswer
from slackd.errors import CredentialError
from slackd.setup.doctor import Health, of_answer, of_clock, of_disk, of_refused_tokens, of_scopes

NOW = 1_795_500_000.0
MENTIONED = PluginConfig(
    "p",
    Path("p.toml"),
    subscriptions=(Subscription("events_api", event=("app_mention",)),),
    methods=("chat.postMessage",),
)


@pytest.mark.parametrize(("apart", "health"), [(5, Health.GOOD), (-60, Health.LOOK), (301, Health.BAD)])
def test_the_clock_is_held_against_slacks(apart: float, health: Health) -> None:
    (found,) = of_clock(formatdate(NOW + apart), NOW)
    assert found.health is health


@pytest.mark.parametrize("date", ["", "yesterday"])
def test_without_a_date_nothing_is_said_of_the_clock(date: str) -> None:
    assert list(of_clock(date, NOW)) == []


def test_little_room_is_worth_a_look() -> None:
    assert of_disk(100 << 30, "/var").health is Health.GOOD
    assert of_disk(100 << 20, "/var").hint.startswith("make room")


def test_what_slack_answers_to_a_token() -> None:
    good = SlackAnswer({"ok": True})
    refused = SlackAnswer({"ok": False, "error": "invalid_auth"})
    nothing = SlackAnswer(None, 0, error="no route", hint="open the firewall")
    assert [each.health for each in of_answer("main", "bot token", good)] == [Health.GOOD]
    (bad,) = of_answer("main", "bot token", refused)
    assert (bad.text, bad.hint) == (
        "Slack refuses the bot token: invalid_auth",
        "slackctl setup --app main puts a new one in place",
    )
    (away,) = of_answer("main", "bot token", nothing)
    assert (away.health, away.hint) == (Health.BAD, "open the firewall")


def test_scopes_that_plugins_need_are_held_against_those_granted() -> None:
    (found,) = of_scopes("main", [MENTIONED], ["app_mentions:read"])
    assert found.text == "plugins need scopes that are missing: chat:write"
    (good,) = of_scopes("main", [MENTIONED], ["app_mentions:read", "chat:write", "users:read"])
    assert good.health is Health.GOOD


def test_where_slack_does_not_say_the_scopes_nothing_is_said() -> None:
    assert list(of_scopes("main", [MENTIONED], [])) == []


def refused(text: str, cause: BaseException | None = None) -> CredentialError:
    error = CredentialError(text)
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "is_root", "health", "hint"),
    [
        (refused("x can't be read", PermissionError()), False, Health.LOOK, "run it as root"),
        (refused("x needs $CREDENTIALS_DIRECTORY"), False, Health.LOOK, "run it as root"),
        (refused("x needs $CREDENTIALS_DIRECTORY"), True, Health.BAD, "slackctl setup --app main puts"),
        (refused("x belongs to uid 7: it must be ours"), True, Health.LOOK, "slackd's own user"),
        (refused("others may read x: run `chmod 600 x`"), True, Health.BAD, ""),
    ],
)
def test_tokens_that_were_not_tried_are_not_all_bad(
    error: CredentialError, is_root: bool, health: Health, hint: str
) -> None:
    found = of_refused_tokens("main", error, is_root=is_root)
    assert found.health is health
    assert hint in found.hint
    assert bool(hint) == bool(found.hint)

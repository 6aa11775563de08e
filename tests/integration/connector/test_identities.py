"""A connector asks Slack once who an app's bot is, and tells every broker, also one that comes later."""

import attrs
import pytest

from slackd.connector import identities
from slackd.connector.credentials import Secret
from slackd.connector.webapi import app_id_of
from slackd.emulator import EmulatorClient
from tests.support.connector_rig import app_of, connected, rig_for, secrets_of


async def test_every_broker_is_told_what_slack_was_asked_once(slack: EmulatorClient) -> None:
    async with rig_for(slack) as rig:
        await rig.broker.until(lambda: rig.broker.identified)
        rig.relink()
        await rig.broker.until(lambda: len(rig.broker.identified) == 2)
        first, second = (each.identity for each in rig.broker.identified)
        assert first == second
        assert (first.app, bool(first.team_id), bool(first.bot_id), bool(first.bot_user_id)) == (
            "emulated",
            True,
            True,
            True,
        )
        assert len(slack.ledger.calls_of("auth.test")) == 1


async def test_a_slack_that_fails_for_a_moment_is_asked_again(slack: EmulatorClient) -> None:
    slack.fault("api_error", method="auth.test", error="internal_error")
    async with rig_for(slack) as rig:
        await rig.broker.until(lambda: rig.broker.identified)
        assert len(slack.ledger.calls_of("auth.test")) == 2


async def test_a_slack_that_refuses_is_asked_again_and_that_is_said_once(
    slack: EmulatorClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A workspace that is deactivated for a while, say: its connections heal by themselves, too."""
    monkeypatch.setattr(identities, "LONGEST_WAIT", 0.01)
    slack.fault("api_error", method="auth.test", error="account_inactive", times=3)
    async with rig_for(slack) as rig:
        await rig.broker.until(lambda: rig.broker.identified)
    assert len(slack.ledger.calls_of("auth.test")) == 4
    assert [each.message for each in caplog.records if "whose the bot token is" in each.message] == [
        "emulated: Slack does not say whose the bot token is: account_inactive"
    ]


async def test_an_app_without_a_bot_token_asks_nothing(slack: EmulatorClient) -> None:
    secrets = attrs.evolve(secrets_of(slack), bot_token=None)
    async with connected([app_of(slack)], [secrets]) as rig:
        await rig.ready()
        assert rig.broker.identified == []
        assert slack.ledger.calls_of("auth.test") == []


def test_the_apps_id_stands_in_its_token() -> None:
    assert app_id_of(Secret("xapp-1-A012AB-345-secret")) == "A012AB"
    assert app_id_of(Secret("xapp-test")) == ""

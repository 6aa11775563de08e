"""deploybot under a real slackd, with an emulated Slack: python -m pytest"""

from pathlib import Path

import pytest

from slackd.testing.tester import SlackTester

HERE = Path(__file__).parent


@pytest.fixture
def bot(slack: SlackTester) -> SlackTester:
    slack.run_plugin(HERE / "deploybot.py", HERE / "deploybot.toml")
    return slack


def test_a_command_is_answered_at_once(bot: SlackTester) -> None:
    assert bot.command("/deploy", "api").response == {"text": "Deploying api"}


def test_a_mention_is_answered_in_its_thread(bot: SlackTester) -> None:
    mention = bot.mention("hello", user="U0CAROL0001")
    call = bot.wait_for_call("chat.postMessage")
    assert call.args["text"] == "Hello <@U0CAROL0001>"
    assert call.args["thread_ts"] == mention.payload["event"]["ts"]


def test_a_click_is_told_to_the_channel(bot: SlackTester) -> None:
    bot.click("approve", user="U0CAROL0001", made_up=True)
    assert bot.wait_for_call("chat.postMessage").args["text"] == "<@U0CAROL0001> approved"

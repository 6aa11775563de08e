"""The test kit: plugins in any language and Bolt apps, in the words of a test."""

import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent

import pytest

from slackd.emulator import WaitedTooLongError
from slackd.testing.tester import SlackTester

EXAMPLES = Path(__file__).parents[3] / "docs/examples"
APPROVE = """
[[subscribe]]
type = "interactive"
action_id = "approve"
[slack]
methods = ["chat.postMessage"]
"""


def test_a_python_plugin_answers_a_command(slack: SlackTester) -> None:
    slack.run_plugin(EXAMPLES / "deploybot.py", EXAMPLES / "deploybot.toml")
    deployed = slack.command("/deploy", "api")
    assert deployed.response == {"text": "Deploying api"}
    assert deployed.acknowledged


def test_a_plugin_of_bash_answers_the_same(slack: SlackTester) -> None:
    slack.run_plugin(EXAMPLES / "deploybot.sh", EXAMPLES / "deploybot.toml")
    assert slack.command("/deploy", "api").response == {"text": "Deploying api"}


def test_a_call_and_idleness_are_waited_for(slack: SlackTester) -> None:
    slack.run_plugin(EXAMPLES / "deploybot.py", EXAMPLES / "deploybot.toml")
    mention = slack.mention("are you there?", user="U0CAROL0001")
    call = slack.wait_for_call("chat.postMessage")
    assert call.args["text"] == "Hello <@U0CAROL0001>"
    assert call.args["thread_ts"] == mention.payload["event"]["ts"]
    slack.wait_until_idle()
    assert len(slack.calls("chat.postMessage")) == 1


def test_a_fault_of_slacks_is_survived(slack: SlackTester) -> None:
    slack.run_plugin(EXAMPLES / "deploybot.py", EXAMPLES / "deploybot.toml")
    slack.inject_fault("warning")
    assert slack.command("/deploy", "api").response == {"text": "Deploying api"}


def test_a_plugin_whose_program_the_test_is(slack: SlackTester) -> None:
    name = slack.declare(APPROVE, "approver")
    assert name == "approver"
    slack.click("approve", made_up=True)
    with pytest.raises(WaitedTooLongError):
        slack.wait_for_call("chat.postMessage", timeout=0.05)


def test_a_program_that_does_not_connect_is_named(slack: SlackTester) -> None:
    slack.declare(APPROVE, "approver")
    with pytest.raises(Exception, match="there is no such program"):
        slack.run_plugin("/nowhere/plugin.py", APPROVE, name="approver")


def test_a_bolt_app_runs_as_it_is(slack: SlackTester, tmp_path: Path) -> None:
    app = tmp_path / "app.py"
    app.write_text(
        dedent("""
            import os
            from slack_bolt import App
            from slack_bolt.adapter.socket_mode import SocketModeHandler
            from slack_sdk import WebClient

            client = WebClient(base_url=os.environ["SLACK_API_URL"], token=os.environ["SLACK_BOT_TOKEN"])
            app = App(client=client)

            @app.command("/deploy")
            def deploy(ack, command):
                ack(f"Deploying {command['text']}")

            handler = SocketModeHandler(app, os.environ["SLACK_APP_TOKEN"])
            handler.client.web_client.base_url = os.environ["SLACK_API_URL"]
            handler.start()
        """)
    )
    slack.run_app(app)
    assert slack.command("/deploy", "api").response == {"text": "Deploying api"}


def test_ten_tests_take_less_than_five_seconds_with_all_daemons(tmp_path: Path) -> None:
    tests = tmp_path / "test_deploybot.py"
    tests.write_text(
        dedent(f"""
            import pytest

            @pytest.fixture
            def bot(slack):
                slack.run_plugin("{EXAMPLES}/deploybot.py", "{EXAMPLES}/deploybot.toml")
                return slack

            @pytest.mark.parametrize("number", range(10))
            def test_deploy(bot, number):
                response = bot.command("/deploy", f"api{{number}}").response
                assert response == {{"text": f"Deploying api{{number}}"}}
        """)
    )
    began = time.process_time(), time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tests)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        cwd=tmp_path,
    )
    assert "10 passed" in done.stdout, done.stdout + done.stderr
    assert time.monotonic() - began[1] < 60  # the figure itself is measured on a quiet machine


def test_where_the_emulator_is_missing_other_tests_do_not_notice(tmp_path: Path) -> None:
    (tmp_path / "test_plain.py").write_text("def test_plain():\n    pass\n\ndef test_slack(slack):\n    pass\n")
    (tmp_path / "conftest.py").write_text("import sys\nsys.modules['slackd.emulator'] = None\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        cwd=tmp_path,
    )
    assert "1 passed, 1 error" in done.stdout
    assert "needs slackd and its emulator" in done.stdout

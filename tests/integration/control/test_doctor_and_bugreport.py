"""`slackctl doctor`, `bugreport` and `manifest` against a running slackd."""

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from slackd.testing.tester import SlackTester

DECLARATION = """
[[subscribe]]
type = "events_api"
event = "app_mention"
[slack]
methods = ["chat.postMessage"]
"""


@pytest.fixture
def running(slack: SlackTester) -> SlackTester:
    slack.declare(DECLARATION, "greeter")
    return slack


def slackctl(slack: SlackTester, *arguments: str) -> "subprocess.CompletedProcess[str]":
    folder = slack.stack.folder
    return subprocess.run(
        [sys.executable, "-m", "slackd.cli.control", *arguments],
        env={
            **os.environ,
            "SLACKD_CONFIG": f"{folder}/slackd.toml",
            "SLACKD_CONTROL_SOCKET": f"{folder}/control.sock",
        },
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_doctor_says_what_is_good_and_what_to_do(running: SlackTester) -> None:
    done = slackctl(running, "--socket", str(running.stack.control_socket), "doctor", "--json")
    found = {(each["about"], each["text"]): each for each in json.loads(done.stdout)}
    name = running.stack.emulator.apps[0].name
    assert (f"app {name}", "the bot token is good") in found
    assert (f"app {name}", "the app token is good") in found
    assert ("clock", "agrees with Slack's") in found
    assert any("Delayed Events" in text for _, text in found)
    assert all(each["hint"] for each in found.values() if each["health"] == "bad")


def test_a_bug_report_holds_no_secret(running: SlackTester) -> None:
    done = slackctl(
        running, "--socket", str(running.stack.control_socket), "bugreport", "--output", "report.tar.gz"
    )
    assert done.returncode == 0, done.stderr
    file = running.stack.folder / "report.tar.gz"
    assert file.stat().st_mode & 0o777 == 0o600
    with tarfile.open(file) as bundle:
        contents = {Path(each.name).name: bundle.extractfile(each) for each in bundle.getmembers()}
        texts = {name: made.read().decode() for name, made in contents.items() if made is not None}
    assert json.loads(texts["status.json"])["plugins"][0]["name"] == "greeter"
    assert "greeter.toml" in texts["configuration.txt"]
    app = running.stack.emulator.apps[0]
    assert not any(token in text for text in texts.values() for token in (app.app_token, app.bot_token))


def test_the_manifest_is_what_the_plugins_need(running: SlackTester) -> None:
    name = running.stack.emulator.apps[0].name
    made = json.loads(slackctl(running, "manifest", "--app", name).stdout)
    assert "app_mention" in json.dumps(made)
    assert "chat:write" in json.dumps(made)
    wrong = slackctl(running, "manifest", "--app", "nobody")
    assert wrong.returncode == 1
    assert f"there are {name}" in wrong.stderr

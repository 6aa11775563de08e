"""deploybot under a real slackd, with an emulated Slack: needs pytest, and slackd's commands on the path."""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

HERE = Path(__file__).parent
CONFIGURATION = """
[apps.main]
app_token = "env:APP_TOKEN"
bot_token = "env:BOT_TOKEN"
api_url = "{api_url}"
[journal]
directory = "{folder}/journal"
[plugins]
socket = "{folder}/plugins.sock"
[control]
socket = "{folder}/control.sock"
"""


class Slack:
    """The emulated Slack, by its control API."""

    def __init__(self, control_url: str) -> None:
        self._control_url = control_url

    def do(self, what: str, **fields: object) -> dict:
        body = json.dumps(fields).encode()
        with urllib.request.urlopen(self._control_url + what, body, timeout=60) as answer:
            return json.load(answer)


@pytest.fixture(scope="module")
def slack() -> Iterator[Slack]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(dir="/tmp")))  # short: it holds sockets

        def start(*command: str, **environment: str) -> subprocess.Popen:
            process = subprocess.Popen(
                [sys.executable, *command], env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True
            )
            stack.enter_context(process)
            stack.callback(process.terminate)
            return process

        emulator = json.loads(start("-m", "slackd.emulator", "--json").stdout.readline())
        app = emulator["apps"][0]
        (folder / "slackd.toml").write_text(CONFIGURATION.format(api_url=emulator["api_url"], folder=folder))
        (folder / "plugins.d").mkdir()
        declared = (
            (HERE / "deploybot.toml").read_text().replace('user = "plugin-deploybot"', "")
        )  # whoever runs this
        (folder / "plugins.d" / "deploybot.toml").write_text(declared)
        tokens = {"APP_TOKEN": app["app_token"], "BOT_TOKEN": app["bot_token"]}
        start("-m", "slackd.cli.daemon", "run", "--config", f"{folder}/slackd.toml", **tokens)
        start(str(HERE / "deploybot.py"), SLACKD_PLUGINS_SOCKET=f"{folder}/plugins.sock")

        slack = Slack(emulator["control_url"])
        slack.do("wait", until="ready", count=2, timeout=50)
        slack.do("mention", text="are you there?")
        slack.do("wait", until="call", method="chat.postMessage", timeout=50)
        yield slack


def test_a_command_is_answered_at_once(slack: Slack) -> None:
    assert slack.do("command", command="/deploy", text="api", wait=5)["response"] == {"text": "Deploying api"}


def test_a_mention_is_answered_in_its_thread(slack: Slack) -> None:
    mention = slack.do("mention", text="hello", user="U0CAROL0001")
    call = slack.do("wait", until="call", method="chat.postMessage", count=2, timeout=50)
    assert call["args"]["text"] == "Hello <@U0CAROL0001>"
    assert call["args"]["thread_ts"] == json.loads(mention["payload"])["event"]["ts"]

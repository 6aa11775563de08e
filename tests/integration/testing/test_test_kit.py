"""The test kit: plugins in any language and Bolt apps, in the words of a test."""

import json
import os
import re
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from textwrap import dedent
from typing import Any, NamedTuple

import pytest

from slackd.emulator import EmulatorError, WaitedTooLongError
from slackd.errors import SlackdError
from slackd.local.program import LocalStackError
from slackd.local.stack import free_port
from slackd.signature import SignatureVerdict, verify
from slackd.testing.loop_thread import LoopThread
from slackd.testing.tester import SlackTester, running_slack

EXAMPLES = Path(__file__).parents[3] / "docs/examples"
REFERENCE = (sys.executable, "-c", "import asyncio, json")
REFERENCE_TOOK = 0.085
"""Seconds that the reference takes where ten tests take about two and a half."""
KIT_ALONE = ("-p", "no:hypothesispytest", "-p", "no:asyncio")
LIMIT = 5.0
"""Seconds for ten tests."""
PROCESSOR_LIMIT = 3.4
"""Seconds of processor time for them where the reference takes `REFERENCE_TOOK`: 40 times as much. With imports
that nobody has compiled yet they take 32 times as much, and 45 to 50 if every program imports the SDK anew."""
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


def test_a_script_for_each_envelope_is_run_as_its_file_says(slack: SlackTester, tmp_path: Path) -> None:
    script = tmp_path / "it's a script.sh"
    script.write_text('#!/bin/bash\necho "$1 $SLACKD_TEXT"\n')
    subscription = '[[subscribe]]\ntype = "slash_commands"\ncommand = "/deploy"\nrespond = true\n'
    declaration = f'[exec]\ncommand = ["/usr/local/bin/deploy", "Deploying"]\n{subscription}'
    slack.run_plugin(script, declaration, name="deployer")
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


def test_a_program_that_ends_before_it_connects_is_said_at_once(slack: SlackTester, tmp_path: Path) -> None:
    """And not after ten seconds: the commonest mistake is a program without its last line."""
    program = tmp_path / "approver.py"
    program.write_text("print('no plugin.run()')\n")
    began = time.monotonic()
    with pytest.raises(LocalStackError) as failed:
        slack.run_plugin(program, APPROVE, name="approver")
    assert time.monotonic() - began < 5
    expected = "plugin approver ended with status 0 before it was connected to slackd; it printed:"
    assert str(failed.value) == f"{expected}\n    no plugin.run()"


def test_an_app_that_ends_before_it_connects_is_said_at_once(slack: SlackTester, tmp_path: Path) -> None:
    program = tmp_path / "app.py"
    program.write_text("import sys; sys.exit(7)\n")
    with pytest.raises(LocalStackError, match="the app ended with status 7 before it was connected to Slack"):
        slack.run_app(program)


SUBSCRIPTION = '[[subscribe]]\ntype = "slash_commands"\ncommand = "/deploy"\nrespond = true\n'


@pytest.mark.parametrize(
    ("program", "declaration", "more", "words"),
    [
        ("nowhere.py", APPROVE, {}, "nowhere.py: there is no such program"),
        ("python deploy.py", APPROVE, {}, "no such program; a command with arguments is given as a list"),
        (EXAMPLES, APPROVE, {}, "a folder, and no program"),
        ([], APPROVE, {}, "the command is empty"),
        (
            EXAMPLES / "deploybot.py",
            "nowhere.toml",
            {},
            "nowhere.toml cannot be read: No such file or directory",
        ),
        (EXAMPLES / "deploybot.toml", EXAMPLES / "deploybot.py", {}, "a plugin's file is called NAME.toml"),
        (EXAMPLES / "deploybot.py", APPROVE, {"name": "../out"}, "no plugin can be called '../out'"),
        (EXAMPLES / "deploybot.py", APPROVE, {"environment": {"N": 3}}, "environment: N is 3: expected a text"),
        (
            EXAMPLES / "deploybot.py",
            f'user = "deploy"\n{SUBSCRIPTION}answer = 1\n',
            {},
            "approver.toml:6: subscribe[0].answer: found an unknown key",
        ),
    ],
)
def test_what_cannot_be_run_is_said_in_the_authors_own_words(
    slack: SlackTester, program: Any, declaration: str | Path, more: dict[str, Any], words: str
) -> None:
    named = {"name": "approver"} if isinstance(declaration, str) and "\n" in declaration else {}
    with pytest.raises((SlackdError, ValueError, TypeError)) as failed:
        slack.run_plugin(program, declaration, **{**named, **more})
    assert words in str(failed.value)


def test_after_a_file_that_cannot_be_used_others_can(slack: SlackTester) -> None:
    slack.run_plugin(EXAMPLES / "deploybot.py", EXAMPLES / "deploybot.toml")
    with pytest.raises(SlackdError, match=r"y.toml:4: .*which deploybot.toml gives too"):
        slack.declare(SUBSCRIPTION, "y")
    slack.declare(APPROVE, "approver")
    assert slack.command("/deploy", "api").response == {"text": "Deploying api"}


def test_what_people_cannot_do_is_said(slack: SlackTester) -> None:
    with pytest.raises(EmulatorError, match="people do nothing that is called 'dance'"):
        slack.play("dance")
    with pytest.raises(EmulatorError, match="'deploy' is no slash command: '/deploy' is"):
        slack.command("deploy")
    with pytest.raises(LocalStackError, match="'localhost:80' is no URL"):
        slack.post_to("localhost:80")
    nobody = slack.command("/deploy")
    with pytest.raises(WaitedTooLongError, match="nobody is connected; run_plugin"):
        slack.wait_for_ack(nobody, timeout=0.05)


def test_an_app_has_the_name_that_the_plugins_file_knows_it_by(slack: SlackTester) -> None:
    slack.run_plugin(EXAMPLES / "deploybot.py", f'{SUBSCRIPTION}app = "prod"\n', name="deploybot")
    assert slack.command("/deploy", "api").response == {"text": "Deploying api"}


@pytest.mark.parametrize("slack_transport", ["socketmode", "http"])
@pytest.mark.parametrize("slack_apps", [["prod", "staging"]])
def test_a_plugin_of_several_apps_has_them_all(slack: SlackTester, slack_transport: str) -> None:
    slack.run_plugin(EXAMPLES / "deploybot.py", f'{SUBSCRIPTION}app = ["prod", "staging"]\n', name="deploybot")
    assert slack.command("/deploy", "api").response == {"text": "Deploying api"}
    if slack_transport == "socketmode":
        assert slack.command("/deploy", "web", app="staging").response == {"text": "Deploying web"}


def test_an_app_without_slackd_is_waited_for_until_it_has_acknowledged(slack: SlackTester) -> None:
    slack.wait_until_idle(timeout=0.5)
    slack.post_message("Slack sends an event again, later")
    with pytest.raises(LocalStackError, match="nothing to be in flight"):
        slack.wait_until_idle(timeout=0.05)


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


@pytest.mark.alone
def test_ten_tests_take_less_than_five_seconds_with_all_daemons(tmp_path: Path) -> None:
    """Without pytest's other plugins; by the clock, and of processor time.

    Both are measured beside a Python that imports asyncio: what else runs on the same cores makes it as much
    slower.
    """
    tests = ten_tests(tmp_path)
    tries = []
    for _ in range(3):
        references = [measured(lambda: subprocess.run(REFERENCE, check=True))[0] for _ in range(5)]
        taken, done = measured(lambda: run_pytest(tmp_path, str(tests), *KIT_ALONE))
        assert "10 passed" in done.stdout, done.stdout + done.stderr
        references += [measured(lambda: subprocess.run(REFERENCE, check=True))[0] for _ in range(5)]
        usual = Taken(median(each.processor for each in references), median(each.clock for each in references))
        tries.append((taken, usual))
        processor_limit = PROCESSOR_LIMIT * usual.processor / REFERENCE_TOOK
        clock_limit = LIMIT * max(1.0, usual.clock / REFERENCE_TOOK)
        if taken.processor < processor_limit and taken.clock < clock_limit:
            return
    pytest.fail(f"ten tests took too long, three times; beside the reference: {tries}")


def test_ten_tests_side_by_side_do_not_meet(tmp_path: Path) -> None:
    """Several processes each have their own Slack and slackd."""
    done = run_pytest(tmp_path, str(ten_tests(tmp_path)), "-n", "3", *KIT_ALONE)
    assert "10 passed" in done.stdout, done.stdout + done.stderr


def ten_tests(folder: Path) -> Path:
    tests = folder / "test_deploybot.py"
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
                assert len(bot.stack.emulator.ledger.entries) == 1
        """)
    )
    return tests


def test_slack_and_slackd_start_and_stop_in_milliseconds(slackd_loop: LoopThread) -> None:
    """The least of some runs, of processor time; the first one imports."""

    def start_and_stop() -> None:
        with running_slack(slackd_loop) as slack:
            slack.declare(APPROVE, "approver")

    took = []
    for _ in range(6):
        before = time.process_time()
        start_and_stop()
        took.append(time.process_time() - before)
    assert min(took) < 0.1


class Taken(NamedTuple):
    """Seconds that something took.

    Attributes:
        processor: Of the processors, in the processes that were started.
        clock: Of the clock.
    """

    processor: float
    clock: float


def measured(run: Callable[[], "subprocess.CompletedProcess[Any]"]) -> tuple[Taken, Any]:
    """What it took, and what it returned."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = run()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Taken(processor, time.monotonic() - began), done


def run_pytest(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        cwd=folder,
        env=environment,
    )


def test_where_the_emulator_is_missing_other_tests_do_not_notice(tmp_path: Path) -> None:
    """What pytest loads for every run is one small module."""
    (tmp_path / "test_plain.py").write_text(
        dedent("""
            import sys

            def test_plain():
                ours = {name for name in sys.modules if name.split(".")[0] == "slackd"} - {"slackd.emulator"}
                assert ours == {"slackd", "slackd.testing", "slackd.testing.pytest_plugin"}
                assert "aiohttp" not in sys.modules

            def test_slack(slack):
                pass
        """)
    )
    (tmp_path / "conftest.py").write_text("import sys\nsys.modules['slackd.emulator'] = None\n")
    done = run_pytest(tmp_path)
    assert "1 passed, 1 error" in done.stdout
    assert "needs slackd and its emulator" in done.stdout


def test_an_app_that_does_not_answer_slack_is_said(slack: SlackTester, tmp_path: Path) -> None:
    app = tmp_path / "app.py"
    app.write_text("print('bye')\n")
    with pytest.raises(LocalStackError, match="the app ended, and nobody answers"):
        slack.run_http_app(app)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (404, "it answered 404; is that the path of its request URL?"),
        (401, "it answered 401; is $SLACK_SIGNING_SECRET its signing secret?"),
        (200, "it answered 200, without the challenge"),
    ],
)
def test_why_a_request_url_is_not_verified_is_said(
    slack: SlackTester, monkeypatch: pytest.MonkeyPatch, status: int, words: str
) -> None:
    monkeypatch.setattr("slackd.testing.tester.PATIENCE", 0.3)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  its name in the library
            """It says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        with pytest.raises(LocalStackError, match=re.escape(words)):
            slack.post_to(f"http://127.0.0.1:{server.server_port}/anything")
        server.shutdown()
        thread.join()
    with pytest.raises(LocalStackError, match="nobody listens there"):
        slack.post_to(f"http://127.0.0.1:{free_port()}/anything")


def test_an_app_that_the_test_serves_itself_is_posted_to(slack: SlackTester) -> None:
    posted: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            posted.append(body)
            answer = json.loads(body)["challenge"] if b"challenge" in body else '{"text": "from the test"}'
            good = verify(
                slack.signing_secret,
                body,
                self.headers["X-Slack-Request-Timestamp"],
                self.headers["X-Slack-Signature"],
            )
            self.send_response(200 if good is SignatureVerdict.GOOD else 401)
            self.end_headers()
            self.wfile.write(answer.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  its name in the library
            """It says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        slack.post_to(f"http://127.0.0.1:{server.server_port}/anything")
        assert slack.command("/deploy", "api").response == {"text": "from the test"}
        assert b"command=%2Fdeploy" in posted[-1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

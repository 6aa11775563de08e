"""`slackctl doctor`, `bugreport` and `manifest` against a running slackd."""

import fcntl
import json
import os
import re
import struct
import subprocess
import sys
import tarfile
import termios
from collections.abc import Callable
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


def environment(slack: SlackTester) -> dict[str, str]:
    folder = slack.stack.folder
    return {
        **os.environ,
        "SLACKD_CONFIG": f"{folder}/slackd.toml",
        "SLACKD_CONTROL_SOCKET": f"{folder}/control.sock",
    }


def slackctl(slack: SlackTester, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "slackd.cli.control", *arguments],
        env=environment(slack),
        cwd=slack.stack.folder,
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


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def dead_proxy(slack: SlackTester) -> None:
    proxy = 'proxy = "http://127.0.0.1:9"\napi_url ='
    replace(slack.stack.folder / "slackd.toml", "api_url =", proxy)


def unknown_name(slack: SlackTester) -> None:
    replace(slack.stack.folder / "slackd.toml", slack.api_url, "https://slack.invalid/api/")


def no_tls(slack: SlackTester) -> None:
    replace(slack.stack.folder / "slackd.toml", "http://", "https://")


def wrong_token(slack: SlackTester) -> None:
    bot_token(slack).write_text("xoxb-wrong-token-1")


def open_token(slack: SlackTester) -> None:
    bot_token(slack).chmod(0o644)


def no_token(slack: SlackTester) -> None:
    bot_token(slack).unlink()


def missing_scope(slack: SlackTester) -> None:
    replace(slack.stack.folder / "plugins.d/greeter.toml", '"chat.postMessage"', '"files.info"')


def open_journal(slack: SlackTester) -> None:
    (slack.stack.folder / "journal").chmod(0o755)


def misspelt_key(slack: SlackTester) -> None:
    replace(slack.stack.folder / "slackd.toml", "[journal]", "[journl]")


def bot_token(slack: SlackTester) -> Path:
    return slack.stack.folder / f"{slack.stack.emulator.apps[0].name}.bot"


@pytest.mark.parametrize(
    ("fault", "health", "text", "hint"),
    [
        (dead_proxy, "bad", "the proxy 127.0.0.1:9 can't be reached", "check proxy of this app"),
        (unknown_name, "bad", "the name slack.invalid can't be resolved", "getent hosts slack.invalid"),
        (no_tls, "bad", "TLS with 127.0.0.1:", "something answers that is not Slack"),
        (wrong_token, "bad", "Slack refuses the bot token: invalid_auth", "slackctl setup --app"),
        (open_token, "bad", "others may read", ""),
        (no_token, "bad", "can't be read: No such file", "slackctl setup --app"),
        (missing_scope, "bad", "scopes that are missing: files:read", "slackctl manifest --app"),
        (open_journal, "look", "others may look into", "chmod 700"),
        (misspelt_key, "bad", "did you mean journal?", "slackd check-config"),
    ],
    ids=lambda each: getattr(each, "__name__", None),
)
def test_doctor_names_the_fault_once_and_what_to_do(
    running: SlackTester, fault: Callable[[SlackTester], None], health: str, text: str, hint: str
) -> None:
    fault(running)
    done = slackctl(running, "doctor", "--json")
    found = [each for each in json.loads(done.stdout) if text in each["text"]]
    assert [each["health"] for each in found] == [health], done.stdout
    assert hint in found[0]["hint"]
    assert bool(hint) == bool(found[0]["hint"])
    assert done.returncode == (1 if health == "bad" else 0)


def test_in_a_narrow_terminal_no_line_is_cut_in_a_word(running: SlackTester) -> None:
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
    for command, known in (("doctor", "the bot token is good"), ("status", "EVENTS 1 H")):
        done = subprocess.run(
            [sys.executable, "-m", "slackd.cli.control", command],
            env={name: value for name, value in environment(running).items() if name != "COLUMNS"},
            stdout=theirs,
            stderr=theirs,
            timeout=60,
            check=False,
        )
        shown = os.read(ours, 65_536).decode().replace("\r\n", "\n")
        assert done.returncode in (0, 1), shown
        assert known in shown
        assert all(len(line) <= 40 or " " not in line.strip() for line in plain(shown).splitlines()), shown
    os.close(ours)
    os.close(theirs)


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


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


@pytest.mark.parametrize(
    ("output", "words"),
    [("there", "there: File exists"), ("nowhere/x", "nowhere/x: No such file or directory")],
)
def test_a_bug_report_that_cannot_be_written_is_said(running: SlackTester, output: str, words: str) -> None:
    (running.stack.folder / "there").write_text("kept")
    done = slackctl(running, "--socket", str(running.stack.control_socket), "bugreport", "--output", output)
    assert (done.returncode, done.stderr) == (1, f"slackctl: {words}\n")
    assert (running.stack.folder / "there").read_text() == "kept"


def test_the_manifest_is_what_the_plugins_need(running: SlackTester) -> None:
    name = running.stack.emulator.apps[0].name
    made = json.loads(slackctl(running, "manifest", "--app", name).stdout)
    assert "app_mention" in json.dumps(made)
    assert "chat:write" in json.dumps(made)
    wrong = slackctl(running, "manifest", "--app", "nobody")
    assert wrong.returncode == 1
    assert f"there are {name}" in wrong.stderr

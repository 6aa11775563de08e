"""`slackctl dev --app main --as U…`: one person's envelopes come here, all others go on as before."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from slackd.scaffold import render
from slackd.testing.tester import SlackTester
from tests.integration.cli.test_dev import Terminal
from tests.support.broker import PATIENCE

ALICE, CAROL = "U0ALICE0001", "U0CAROL0001"
INSTALLED = "installed"


def written(folder: Path, says: str) -> Path:
    folder.mkdir()
    for path, text in render("greeter", "python").items():
        if "/" not in path:
            (folder / path).write_text(text.replace("You said:", f"{says}:"))
    return folder


@pytest.fixture
def production(slack: SlackTester, tmp_path: Path) -> SlackTester:
    folder = written(tmp_path / "installed", "production")
    slack.run_plugin(folder / "greeter.py", folder / "greeter.toml")
    return slack


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return written(tmp_path / "developed", "new")


@pytest.fixture
def terminal(production: SlackTester, folder: Path) -> Iterator[Terminal]:
    shown = Terminal(
        str(folder), "--app", "emulated", "--as", ALICE, "--socket", str(production.stack.control_socket)
    )
    yield shown
    shown.close()


def said(slack: SlackTester, user: str, text: str = "api") -> str:
    return str(slack.command("/greeter", text, user=user).response["text"])


def test_the_persons_envelopes_come_here_and_all_others_go_on_as_before(
    production: SlackTester, folder: Path, terminal: Terminal
) -> None:
    terminal.reads(f"what {ALICE} does in emulated comes here")
    terminal.reads("greeter is connected")
    assert said(production, CAROL) == "production: api"
    assert said(production, ALICE) == "new: api"
    terminal.reads("▶ slash_commands /greeter")
    terminal.reads('"text": "new: api"')
    production.mention("hello", user=ALICE)
    terminal.reads("▶ events_api app_mention")
    terminal.reads("◀ chat.postMessage")
    program = folder / "greeter.py"
    program.write_text(program.read_text().replace("new:", "newer:"))
    terminal.reads("greeter.py changed")
    terminal.reads("greeter is connected")
    assert said(production, ALICE) == "newer: api"
    terminal.types("@bot hello")
    terminal.reads("does that in Slack")
    terminal.types("stop")
    assert terminal.process.wait(30) == 0
    assert said(production, ALICE) == "production: api"


def test_what_the_developers_program_leaves_behind_is_handled_by_production(
    production: SlackTester, folder: Path, terminal: Terminal
) -> None:
    terminal.reads("greeter is connected")
    (folder / "greeter.py").write_text("import time\ntime.sleep(60)\n")
    terminal.reads("greeter.py changed")
    production.mention("hello", user=ALICE)
    terminal.process.kill()
    assert ALICE in production.wait_for_call("chat.postMessage", timeout=30).args["text"]


def test_slackd_started_again_is_asked_again(production: SlackTester, folder: Path, terminal: Terminal) -> None:
    terminal.reads("greeter is connected")
    production.declare((folder / "greeter.toml").read_text(), "greeter")
    terminal.reads("slackd is away")
    until_new(production)


def until_new(slack: SlackTester) -> None:
    until, number = time.monotonic() + PATIENCE, 0
    while time.monotonic() < until:
        if said(slack, ALICE, str(number)).startswith("new"):
            return
        number += 1
    raise AssertionError("it never came to the developer again")


def test_a_plugin_file_that_is_not_what_is_installed_is_said(production: SlackTester, folder: Path) -> None:
    declaration = folder / "greeter.toml"
    declaration.write_text(declaration.read_text().replace('command = "/greeter"', 'command = "/other"'))
    shown = Terminal(
        str(folder), "--app", "emulated", "--as", ALICE, "--socket", str(production.stack.control_socket)
    )
    try:
        shown.reads("differs from greeter.toml here: subscribe")
        shown.reads("greeter is connected")
    finally:
        shown.close()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--app", "emulated", "--as", "alice"), "expected a member ID"),
        (("--app", "emulatde", "--as", ALICE), "did you mean 'emulated'"),
        (("--app", "emulated"), "--app and --as belong together"),
    ],
)
def test_what_cannot_be_is_said_in_words(
    production: SlackTester, folder: Path, arguments: tuple[str, ...], words: str
) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "slackd.cli.control"),
            *("dev", str(folder), *arguments, "--socket", str(production.stack.control_socket)),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_two_developers_as_one_person_is_refused(
    production: SlackTester, folder: Path, terminal: Terminal
) -> None:
    terminal.reads("greeter is connected")
    second = Terminal(
        str(folder), "--app", "emulated", "--as", ALICE, "--socket", str(production.stack.control_socket)
    )
    try:
        second.reads(f"develops greeter as {ALICE} of emulated already")
    finally:
        second.close()

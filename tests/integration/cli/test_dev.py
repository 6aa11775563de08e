"""`slackctl dev` on a pseudo-terminal, as an author sees it: act, save, act again."""

import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from slackd.local.program import LocalStackError
from slackd.local.project import find_project, without_owner
from slackd.scaffold import render

PATIENCE = 90.0
"""Seconds for anything that takes one or two on an idle machine."""
DEV = (sys.executable, "-m", "slackd.cli.control", "dev")


class Terminal:
    """What the author types and reads."""

    def __init__(
        self,
        *arguments: str,
        command: Sequence[str] = DEV,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._end, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [*command, *arguments],
            cwd=cwd,
            env=env,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            close_fds=True,
        )
        os.close(theirs)
        self._text = self.shown = ""

    def types(self, line: str) -> None:
        os.write(self._end, f"{line}\n".encode())

    def reads(self, words: str) -> str:
        """Wait until these words stand there; what came up to them is read then."""
        until = time.monotonic() + PATIENCE
        while words not in self._text:
            if not select.select([self._end], [], [], max(0, until - time.monotonic()))[0]:
                raise AssertionError(f"{words!r} never came; there is: {self._text}")
            try:
                self._text += os.read(self._end, 65_536).decode("utf-8", "replace")
            except OSError:
                raise AssertionError(f"{words!r} never came, it has ended; there is: {self._text}") from None
        before, _, self._text = self._text.partition(words)
        self.shown += before + words
        return before + words

    def reads_all(self, *words: str) -> None:
        """Wait until each of these has been read, in whatever order."""
        seen = len(self.shown)
        for each in words:
            if each not in self.shown[seen:]:
                self.reads(each)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(PATIENCE)
        os.close(self._end)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path, text in render("greeter", "python").items():
        if "/" not in path:
            (tmp_path / path).write_text(text)
    return tmp_path


@pytest.fixture
def terminal(folder: Path) -> Iterator[Terminal]:
    shown = Terminal(str(folder))
    yield shown
    shown.close()


def test_an_author_acts_saves_and_acts_again(folder: Path, terminal: Terminal) -> None:
    terminal.reads("greeter is connected")
    terminal.types("/greeter api")
    terminal.reads('"text": "You said: api"')
    terminal.types("@bot hello")
    terminal.reads("Hello <@U0ALICE0001>")
    program = folder / "greeter.py"
    program.write_text(program.read_text().replace("You said:", "So you said:"))
    terminal.reads("greeter.py changed")
    terminal.reads("greeter is connected")
    terminal.types("/greeter api")
    terminal.reads('"text": "So you said: api"')
    declaration = folder / "greeter.toml"
    declaration.write_text(declaration.read_text().replace('command = "/greeter"', 'command = "/other"'))
    terminal.reads("greeter.toml changed")
    terminal.reads("greeter is connected")
    terminal.types("/greeter api")
    terminal.reads("Nothing here answers this command")
    terminal.types("stop")
    assert terminal.process.wait(PATIENCE) == 0


def test_a_mistake_is_said_and_the_next_save_starts_it_again(folder: Path, terminal: Terminal) -> None:
    terminal.reads("greeter is connected")
    program = folder / "greeter.py"
    good = program.read_text()
    program.write_text("1 / 0\n")
    terminal.reads("ZeroDivisionError")
    terminal.reads("ended (status 1)")
    terminal.types("react eyes")
    terminal.reads("there is no message yet to react to")
    program.write_text(good)
    terminal.reads("greeter is connected")


def test_lines_that_are_pasted_together_are_all_obeyed(terminal: Terminal) -> None:
    terminal.reads("greeter is connected")
    terminal.types("/greeter one\n/greeter two\nclick approve what=1\nfault slow\n@bot hello")
    terminal.reads_all("Hello <@U0ALICE0001>", "You said: one", "You said: two", "click: ", "'slow'")


def test_a_script_is_obeyed_to_its_end_and_everything_is_shown(folder: Path) -> None:
    done = run_dev(folder, "/greeter api\n@bot hello")
    assert done.returncode == 0, done.stderr
    assert "You said: api" in done.stdout
    assert "chat.postMessage" in done.stdout
    assert "\x1b" not in done.stdout


def test_a_script_for_each_envelope_is_developed_as_any_plugin(tmp_path: Path) -> None:
    (tmp_path / "deployer.sh").write_text('#!/bin/bash\necho "Deploying $SLACKD_TEXT"\n')
    (tmp_path / "deployer.toml").write_text(
        '[exec]\ncommand = [\n    "/usr/local/bin/deploy",\n]\n[[subscribe]]\ntype = "slash_commands"\n'
        'command = "/deploy"\nrespond = true\n'
    )
    done = run_dev(tmp_path, "/deploy api\n")
    assert '"text": "Deploying api"' in done.stdout


def test_while_a_program_does_not_connect_a_save_and_stop_are_noticed(folder: Path, terminal: Terminal) -> None:
    terminal.reads("greeter is connected")
    program, good = folder / "greeter.py", (folder / "greeter.py").read_text()
    program.write_text("import time\ntime.sleep(60)\n")
    terminal.reads("greeter.py changed")
    terminal.types("/greeter kept")
    program.write_text(good)
    terminal.reads("greeter is connected")
    terminal.reads("You said: kept")
    program.write_text("import time\ntime.sleep(60)\n")
    terminal.reads("greeter.py changed")
    terminal.types("stop")
    assert terminal.process.wait(9) == 0


def test_files_that_cannot_be_used_are_said_and_not_thrown(folder: Path) -> None:
    (folder / "greeter.toml").write_bytes(b"\xff\xfe")
    done = run_dev(folder, "/greeter api\n")
    assert "greeter.toml: " in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_a_mistake_in_the_plugins_file_is_said_where_the_author_finds_it(folder: Path) -> None:
    declaration = folder / "greeter.toml"
    owners = 'users = [\n    "deploy",\n]\n'
    subscription = '[[subscribe]]\ntype = "slash_commands"\ncommand = "greeter"\n'
    declaration.write_text(owners + subscription)
    done = run_dev(folder, "hello\n")
    assert '  greeter.toml:6: subscribe[0].command: found "greeter", expected the command' in done.stdout
    assert "plugins.d" not in done.stdout
    assert "never awaited" not in done.stderr


@pytest.mark.parametrize("apps", [["prod"], ["prod", "staging"]])
def test_an_app_has_the_name_that_the_plugins_file_knows_it_by(folder: Path, apps: list[str]) -> None:
    declaration = folder / "greeter.toml"
    text = declaration.read_text().replace("[[subscribe]]", f'[[subscribe]]\napp = "{apps[0]}"')
    declaration.write_text(f"{text}apps = {json.dumps(apps)}\n")
    done = run_dev(folder, "/greeter api\n@bot hello\n")
    assert "You said: api" in done.stdout
    assert "Hello <@U0ALICE0001>" in done.stdout


def test_somebody_and_somewhere_go_by_names_and_ids(folder: Path) -> None:
    done = run_dev(folder, "as bob\nin #random\n@bot hello\nas Bob!\nin nowhere\nas U0NEW12345\n@bot again\n")
    assert "Hello <@U0BOB" in done.stdout
    assert "nobody here is called 'Bob!'; there are: alice (U0ALICE0001)" in done.stdout
    assert "no channel here is called 'nowhere'; there are: general (C0GENERAL01), random" in done.stdout
    assert "Hello <@U0NEW12345>" in done.stdout


def test_ctrl_c_ends_it_at_any_moment(folder: Path) -> None:
    for moment in ("Slack: ", "greeter is connected"):
        shown = Terminal(str(folder))
        try:
            shown.reads(moment)
            shown.process.send_signal(signal.SIGINT)
            assert shown.process.wait(20) == 0
        finally:
            shown.close()


def test_a_port_that_is_taken_is_said(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [*DEV, str(folder), "--port", port], capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    assert f"port {port} of 127.0.0.1 cannot be had: Address already in use" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_program_may_print_lines_of_any_length(folder: Path, terminal: Terminal) -> None:
    terminal.reads("greeter is connected")
    program = folder / "greeter.py"
    program.write_text(f"print('x' * 200_000)\nprint('after it')\n{program.read_text()}")
    terminal.reads("greeter: after it")
    terminal.reads("greeter is connected")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP])
def test_however_it_ends_its_program_ends_too(folder: Path, terminal: Terminal, number: int) -> None:
    program = folder / "greeter.py"
    program.write_text(f"import os\nprint('pid', os.getpid(), 'end')\n{program.read_text()}")
    terminal.reads("greeter is connected")
    found = terminal.reads(" end") if "pid" not in terminal.shown else terminal.shown
    pid = int(re.findall(r"pid (\d+) end", found)[-1])
    terminal.process.send_signal(number)
    terminal.process.wait(PATIENCE)
    until = time.monotonic() + PATIENCE
    while Path(f"/proc/{pid}").exists() and "State:\tZ" not in Path(f"/proc/{pid}/status").read_text():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_program_that_is_gone_or_ends_at_once_is_said_and_comes_back(
    folder: Path, terminal: Terminal
) -> None:
    terminal.reads("greeter is connected")
    program, declaration = folder / "greeter.py", folder / "greeter.toml"
    good, declared = program.read_text(), declaration.read_text()
    program.rename(folder / "renamed.txt")
    terminal.reads("greeter.py: there is no such program")
    program.write_text("print('bye')\n")
    terminal.reads("ended (status 0)")
    program.write_text("def broken(:\n")
    terminal.reads("SyntaxError")
    declaration.unlink()
    terminal.reads("No such file or directory")
    declaration.write_text(declared)
    program.write_text(good)
    terminal.reads("greeter is connected")


def test_what_a_plugin_writes_beside_itself_does_not_start_it_again(folder: Path, terminal: Terminal) -> None:
    terminal.reads("greeter is connected")
    program = folder / "greeter.py"
    program.write_text(f"open('state.json', 'w').close()\nopen('state.db', 'w').close()\n{program.read_text()}")
    terminal.reads("greeter.py changed")
    terminal.reads("greeter is connected")
    terminal.types("/greeter api")
    assert " changed" not in terminal.reads("You said: api")


def test_the_page_is_one_key_away(folder: Path, tmp_path: Path) -> None:
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    browser.chmod(0o755)
    shown = Terminal(str(folder), env={**os.environ, "DISPLAY": ":9", "BROWSER": str(browser)})
    try:
        page = re.findall(r"http://\S+", shown.reads("(p opens it; help, stop)"))[-1]
        shown.reads("greeter is connected")
        shown.types("p")
        shown.reads(page)
        until = time.monotonic() + PATIENCE
        while not (tmp_path / "opened").exists():
            assert time.monotonic() < until
            time.sleep(0.05)
        assert (tmp_path / "opened").read_text().strip() == page
    finally:
        shown.close()


def test_a_file_with_owners_works_for_whoever_develops(folder: Path) -> None:
    declaration = folder / "greeter.toml"
    owners = 'users = [\n    "deploy",  # both\n    "alice",\n]\n'
    declaration.write_text(f"{owners}{without_owner(declaration.read_text())}")
    done = run_dev(folder, "/greeter api\n")
    assert "You said: api" in done.stdout


@pytest.mark.parametrize(
    ("owners", "rest"),
    [
        ('user = "a"\n', ""),
        ('users = ["a", "b"]\ngroup = "c"  # [x]\n', ""),
        ('users = [\n "a",\n]\n', "# user\n"),
        ("", "# [x]\n"),
    ],
)
def test_owners_are_left_out_and_nothing_else_and_no_line_moves(owners: str, rest: str) -> None:
    tables = '[[subscribe]]\ntype = "*"\nuser = "not an owner"\n'
    left = without_owner(owners + rest + tables)
    assert left.split("\n")[owners.count("\n") :] == (rest + tables).split("\n")
    assert not any(word in left for word in ('user = "a"', "users", "group"))


def run_dev(folder: Path, typed: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "slackd.cli.control", "dev", str(folder)]
    return subprocess.run(
        command, input=typed, capture_output=True, text=True, timeout=PATIENCE * 2, check=False
    )


def test_a_folder_without_a_plugin_is_told_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(LocalStackError, match=r"expected one plugins.d file NAME.toml, found none"):
        find_project(tmp_path)
    (tmp_path / "a.toml").touch()
    with pytest.raises(LocalStackError, match=r"expected one program a \(.py, .js, .sh, .go\), found none"):
        find_project(tmp_path)
    (tmp_path / "a.py").touch()
    assert find_project(tmp_path).name == "a"
    assert find_project(tmp_path / "a.py").program == tmp_path / "a.py"

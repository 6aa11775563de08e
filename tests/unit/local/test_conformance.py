"""`slackctl plugin check`, `new` and `toml`: what is wrong is said at once, and where."""

import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from slackd.cli.control import main
from slackd.cli.slackctl.plugin import plugin
from slackd.errors import ConfigError
from slackd.local.conformance import PATIENCE, check_program
from slackd.local.program import LocalStackError
from slackd.scaffold import LANGUAGES, ScaffoldError, render

DECLARATION = """user = "bot"
[[subscribe]]
type = "slash_commands"
command = "/bot"
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    (tmp_path / "bot.toml").write_text(DECLARATION)
    return tmp_path / "bot.py"


def test_a_program_that_ends_is_said_at_once_with_what_it_printed(program: Path) -> None:
    program.write_text("raise SystemExit('no token')")
    began = time.monotonic()
    (finding,) = check_program(program, None)
    assert time.monotonic() - began < PATIENCE
    assert finding.detail == "it ended with status 1; it printed:\n    no token"


def test_a_program_of_another_name_is_said_in_a_few_words(program: Path) -> None:
    hello = '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocol":1,"plugin":"other"}}'
    program.write_text(
        "import os, socket, time\n"
        "s = socket.socket(socket.AF_UNIX)\n"
        "s.connect(os.environ['SLACKD_PLUGINS_SOCKET'])\n"
        f"s.sendall(b'{hello}' + bytes([10]))\n"
        "s.close()\n"
    )
    finding = check_program(program, None)[0]
    assert finding.detail == "it said protocol 1 and plugin 'other', not 1 and 'bot'"


def test_a_script_for_each_envelope_is_checked_as_it_is_run(tmp_path: Path) -> None:
    script = tmp_path / "dep.sh"
    script.write_text('#!/bin/bash\necho "Deploying ${SLACKD_TEXT:0:20}"\n')
    (tmp_path / "dep.toml").write_text(
        '[exec]\ncommand = ["/usr/local/bin/dep"]\n[[subscribe]]\ntype = "slash_commands"\ncommand = "/dep"\n'
        "respond = true\n"
    )
    findings = check_program(script, None)
    assert len(findings) > 8
    assert [each.detail for each in findings if not each.passed] == []


@pytest.mark.parametrize(
    ("declaration", "words"),
    [
        (b"x = [", "bot.toml:1: found a mistake in the TOML"),
        (b"\xff\xfe", "bot.toml: byte 1 is not UTF-8"),
        (b"subscribe = 5\n", "bot.toml:1: subscribe: found 5"),
        (b'user = "a"\n[[subscribe]]\ntype = 5\n', "bot.toml:3: subscribe[0].type: found 5"),
        (b'[[subscribe]]\ntype = "slash_commands"\ncomand = "/x"\n', "(did you mean command?)"),
    ],
)
def test_a_plugins_file_that_slackd_could_not_use_is_said(
    program: Path, declaration: bytes, words: str
) -> None:
    program.write_text("print()")
    program.with_suffix(".toml").write_bytes(declaration)
    with pytest.raises((ConfigError, LocalStackError)) as failed:
        check_program(program, None)
    assert words in str(failed.value)


def test_a_file_that_names_an_app_is_checked_all_the_same(program: Path) -> None:
    program.write_text("print()")
    program.with_suffix(".toml").write_text(f'{DECLARATION}app = "prod"\n[slack]\napps = ["prod"]\n')
    assert "ended with status 0" in check_program(program, None)[0].detail


@pytest.mark.parametrize("name", ["json", "asyncio", "slackd", "conftest", "pytest", "queue"])
def test_a_program_that_would_hide_a_module_is_not_begun(name: str) -> None:
    with pytest.raises(
        ScaffoldError, match=rf"{name}.py would be imported in place of .*; {name}-bot would do"
    ):
        render(name, "python")
    for language in LANGUAGES:
        assert render(f"{name}-bot", language)


def test_a_name_that_is_too_long_is_told_how_long_it_may_be() -> None:
    assert render("a" * 41, "python")
    with pytest.raises(ScaffoldError, match="at most 41"):
        render("a" * 42, "python")


def test_a_new_plugin_where_none_can_be_written_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "greeter").write_text("")
    monkeypatch.setattr("sys.argv", ["slackctl", "plugin", "new", "greeter"])
    with pytest.raises(SystemExit, match="1"):
        main()
    assert capsys.readouterr().err == "slackctl: greeter: File exists\n"


def test_a_program_in_another_encoding_is_read_as_python_reads_it(program: Path) -> None:
    text = "# coding: latin-1\nfrom slackd.plugin import Plugin\nplugin = Plugin('bot')  # é\n"
    program.write_bytes(text.encode("latin-1"))
    assert run("toml", str(program)).exit_code == 0


def test_what_a_program_prints_is_no_part_of_its_plugins_file(program: Path) -> None:
    program.write_text(
        "print('hello')\nfrom slackd.plugin import Plugin\nplugin = Plugin('bot')\n"
        "@plugin.command('/bot')\ndef bot(envelope): ...\n"
    )
    done = run("toml", str(program))
    assert done.stdout.startswith("# /etc/slackd/plugins.d/bot.toml\n")
    assert "hello" not in done.stdout


def run(*arguments: str) -> Result:
    return CliRunner().invoke(plugin, list(arguments))

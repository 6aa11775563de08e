"""The same plugin in every language: the same conformance, from the same templates."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from slackd.cli.slackctl.plugin import plugin
from slackd.local.conformance import Finding, check_program
from slackd.scaffold import LANGUAGES, ScaffoldError, is_executable, render
from slackd.testing.tester import SlackTester

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "docs/examples"
ADDON = ROOT / "packaging/debhelper"
SUFFIXES = {name: language.suffix for name, language in LANGUAGES.items()}
READLINE_SINCE_NODE_24 = r"""
const readline = require("node:readline");
const { EventEmitter } = require("node:events");
readline.createInterface = ({ input }) => {
  const lines = new EventEmitter();
  let unread = "";
  input.setEncoding("utf8").on("data", (text) => {
    const cut = (unread + text).split(/\r?\n|\u2028|\u2029/);
    unread = cut.pop();
    cut.forEach((line) => lines.emit("line", line));
  });
  return lines;
};
"""
SILENT = "import time\ntime.sleep(60)\n"
WRONG = """
import json, os, socket
s = socket.socket(socket.AF_UNIX)
s.connect(os.environ["SLACKD_PLUGINS_SOCKET"])
lines = s.makefile("r")
def say(text): s.sendall(text.encode() + b"\\n")
params = {"protocol": 1, "plugin": "NAME"}
say(json.dumps({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}))
for line in lines:
    message = json.loads(line)
    if message.get("method") == "envelope":
        ANSWER
"""


def written(folder: Path, name: str, language: str) -> Path:
    for path, text in render(name, language).items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o755 if is_executable(path, text) else 0o644)
    return folder / f"{name}{SUFFIXES[language]}"


def failed(findings: list[Finding]) -> list[str]:
    return [finding.rule for finding in findings if not finding.passed]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_example_of_every_language_speaks_the_protocol(language: str) -> None:
    assert failed(check_program(EXAMPLES / f"deploybot{SUFFIXES[language]}", None)) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_new_plugin_of_every_language_speaks_the_protocol(tmp_path: Path, language: str) -> None:
    assert failed(check_program(written(tmp_path, "my-bot", language), None)) == []


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_example_of_node_reads_a_text_at_which_newer_nodes_cut_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "readline.js").write_text(READLINE_SINCE_NODE_24)
    monkeypatch.setenv("NODE_OPTIONS", f"--require {tmp_path / 'readline.js'}")
    assert failed(check_program(EXAMPLES / "deploybot.js", None)) == []


@pytest.mark.parametrize("slack_transport", ["socketmode", "http"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_example_of_every_language_does_the_same_job_over_both_transports(
    slack: SlackTester, language: str
) -> None:
    slack.run_plugin(EXAMPLES / f"deploybot{SUFFIXES[language]}", EXAMPLES / "deploybot.toml")
    assert slack.command("/deploy", "api").response == {"text": "Deploying api"}
    mention = slack.mention("hello", user="U0CAROL0001")
    call = slack.wait_for_call("chat.postMessage")
    assert (call.args["text"], call.args["thread_ts"]) == (
        "Hello <@U0CAROL0001>",
        mention.payload["event"]["ts"],
    )
    slack.click("approve", user="U0CAROL0001", made_up=True)
    assert slack.wait_for_call("chat.postMessage", count=2).args["text"] == "<@U0CAROL0001> approved"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_examples_of_the_documents_are_the_templates(language: str) -> None:
    rendered = render("deploybot", language, command="/deploy", reply="Deploying")
    for path in (f"deploybot{SUFFIXES[language]}", "deploybot.toml"):
        assert (EXAMPLES / path).read_text() == rendered[path]


def test_a_new_plugins_own_tests_pass(tmp_path: Path) -> None:
    written(tmp_path, "greeter", "python")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert "3 passed" in done.stdout, done.stdout


def test_a_program_that_never_connects_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slackd.local.conformance.PATIENCE", 0.2)
    (tmp_path / "silent.py").write_text(SILENT)
    (tmp_path / "silent.toml").write_text("")
    (finding,) = check_program(tmp_path / "silent.py", None)
    assert (finding.passed, finding.detail) == (False, "it never connected")


@pytest.mark.parametrize(
    ("answer", "rule"),
    [
        ("pass", "it answers the event app_mention"),
        ('say(\'{"jsonrpc": "2.0", "id": "9.9", "result": {}}\')', "it answers the event app_mention"),
        ("say('hello')", "it sends whole lines of JSON-RPC, and nothing else"),
        ("say(json.dumps({'jsonrpc': '2.0', 'id': message['id'], 'result': []}))", "it answers the event"),
    ],
)
def test_a_program_that_answers_wrongly_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, rule: str
) -> None:
    monkeypatch.setattr("slackd.local.conformance.PATIENCE", 0.5)
    (tmp_path / "wrong.py").write_text(WRONG.replace("NAME", "wrong").replace("ANSWER", answer))
    (tmp_path / "wrong.toml").write_text('[[subscribe]]\ntype = "events_api"\nevent = "app_mention"\n')
    found = check_program(tmp_path / "wrong.py", None)
    assert any(each.startswith(rule) for each in failed(found))


def test_the_command_says_which_rule_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slackd.local.conformance.PATIENCE", 0.2)
    (tmp_path / "silent.py").write_text(SILENT)
    (tmp_path / "silent.toml").write_text("")
    result = CliRunner().invoke(plugin, ["check", str(tmp_path / "silent.py")])
    assert result.exit_code == 1
    assert result.output.startswith("✗ it connects, and says initialize first")


def test_nothing_that_is_there_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "greeter.toml").write_text("mine")
    command = [
        sys.executable,
        "-m",
        "slackd.cli.control",
        "plugin",
        "new",
        "greeter",
        "--folder",
        str(tmp_path),
    ]
    result = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert result.returncode == 1
    assert "greeter.toml is there already" in result.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["greeter.toml"]


@pytest.mark.parametrize("name", ["Greeter", "../x", "", "-x", "a b"])
def test_a_name_that_cannot_be_one_is_refused_with_the_rule(name: str) -> None:
    with pytest.raises(ScaffoldError, match="lower-case letters, digits"):
        render(name, "python")


@pytest.mark.skipif(shutil.which("dh") is None, reason="builds a Debian package: needs debhelper")
@pytest.mark.parametrize("language", ["python", "go"])
def test_a_new_plugin_builds_a_package_of_its_own(tmp_path: Path, language: str) -> None:
    folder = tmp_path / "greeter"
    written(folder, "greeter", language)
    sequences = tmp_path / "perl/Debian/Debhelper/Sequence"
    sequences.mkdir(parents=True)
    shutil.copy(ADDON / "slackd_plugin.pm", sequences)
    environment = {
        **os.environ,
        "PERL5LIB": str(tmp_path / "perl"),
        "PATH": f"{ADDON}:{os.environ['PATH']}",
        "DH_AUTOSCRIPTDIR": str(ADDON / "autoscripts"),
    }
    # -d: the addon is here, in no package.
    command = ["dpkg-buildpackage", "-us", "-uc", "-b", "-d"]
    subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=100, check=True)
    (package,) = tmp_path.glob("slackd-plugin-greeter_0.1_*.deb")
    listed = subprocess.run(["dpkg-deb", "-c", package], capture_output=True, text=True, check=True).stdout
    assert "./usr/lib/slackd/plugins/greeter\n" in listed
    assert "./etc/slackd/plugins.d/greeter.toml\n" in listed
    assert "./usr/lib/systemd/system/slackd-plugin@greeter.service.d/limits.conf\n" in listed
    control = tmp_path / "control"
    subprocess.run(["dpkg-deb", "-e", package, control], check=True)
    assert "slackd-plugin@greeter.service" in (control / "postinst").read_text()

"""Any script is a plugin: `slackd exec`, `slackctl call` and `slackctl post`, under a real slackd."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from slackd.testing.tester import SlackTester

DECLARATION = """
[[subscribe]]
type = "slash_commands"
command = "/deploy"
respond = true
[[subscribe]]
type = "events_api"
event = ["app_mention", "reaction_added"]
[delivery]
max_attempts = 2
backoff = {{ initial = "50ms", max = "50ms" }}
[slack]
methods = ["chat.postMessage", "files.getUploadURLExternal", "files.completeUploadExternal"]
[exec]
command = ["/bin/bash", "{script}"]
timeout = "1s"
"""
CALL = ("call", "--as", "scripted")
POST = (*CALL, "chat.postMessage", "channel=C0GENERAL01")
BLOCKS = 'blocks:=[{"type":"divider"}]'
SCRIPT = """
envelope=$(cat)
echo "$SLACKD_TYPE $SLACKD_ATTEMPT" >> "{log}"
case "$SLACKD_COMMAND$SLACKD_EVENT" in
    /deploy) echo "Deploying $SLACKD_TEXT for $SLACKD_USER: $(jq -r .type <<< "$envelope")" ;;
    app_mention) slackctl post --as scripted "$SLACKD_CHANNEL" "Hello $SLACKD_USER" > /dev/null ;;
    reaction_added) sleep 60 ;;
esac
"""


@pytest.fixture
def scripted(slack: SlackTester, tmp_path: Path) -> SlackTester:
    script, log = tmp_path / "script.sh", tmp_path / "log"
    script.write_text(SCRIPT.replace("{log}", str(log)))
    command = [sys.executable, "-m", "slackd.cli.daemon", "exec", "scripted"]
    config = {
        "SLACKD_CONFIG": str(slack.stack.folder / "slackd.toml"),
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
    }
    slack.run_plugin(command, DECLARATION.format(script=script), name="scripted", environment=config)
    return slack


def slackctl(slack: SlackTester, *arguments: str | bytes, text: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "slackd.cli.control", *arguments],
        env={"SLACKD_PLUGINS_SOCKET": str(slack.stack.plugins_socket), "PATH": "/usr/bin:/bin"},
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_what_a_script_prints_is_the_answer(scripted: SlackTester) -> None:
    response = scripted.command("/deploy", "api", user="U0CAROL0001").response
    assert response == {"text": "Deploying api for U0CAROL0001: slash_commands"}


def test_a_file_is_posted_with_its_text(scripted: SlackTester, tmp_path: Path) -> None:
    report = tmp_path / "the report.txt"
    report.write_bytes(b"all is well\n" * 10_000)
    posted = slackctl(scripted, "post", "--as", "scripted", "--file", str(report), "C0GENERAL01", "Tonight:")
    assert posted.returncode == 0, posted.stderr
    file = scripted.stack.emulator.workspace().files[posted.stdout.strip()]
    assert (file.name, file.content) == ("the report.txt", report.read_bytes())
    done = scripted.wait_for_call("files.completeUploadExternal")
    assert (done.args["channel_id"], done.args["initial_comment"]) == ("C0GENERAL01", "Tonight:")


def test_a_script_posts_as_its_plugin_may(scripted: SlackTester) -> None:
    scripted.mention("hi", user="U0CAROL0001")
    assert scripted.wait_for_call("chat.postMessage").args["text"] == "Hello U0CAROL0001"


def test_a_script_that_hangs_is_killed_and_tried_again(scripted: SlackTester, tmp_path: Path) -> None:
    message = scripted.post_message("look at this")
    scripted.react("eyes", message.payload["event"]["ts"])
    scripted.wait_until_idle(timeout=20)
    assert (tmp_path / "log").read_text().split("\n")[:2] == ["events_api 1", "events_api 2"]


def test_a_call_prints_slacks_answer_and_its_status_is_for_scripts(scripted: SlackTester) -> None:
    posted = slackctl(scripted, "post", "--as", "scripted", "C0GENERAL01", "-", text="from cron\n")
    assert posted.returncode == 0, posted.stderr
    assert float(posted.stdout) > 0
    assert scripted.calls("chat.postMessage")[-1].args["text"] == "from cron"
    called = slackctl(
        scripted,
        "call",
        "--as",
        "scripted",
        "--json",
        "chat.postMessage",
        "channel=C0GENERAL01",
        'blocks:=[{"type":"divider"}]',
        "text=x",
    )
    assert json.loads(called.stdout)["ok"] is True
    refused = slackctl(scripted, "call", "--as", "scripted", "chat.delete", "channel=C0GENERAL01")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "chat.delete" in refused.stderr
    nobody = slackctl(scripted, "call", "--as", "nobody", "chat.postMessage")
    assert nobody.returncode == 2
    wrong = slackctl(scripted, "call", "--as", "scripted", "chat.postMessage", "text")
    assert "expected KEY=VALUE" in wrong.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ((*POST, "text=a", "text=b"), 2, "text is given twice"),
        ((*POST, "text:=NaN"), 2, "text: 'NaN' is not JSON: it knows no NaN"),
        ((*POST, "blocks:=["), 2, "blocks: '[' is not JSON"),
        ((*POST, ":=1"), 2, "':=1': expected KEY=VALUE, or KEY:=JSON"),
        ((*POST, "text=@nowhere"), 2, "text: nowhere cannot be read: No such file or directory"),
        ((*POST, "text=@/bin/sh"), 2, "text: /bin/sh: byte"),
        ((*POST, "--timeout", "nan"), 2, "Invalid value for '--timeout'"),
        ((*POST, "--timeout", "inf"), 2, "Invalid value for '--timeout'"),
        ((*POST, "--app", "other"), 2, "the app 'other' is not in [slack] apps"),
        ((*CALL, "chat.post Message"), 2, "must be the name of a Web API method"),
        ((*CALL, ""), 2, "must be the name of a Web API method"),
    ],
)
def test_what_cannot_be_called_is_said_and_is_no_doubt(
    scripted: SlackTester, arguments: Sequence[str | bytes], status: int, words: str
) -> None:
    """4 is for what may have been done alone: a repetition of these does no harm, and no good either."""
    done = slackctl(scripted, *arguments)
    assert (done.returncode, words in done.stderr) == (status, True), done.stderr
    assert "Traceback" not in done.stderr
    assert not scripted.calls("chat.postMessage")


def test_what_does_not_fit_into_a_line_is_said_before_it_is_sent(scripted: SlackTester, tmp_path: Path) -> None:
    (tmp_path / "big").write_text("x" * (1 << 20))
    done = slackctl(scripted, *POST, f"text=@{tmp_path / 'big'}")
    assert done.returncode == 2
    assert "slackd takes 1048576" in done.stderr


@pytest.mark.parametrize(
    ("answers", "status", "words"),
    [
        ([], 3, "slackd can't be reached"),
        ([{"error": {"code": -32009, "message": "slackd is stopping"}}], 3, "slackd is stopping"),
        ([{"result": {}}], 4, "slackd went away"),
        ([{"result": {}}, {"error": {"code": -32005, "message": "no connector"}}], 3, "no connector"),
        ([{"result": {}}, {"error": {"code": -32011, "message": "no answer came"}}], 4, "no answer came"),
    ],
)
def test_whether_a_call_may_have_been_made_is_what_the_status_says(
    tmp_path: Path, answers: list[dict[str, Any]], status: int, words: str
) -> None:
    path = tmp_path / "plugins.sock"

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rwb") as lines:
            for number, answer in enumerate(answers, 1):
                lines.readline()
                lines.write(json.dumps({"jsonrpc": "2.0", "id": number, **answer}).encode() + b"\n")
                lines.flush()
            lines.readline()

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        serving = threading.Thread(target=serve, args=(listener,))
        serving.start()
        arguments = [*POST, "--plugins-socket", str(path)]
        done = subprocess.run(
            [sys.executable, "-m", "slackd.cli.control", *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        serving.join()
    assert (done.returncode, words in done.stderr) == (status, True), done.stderr


@pytest.mark.parametrize("size", [0, (1 << 30) + 1])
def test_a_file_that_slack_takes_none_of_is_refused_before_anything_is_sent(
    scripted: SlackTester, tmp_path: Path, size: int
) -> None:
    file = tmp_path / "odd"
    with file.open("wb") as made:
        made.truncate(size)
    done = slackctl(scripted, "post", "--as", "scripted", "--file", str(file), "C0GENERAL01", "x")
    assert done.returncode == 2
    assert f"odd has {size} bytes: Slack takes files of 1 to 1073741824" in done.stderr
    assert scripted.calls("files.getUploadURLExternal") == []


@pytest.mark.parametrize("text", ["-", "from cron"])
def test_cron_has_no_terminal_no_locale_and_perhaps_no_standard_input(scripted: SlackTester, text: str) -> None:
    words = [sys.executable, "-m", "slackd.cli.control", "post", "--as", "scripted", "C0GENERAL01", text]
    done = subprocess.run(
        ["setsid", "sh", "-c", 'printf "caf\\351 \\303\\251" | exec "$@" > out 2>&1', "sh", *words],
        env={
            "SLACKD_PLUGINS_SOCKET": str(scripted.stack.plugins_socket),
            "PATH": "/usr/bin:/bin",
            "LC_ALL": "C",
        },
        cwd=scripted.stack.folder,
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )
    said = (scripted.stack.folder / "out").read_text()
    assert done.returncode == 0, said
    assert "\x1b" not in said
    posted = scripted.calls("chat.postMessage")[-1].args["text"]
    assert posted == (text if text != "-" else "caf\ufffd é")


@pytest.mark.parametrize(
    "arguments", [(*POST, b"text=caf\xe9"), ("post", *CALL[1:], "C0GENERAL01", b"caf\xe9")]
)
def test_what_is_no_utf_8_is_posted_with_a_mark(
    scripted: SlackTester, arguments: Sequence[str | bytes]
) -> None:
    assert slackctl(scripted, *arguments).returncode == 0
    assert scripted.calls("chat.postMessage")[-1].args["text"] == "caf\ufffd"


def test_a_standard_input_that_is_closed_is_said() -> None:
    words = [sys.executable, "-m", "slackd.cli.control", "post", "--as", "scripted", "C0GENERAL01", "-"]
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "sh", *words], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "standard input, which is closed" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_slackd_the_status_says_so(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "slackd.cli.control", "post", "--as", "x", "C1", "hi"],
        env={"SLACKD_PLUGINS_SOCKET": str(tmp_path / "none.sock"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 3
    assert "slackd can't be reached" in done.stderr

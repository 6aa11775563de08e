"""Commands that cannot be run, never end, or print without end: words, and nothing that grows."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from slackd.config.values import ExecRules
from slackd.errors import ConfigError
from slackd.exec.outcome import MOST_OUTPUT
from slackd.exec.runner import make_plugin, refuse_missing_program
from slackd.plugin import Context, Envelope, Permanent, Retry, builders
from slackd.plugin.answers import Ack, Answer


class Post:
    """What the command's end came to."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []

    def answer(self, delivery: str, answer: Answer) -> None:
        self.answers.append(answer)

    def answer_now(self, delivery: str, response: Mapping[str, Any]) -> None: ...

    def extend(self, delivery: str) -> None: ...

    def respond(self, app: str, url: str, message: Mapping[str, Any]) -> None: ...


async def run(*command: str, envelope: Envelope | None = None, timeout: float = 20.0) -> Answer:
    """What a command makes of an envelope."""
    envelope, post = envelope or builders.command("/deploy", "api"), Post()
    route = make_plugin("scripted", ExecRules(command, 1, timeout)).routes.find(envelope)
    assert route is not None
    await route.handler(envelope, Context(envelope, post))
    [answer] = post.answers
    return answer


@pytest.fixture
def script(tmp_path: Path) -> Path:
    return tmp_path / "script"


async def test_what_is_not_there_or_no_program_is_said_by_name(script: Path, tmp_path: Path) -> None:
    with pytest.raises(Retry, match="script cannot be run: No such file"):
        await run(str(script))
    with pytest.raises(Retry, match="cannot be run: Permission denied"):
        await run(str(tmp_path))


async def test_of_too_much_that_is_said_the_end_is_kept_since_it_says_what_went_wrong() -> None:
    with pytest.raises(Permanent, match=r"x: no such host$"):
        await run(
            "/bin/sh",
            "-c",
            f"head -c {3 * MOST_OUTPUT} /dev/zero | tr '\\0' x >&2; echo ': no such host' >&2; exit 65",
        )


async def test_of_a_text_that_is_too_long_the_beginning_is_the_answer(caplog: pytest.LogCaptureFixture) -> None:
    answer = await run("/bin/sh", "-c", f"printf begin; head -c {3 * MOST_OUTPUT} /dev/zero | tr '\\0' x")
    assert isinstance(answer, Ack)
    assert answer.response is not None
    text = answer.response["text"]
    assert (len(text), text[:6]) == (MOST_OUTPUT, "beginx")
    assert f"it printed more than the {MOST_OUTPUT} bytes that are kept" in caplog.text


async def test_half_of_a_json_object_is_nobodys_answer() -> None:
    with pytest.raises(Permanent, match=f"JSON of more than {MOST_OUTPUT} bytes"):
        await run(
            "/bin/sh",
            "-c",
            f"printf '{{\"text\": \"'; head -c {MOST_OUTPUT} /dev/zero | tr '\\0' x; echo '\"}}'",
        )


def test_a_program_that_is_missing_at_the_start_is_said_and_costs_no_attempt(tmp_path: Path) -> None:
    file, program = tmp_path / "x.toml", tmp_path / "program"
    rules = ExecRules((str(program),), 1, 1.0)
    with pytest.raises(ConfigError, match=f"{file}: exec.command: {program}: there is no such program"):
        refuse_missing_program(rules, file)
    write(program, "#!/bin/sh\n", 0o644)
    if os.geteuid() != 0 or not os.access(program, os.X_OK):
        with pytest.raises(ConfigError, match="is not executable: chmod"):
            refuse_missing_program(rules, file)
    program.chmod(0o755)
    refuse_missing_program(rules, file)


@pytest.mark.parametrize(("mode", "words"), [(0o644, "Permission denied"), (0o755, "Exec format error")])
async def test_a_file_that_does_not_say_how_it_is_run_is_said_by_name(
    script: Path, mode: int, words: str
) -> None:
    write(script, "no first line that says how", mode)
    with pytest.raises(Retry, match=f"script cannot be run: {words}"):
        await run(str(script))


def write(script: Path, text: str, mode: int) -> None:
    script.write_text(text)
    script.chmod(mode)


async def test_of_what_is_printed_without_end_so_much_is_kept() -> None:
    answer = await run(
        "/bin/sh", "-c", "head -c 50000000 /dev/zero | tr '\\0' x; head -c 9000000 /dev/zero >&2"
    )
    assert isinstance(answer, Ack)
    assert answer.response is not None
    assert len(answer.response["text"]) == MOST_OUTPUT


async def test_what_never_ends_is_killed_with_all_it_began(tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(Retry, match=r"no end within 0\.3 s"):
        await run("/bin/sh", "-c", f"sleep 60 & echo $! > {tmp_path}/pid; yes", timeout=0.3)
    assert time.monotonic() - began < 10
    assert is_gone(tmp_path / "pid")


def is_gone(pid: Path) -> bool:
    """Also a moment later: who is killed by its group ends when the kernel comes to it."""
    status = Path(f"/proc/{pid.read_text().strip()}/stat")
    until = time.monotonic() + 5
    while time.monotonic() < until:
        try:
            if status.read_text().rpartition(")")[2].split()[0] in "ZX":
                return True
        except OSError:
            return True
        time.sleep(0.01)
    return False


async def test_what_a_command_leaves_behind_in_a_session_of_its_own_holds_nothing_up() -> None:
    began = time.monotonic()
    answer = await run("/bin/sh", "-c", "setsid sleep 5 & echo done")
    assert answer == Ack({"text": "done"})
    assert time.monotonic() - began < 4


async def test_a_command_that_reads_nothing_or_dies_of_a_signal() -> None:
    long = builders.command("/deploy", "\0\ud800" + "é" * 200_000)
    with pytest.raises(Retry, match="signal 9"):
        await run("/bin/sh", "-c", "kill -9 $$", envelope=long)
    assert await run("/bin/true", envelope=long) == Ack()
    with pytest.raises(Permanent, match="exit status 65: no such service"):
        await run("/bin/sh", "-c", "echo no such service >&2; exit 65")

"""slackctl as its users run it: a process of its own against a real broker."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from slackd.broker.control import requests
from slackd.text import printable
from tests.integration.control.control_rig import World, message, plugin_file, refuses, world
from tests.support.broker import PATIENCE

SLACKCTL = (sys.executable, "-m", "slackd.cli.control")


async def slackctl(here: World, *arguments: str) -> tuple[int, str]:
    """Exit status and everything it printed."""
    return await run("--socket", str(here.control), *arguments)


async def run(*arguments: str, **environ: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *SLACKCTL,
        *arguments,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "COLUMNS": "100", **environ},
    )
    async with asyncio.timeout(PATIENCE):
        printed, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, printed.decode()


async def test_the_exit_status_of_status_tells_the_health(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slackd.broker.control.health.RESTARTING", 0.0)
    async with world(plugin_file("deploy")) as here:
        here.both_connectors()
        await here.plugin("deploy")
        await here.status(lambda found: found["health"] == "ok")
        code, printed = await slackctl(here, "status")
        assert code == 0
        assert printed.startswith("● slackd is healthy")
        here.links[2].close()
        code, printed = await slackctl(here, "status")
        assert code == 1
        assert "▲ connector 2: not linked to the broker" in printed
        await here.daemon.journal.close()
        code, printed = await slackctl(here, "status", "--json")
        assert code == 1
        assert json.loads(printed)["health"] == "degraded"


async def test_a_failing_slackd_is_exit_status_2() -> None:
    async with world() as here:
        connector = here.connector(1)
        here.daemon.connectors._quiet_until = 0.0
        connector.enters("main", "closed", "stalled")
        await here.status(lambda found: found["health"] == "failing")
        assert (await slackctl(here, "status"))[0] == 2


@pytest.mark.parametrize(
    ("make", "words"),
    [
        ("nothing", "slackd is not running: there is no"),
        ("dead", "slackd is not running: nobody listens on"),
        ("file", "slackd is not running: nobody listens on"),
    ],
)
async def test_a_slackd_that_cannot_be_reached_is_exit_status_3(make: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "c.sock"
    if make == "file":
        path.touch()
    elif make == "dead":
        await asyncio.to_thread(_leave_a_dead_socket, path)
    code, printed = await run("status", SLACKD_CONTROL_SOCKET=str(path))
    assert code == 3
    assert words in printed
    assert "Traceback" not in printed


def _leave_a_dead_socket(path: Path) -> None:
    import socket

    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


async def test_the_socket_may_be_named_before_or_behind_the_command() -> None:
    async with world() as here:
        here.both_connectors()
        before = await run("--socket", str(here.control), "gaps")
        behind = await run("gaps", "--socket", str(here.control))
        assert before == behind == (0, "no gaps\n")


async def test_dead_letters_from_the_list_to_the_end() -> None:
    async with world(plugin_file("deploy")) as here:
        plugin = await here.plugin("deploy")
        plugin.answer = refuses
        await here.both_connectors().deliver_and_wait(*(message(n, f"C{n}") for n in range(3)))
        await here.status(lambda found: found["plugins"][0]["dead"] == 3)
        code, printed = await slackctl(here, "deadletters", "list", "--json")
        one, two, _ = (each["delivery"] for each in json.loads(printed))
        code, printed = await slackctl(here, "deadletters", "list", "--json", "--limit", "2")
        assert (code, printed.endswith("]\nthe oldest 2; --limit shows more\n")) == (0, True)
        code, printed = await slackctl(here, "deadletters", "list")
        assert code == 0
        assert "the database is gone" in printed
        assert "3 dead letters" in printed
        code, printed = await slackctl(here, "deadletters", "show", str(one))
        assert '"text": "hello"' in printed
        plugin.answer = lambda _: {"result": {}}
        assert await slackctl(here, "deadletters", "retry", str(one)) == (0, "1 dead letter retried\n")
        code, printed = await slackctl(here, "deadletters", "discard", str(two), "999")
        assert code == 1
        assert printed == "1 dead letter discarded\n999: there is no such dead letter\n"
        assert await slackctl(here, "deadletters", "discard", "--plugin", "deploy") == (
            0,
            "1 dead letter discarded\n",
        )
        assert await slackctl(here, "deadletters", "list") == (0, "no dead letters\n")
        code, printed = await slackctl(here, "deadletters", "retry")
        assert code == 2
        assert "say which" in printed


@pytest.mark.parametrize("verb", ["list", "discard"])
async def test_what_cannot_be_read_belongs_to_no_plugin(verb: str) -> None:
    async with world(plugin_file("deploy")) as here:
        code, printed = await slackctl(here, "deadletters", verb, "--plugin", "deploy", "--unreadable")
        assert code == 2
        assert "either --plugin or --unreadable" in printed


async def test_dead_letters_of_a_plugin_that_is_gone_are_not_retried_and_can_be_discarded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = Path(tempfile.mkdtemp(dir="/tmp", prefix="slackd-c-"))
    try:
        async with world(plugin_file("hello"), folder=folder) as here:
            (await here.plugin("hello")).answer = refuses
            await here.both_connectors().deliver_and_wait(message(1, "C1"), message(2, "C2"))
            await here.status(lambda found: found["plugins"][0]["dead"] == 2)
        # In pages of one: the second page of what is discarded finds none of the plugin's left.
        monkeypatch.setattr(requests, "LARGEST_PAGE", 1)
        async with world(folder=folder) as here:
            code, printed = await slackctl(here, "deadletters", "retry", "--plugin", "hello")
            assert code == 1
            assert printed.count("no file in plugins.d declares the plugin hello") == 2
            assert "0 dead letters retried" in printed.splitlines()
            discard = ("deadletters", "discard", "--plugin", "hello")
            assert await slackctl(here, *discard) == (0, "2 dead letters discarded\n")
            code, printed = await slackctl(here, *discard)
            assert (code, "'hello', and none has dead letters" in printed) == (1, True)
    finally:
        await asyncio.to_thread(shutil.rmtree, folder)


STEERS = "\x1b]0;title\x07\x1b[2J\x9b1mall is well\u202e\x7f"


def _is_harmless(printed: str) -> bool:
    return "\x1b" not in printed and printed.replace("\n", "").isprintable()


async def test_what_plugins_and_people_in_slack_write_never_steers_the_terminal() -> None:
    async with world(plugin_file("deploy")) as here:
        plugin = await here.plugin("deploy")
        permanent = {"code": -32_000, "message": STEERS, "data": {"permanent": True}}
        plugin.answer = lambda _: {"error": permanent}
        tail = await asyncio.create_subprocess_exec(
            *SLACKCTL, "tail", "--text", "--socket", str(here.control), stdout=subprocess.PIPE
        )
        assert tail.stdout is not None
        async with asyncio.timeout(PATIENCE):
            while not len(here.daemon.watchers):
                await asyncio.sleep(0.01)
        connector = here.both_connectors()
        await connector.deliver_and_wait(message(1, channel=f"C{STEERS}", text=STEERS), f'{{"{STEERS}')
        await here.status(lambda found: found["plugins"][0]["dead"] == 1)
        seen = [""]
        async with asyncio.timeout(PATIENCE):
            while "→ deploy" not in seen[-1]:
                seen.append((await tail.stdout.readline()).decode())
        tail.terminate()
        await tail.wait()
        assert all(map(_is_harmless, seen)), seen
        assert printable(STEERS) in seen[-1]
        code, listed = await slackctl(here, "deadletters", "list")
        assert (code, _is_harmless(listed)) == (0, True), listed
        letters = json.loads((await slackctl(here, "deadletters", "list", "--json"))[1])
        assert any(each["error"] == STEERS for each in letters)
        for letter in letters:
            for option in ((), ("--json",)):
                code, shown = await slackctl(here, "deadletters", "show", str(letter["delivery"]), *option)
                assert (code, _is_harmless(shown)) == (0, True), shown


async def test_replay_hands_out_again_and_says_what_not() -> None:
    async with world(plugin_file("deploy")) as here:
        plugin = await here.plugin("deploy")
        await here.both_connectors().deliver_and_wait(message(1))
        await plugin.has_been_handed(1)
        dry = await slackctl(here, "replay", "deploy", "--since", "10m", "-n")
        assert dry == (0, "1 envelope would be delivered to deploy again\n")
        code, printed = await slackctl(here, "replay", "deploy", "1", "99")
        assert code == 1
        assert printed == "1 envelope delivered to deploy again\nnot in the journal (any more): 99\n"
        await plugin.has_been_handed(2)
        code, printed = await slackctl(here, "replay", "nobody", "1")
        assert (code, printed) == (1, "slackctl: no file in plugins.d declares a plugin 'nobody'\n")
        code, printed = await slackctl(here, "replay", "deploy", "--since", "yesterday")
        assert code == 2
        assert "expected 10m (ago)" in printed
        code, printed = await slackctl(here, "replay", "deploy", "--since", "5m", "--until", "10m")
        assert code == 2
        assert "lies before --since" in printed


async def test_a_backup_is_a_journal_or_nothing(tmp_path: Path) -> None:
    async with world(plugin_file("deploy")) as here:
        await here.both_connectors().deliver_and_wait(*(message(n) for n in range(20)))
        target = tmp_path / "copy.db"
        code, printed = await slackctl(here, "backup", str(target))
        assert code == 0, printed
        assert target.stat().st_mode & 0o777 == 0o600
        with contextlib.closing(sqlite3.connect(target)) as copy:
            assert copy.execute("SELECT count(*) FROM envelope").fetchone() == (20,)
            assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        code, printed = await slackctl(here, "backup", str(target))
        assert code == 1
        assert "--force replaces it" in printed
        await here.daemon.journal.close()
        code, printed = await slackctl(here, "backup", str(tmp_path / "other.db"))
        assert code == 1
        assert os.listdir(tmp_path) == ["copy.db"]


async def test_tail_shows_what_passes_and_ctrl_c_ends_it() -> None:
    async with world(plugin_file("deploy")) as here:
        await here.plugin("deploy")
        connector = here.both_connectors()
        process = await asyncio.create_subprocess_exec(
            *SLACKCTL, "tail", "--socket", str(here.control), "--plugin", "deploy", stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            while not len(here.daemon.watchers):
                await asyncio.sleep(0.01)
            await connector.deliver_and_wait(message(1))
            line = (await process.stdout.readline()).decode()
            assert "done" in line
            assert "main message  C1 U1  → deploy" in line
            process.send_signal(signal.SIGINT)
            assert await process.wait() == 0


async def test_tail_says_that_slackd_has_stopped() -> None:
    async with world() as here:
        process = await asyncio.create_subprocess_exec(
            *SLACKCTL, "tail", "--json", "--socket", str(here.control), stderr=subprocess.PIPE
        )
        async with asyncio.timeout(PATIENCE):
            while not len(here.daemon.watchers):
                await asyncio.sleep(0.01)
    async with asyncio.timeout(PATIENCE):
        _, said = await process.communicate()
    assert process.returncode == 3
    assert said == b"slackctl: slackd has stopped, or restarts\n"


async def test_metrics_can_be_narrowed_to_a_word() -> None:
    async with world() as here:
        code, printed = await slackctl(here, "metrics", "ghosts")
        assert code == 0
        assert printed.splitlines()[-1] == 'slackd_ghosts{app="main"} 0.0'
        assert len(printed.splitlines()) == 3


async def test_a_word_that_no_metric_holds_is_told() -> None:
    async with world() as here:
        assert await slackctl(here, "metrics", "nosuch") == (
            1,
            "slackctl: no metric has 'nosuch' in its name\n",
        )
        code, printed = await slackctl(here, "metrics", "foreign", "gosts")
        assert code == 1
        assert printed.endswith("slackctl: no metric has 'gosts' in its name; did you mean 'ghosts'?\n")
        assert 'slackd_foreign_connections{app="main"} 0.0' in printed


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("tail --app mian", "has no app 'mian'; did you mean 'main'?"),
        ("tail --plugin nope", "no file in plugins.d declares a plugin 'nope'"),
        ("gaps --app mian", "has no app 'mian'; did you mean 'main'?"),
        ("deadletters discard --plugin deplyo", "'deplyo', and none has dead letters; did you mean 'deploy'?"),
        ("deadletters list --plugin nope", "a plugin 'nope', and none has dead letters"),
        ("replay deploy --since 5m --app nope", "has no app 'nope'; it has main"),
    ],
)
async def test_a_misspelt_filter_is_told_with_what_was_meant(arguments: str, words: str) -> None:
    async with world(plugin_file("deploy")) as here:
        code, printed = await slackctl(here, *arguments.split())
        assert code == 1
        assert words in printed


async def in_shell(here: World, line: str) -> tuple[int, str]:
    """Exit status of a line of bash in which SLACKCTL stands for the command, and what stderr said."""
    command = line.replace("SLACKCTL", f"{' '.join(SLACKCTL)} --socket {here.control}")
    process = await asyncio.create_subprocess_exec("bash", "-c", command, stderr=subprocess.PIPE)
    async with asyncio.timeout(PATIENCE):
        _, said = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


async def test_a_reader_that_has_read_enough_is_no_error() -> None:
    async with world() as here:
        command = f"{' '.join(SLACKCTL)} --socket {here.control} metrics | head -1"
        process = await asyncio.create_subprocess_shell(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        async with asyncio.timeout(PATIENCE):
            printed, said = await process.communicate()
        assert printed.startswith(b"# HELP")
        assert b"Traceback" not in said


NOBODY_READS = "SLACKCTL {command} | exec true; exit ${{PIPESTATUS[0]}}"


@pytest.mark.parametrize("command", ["status", "status --json"])
async def test_the_verdict_is_the_exit_status_also_where_nobody_reads_it(command: str) -> None:
    async with world() as here:
        here.both_connectors()
        await here.status(lambda found: found["health"] == "ok")
        assert await in_shell(here, NOBODY_READS.format(command=command)) == (0, "")


@pytest.mark.parametrize("command", ["metrics", "gaps", "plugins --json", "deadletters list"])
async def test_a_command_that_nobody_reads_ends_as_sigpipe_would_end_it(command: str) -> None:
    async with world() as here:
        assert await in_shell(here, NOBODY_READS.format(command=command)) == (141, "")


@pytest.mark.parametrize(
    "command", ["status", "status --json", "metrics", "gaps", "deadletters list", "backup -", "--help"]
)
async def test_output_that_cannot_be_written_is_no_verdict(command: str) -> None:
    async with world() as here:
        code, said = await in_shell(here, f"SLACKCTL {command} > /dev/full")
        assert code == 74
        assert said.startswith("slackctl: standard output cannot be written: No space left on device; ")
        assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("deadletters discard --unreadable <&-", 0),
        ("deadletters discard --plugin deploy <&-", 0),
        ("doctor --offline --config /nonexistent >&-", 1),
        ("status --socket /nonexistent >&-", 3),
    ],
)
async def test_closed_streams_are_no_error(command: str, expected: int) -> None:
    async with world(plugin_file("deploy")) as here:
        code, said = await in_shell(here, f"SLACKCTL {command}")
        assert code == expected
        assert "Traceback" not in said


@pytest.mark.parametrize(
    "command", ["deadletters list --plugin", "tail --app", "gaps --app", "inflight --plugin"]
)
async def test_a_name_that_is_no_utf_8_is_one_that_there_is_not(command: str) -> None:
    async with world(plugin_file("deploy")) as here:
        code, said = await in_shell(here, f"SLACKCTL {command} $'\\xff'")
        assert code == 1
        assert len(said.splitlines()) == 1
        assert "slackctl: " in said

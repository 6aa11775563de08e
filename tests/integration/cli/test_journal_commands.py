"""`slackctl journal` and `slackctl restore`, as an operator types them."""

import asyncio
import contextlib
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from slackd import __version__
from slackd.broker.journal.engines import open_journal
from slackd.broker.journal.sqlite.journal import SqliteJournal
from slackd.config.values import JournalConfig
from tests.support.journal.child import record
from tests.support.journal.writing import write


def slackctl(*arguments: object, **environ: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "slackd.cli.control", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environ or None)


async def _make(folder: Path, backup: Path) -> None:
    journal, _ = await open_journal(JournalConfig(folder))
    assert isinstance(journal, SqliteJournal)
    await write(journal, *(record(number, "r") for number in range(1_200)))
    copy = b"".join([chunk async for chunk in journal.backup()])
    await journal.close()
    await asyncio.to_thread(backup.write_bytes, copy)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    asyncio.run(_make(tmp_path / "j", tmp_path / "backup"))
    return tmp_path / "j"


def test_check_rescue_and_restore(journal: Path) -> None:
    said = slackctl("journal", "check", "--directory", journal)
    assert (said.returncode, said.stderr) == (0, "")
    assert "1,200 envelopes, 1,200 open deliveries" in said.stdout
    assert "all is well" in said.stdout

    said = slackctl("restore", journal.parent / "backup", "--directory", journal)
    assert (said.returncode, said.stderr) == (0, "")
    assert "the journal before it is" in said.stdout

    with (journal / "journal.db").open("r+b") as file:
        file.seek(20 * 8_192)
        file.write(b"\xde" * 16_384)
    said = slackctl("journal", "check", "--directory", journal, "--json")
    found: Any = json.loads(said.stdout)
    assert (said.returncode, found["ok"]) == (1, False)
    assert found["problems"]

    said = slackctl("journal", "rescue", "--directory", journal)
    assert (said.returncode, said.stderr) == (0, "")
    assert "kept: " in said.stdout
    assert "the old files are" in said.stdout
    assert slackctl("journal", "check", "--directory", journal).returncode == 0


def test_what_is_no_journal_is_said_in_a_line(journal: Path) -> None:
    said = slackctl("restore", __file__, "--directory", journal)
    assert said.returncode == 1
    assert said.stderr.startswith("slackctl: ")
    assert "no journal of slackd" in said.stderr
    assert len(said.stderr.splitlines()) == 1


def test_the_folder_is_the_one_that_the_configuration_names(journal: Path) -> None:
    file = journal.parent / "slackd.toml"
    file.write_text(f'[journal]\ndirectory = "{journal}"\n')
    said = slackctl("journal", "check", SLACKD_CONFIG=str(file), PATH="/usr/bin:/bin")
    assert f"{journal}: 1,200 envelopes" in said.stdout, said.stderr


def test_a_journal_of_a_later_release_is_neither_judged_nor_rescued(journal: Path) -> None:
    with contextlib.closing(sqlite3.connect(journal / "journal.db")) as connection, connection:
        connection.execute("UPDATE meta SET value = 99 WHERE name = 'min_reader'")
        connection.execute("UPDATE meta SET value = '9.9.9' WHERE name = 'written_by'")
    before = (journal / "journal.db").read_bytes()
    for command in ("check", "rescue"):
        done = slackctl("journal", command, "--directory", journal)
        assert done.returncode == 1
        assert done.stderr == (
            f"slackctl: {journal}/journal.db: written by slackd 9.9.9, whose journal this release "
            f"({__version__}) cannot use; install that release or a later one again\n"
        )
    assert (journal / "journal.db").read_bytes() == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
@pytest.mark.parametrize("command", ["check", "rescue"])
def test_a_journal_that_may_not_be_read_is_said_in_a_line(journal: Path, command: str) -> None:
    (journal / "journal.db").chmod(0)
    done = slackctl("journal", command, "--directory", journal)
    assert done.returncode == 1
    assert "look at the" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_what_nothing_can_be_rescued_from_is_named(journal: Path) -> None:
    (journal / "journal.db").write_bytes(b"garbage")
    (journal / "journal.db-wal").unlink(missing_ok=True)
    done = slackctl("journal", "rescue", "--directory", journal)
    assert done.returncode == 1
    assert done.stderr == (
        f"slackctl: {journal}/journal.db: nothing in the file looks like a journal of slackd; "
        "it stays as it is; slackctl restore puts a backup in its place\n"
    )


def test_a_device_is_no_backup(journal: Path) -> None:
    done = slackctl("restore", "/dev/zero", "--directory", journal)
    assert (done.returncode, done.stderr) == (
        1,
        "slackctl: /dev/zero: the backup cannot be read (it is a device)\n",
    )


def test_the_names_of_folders_need_not_be_utf_8(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"n\xff?%41")
    asyncio.run(_make(folder, tmp_path / "backup"))
    for command in (("journal", "check"), ("journal", "rescue"), ("restore", tmp_path / "backup")):
        done = slackctl(*command, "--directory", folder)
        assert (done.returncode, done.stderr) == (0, "")

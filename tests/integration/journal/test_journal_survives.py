"""What was acknowledged is there after `kill -9`; what the disk refused was never acknowledged."""

import asyncio
import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

import slackd
from slackd.broker.journal.engines import OpenOptions, open_journal
from slackd.broker.journal.sqlite import maintenance, open_file
from slackd.broker.journal.sqlite.connection import OwnedConnection
from slackd.broker.journal.writes import CleanShutdown, CloseDelivery, InFlight, ListSession
from slackd.config.values import JournalConfig
from slackd.errors import JournalBusy, JournalError, JournalUnwritable
from tests.support.journal.child import record
from tests.support.journal.writing import attempt, opened

ROOT = Path(slackd.__file__).parents[1]


@contextlib.asynccontextmanager
async def child(*arguments: object) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.support.journal.child",
        *map(str, arguments),
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _lines(process: asyncio.subprocess.Process, count: int) -> list[str]:
    assert process.stdout is not None
    async with asyncio.timeout(60):
        return [(await process.stdout.readline()).decode().strip() for _ in range(count)]


async def _recorded(folder: Path) -> set[str]:
    journal, _ = await open_journal(JournalConfig(folder))
    found: set[str] = set()
    last = 0
    while page := await journal.recorded(last, 1_000):
        found.update(stored.envelope_id for stored in page)
        last = page[-1].id
    backlog = (await journal.backlogs())["bot"]
    assert backlog.deliveries == len(found), "an envelope without its delivery"
    await journal.close()
    return found


@pytest.mark.timeout(240)
async def test_kill_in_mid_load_again_and_again(tmp_path: Path) -> None:
    acknowledged: set[str] = set()
    for run in range(6):
        async with child("hammer", tmp_path, run) as process:
            acknowledged.update(await _lines(process, 40 + 173 * run))
            process.send_signal(signal.SIGKILL)
            assert process.stdout is not None
            rest = (await process.stdout.read()).decode()
            acknowledged.update(line for line in rest.split("\n")[:-1])
        recorded = await _recorded(tmp_path)
        assert acknowledged <= recorded
    assert _integrity(tmp_path) == "ok"


def _integrity(folder: Path) -> str:
    connection = sqlite3.connect(folder / "journal.db")
    try:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])
    finally:
        connection.close()


def _make_read_only(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)


async def test_a_second_broker_is_refused_with_the_pid_of_the_first(tmp_path: Path) -> None:
    async with child("hold", tmp_path) as process:
        assert await _lines(process, 1) == ["held"]
        with pytest.raises(JournalBusy, match=rf"\b{process.pid}\b"):
            await open_journal(JournalConfig(tmp_path), OpenOptions(owner_wait=0.1))


async def test_the_next_broker_waits_for_one_that_dies(tmp_path: Path) -> None:
    async with child("hold", tmp_path) as process:
        assert await _lines(process, 1) == ["held"]
        opening = asyncio.create_task(open_journal(JournalConfig(tmp_path), OpenOptions(owner_wait=60)))
        await asyncio.sleep(0)
        process.kill()
        journal, _ = await opening
        await journal.close()


async def test_files_that_may_not_grow_and_then_may_again(tmp_path: Path) -> None:
    async with child("limit", tmp_path) as process:
        failing, recovered = await _lines(process, 2)
    assert failing.startswith("failing ")
    assert failing.endswith(" True JournalUnwritable")
    assert recovered == "recovered True ''"


@pytest.mark.parametrize(("free", "brought_in"), [(0, True), (1 << 30, False)])
async def test_a_log_never_takes_the_room_that_the_database_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, brought_in: bool
) -> None:
    """It is brought in after each commit while room is short, and at leisure else."""
    monkeypatch.setattr(OwnedConnection, "free_bytes", lambda self: free)
    monkeypatch.setattr(maintenance, "CHECKPOINT_IDLE", 3_600.0)
    journal, _ = await open_journal(JournalConfig(tmp_path), OpenOptions(retention_by_itself=False))
    before = (tmp_path / "journal.db").stat().st_size
    for number in range(20):
        await attempt(journal, record(number, "r"))
    assert ((tmp_path / "journal.db").stat().st_size > before + 16_384) == brought_in
    await journal.close()


@pytest.fixture
def small_disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """Eight megabytes of disk of its own, or as much as is asked for."""
    size = getattr(request, "param", "8m")
    folder = Path(tempfile.mkdtemp(dir=tmp_path))
    mount = shutil.which("mount")
    if os.geteuid() != 0 or mount is None:
        pytest.skip("a disk of its own needs root")
    if subprocess.run([mount, "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=False).returncode:
        pytest.skip("this machine lets nobody mount")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def _fill(disk: Path) -> None:
    with contextlib.suppress(OSError), (disk / "ballast").open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4_096)


async def test_a_full_disk_acknowledges_nothing_and_recovers_without_a_restart(small_disk: Path) -> None:
    journal, _ = await open_journal(JournalConfig(small_disk / "j"))
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * (3 << 20))
    kept = 0
    while not isinstance(told := await attempt(journal, record(kept, "full")), JournalError):
        kept += 1
    assert isinstance(told, JournalUnwritable)
    assert "disk is full" in str(told)
    assert "disk is full" in journal.health().failing
    assert (await journal.backlogs())["bot"].deliveries == kept
    with contextlib.suppress(JournalUnwritable):
        await journal.run_retention(0.0)
    ballast.unlink()
    assert not isinstance(await attempt(journal, record(kept, "full")), JournalError)
    assert journal.health().failing == ""
    assert (await journal.backlogs())["bot"].deliveries == kept + 1
    await journal.close()
    assert len(await _recorded(small_disk / "j")) == kept + 1


@pytest.mark.parametrize("small_disk", ["512k", "2m", "6m"], indirect=True)
async def test_a_disk_without_room_for_the_log_keeps_what_it_acknowledged(small_disk: Path) -> None:
    journal, _ = await open_journal(JournalConfig(small_disk / "j"))
    kept = 0
    while not isinstance(told := await attempt(journal, record(kept, "small")), JournalError):
        kept += 1
    assert "disk is full" in str(told)
    assert "disk is full" in journal.health().failing
    await journal.close()
    more_room = await asyncio.create_subprocess_exec("mount", "-o", "remount,size=64m", str(small_disk))
    assert await more_room.wait() == 0
    assert len(await _recorded(small_disk / "j")) == kept > 0


async def test_a_journal_opens_on_a_full_disk(small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_file, "LOG_RESERVE", 0)
    journal, _ = await open_journal(JournalConfig(small_disk / "j"))
    (delivery,) = await opened(journal, record(0, "full"))
    await attempt(journal, CleanShutdown((InFlight(delivery, "bot", "s"),)))
    await journal.close()
    _fill(small_disk)
    journal, opening = await open_journal(JournalConfig(small_disk / "j"))
    assert opening.last_delivery == delivery
    assert opening.clean_shutdown is None, "a note that could not be removed was believed"
    (small_disk / "ballast").unlink()
    assert not isinstance(await attempt(journal, CloseDelivery(delivery, 1)), JournalError)
    await journal.close()
    journal, opening = await open_journal(JournalConfig(small_disk / "j"))
    assert opening.clean_shutdown is None, "the note outlived the first commit after it"
    await journal.close()


async def test_the_log_has_room_for_some_commits_on_a_full_disk(small_disk: Path) -> None:
    journal, _ = await open_journal(JournalConfig(small_disk / "j"))
    _fill(small_disk)
    await opened(journal, *(record(number, "full") for number in range(20)))
    await journal.close()
    assert len(await _recorded(small_disk / "j")) == 20


async def test_a_note_written_after_a_full_disk_stays(small_disk: Path) -> None:
    journal, _ = await open_journal(JournalConfig(small_disk / "j"))
    await attempt(journal, CleanShutdown((InFlight(1, "bot", "old"),)))
    await journal.close()
    _fill(small_disk)
    journal, _ = await open_journal(JournalConfig(small_disk / "j"))
    (small_disk / "ballast").unlink()
    await attempt(journal, ListSession("bot", "s"))
    await attempt(journal, CleanShutdown(()))
    await attempt(journal, ListSession("bot", "t"))
    await journal.close()
    journal, opening = await open_journal(JournalConfig(small_disk / "j"))
    assert opening.clean_shutdown == ()
    await journal.close()


async def test_a_folder_that_cannot_be_written_is_said(small_disk: Path) -> None:
    _make_read_only(small_disk)
    with pytest.raises(JournalUnwritable, match="folder"):
        await open_journal(JournalConfig(small_disk / "j"))
    with pytest.raises(JournalUnwritable):
        await open_journal(JournalConfig(small_disk))

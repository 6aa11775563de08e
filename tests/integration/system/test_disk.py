"""The journal's disk is full, or read-only: nothing is acknowledged, and it is said; afterwards all goes on."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from slackd.emulator import Emulator, EmulatorSettings
from tests.integration.system.house import House, living
from tests.integration.system.programs import PATIENCE

SLACK = EmulatorSettings(redelivery_delays=(0.5, 1.0, *[2.0] * 20), redelivery_ids="fresh")
"""Slack's own deadline; it goes on trying for as long as this takes."""


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """Eight megabytes of disk of its own."""
    mount = shutil.which("mount")
    if os.geteuid() != 0 or mount is None:
        pytest.skip("a disk of its own needs root")
    with tempfile.TemporaryDirectory(prefix="slackd-", dir="/tmp") as folder:
        if subprocess.run([mount, "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder], check=False).returncode:
            pytest.skip("this machine lets nobody mount")
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "-l", folder], check=True)


async def test_a_full_disk(small_disk: Path) -> None:
    async with (
        Emulator(settings=SLACK).serving() as slack,
        living(slack, journal=small_disk / "journal") as house,
    ):
        record = house.records["recorder"]
        await slack.wait_for_ack(slack.mention("before"))
        ballast = small_disk / "ballast"
        with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4_096)
        # What is left of the write-ahead log takes a few more, and always the smaller ones.
        sent = [slack.mention("x" * 20_000)]
        while await slack.wait_until(
            lambda: sent[-1].acknowledged or len(sent[-1].sends) > 2, timeout=PATIENCE
        ):
            if not sent[-1].acknowledged:
                break
            sent.append(slack.mention("x" * 20_000))
        missed = sent[-1]
        status = await house.until_status(lambda status: not status["journal"]["healthy"], "what is wrong")
        assert "full" in status["journal"]["failing"]
        assert status["health"] == "failing"
        assert not missed.acks
        assert missed.key not in record.keys

        ballast.unlink()
        await slack.wait_until(lambda: not slack.unanswered(), timeout=PATIENCE, what="nothing unanswered")
        await record.until(lambda: {each.key for each in sent} <= record.keys, "everything to be handled")
        assert all(each.acknowledged for each in sent)
        assert len(record.handlings) == len(record.keys), "handled twice"
        await house.until_status(lambda status: status["journal"]["healthy"], "a healthy journal")
        _nothing_restarted(house)


async def test_a_disk_that_is_read_only_at_the_start(small_disk: Path) -> None:
    async with (
        Emulator(settings=SLACK).serving() as slack,
        living(slack, journal=small_disk / "journal") as house,
    ):
        record = house.records["recorder"]
        house.broker.kill()
        _remount(small_disk, "ro")
        missed = slack.mention("while it is read-only")
        await slack.wait_until(lambda: len(missed.sends) > 1, timeout=PATIENCE, what="a redelivery")
        assert not missed.acks
        assert "read-only" in house.broker.tail().lower() or "cannot be written" in house.broker.tail()
        assert "Traceback" not in house.broker.tail()

        _remount(small_disk, "rw")
        await slack.wait_for_ack(missed, timeout=PATIENCE)
        await record.until(lambda: missed.key in record.keys, "it to be handled")
        assert [house.program(f"connector-{number}").starts for number in (1, 2)] == [1, 1]


def _remount(disk: Path, how: str) -> None:
    """The killed broker may have the file open for a moment longer."""
    for _ in range(100):
        if not subprocess.run(["mount", "-o", f"remount,{how}", disk], check=False, timeout=10).returncode:
            return
    pytest.fail(f"{disk} can't be mounted {how}")


def _nothing_restarted(house: House) -> None:
    assert [each.starts for each in house.programs] == [1] * len(house.programs)
    assert house.ended == []

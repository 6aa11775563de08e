"""Folders that a start would write to, looked at before what works is ended."""

import os
from pathlib import Path

import pytest

from slackd.config.folders import folder_problems
from tests.unit.config.config_folder import ConfigFolder


@pytest.fixture
def folder(tmp_path: Path) -> ConfigFolder:
    return ConfigFolder(tmp_path)


def found(folder: ConfigFolder, journal: Path, *, by_systemd: bool = False) -> list[str]:
    sockets = folder.path / "run"
    folder.write(
        "slackd.toml",
        f'journal.directory = "{journal}"\nplugins.socket = "{sockets}/p"\ncontrol.socket = "{sockets}/c"\n',
    )
    problems = folder_problems(folder.load(), by_systemd=by_systemd)
    return [str(problem).replace(f"{folder.path}/", "") for problem in problems]


def test_what_is_not_there_and_can_be_made_is_good(folder: ConfigFolder) -> None:
    assert found(folder, folder.path / "deep" / "journal") == []


def test_a_file_in_the_way_is_named(folder: ConfigFolder) -> None:
    (folder.path / "here").touch()
    assert found(folder, folder.path / "here" / "journal") == [
        "slackd.toml: journal.directory: found here/journal, where here is no folder, "
        "expected a folder that slackd's user may write, or make"
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_only_others_may_write_is_named(folder: ConfigFolder) -> None:
    journal = folder.path / "journal"
    journal.mkdir(mode=0o500)
    assert "where it can't be written" in found(folder, journal)[0]


def test_systemd_makes_its_own_folders_and_sockets(folder: ConfigFolder) -> None:
    (folder.path / "run").touch()
    assert found(folder, Path("/var/lib/slackd-that-is-not-there"), by_systemd=True) == []

"""What somebody saved and nobody reloaded: found while an earlier configuration runs."""

from pathlib import Path

import pytest

from slackd.config import load
from slackd.config.last_good import keep_copy
from slackd.config.load import load_for_start
from slackd.config.on_disk import DiskCheck
from tests.unit.config.config_folder import ConfigFolder

ENVIRON = {"STATE_DIRECTORY": "/s", "RUNTIME_DIRECTORY": "/r"}


@pytest.fixture
def folder(tmp_path: Path) -> ConfigFolder:
    folder = ConfigFolder(tmp_path)
    folder.write("slackd.toml", '[log]\nlevel = "info"\n')
    folder.write("plugins.d/one.toml", "")
    return folder


def check(folder: ConfigFolder, kept_in: Path | None = None) -> DiskCheck:
    return DiskCheck(load(folder.path / "slackd.toml", environ=ENVIRON), kept_in, ENVIRON)


def test_what_is_good_is_nothing_to_say(folder: ConfigFolder) -> None:
    disk = check(folder)
    assert disk.look() == ()
    folder.write("slackd.toml", '[log]\nlevel = "debug"\n')
    assert disk.look() == ()


def test_a_broken_daemon_file_is_said_with_what_the_next_start_would_do(
    folder: ConfigFolder, tmp_path: Path
) -> None:
    disk = check(folder)
    folder.write("slackd.toml", "nonsense\n")
    (words,) = disk.look()
    assert words.startswith("what is on disk can't be used: the next start will fail: ")
    assert f"{tmp_path}/slackd.toml:1" in words


def test_with_a_last_good_one_the_next_start_will_not_fail(folder: ConfigFolder, tmp_path: Path) -> None:
    kept = tmp_path / "state"
    kept.mkdir()
    disk = check(folder, kept)
    keep_copy(load(folder.path / "slackd.toml", environ=ENVIRON), kept)
    folder.write("slackd.toml", "nonsense\n")
    assert "the next start will go on with the last good configuration: " in disk.look()[0]


def test_a_broken_file_of_a_plugin_will_leave_that_plugin_out(folder: ConfigFolder) -> None:
    disk = check(folder)
    assert disk.look() == ()
    folder.write("plugins.d/one.toml", "usr = 1\n")
    assert "the next start will leave plugin one out: " in disk.look()[0]
    folder.write("plugins.d/one.toml", "")
    assert disk.look() == ()


def test_a_mode_that_a_reload_would_refuse_is_found(folder: ConfigFolder) -> None:
    disk = check(folder)
    assert disk.look() == ()
    (folder.path / "plugins.d/one.toml").chmod(0o666)
    assert "chmod o-w" in disk.look()[0]


def test_what_this_start_has_left_out_is_not_said_twice(folder: ConfigFolder) -> None:
    folder.write("plugins.d/one.toml", "usr = 1\n")
    disk = DiskCheck(load_for_start(folder.path / "slackd.toml", environ=ENVIRON), None, ENVIRON)
    assert disk.look() == ()


def test_nothing_is_read_that_has_not_changed(folder: ConfigFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = check(folder)
    disk.look()
    monkeypatch.setattr("slackd.config.on_disk.load", lambda *_, **__: pytest.fail("read again"))
    assert disk.look() == ()

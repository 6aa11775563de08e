"""A file is complete under its name, or as it was before."""

from pathlib import Path

import pytest

from slackd.whole_file import written_whole


def test_it_is_there_once_it_is_complete_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    file = tmp_path / "file"
    with written_whole(file) as opened:
        opened.write(b"new")
        assert not file.exists()
    assert file.read_bytes() == b"new"
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_a_write_that_breaks_off_leaves_what_was_there_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"old")

    def break_off() -> None:
        with written_whole(file) as opened:
            opened.write(b"half of it")
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        break_off()
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_it_is_made_in_another_folder_where_nobody_may_see_it_unfinished(tmp_path: Path) -> None:
    (tmp_path / "watched").mkdir()
    file = tmp_path / "watched" / "file"
    with written_whole(file, folder=tmp_path) as opened:
        opened.write(b"new")
        assert list(file.parent.iterdir()) == []
    assert list(file.parent.iterdir()) == [file]

"""What `slackctl setup` replaces can come back as it was."""

import stat
from pathlib import Path

import pytest

from slackd.setup.vault import Before, replace


def test_files_come_back_with_their_content_and_mode(tmp_path: Path) -> None:
    folder = tmp_path / "credentials"
    folder.mkdir()
    old, new, gone = folder / "old", folder / "new", folder / "gone"
    for file in (old, gone):
        file.write_text("before")
        file.chmod(0o640)
    before = Before(old, new, gone)
    replace(old, b"after", mode=0o600)
    replace(new, b"after", mode=0o600)
    gone.unlink()
    before.restore()
    assert (old.read_text(), gone.read_text(), new.exists()) == ("before", "before", False)
    assert {stat.S_IMODE(file.stat().st_mode) for file in (old, gone)} == {0o640}
    assert sorted(each.name for each in tmp_path.iterdir()) == ["credentials"]


def test_a_file_that_cannot_be_replaced_is_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / "token").write_text("before")

    def fail(*_: object) -> None:
        raise OSError("no")

    monkeypatch.setattr("slackd.whole_file.os.replace", fail)
    with pytest.raises(OSError, match="no"):
        replace(folder / "token", b"after", mode=0o600)
    assert (folder / "token").read_text() == "before"
    assert [each.name for each in tmp_path.iterdir()] == ["credentials"]

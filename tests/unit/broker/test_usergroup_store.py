"""User groups over a restart of the broker: kept, as fresh as they were, and never believed without reason."""

import json
from pathlib import Path

import pytest

from slackd.broker import usergroup_store
from slackd.broker.access import FRESH_FOR, GroupMembers
from slackd.broker.instant import Instant

EPOCH = 1_800_000_000.0
GROUP = ("main", "S1")


def at(seconds: float, monotonic: float | None = None) -> Instant:
    return Instant(seconds if monotonic is None else monotonic, EPOCH + seconds)


def stored(folder: Path, seconds: float = 0.0) -> None:
    members = GroupMembers()
    members.put(GROUP, ["U1", "U2"], seconds)
    usergroup_store.save(folder, members, at(seconds))


def loaded(folder: Path, now: Instant) -> frozenset[str] | None:
    members = GroupMembers()
    usergroup_store.load(folder, members, now)
    return members.of(GROUP, now.monotonic)


def test_the_next_broker_knows_who_is_in_a_group_for_as_long_as_this_one_would(tmp_path: Path) -> None:
    stored(tmp_path)
    assert loaded(tmp_path, at(FRESH_FOR - 1, monotonic=7.0)) == frozenset({"U1", "U2"})
    assert loaded(tmp_path, at(FRESH_FOR, monotonic=7.0)) is None


def test_a_clock_that_was_set_back_makes_nothing_fresh(tmp_path: Path) -> None:
    stored(tmp_path, 1_000.0)
    assert loaded(tmp_path, at(999.0)) is None


def test_nobody_else_may_read_it_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    stored(tmp_path)
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "text",
    ["", "nonsense", "7", "{}", '[{"app": "main"}]', json.dumps([{"at": "x", "users": []}]), "[" * 9_999],
)
def test_a_file_that_is_none_is_left_aside_with_a_word(
    tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / usergroup_store.FILE_NAME).write_text(text)
    assert loaded(tmp_path, at(0.0)) is None
    assert text == "{}" or "is left aside" in caplog.text


def test_a_folder_that_cannot_be_written_costs_a_line_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stored(tmp_path / "nowhere")
    assert "can't be written" in caplog.text

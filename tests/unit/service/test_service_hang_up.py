"""What a SIGHUP means to `slackd run`: a reload, unless its terminal is gone or the configuration is broken."""

import signal
from pathlib import Path

import pytest

from slackd.cli import hang_up
from slackd.cli.hang_up import Reload
from slackd.systemd.lifetime import HangUp, Stop


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "slackd.toml"
    file.write_text("")
    return file


def terminal(monkeypatch: pytest.MonkeyPatch, *there: bool) -> None:
    answers = iter(there)
    monkeypatch.setattr(hang_up, "_terminal_is_there", lambda: next(answers))


def test_it_is_a_reload(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal(monkeypatch, True, True)
    assert Reload(file).hung_up() is HangUp.RESTART


def test_without_a_terminal_as_well(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal(monkeypatch, False)
    assert Reload(file).hung_up() is HangUp.RESTART


def test_a_broken_configuration_changes_nothing_and_is_said(
    file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    terminal(monkeypatch, False)
    file.write_text("nonsense")
    assert Reload(file).hung_up() is HangUp.IGNORE
    assert f"nothing was reloaded: {file}:1" in caplog.text


@pytest.mark.parametrize(
    "text",
    [
        '[journal]\ndirectory = "FILE/journal"',
        '[plugins]\nsocket = "FILE/p.sock"',
        '[control]\nsocket = "FILE/c.sock"',
    ],
)
def test_what_could_not_start_ends_nothing_that_works(
    text: str, file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    terminal(monkeypatch, False)
    a_file = file.parent / "file"
    a_file.touch()
    file.write_text(text.replace("FILE", str(a_file)))
    assert Reload(file).hung_up() is HangUp.IGNORE
    assert "expected a folder that slackd's user may write, or make" in caplog.text


def test_a_terminal_that_went_away_ends_it(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal(monkeypatch, True, False)
    monkeypatch.setattr("slackd.cli.hang_up.signal.getsignal", lambda _: signal.SIG_DFL)
    assert Reload(file).hung_up() is HangUp.STOP


def test_under_nohup_it_stays_and_reloads_later(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal(monkeypatch, True, False)
    monkeypatch.setattr("slackd.cli.hang_up.signal.getsignal", lambda _: signal.SIG_IGN)
    reload = Reload(file)
    assert [reload.hung_up(), reload.hung_up()] == [HangUp.IGNORE, HangUp.RESTART]


async def test_a_stop_after_a_reload_takes_the_new_beginning_back() -> None:
    stop = Stop()
    stop.hung_up(HangUp.RESTART)
    assert (stop.event.is_set(), stop.restart) == (True, True)
    stop.asked(signal.SIGTERM)
    assert stop.restart is False
    stop.hung_up(HangUp.RESTART)
    assert stop.restart is False


async def test_what_is_ignored_stops_nothing() -> None:
    stop = Stop()
    stop.hung_up(HangUp.IGNORE)
    assert not stop.event.is_set()

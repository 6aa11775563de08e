"""The table of dead letters on a terminal of 80 columns: each fits its line, the error has the whole width."""

from typing import Any

import pytest

from slackd.cli.slackctl.deadletters import _show_letters
from slackd.cli.slackctl.tables import console

ERROR = (
    "ValueError: the deployment of api to production was refused by the change calendar until Monday at nine"
)


def letter(delivery: int, **differs: Any) -> dict[str, Any]:
    usual = {
        "delivery": delivery,
        "plugin": "deploybot",
        "died_at": 1_795_500_000.0,
        "type": "slash_commands",
        "reason": "attempts",
        "attempts": 5,
        "error": ERROR,
    }
    return usual | differs


def page(capsys: pytest.CaptureFixture[str], *found: dict[str, Any]) -> list[str]:
    _show_letters(found, console())
    return [line.rstrip() for line in capsys.readouterr().out.splitlines()]


def test_it_reads_well_at_80_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = page(capsys, letter(4711), letter(4712, error="", reason="backlog_full"))
    assert max(map(len, lines)) <= 80
    first = next(line for line in lines if "4711" in line)
    assert all(words in first for words in ("deploybot", "slash_commands", "attempts", "5"))
    below = lines[lines.index(first) + 1 : lines.index(first) + 3]
    assert " ".join(line.strip() for line in below) == ERROR
    assert lines[-1].split()[0] == "4712"


@pytest.mark.parametrize("columns", [1, 8, 20, 40])
def test_a_narrow_terminal_shows_each_with_its_error(
    columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = page(capsys, letter(4711), letter(4712, error="no", plugin=""))
    together = "".join("".join(lines).split())
    assert "4711" in together
    assert "4712" in together
    assert "".join(ERROR.split()) in together


def test_no_columns_at_all_are_as_many_as_usual(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    usual = page(capsys, letter(4711))
    monkeypatch.setenv("COLUMNS", "0")
    assert page(capsys, letter(4711)) == usual


def test_no_error_of_a_plugins_is_taken_for_a_style(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert "[bold]x[/]" in page(capsys, letter(1, error="[bold]x[/]"))[-1]

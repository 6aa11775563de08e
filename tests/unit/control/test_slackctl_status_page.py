"""`slackctl status` as an operator sees it, on narrow and wide terminals, without colours."""

from typing import Any

import attrs
import pytest

from slackd.broker.control.health import judged
from slackd.broker.control.status import ConnectorSummary, GapNow, Status
from slackd.cli.slackctl.status import show
from slackd.link.messages import RECEIVER
from tests.unit.control.control_statuses import app, connector, plugin, status

WELL = """\
● slackd is healthy   0.1.0, up 1 h 1 min

  APP          READY      EVENTS 1 H  OF LIMIT  FREE  GAPS 24 H
  ─────────────────────────────────────────────────────────────
  engineering  ●● 2 of 2       1,204        4%     8  –

  PLUGIN     SESSIONS  WAITING  IN FLIGHT  OLDEST  DEAD
  ─────────────────────────────────────────────────────
  deploybot  1               1          1     now     0

  broker      pid 700, /etc/slackd/slackd.toml
  connectors  1 (pid 701), 2 (pid 702)
  journal     12.4 MiB in /var/lib/slackd, commits in 0.8 ms (p99 4.2 ms)
"""

BAD = """\
✗ slackd is failing   0.1.0, up 1 h 1 min

  ✗ engineering: no connection is READY (connector 1 is gone)
    → look for errors of the connectors: journalctl -u 'slackd-connector@*'
  ▲ connector 2: not linked to the broker
    → systemctl status slackd-connector@2
  ▲ audit-trail: not connected for 5 min; 18,208 deliveries wait
    → systemctl status slackd-plugin@audit-trail
  · audit-trail: 3 dead letters
    → slackctl deadletters list --plugin audit-trail

  APP          READY      EVENTS 1 H  OF LIMIT  FREE  GAPS 24 H
  ─────────────────────────────────────────────────────────────
  engineering  ○○ 0 of 2       1,204        4%     8  1, 12 s

  PLUGIN       SESSIONS        WAITING  IN FLIGHT  OLDEST  DEAD
  ─────────────────────────────────────────────────────────────
  audit-trail  none for 5 min   18,208          0   5 min     3

  broker      pid 700, /etc/slackd/slackd.toml
  connectors  1 (pid 701), 2 not linked
  journal     12.4 MiB in /var/lib/slackd, commits in 0.8 ms (p99 4.2 ms)
"""


def test_the_receiver_is_called_so(capsys: pytest.CaptureFixture[str]) -> None:
    found = status(connectors=(connector(1), connector(2), connector(RECEIVER)))
    show(attrs.asdict(found), verbose=True)
    printed = capsys.readouterr().out
    assert "1 (pid 701), 2 (pid 702), receiver (pid 703)" in printed
    assert "receiver  ready" in " ".join(printed.split("\n")).replace("   ", "  ")


def failing() -> Status:
    return status(
        connectors=(connector(1), ConnectorSummary(2, linked=False)),
        apps=(
            app(
                "engineering", ready=0, gap=GapNow(1.0, "connector 1 is gone"), gaps_day=1, gap_seconds_day=12.0
            ),
        ),
        plugins=(
            plugin(
                "audit-trail", sessions=(), absent_for=301.0, open=18_208, oldest_age=305.0, in_flight=0, dead=3
            ),
        ),
    )


def well() -> Status:
    return status(apps=(app("engineering"),), plugins=(plugin("deploybot"),))


def page(found: Status, capsys: pytest.CaptureFixture[str], **options: Any) -> str:
    show(attrs.asdict(judged(found)), **options)
    return "".join(f"{line.rstrip()}\n" for line in capsys.readouterr().out.splitlines())


@pytest.mark.parametrize(("found", "golden"), [(well(), WELL), (failing(), BAD)])
def test_the_verdict_comes_first_then_why_then_the_numbers(
    found: Status, golden: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert page(found, capsys) == golden


@pytest.mark.parametrize("columns", [40, 60, 80, 120, 300])
def test_no_line_is_wider_than_the_terminal_or_than_people_read(
    columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = page(failing(), capsys, verbose=True).splitlines()
    assert max(len(line) for line in lines) <= min(columns, 120)


def test_a_table_that_has_no_room_becomes_a_few_lines_for_each_row(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    shown = page(well(), capsys)
    assert "…" not in shown
    assert all(heading in shown for heading in ("APP", "READY", "EVENTS 1 H", "OF LIMIT", "GAPS 24 H"))


def test_no_name_that_somebody_chose_is_taken_for_a_style(capsys: pytest.CaptureFixture[str]) -> None:
    assert "[bold]x[/]" in page(status(apps=(app("[bold]x[/]", foreign=1),)), capsys)


def test_numbers_are_never_cut_names_are(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "70")
    crowded = plugin("incident-response-coordinator-of-europe", open=1_204_331, dead=12_044, in_flight=32)
    shown = page(status(plugins=(crowded,)), capsys)
    assert all(number in shown for number in ("1,204,331", "12,044", "32"))
    assert "incident-response" in shown


def test_verbose_shows_every_connection_and_session(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    shown = page(status(), capsys, verbose=True)
    assert "c1-main-1" in shown
    assert "deploybot 1.2" in shown

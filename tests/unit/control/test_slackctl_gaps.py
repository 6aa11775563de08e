"""What one app missed, another may have had: gaps are added up app by app."""

from slackd.cli.slackctl.gaps import _totals


def test_two_apps_gaps_are_not_added_up() -> None:
    gaps = [
        {"app": "main", "from": 1_000.0, "until": 1_010.0, "reason": "stalled"},
        {"app": "other", "from": 1_000.0, "until": 1_010.0, "reason": "stalled"},
        {"app": "main", "from": 2_000.0, "until": None, "reason": "stalled"},
    ]
    assert list(_totals(gaps, now=2_005.0)) == ["main: 2 gaps, 15 s in all", "other: 1 gap, 10 s in all"]

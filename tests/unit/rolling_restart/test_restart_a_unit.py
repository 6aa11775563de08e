"""Restarting a unit, with a systemd that now and then cannot start the process at all."""

import pytest

from slackd.rolling_restart.systemd import UnitFailed, UnitNotReady, restart, seconds_of

UNIT = "slackd-broker.service"


class Systemd:
    """Fails the first starts, and shows this of the unit."""

    def __init__(self, failures: int, **shown: str) -> None:
        self.failures = failures
        self.shown = {
            "ExecMainStatus": "0",
            "Result": "exit-code",
            "StatusText": "",
            "TimeoutStartUSec": "1min 30s",
        }
        self.shown |= shown
        self.starting = False
        self.limits: list[float | None] = []
        self.asked: list[str] = []

    def __call__(self, verb: str, *arguments: str, within: float | None = None) -> str:
        if verb == "show":
            return self.shown[arguments[0].removeprefix("--property=")] + "\n"
        self.asked.append(verb)
        self.limits.append(within)
        if self.starting:
            raise UnitNotReady("systemctl restart did not end within 92 s")
        if len(self.asked) <= self.failures:
            raise UnitFailed("Job failed.")
        return ""


@pytest.mark.parametrize("status", ["219", "0"])
def test_a_process_that_systemd_could_not_start_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    systemd = Systemd(1, ExecMainStatus=status)
    monkeypatch.setattr("slackd.rolling_restart.systemd.systemctl", systemd)
    restart(UNIT)
    # Not a second restart: it may have come back by itself meanwhile.
    assert systemd.asked == ["restart", "start"]


@pytest.mark.parametrize("shown", [{"ExecMainStatus": "1"}, {"Result": "timeout"}, {"Result": "watchdog"}])
def test_a_process_that_does_not_become_ready_is_not(
    monkeypatch: pytest.MonkeyPatch, shown: dict[str, str]
) -> None:
    systemd = Systemd(9, StatusText="not READY: main", **shown)
    monkeypatch.setattr("slackd.rolling_restart.systemd.systemctl", systemd)
    with pytest.raises(UnitFailed, match="did not become READY; it says: not READY: main"):
        restart(UNIT)
    assert systemd.asked == ["restart"]


def test_it_is_not_asked_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    systemd = Systemd(99, ExecMainStatus="219")
    monkeypatch.setattr("slackd.rolling_restart.systemd.systemctl", systemd)
    with pytest.raises(UnitFailed):
        restart(UNIT)
    assert systemd.asked == ["restart", "start", "start", "start"]


def test_one_that_extends_its_start_is_waited_for_no_longer_than_its_unit_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    systemd = Systemd(0, StatusText="not READY: main", TimeoutStartUSec="8s")
    systemd.starting = True
    monkeypatch.setattr("slackd.rolling_restart.systemd.systemctl", systemd)
    with pytest.raises(UnitFailed, match="did not become READY; it says: not READY: main"):
        restart(UNIT)
    assert (systemd.asked, systemd.limits) == (["restart"], [10.0])


@pytest.mark.parametrize(
    ("printed", "seconds"),
    [("8s", 8), ("1min 30s", 90), ("500ms", 0.5), ("1h", 3_600), ("infinity", 90), ("", 90)],
)
def test_a_time_span_of_systemds_is_seconds(printed: str, seconds: float) -> None:
    assert seconds_of(printed) == seconds

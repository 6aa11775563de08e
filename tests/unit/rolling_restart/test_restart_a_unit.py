"""Restarting a unit, with a systemd that now and then cannot start the process at all."""

import pytest

from slackd.rolling_restart.systemd import UnitFailed, restart

UNIT = "slackd-broker.service"


class Systemd:
    """Fails the first starts, and shows this of the unit."""

    def __init__(self, failures: int, **shown: str) -> None:
        self.failures = failures
        self.shown = {"ExecMainStatus": "0", "Result": "exit-code", "StatusText": "", **shown}
        self.asked: list[str] = []

    def __call__(self, verb: str, *arguments: str) -> str:
        if verb == "show":
            return self.shown[arguments[0].removeprefix("--property=")] + "\n"
        self.asked.append(verb)
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

"""slackctl where no broker answers: it looks at units and configuration itself, within two seconds."""

import socket
import time
from pathlib import Path

import pytest

from slackd.cli.slackctl import without_broker
from slackd.cli.slackctl.without_broker import broker_is_absent, explain, in_words, read_properties, what_to_do
from slackd.control_client import ControlClient, Unreachable

FAILED = """\
Id=slackd-broker.service
LoadState=loaded
ActiveState=failed
SubState=failed
NRestarts=61
Result=exit-code
ExecMainStatus=78
StatusText=

Id=slackd-connector@1.service
LoadState=loaded
ActiveState=active
SubState=running
NRestarts=0
Result=success
ExecMainStatus=0
StatusText=main: READY

Id=slackd-connector@2.service
LoadState=not-found
"""
SOCKET = Path("/run/slackd/control.sock")


def units(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(without_broker, "systemd_runs", lambda: True)
    monkeypatch.setattr(without_broker, "look_at_units", lambda: read_properties(said))


def test_each_unit_is_said_with_why_it_ended_and_how_often() -> None:
    assert list(in_words(read_properties(FAILED))) == [
        "slackd-broker.service is failed; ended with: no configuration, or no journal, that it could start "
        "with; restarted 61 times by systemd",
        "slackd-connector@1.service is active (running); says: main: READY",
    ]


@pytest.mark.parametrize(
    ("state", "restarts", "absent"),
    [
        ("failed", 0, True),
        ("inactive", 0, True),
        ("activating", 61, True),
        ("activating", 1, False),
        ("active", 61, False),
    ],
)
def test_a_broker_that_just_restarts_is_waited_for(
    state: str, restarts: int, absent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    units(f"Id=slackd-broker.service\nActiveState={state}\nNRestarts={restarts}\n", monkeypatch)
    assert broker_is_absent(SOCKET) is absent
    assert broker_is_absent(Path("/tmp/elsewhere.sock")) is False


def test_the_configurations_mistakes_are_said_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    units(FAILED, monkeypatch)
    file = tmp_path / "slackd.toml"
    file.write_text("[log]\nlevel = 5\n")
    monkeypatch.setenv("SLACKD_CONFIG", str(file))
    said = list(explain(SOCKET))
    assert any(line.startswith(f"configuration: {file}:2: log.level: found 5") for line in said)
    assert said[-1] == "→ repair the configuration (slackd check-config), then systemctl start slackd"
    file.write_text("")
    assert "journalctl -u slackd-broker.service -p err" in list(explain(SOCKET))[-1]
    assert what_to_do({}, broken=False) == "systemctl start slackd"


def test_a_socket_that_systemd_holds_for_nobody_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as held:
        held.bind(str(path))
        held.listen()
        begin = time.monotonic()
        with pytest.raises(Unreachable, match="nobody answers") as caught:
            ControlClient(path, lambda _: True).get("/v1/status")
        assert caught.value.path == path
        assert time.monotonic() - begin < 2

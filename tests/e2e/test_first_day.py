"""The operator's first day: install, and nothing has happened yet."""

import pytest

from tests.e2e.booted_machine import Machine
from tests.e2e.the_world import CHECKOUT

BROKER = "slackd-broker.service"
CONNECTOR = "slackd-connector@.service"


def test_installing_starts_nothing_and_breaks_nothing(machine: Machine) -> None:
    machine.install("slackd")
    assert not machine.succeeds("systemctl", "is-enabled", "slackd.service")
    assert not machine.succeeds("systemctl", "is-active", "slackd.service")
    assert machine.says("systemctl", "list-units", "--all", "--no-legend", "--state=active", "slackd*") == ""
    assert machine.says("systemctl", "--failed", "--no-legend") == ""
    assert machine.says("ss", "--listening", "--tcp", "--no-header") == ""


@pytest.mark.parametrize(("unit", "limit"), [(BROKER, 5), (CONNECTOR, 12)])
def test_units_are_confined(machine: Machine, unit: str, limit: int) -> None:
    machine.run("systemctl", "daemon-reload")
    said = machine.says(
        "systemd-analyze", "security", "--offline=true", f"--threshold={limit}", "--no-pager",
        f"/usr/lib/systemd/system/{unit}",
    )  # fmt: skip
    print(said.splitlines()[-1])


def test_units_are_well_formed(machine: Machine) -> None:
    shipped = machine.says("sh", "-c", "ls /usr/lib/systemd/system/slackd*").split()
    assert len(shipped) == 8
    done = machine.run("systemd-analyze", "verify", "--man=no", *shipped)
    assert done.stdout + done.stderr == ""


@pytest.mark.parametrize("script", ["installed-and-quiet"])
def test_debians_own_tests_of_the_installed_package(machine: Machine, script: str) -> None:
    machine.put(CHECKOUT / "debian/tests" / script, "/root/as-installed")
    machine.run("sh", "/root/as-installed")

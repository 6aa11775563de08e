"""The operator's first day: install, and nothing has happened yet."""

from pathlib import Path

import pytest

from tests.e2e.booted_machine import Machine
from tests.e2e.the_world import CHECKOUT, Site

BROKER = "slackd-broker.service"
CONNECTOR = "slackd-connector@.service"


@pytest.fixture(scope="module")
def root(site: Site) -> Path:
    """What slackd needs has to come with it."""
    return site.bare


def test_debians_own_test_of_the_sdk_alone(machine: Machine) -> None:
    machine.install("python3-slackd-plugin")
    debians_own(machine, "sdk-alone")


def debians_own(machine: Machine, script: str) -> None:
    machine.put(CHECKOUT / "debian/tests" / script, "/root/as-installed")
    machine.run("sh", "/root/as-installed")


def test_installing_starts_nothing_and_breaks_nothing(machine: Machine) -> None:
    machine.install("slackd")
    assert not machine.succeeds("systemctl", "is-enabled", "slackd.service")
    assert not machine.succeeds("systemctl", "is-active", "slackd.service")
    assert machine.says("systemctl", "list-units", "--all", "--no-legend", "--state=active", "slackd*") == ""
    assert machine.says("systemctl", "--failed", "--no-legend") == ""
    assert machine.says("ss", "--listening", "--tcp", "--no-header") == ""


@pytest.mark.parametrize(("unit", "limit"), [(BROKER, 5), (CONNECTOR, 12), ("slackd-gateway.service", 15)])
def test_units_are_confined(machine: Machine, figures: list[str], release: str, unit: str, limit: int) -> None:
    machine.run("systemctl", "daemon-reload")
    said = machine.says(
        "systemd-analyze", "security", "--offline=true", f"--threshold={limit}", "--no-pager",
        f"/usr/lib/systemd/system/{unit}",
    )  # fmt: skip
    figures.append(f"{release}: {said.splitlines()[-1].strip()}")


def test_units_are_well_formed(machine: Machine) -> None:
    shipped = machine.says("sh", "-c", "ls /usr/lib/systemd/system/slackd*").split()
    ours = {file.name for kind in ("*.service", "*.socket") for file in (CHECKOUT / "systemd").glob(kind)}
    assert {Path(unit).name for unit in shipped} == ours
    done = machine.run("systemd-analyze", "verify", "--man=no", *shipped)
    assert done.stdout + done.stderr == ""


def test_debians_own_test_of_the_installed_package(machine: Machine) -> None:
    debians_own(machine, "installed-and-quiet")


def test_the_folders_files_can_be_installed_without_a_repository(machine: Machine, site: Site) -> None:
    machine.run("apt-get", "-qq", "-y", "purge", "slackd", "python3-slackd-plugin", "python3-slack-sdk")
    machine.run("rm", "/etc/apt/sources.list.d/slackd.sources")
    machine.run("apt-get", "-qq", "update")
    assert not machine.succeeds("apt-get", "-qq", "-y", "install", "slackd")
    machine.run("mkdir", "/root/dist")
    for file in (site.folder / "slackd").glob("*.deb"):
        machine.put(file, f"/root/dist/{file.name}")
    machine.run("sh", "-c", "cd /root && apt-get -qq -y install ./dist/*.deb")
    debians_own(machine, "installed-and-quiet")
    # The emulator's package, too, works as it comes.
    assert machine.succeeds("python3", "-m", "slackd.emulator", "--help")

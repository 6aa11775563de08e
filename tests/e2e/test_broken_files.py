"""A broken file on disk and a crash: no outage, and where it can't be helped, one that everybody is told of."""

import time

import pytest

from tests.e2e import greeter_package
from tests.e2e.booted_machine import Machine, eventually
from tests.e2e.journeys import BROKER, FIRST, UNITS, is_active, is_answered, set_up
from tests.e2e.the_world import Slack

APP_FILE = "/etc/slackd/apps.d/main.toml"


@pytest.fixture(scope="module", autouse=True)
def at_work(machine: Machine, slack: Slack) -> None:
    machine.install("slackd")
    machine.put(greeter_package.build(), "/root/greeter.deb")
    machine.install("/root/greeter.deb")
    set_up(machine, slack)
    slack.do("wait", until="ready", count=2, timeout=60)


def kill_all(machine: Machine) -> None:
    """Kill every process, and wait until all are READY again."""
    for unit in UNITS:
        before = machine.main_pid(unit)
        machine.kill(before)
        eventually(
            lambda: machine.main_pid(unit) not in (0, before) and is_active(machine, unit),  # noqa: B023
            f"{unit} is back",
            60,
        )


def test_setup_left_the_conffile_alone(machine: Machine) -> None:
    assert machine.says("dpkg", "--verify", "slackd") == ""
    assert machine.says("stat", "--format=%a %U:%G", APP_FILE) == "640 root:slackd"


def test_what_stands_on_disk_and_would_fail_is_said_beforehand(machine: Machine, slack: Slack) -> None:
    machine.write("/etc/slackd/plugins.d/other.toml", "users = 7\n")
    words = "what is on disk can't be used: the next start will leave plugin other out"
    eventually(lambda: words in " ".join(machine.run("slackctl", "status", check=False).stdout.split()), words)
    assert words in machine.journal("-u", BROKER, "-p", "err")
    assert "Defined-By: slackd" in machine.journal("-x", "--quiet", "SLACKD_EVENT=config-on-disk")


def test_a_broken_file_of_a_plugin_takes_out_that_plugin_alone(machine: Machine, slack: Slack) -> None:
    kill_all(machine)
    eventually(lambda: is_answered(slack), "the other plugin answers")
    assert "plugin other is left out" in machine.journal("-u", BROKER, "-p", "err")
    machine.run("rm", "/etc/slackd/plugins.d/other.toml")


def test_with_broken_files_of_the_daemon_the_last_good_ones_go_on(machine: Machine, slack: Slack) -> None:
    good = machine.says("cat", APP_FILE)
    machine.write(APP_FILE, "app_token = 5\n", 0o644)
    kill_all(machine)
    slack.do("wait", until="ready", count=2, timeout=60)
    eventually(lambda: is_answered(slack), "the plugin answers")
    for unit in UNITS:
        assert "the last good configuration goes on" in machine.journal("-u", unit, "-p", "err")
    assert machine.run("slackctl", "status", check=False).returncode == 1
    assert machine.run("slackctl", "reload", check=False).returncode == 1
    machine.write(APP_FILE, good + "\n", 0o644)
    machine.run("systemctl", "reload", "slackd")
    assert "the last good" not in machine.run("slackctl", "status", check=False).stdout


def test_each_process_has_its_name_in_the_log(machine: Machine) -> None:
    for unit, name in ((BROKER, "slackd-broker"), (FIRST, "slackd-connector")):
        said = machine.says("journalctl", "--no-pager", "--output=short", "-u", unit, "--lines=5", "-t", name)
        assert f" {name}[" in said


def test_without_a_good_one_the_units_fail_and_everybody_is_told(machine: Machine, slack: Slack) -> None:
    good = machine.says("cat", APP_FILE)
    machine.write(APP_FILE, "app_token = 5\n", 0o644)
    machine.run("sh", "-c", "rm -f /var/lib/slackd/last-good-* /var/lib/slackd-connector/last-good-*")
    assert machine.run("systemctl", "restart", "slackd", check=False).returncode != 0
    failed = machine.says("systemctl", "--failed", "--no-legend", "--plain")
    assert "slackd.service" in failed
    assert BROKER in failed
    # Its sockets are closed, so that nobody has it started again and again; connectors stop with the link's.
    restarts = ["systemctl", "show", "--property=NRestarts", "--value", *UNITS]
    before = machine.says(*restarts)
    time.sleep(5)
    assert not any(is_active(machine, unit) for unit in UNITS)
    assert machine.says(*restarts) == before
    assert machine.says("systemctl", "show", "--property=ActiveState", "--value", BROKER) == "failed"
    begin = time.monotonic()
    status = machine.run("slackctl", "status", check=False)
    assert time.monotonic() - begin < 8
    assert status.returncode == 3
    assert f"{BROKER} is failed" in status.stderr
    assert f"{APP_FILE}:1" in status.stderr
    assert machine.run("systemctl", "start", BROKER, check=False).returncode != 0
    machine.write(APP_FILE, good + "\n", 0o644)
    machine.run("systemctl", "start", "slackd")
    slack.do("wait", until="ready", count=2, timeout=60)
    eventually(lambda: is_answered(slack), "the plugin answers")
    assert machine.says("systemctl", "list-units", "--failed", "--no-legend", "--plain", "slackd*") == ""

"""A plugin's own package, made with dh_slackd_plugin, from its installation to its purge."""

import pytest

from tests.e2e import greeter_package
from tests.e2e.booted_machine import Machine, eventually
from tests.e2e.journeys import is_active, set_up
from tests.e2e.the_world import Slack

UNIT = "slackd-plugin@greeter.service"
PACKAGE = "slackd-plugin-greeter"
FILE = "/etc/slackd/plugins.d/greeter.toml"


@pytest.fixture(scope="module", autouse=True)
def at_work(machine: Machine, slack: Slack) -> None:
    machine.install("slackd")
    set_up(machine, slack)
    slack.do("wait", until="ready", count=2, timeout=60)


def greeting(slack: Slack) -> str:
    answered = slack.do("command", command="/greet", text="you", wait=3)
    return str((answered["response"] or {}).get("text", ""))


def plugins(machine: Machine) -> str:
    return machine.says("slackctl", "plugins", "--json")


def test_installed_it_runs(machine: Machine, slack: Slack) -> None:
    machine.put(greeter_package.build(), "/root/greeter.deb")
    machine.install("/root/greeter.deb")
    assert machine.says("systemctl", "is-enabled", UNIT) == "enabled"
    eventually(lambda: greeting(slack) == "Hello you", "it answers", 30)


def test_upgraded_it_runs_the_new_code(machine: Machine, slack: Slack) -> None:
    before = machine.main_pid(UNIT)
    machine.put(greeter_package.build(version="2", greeting="Good day"), "/root/greeter-2.deb")
    machine.install("/root/greeter-2.deb")
    assert machine.main_pid(UNIT) not in (0, before)
    eventually(lambda: greeting(slack) == "Good day you", "the new code answers", 30)


def test_removed_nothing_of_it_runs_or_waits(machine: Machine, slack: Slack) -> None:
    machine.run("apt-get", "-qq", "-y", "remove", PACKAGE)
    assert not is_active(machine, UNIT)
    assert machine.says("systemctl", "--failed", "--no-legend", "--plain") == ""
    eventually(lambda: "greeter" not in plugins(machine), "slackd knows it no more", 30)


def test_installed_again_it_runs_with_the_administrators_file(machine: Machine, slack: Slack) -> None:
    machine.run("sh", "-c", f"echo '# mine' >> {FILE}.removed")
    machine.install("/root/greeter-2.deb")
    assert machine.says("tail", "-n1", FILE) == "# mine"
    eventually(lambda: greeting(slack) == "Good day you", "it answers", 30)


def test_one_that_is_switched_off_stays_so_on_an_upgrade(machine: Machine) -> None:
    machine.run("systemctl", "disable", "--now", UNIT)
    machine.run("apt-get", "-qq", "-y", "--reinstall", "install", "/root/greeter-2.deb")
    assert not is_active(machine, UNIT)
    assert not machine.succeeds("systemctl", "is-enabled", UNIT)
    machine.run("systemctl", "enable", "--now", UNIT)


def test_purged_nothing_is_left(machine: Machine) -> None:
    machine.run("apt-get", "-qq", "-y", "purge", PACKAGE)
    left = machine.says(
        "sh", "-c", "find /etc /var/lib /run/slackd -path '*greeter*' -not -path '/var/lib/dpkg/*'"
    )
    assert left == ""
    assert machine.says("systemctl", "--failed", "--no-legend", "--plain") == ""


def test_slackd_purged_takes_what_the_documents_say(machine: Machine) -> None:
    machine.write("/etc/slackd/plugins.d/own.toml", "")
    machine.run("apt-get", "-qq", "-y", "purge", "slackd")
    left = machine.says(
        "sh", "-c", "find /etc/slackd /etc/default/slackd /var/lib/slackd* /run/slackd 2> /dev/null; :"
    )
    assert set(left.split()) <= {"/etc/slackd", "/etc/slackd/plugins.d", "/etc/slackd/plugins.d/own.toml"} | {
        each for each in left.split() if each.startswith("/var/lib/slackd-plugins")
    }
    assert machine.says("sh", "-c", "getent passwd | grep ^slackd; getent group | grep ^slackd; :") == ""

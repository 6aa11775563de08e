"""Reloads, upgrades and crashes under load, as often as it takes to be believed, and what became of each event.

200 messages and 2 commands a second, each command 0.3 seconds in its plugin's hands. An event that was on its
way over a connection that was cut is sent again by Slack, and handled once; a command there is lost, which only
a crash of a connector may do. What crosses our Close on the wire is counted apart: how narrowly it did, and no
more of it than can have. Every other number is 0.
"""

import subprocess
from collections.abc import Callable, Iterator

import pytest

from tests.e2e import greeter_package
from tests.e2e.booted_machine import Machine, eventually
from tests.e2e.journeys import BROKER, FIRST, SECOND, UNITS, install_version, is_active, processes, set_up
from tests.e2e.the_world import BEFORE, NEXT, NOW, Site, Slack
from tests.e2e.under_load import CUT, Ledger, under_load

PLUGIN = "slackd-plugin@greeter.service"

Recorded = Callable[[str, Ledger], None]


@pytest.fixture(scope="module", autouse=True)
def at_work(machine: Machine, slack: Slack, site: Site) -> None:
    """slackd and a plugin, installed and connected: set up by the release before, and then upgraded."""
    machine.install("slackd")
    install_version(machine, site, BEFORE)
    machine.put(greeter_package.build(), "/root/greeter.deb")
    machine.install("/root/greeter.deb")
    set_up(machine, slack)
    slack.do("wait", until="ready", count=2, timeout=60)
    install_version(machine, site, NOW)


@pytest.fixture
def record(figures: list[str], release: str) -> Recorded:
    def record(what: str, ledger: Ledger) -> None:
        figures.append(f"{release}: {what}: {ledger.line()}")

    return record


def kill(machine: Machine, unit: str) -> None:
    """Kill it, and wait until it is READY again."""
    before = machine.main_pid(unit)
    machine.kill(before)
    eventually(
        lambda: machine.main_pid(unit) not in (0, before) and is_active(machine, unit), f"{unit} is back", 60
    )


def test_20_reloads(machine: Machine, slack: Slack, record: Recorded) -> None:
    def act() -> None:
        for _ in range(20):
            before = processes(machine)
            machine.run("slackd", "rolling-restart", "--force")
            after = processes(machine)
            assert all(before[unit] != after[unit] != 0 for unit in UNITS)

    ledger = under_load(machine, slack, "reloads", act)
    record("20 reloads", ledger)
    assert ledger.exceptions() == {}


def test_20_kills_of_the_broker(machine: Machine, slack: Slack, record: Recorded) -> None:
    connectors = {unit: machine.main_pid(unit) for unit in (FIRST, SECOND)}

    def act() -> None:
        for _ in range(20):
            kill(machine, BROKER)
            # Only what has recovered is killed again.
            answered = slack.do("command", command="/slow", text="again", wait=3)
            assert answered["response"] == {"text": "Slowly, again"}, answered

    ledger = under_load(machine, slack, "broker", act)
    record("20 kill -9 of the broker", ledger)
    assert ledger.exceptions() == {}
    # Connections untouched: Slack had nothing to send again.
    assert not ledger.redelivered
    assert {unit: machine.main_pid(unit) for unit in connectors} == connectors


def test_10_kills_of_a_connector(machine: Machine, slack: Slack, record: Recorded) -> None:
    def act() -> None:
        for number in range(10):
            kill(machine, (FIRST, SECOND)[number % 2])
            slack.do("wait", until="ready", count=2, timeout=60)

    ledger = under_load(machine, slack, "connector", act)
    record("10 kill -9 of a connector", ledger)
    lost = ledger.exceptions().pop("unanswered", {})
    assert {what: value for what, value in ledger.exceptions().items() if what != "unanswered"} == {}
    # What was not answered, or sent again, had been given to a connection that the kill has cut.
    assert set(ledger.redelivered) | set(ledger.unanswered) <= {CUT}, lost


def test_kills_in_the_middle_of_reloads(machine: Machine, slack: Slack, record: Recorded) -> None:
    def act() -> None:
        for unit in UNITS:
            before = processes(machine)
            with subprocess.Popen(machine.entering("slackd", "rolling-restart", "--force")) as restarting:
                eventually(lambda: processes(machine) != before, "the rolling restart has begun")  # noqa: B023
                machine.kill(machine.main_pid(unit) or machine.main_pid(BROKER))
                restarting.wait(120)
            for each in UNITS:
                eventually(lambda: is_active(machine, each), f"{each} is back", 60)  # noqa: B023

    ledger = under_load(machine, slack, "middle", act)
    record("kill -9 of each process in the middle of a reload", ledger)
    assert {what for what in ledger.exceptions() if what != "unanswered"} == set()


def test_5_upgrades_and_the_way_back(
    machine: Machine, slack: Slack, site: Site, release: str, record: Recorded
) -> None:
    def act() -> None:
        for _ in range(5):
            for version in (BEFORE, NOW):
                change_version(machine, site, version)

    ledger = under_load(machine, slack, "upgrades", act)
    record("5 upgrades, 5 downgrades", ledger)
    assert ledger.exceptions() == {}


def change_version(machine: Machine, site: Site, number: int) -> None:
    """Up or down to that version, and every process with it."""
    before = processes(machine)
    install_version(machine, site, number)
    after = processes(machine)
    assert all(before[unit] != after[unit] != 0 for unit in UNITS)
    assert machine.says("slackd", "--version").endswith(site.versions[number])


@pytest.fixture
def no_reload(machine: Machine) -> Iterator[None]:
    """Packages are installed without their scripts starting, stopping or reloading anything."""
    machine.write("/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", 0o755)
    yield
    machine.run("rm", "/usr/sbin/policy-rc.d")


@pytest.mark.parametrize("broker", [BEFORE, NOW], ids=["broker-is-older", "broker-is-newer"])
def test_processes_of_two_releases(
    machine: Machine, slack: Slack, site: Site, no_reload: None, record: Recorded, broker: int
) -> None:
    def act() -> None:
        before = processes(machine)
        install_version(machine, site, broker)
        assert processes(machine) == before
        # The command as 0.1.0 calls it, which is what may be installed now; later releases know it too.
        machine.run("slackd", "roll", "--only", BROKER)
        assert [unit for unit, pid in processes(machine).items() if pid != before[unit]] == [BROKER]
        slack.do("mention", text="across", wait=3)
        answered = slack.do("command", command="/greet", text="across", wait=3)
        assert answered["response"] == {"text": "Hello across"}
        machine.run("slackd", "roll")
        assert all(pid != before[unit] for unit, pid in processes(machine).items())

    ledger = under_load(machine, slack, f"mixed{broker}", act)
    record(f"{('an older', 'a newer')[broker]} broker than its connectors", ledger)
    assert ledger.exceptions() == {}


NO_SLACK = """
table inet no_slack {
    chain out {
        type filter hook output priority 0;
        tcp dport 443 reject with tcp reset
    }
}
"""


def test_an_upgrade_while_slack_cannot_be_reached_is_configured_with_a_warning(
    machine: Machine, slack: Slack, site: Site
) -> None:
    machine.run("nft", "-f", "-", stdin=NO_SLACK)
    site.offer(site.versions[NEXT])
    machine.run("apt-get", "-qq", "update")
    done = machine.run("apt-get", "-qq", "-y", "upgrade")
    assert "no connection to Slack is READY for main" in done.stdout + done.stderr
    assert machine.says("dpkg-query", "--show", "--showformat=${db:Status-Status}", "slackd") == "installed"
    assert machine.says("slackd", "--version").endswith(site.versions[NEXT])
    machine.run("nft", "delete", "table", "inet", "no_slack")
    slack.do("wait", until="ready", count=2, timeout=90)


def test_power_loss(machine: Machine, slack: Slack, record: Recorded) -> None:
    def act() -> None:
        eventually(lambda: slack.get("summary")["acked"] > 500, "it is under way")
        machine.lose_power()
        slack.do("wait", until="ready", count=2, timeout=60)
        eventually(lambda: is_active(machine, PLUGIN), "the plugin runs again", 60)

    ledger = under_load(machine, slack, "power", act)
    record("power loss", ledger)
    # All that was acknowledged is handled, and with it what Slack sent again: everything.
    assert ledger.handled == ledger.sent
    assert not ledger.out_of_order

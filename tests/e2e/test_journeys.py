"""An operator's days, one after the other on one machine: each test goes on where the one before it stopped."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import greeter_package
from tests.e2e.booted_machine import Machine, eventually
from tests.e2e.greeter_package import Handled
from tests.e2e.the_world import API_URL, Site, Slack

RATE = 200
CHANNELS = 20
BROKER = "slackd-broker.service"
FIRST, SECOND = "slackd-connector@1.service", "slackd-connector@2.service"
UNITS = (BROKER, FIRST, SECOND)


def set_up(machine: Machine, slack: Slack, *options: str, app: int = 0, name: str = "main") -> None:
    tokens = slack.apps[app]
    machine.write("/root/app-token", tokens["app_token"], 0o600)
    machine.write("/root/bot-token", tokens["bot_token"], 0o600)
    files = ["--app-token-file", "/root/app-token", "--bot-token-file", "/root/bot-token"]
    machine.run("slackctl", "setup", "--app", name, "--api-url", API_URL, *files, *options)


def processes(machine: Machine) -> dict[str, int]:
    return {unit: machine.main_pid(unit) for unit in UNITS}


@contextlib.contextmanager
def load(machine: Machine, slack: Slack, label: str, seconds: int) -> Iterator[None]:
    """Messages at a steady rate while the block runs and until they are sent, and then the ledger."""
    slack.do("reset")
    count = RATE * seconds
    slack.do("batch", label=label, count=count, rate=RATE, channels=CHANNELS)
    yield
    slack.do("wait", until="batch", label=label, timeout=seconds + 60)

    def all_handled() -> bool:
        return len(Handled(machine, label).numbers) == count

    with contextlib.suppress(TimeoutError):
        eventually(all_handled, "", 30)
    handled = Handled(machine, label)
    summary = slack.get("summary")
    found = {
        "sent": count,
        "handled": len(handled.numbers),
        "twice": handled.twice,
        "out of order": handled.out_of_order,
        "late": summary["late"],
        "never acknowledged": summary["never_acked"],
        "without a READY connection": summary["ready_gaps"],
    }
    clean = {"sent": count, "handled": count, "twice": [], "out of order": [], "late": 0}
    assert found == {**clean, "never acknowledged": 0, "without a READY connection": []}, machine.journal(
        "-n", "80"
    )


def test_the_plugins_package_is_known_after_its_installation(machine: Machine, tmp_path: Path) -> None:
    machine.install("slackd")
    machine.put(greeter_package.build(tmp_path), "/root/greeter.deb")
    machine.install("/root/greeter.deb")
    assert machine.says("systemctl", "is-active", "slackd-plugin@greeter.service") in ("active", "activating")


def test_a_wrong_token_is_said_before_anything_is_written(machine: Machine, slack: Slack) -> None:
    before = machine.says("sh", "-c", "find /etc/slackd -type f | xargs sha256sum")
    for token, words in (
        (slack.apps[0]["bot_token"], "expected an app-level token"),
        ("xapp-1-A0EMULATED1-1-wrong", "Slack refuses the app token (invalid_auth"),
    ):
        machine.write("/root/app-token", token, 0o600)
        files = ["--app-token-file", "/root/app-token"]
        done = machine.run("slackctl", "setup", "--api-url", API_URL, *files, check=False)
        assert done.returncode == 1
        assert words in done.stderr
        assert token not in done.stdout + done.stderr
    assert machine.says("sh", "-c", "find /etc/slackd -type f | xargs sha256sum") == before
    assert not machine.succeeds("systemctl", "is-active", "slackd.service")


def test_setup_starts_it(machine: Machine, slack: Slack) -> None:
    set_up(machine, slack)
    slack.do("wait", until="ready", count=2, timeout=30)
    assert machine.says("systemctl", "is-enabled", "slackd.service") == "enabled"
    for unit in UNITS:
        assert machine.says("systemctl", "is-active", unit) == "active"
    assert "slackctl status" in machine.says("systemctl", "status", "--no-pager", "slackd.service")
    assert machine.says("ss", "--listening", "--tcp", "--no-header") == ""


def test_tokens_are_not_in_the_clear_on_disk(machine: Machine, slack: Slack) -> None:
    machine.run("rm", "/root/app-token", "/root/bot-token")
    for token in (slack.apps[0]["app_token"], slack.apps[0]["bot_token"]):
        found = machine.run("grep", "-rlF", "--", token, "/etc", "/var/lib", "/var/log", check=False)
        assert found.stdout == ""
        assert token not in machine.journal()


def test_a_mention_and_a_command_are_answered_by_the_plugin(machine: Machine, slack: Slack) -> None:
    slack.do("mention", text="hello", wait=3)
    call = slack.do("wait", until="call", method="chat.postMessage")
    assert call["args"]["text"] == "You called?"
    answered = slack.do("command", command="/greet", text="world", wait=3)
    assert answered["response"] == {"text": "Hello world"}
    assert answered["ack_seconds"] < 3


def test_running_setup_again_changes_nothing(machine: Machine, slack: Slack) -> None:
    before, running = machine.says("cat", "/etc/slackd/slackd.toml"), processes(machine)
    set_up(machine, slack)
    assert machine.says("cat", "/etc/slackd/slackd.toml") == before
    assert processes(machine)[BROKER] == running[BROKER]


def test_a_reload_without_a_change_restarts_nothing(machine: Machine) -> None:
    running = processes(machine)
    machine.run("systemctl", "reload", "slackd")
    assert processes(machine) == running


def test_a_reload_under_load_loses_nothing(machine: Machine, slack: Slack) -> None:
    with load(machine, slack, "reload", 20):
        before = processes(machine)
        machine.run("slackd", "roll", "--force")
        after = processes(machine)
        assert all(before[unit] != after[unit] != 0 for unit in UNITS)


def test_a_reload_whose_check_fails_harms_nothing(machine: Machine) -> None:
    running = processes(machine)
    config = machine.says("cat", "/etc/slackd/slackd.toml")
    machine.write("/etc/slackd/slackd.toml", f"{config}\nconections = 2\n", 0o640)
    machine.run("chgrp", "slackd", "/etc/slackd/slackd.toml")
    assert not machine.succeeds("systemctl", "reload", "slackd")
    assert "conections" in machine.journal("-u", "slackd.service", "-n", "20")
    assert processes(machine) == running
    machine.write("/etc/slackd/slackd.toml", f"{config}\n", 0o640)
    machine.run("systemctl", "reload", "slackd")


@pytest.mark.parametrize("unit", UNITS)
def test_kill_9_under_load_loses_nothing(machine: Machine, slack: Slack, unit: str) -> None:
    with load(machine, slack, unit.replace("@", "-").replace(".", "-"), 15):
        before = machine.main_pid(unit)
        machine.kill(before)
        eventually(lambda: machine.main_pid(unit) not in (0, before), f"{unit} is back")


def test_a_killed_plugin_is_handed_its_deliveries_again(machine: Machine, slack: Slack) -> None:
    slack.do("reset")
    count = RATE * 5
    slack.do("batch", label="plugin", count=count, rate=RATE, channels=CHANNELS)
    machine.kill(machine.main_pid("slackd-plugin@greeter.service"))
    slack.do("wait", until="batch", label="plugin", timeout=60)
    eventually(lambda: len(Handled(machine, "plugin").numbers) == count, "all of it is handled", 60)
    summary = slack.get("summary")
    assert (summary["late"], summary["never_acked"], summary["ready_gaps"]) == (0, 0, [])


def test_all_of_it_killed_at_once_loses_nothing_that_was_acknowledged(machine: Machine, slack: Slack) -> None:
    slack.do("reset")
    count = RATE * 10
    slack.do("batch", label="all", count=count, rate=RATE, channels=CHANNELS)
    for unit in (*UNITS, "slackd-plugin@greeter.service"):
        machine.kill(machine.main_pid(unit))
    slack.do("wait", until="ready", count=2, timeout=60)
    # Redelivered by Slack: what was sent while nobody was there.
    slack.do("wait", until="idle", timeout=120)
    entries = slack.get("ledger?state=acked&limit=10000")["total"]
    eventually(
        lambda: len(Handled(machine, "all").numbers) >= entries, "all that was acknowledged is handled", 60
    )


def test_metrics_over_tcp_are_off_until_they_are_switched_on(machine: Machine) -> None:
    running = processes(machine)
    machine.run("systemctl", "enable", "--quiet", "slackd-metrics.socket")
    machine.run("systemctl", "restart", BROKER)
    read = (
        "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:9742/metrics').read().decode())"
    )
    assert "slackd_" in machine.says("python3", "-c", read)
    assert {unit: pid for unit, pid in processes(machine).items() if unit != BROKER}.items() <= running.items()
    machine.run("systemctl", "disable", "--quiet", "slackd-metrics.socket")
    machine.run("systemctl", "stop", "slackd-metrics.socket")
    machine.run("systemctl", "restart", BROKER)
    assert machine.says("ss", "--listening", "--tcp", "--no-header") == ""


def test_an_app_more_needs_no_change_of_a_unit(machine: Machine, slack: Slack) -> None:
    set_up(machine, slack, app=1, name="second")
    slack.do("wait", until="ready", count=2, app=slack.apps[1]["app_id"], timeout=30)
    assert machine.succeeds("slackctl", "preflight")
    assert machine.says("slackctl", "drain") == "nothing is in flight"


def test_a_revoked_token_stops_the_reload_at_the_first_connector(machine: Machine, slack: Slack) -> None:
    machine.write("/run/systemd/system/slackd-connector@.service.d/soon.conf", "[Service]\nTimeoutStartSec=8\n")
    machine.run("systemctl", "daemon-reload")
    machine.run("slackd", "roll", "--force")
    before = machine.main_pid(SECOND)
    machine.write("/root/app-token", "xapp-1-A0EMULATED1-1-revoked", 0o600)
    wrong = ["--app-token-file", "/root/app-token", "--no-trial", "--no-start"]
    machine.run("slackctl", "setup", "--api-url", API_URL, *wrong)
    said = machine.run("slackctl", "reload", check=False)
    assert said.returncode == 1
    assert f"{FIRST} did not become READY" in said.stderr
    assert machine.main_pid(SECOND) == before
    set_up(machine, slack)
    slack.do("wait", until="ready", count=2, app=slack.apps[0]["app_id"], timeout=60)
    assert machine.succeeds("slackctl", "preflight")


def test_an_upgrade_under_load_is_a_reload(machine: Machine, slack: Slack, site: Site) -> None:
    site.offer(site.versions[1])
    machine.run("apt-get", "-qq", "update")
    with load(machine, slack, "upgrade", 40):
        before = processes(machine)
        machine.run("apt-get", "-qq", "-y", "upgrade")
        after = processes(machine)
        assert all(before[unit] != after[unit] != 0 for unit in UNITS)
    assert machine.says("slackd", "--version").endswith(site.versions[1])


def test_an_upgrade_whose_check_fails_leaves_the_old_one_running(machine: Machine, site: Site) -> None:
    site.offer(site.versions[2])
    machine.run("apt-get", "-qq", "update")
    running = processes(machine)
    plugin = "/etc/slackd/plugins.d/broken.toml"
    machine.write(plugin, "users = 7\n")
    done = machine.run("apt-get", "-qq", "-y", "upgrade", check=False)
    assert done.returncode != 0
    assert "what ran before goes on running" in done.stderr + done.stdout
    assert "broken.toml" in done.stderr + done.stdout
    assert processes(machine) == running
    machine.run("rm", plugin)
    machine.run("dpkg", "--configure", "-a")
    assert all(running[unit] != pid != 0 for unit, pid in processes(machine).items())


def test_it_is_back_after_a_reboot(machine: Machine, slack: Slack) -> None:
    begin = time.monotonic()
    machine.reboot()
    # Nothing of slackd's keeps the machine from stopping.
    assert time.monotonic() - begin < 45
    slack.do("wait", until="ready", count=2, timeout=60)
    answered = slack.do("command", command="/greet", text="again", wait=3)
    assert answered["response"] == {"text": "Hello again"}


def test_a_stop_waits_until_all_of_it_has_stopped(machine: Machine) -> None:
    machine.run("systemctl", "stop", "slackd")
    for unit in UNITS:
        assert machine.says("systemctl", "show", "--property=ActiveState", "--value", unit) == "inactive"
    eventually(lambda: machine.says("find", "/run/slackd", "-name", "*.sock") == "", "the sockets follow", 5)
    machine.run("systemctl", "start", "slackd")
    for unit in UNITS:
        assert machine.says("systemctl", "is-active", unit) == "active"


def test_removal_keeps_configuration_and_journal(machine: Machine, slack: Slack) -> None:
    machine.run("apt-get", "-qq", "-y", "remove", "slackd")
    assert machine.says("systemctl", "list-units", "--all", "--no-legend", "--state=active", "slackd*") == ""
    assert machine.succeeds("test", "-e", "/etc/slackd/slackd.toml")
    assert machine.succeeds("test", "-e", "/var/lib/slackd/journal.db")
    machine.install("slackd")
    slack.do("wait", until="ready", count=2, timeout=30)


def test_purge_takes_everything(machine: Machine) -> None:
    machine.run("apt-get", "-qq", "-y", "purge", "slackd", "slackd-plugin-greeter")
    assert (
        machine.says("sh", "-c", "ls -d /etc/slackd /var/lib/slackd /var/lib/slackd-connector 2>&1 || :").count(
            "No such"
        )
        == 3
    )
    assert not machine.succeeds("getent", "passwd", "slackd")
    assert machine.says("systemctl", "--failed", "--no-legend") == ""

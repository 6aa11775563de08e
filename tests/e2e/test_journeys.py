"""An operator's days, one after the other on one machine: each test goes on where the one before it stopped."""

import subprocess
import time
from pathlib import Path

from tests.e2e import greeter_package
from tests.e2e.booted_machine import Machine, eventually
from tests.e2e.journeys import BROKER, FIRST, SECOND, UNITS, install_version, is_answered, processes, set_up
from tests.e2e.the_world import API_URL, NEXT, NOW, Site, Slack
from tests.e2e.under_load import under_load

PLUGIN = "slackd-plugin@greeter.service"


def test_the_plugins_package_is_known_after_its_installation(machine: Machine, tmp_path: Path) -> None:
    machine.install("slackd")
    machine.put(greeter_package.build(), "/root/greeter.deb")
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


def test_the_journal_can_be_asked_by_app_and_explains_itself(machine: Machine, slack: Slack) -> None:
    machine.run("systemctl", "restart", "slackd")
    slack.do("wait", until="ready", count=2, timeout=60)
    assert machine.journal("SLACKD_APP=main", "--lines=5", "--quiet")
    explained = ["-x", f"_SYSTEMD_UNIT={BROKER}", "--quiet"]
    eventually(lambda: "Defined-By: slackd" in machine.journal(*explained), "the gap is explained")


def test_two_reloads_at_once_queue(machine: Machine, slack: Slack) -> None:
    def act() -> None:
        before = processes(machine)
        restart = machine.entering("slackd", "rolling-restart", "--force")
        with subprocess.Popen(restart) as first, subprocess.Popen(restart) as second:
            assert (first.wait(120), second.wait(120)) == (0, 0)
        after = processes(machine)
        assert all(before[unit] != after[unit] != 0 for unit in UNITS)
        said = machine.says("systemctl", "show", "--property=Id,NRestarts,Result", *UNITS)
        assert said.count("Result=success") == len(UNITS)

    assert under_load(machine, slack, "two", act).exceptions() == {}


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


def test_a_killed_plugin_is_handed_its_deliveries_again(machine: Machine, slack: Slack) -> None:
    ledger = under_load(machine, slack, "plugin", lambda: machine.kill(machine.main_pid(PLUGIN)))
    # What it had in flight it gets again; a command there may have no time left.
    assert set(ledger.exceptions()) <= {"twice", "unanswered"}
    assert not ledger.redelivered


def test_all_of_it_killed_at_once_loses_nothing(machine: Machine, slack: Slack) -> None:
    def act() -> None:
        for pid in [machine.main_pid(unit) for unit in (*UNITS, PLUGIN)]:
            machine.kill(pid)
        slack.do("wait", until="ready", count=2, timeout=60)

    ledger = under_load(machine, slack, "all", act)
    # Slack had nowhere to send to for a moment, and sends again.
    assert ledger.handled == ledger.sent
    assert not ledger.out_of_order


def test_needrestart_rolls_one_process(machine: Machine) -> None:
    before = processes(machine)
    for unit in UNITS:
        machine.run(f"/etc/needrestart/restart.d/{unit}")
        after = processes(machine)
        assert [each for each in UNITS if after[each] != before[each]] == [unit]
        before = after


def test_metrics_over_tcp_are_off_until_they_are_switched_on(machine: Machine) -> None:
    running = processes(machine)
    machine.run("systemctl", "enable", "--quiet", "slackd-metrics.socket")
    machine.run("slackd", "rolling-restart", "--force", "--only", BROKER)
    read = (
        "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:9742/metrics').read().decode())"
    )
    assert "slackd_" in machine.says("python3", "-c", read)
    assert {unit: pid for unit, pid in processes(machine).items() if unit != BROKER}.items() <= running.items()
    machine.run("systemctl", "disable", "--quiet", "slackd-metrics.socket")
    machine.run("systemctl", "stop", "slackd-metrics.socket")
    machine.run("slackd", "rolling-restart", "--force", "--only", BROKER)
    assert machine.says("ss", "--listening", "--tcp", "--no-header") == ""


def test_needrestart_itself_finds_the_way(machine: Machine, slack: Slack) -> None:
    machine.install("needrestart")
    # As an upgrade of the library would: what runs maps a file that is gone.
    replace = 'f=$(readlink -f /usr/lib/*/libcrypto.so.3) && cp -p "$f" "$f.new" && mv "$f.new" "$f"'
    machine.run("sh", "-c", replace)
    before = processes(machine)
    slack.do("reset")
    machine.run("needrestart", "-l", "-r", "a")
    after = processes(machine)
    assert all(before[unit] != after[unit] != 0 for unit in UNITS)
    assert slack.get("summary")["ready_gaps"] == []
    machine.run("apt-get", "-qq", "-y", "purge", "needrestart")


def test_an_app_more_needs_no_change_of_a_unit(machine: Machine, slack: Slack) -> None:
    set_up(machine, slack, app=1, name="second")
    slack.do("wait", until="ready", count=2, app=slack.apps[1]["app_id"], timeout=30)
    assert machine.succeeds("slackctl", "preflight")
    assert machine.says("slackctl", "wait-idle") == "nothing is in flight"


def test_a_revoked_token_stops_the_reload_at_the_first_connector(machine: Machine, slack: Slack) -> None:
    machine.write("/run/systemd/system/slackd-connector@.service.d/soon.conf", "[Service]\nTimeoutStartSec=8\n")
    machine.run("systemctl", "daemon-reload")
    machine.run("slackd", "rolling-restart", "--force")
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
    site.offer(site.versions[NEXT])
    machine.run("apt-get", "-qq", "update")

    def act() -> None:
        before = processes(machine)
        machine.run("apt-get", "-qq", "-y", "upgrade")
        after = processes(machine)
        assert all(before[unit] != after[unit] != 0 for unit in UNITS)

    assert under_load(machine, slack, "upgrade", act).exceptions() == {}
    assert machine.says("slackd", "--version").endswith(site.versions[NEXT])


def test_another_version_whose_check_fails_leaves_what_runs_running(machine: Machine, site: Site) -> None:
    running = processes(machine)
    plugin = "/etc/slackd/plugins.d/broken.toml"
    machine.write(plugin, "users = 7\n")
    said = install_version(machine, site, NOW, check=False)
    assert "what ran before goes on running" in said
    assert "broken.toml" in said
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
    eventually(lambda: is_answered(slack, "again"), "the plugin is back, too")


def test_a_stop_drains_and_waits_until_all_of_it_has_stopped(machine: Machine, slack: Slack) -> None:
    slack.do("reset")
    slack.do("command", command="/slow", text="at the door")
    machine.run("systemctl", "stop", "slackd")
    # The broker answers as long as the connectors drain.
    (entry,) = slack.get("ledger?type=slash_commands")["entries"]
    assert entry["response"] == {"text": "Slowly, at the door"}
    for unit in UNITS:
        assert machine.says("systemctl", "show", "--property=ActiveState", "--value", unit) == "inactive"
    eventually(lambda: machine.says("find", "/run/slackd", "-name", "*.sock") == "", "the sockets follow", 5)
    machine.run("systemctl", "start", "slackd")
    for unit in UNITS:
        assert machine.says("systemctl", "is-active", unit) == "active"


def test_removal_keeps_configuration_and_journal(machine: Machine, slack: Slack) -> None:
    machine.run("systemctl", "stop", PLUGIN)
    slack.do("reset")
    slack.do("mention", text="while nobody is there", wait=3)
    machine.run("apt-get", "-qq", "-y", "remove", "slackd")
    assert machine.says("systemctl", "list-units", "--all", "--no-legend", "--state=active", "slackd*") == ""
    assert machine.succeeds("test", "-e", "/etc/slackd/slackd.toml")
    assert machine.succeeds("test", "-e", "/var/lib/slackd/journal.db")
    machine.install("slackd")
    slack.do("wait", until="ready", count=2, timeout=30)
    # The backlog goes on where it was.
    machine.run("systemctl", "start", PLUGIN)
    slack.do("wait", until="call", method="chat.postMessage", timeout=30)


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

"""Set up by hand, and then what an operator meets on a bad day: each is told apart, and nothing is lost."""

import json
import time
from collections.abc import Iterator

import pytest

from tests.e2e import greeter_package
from tests.e2e.booted_machine import Machine, eventually
from tests.e2e.foreign import foreign
from tests.e2e.held_threads import held
from tests.e2e.journeys import BROKER, FIRST, SECOND, UNITS, is_active, is_answered, processes, set_up
from tests.e2e.terminal import type_answers
from tests.e2e.the_world import API_URL, Slack

PLUGIN = "slackd-plugin@greeter.service"
APP_TOKEN, BOT_TOKEN = "App-level token", "Bot token"


@pytest.fixture(scope="module", autouse=True)
def installed(machine: Machine) -> None:
    machine.install("slackd")
    machine.put(greeter_package.build(), "/root/greeter.deb")
    machine.install("/root/greeter.deb")


def test_setup_by_hand_asks_for_both_tokens_and_says_at_once_what_is_wrong(
    machine: Machine, slack: Slack
) -> None:
    app_token, bot_token = slack.apps[0]["app_token"], slack.apps[0]["bot_token"]
    command = machine.entering("slackctl", "setup", "--api-url", API_URL)
    status, screen = type_answers(
        command, [(APP_TOKEN, bot_token), (APP_TOKEN, app_token), (BOT_TOKEN, "xoxp-1"), (BOT_TOKEN, bot_token)]
    )
    assert status == 0, screen
    assert "expected an app-level token" in screen
    assert "expected a bot token" in screen
    assert "socket_mode_enabled" in screen
    assert "Delayed Events" in screen
    assert app_token not in screen
    assert bot_token not in screen
    slack.do("wait", until="ready", count=2, timeout=30)
    eventually(lambda: is_answered(slack), "the plugin answers")


def test_setup_by_hand_again_changes_what_was_said_and_nothing_else(machine: Machine, slack: Slack) -> None:
    def kept() -> str:
        return machine.says("sh", "-c", "cd /etc/slackd && find . -type f | sort | xargs sha256sum")

    before = kept()
    status, screen = type_answers(machine.entering("slackctl", "setup"), [(APP_TOKEN, ""), (BOT_TOKEN, "")])
    assert status == 0, screen
    assert kept() == before


def test_where_nothing_can_be_encrypted_tokens_are_files_of_roots_alone(machine: Machine, slack: Slack) -> None:
    def kept(folder: str) -> str:
        return machine.says(
            "sh", "-c", f"cd /etc/slackd/{folder} && stat --format='%n %a %U' * 2> /dev/null || :"
        )

    assert kept("credentials") == ""
    encrypted = kept("credentials.encrypted")
    machine.run("dpkg-divert", "--local", "--rename", "/usr/bin/systemd-creds")
    set_up(machine, slack)
    assert kept("credentials") == "main-app 600 root\nmain-bot 600 root"
    assert kept("credentials.encrypted") == ""
    machine.run("slackd", "rolling-restart", "--force")
    eventually(lambda: is_answered(slack), "the plugin answers")
    machine.run("dpkg-divert", "--local", "--rename", "--remove", "/usr/bin/systemd-creds")
    set_up(machine, slack)
    assert (kept("credentials"), kept("credentials.encrypted")) == ("", encrypted)


def test_the_journal_is_asked_by_plugin_and_by_envelope(machine: Machine, slack: Slack) -> None:
    poison = {"type": "message", "channel": "C0GENERAL01", "channel_type": "channel", "user": "U0ALICE0001"}
    slack.do("event", event={**poison, "text": "poison", "ts": "1700000001.000100"}, wait=3)
    asked = ["journalctl", "--no-pager", "--output=json", "--lines=1", f"SLACKD_PLUGIN={greeter_package.NAME}"]
    of_letters = [*asked, "SLACKD_EVENT=delivery-dead"]
    line = json.loads(eventually(lambda: machine.says(*of_letters), "the dead letter is told"))
    assert "no remedy" in line["MESSAGE"]
    of_envelope = f"SLACKD_ENVELOPE={line['SLACKD_ENVELOPE']}"
    assert "Defined-By: slackd" in machine.journal("--quiet", "-x", of_envelope)
    (letter,) = json.loads(machine.says("slackctl", "deadletters", "list", "--json"))
    assert str(letter["envelope"]) == line["SLACKD_ENVELOPE"]
    assert "Defined-By: slackd" in machine.journal(
        "--quiet", "-x", f"SLACKD_ENVELOPE={line['SLACKD_ENVELOPE']}"
    )


@pytest.fixture
def impatient(machine: Machine) -> Iterator[None]:
    """The broker's watchdog waits 10 seconds in place of 30, and 2 for what it has killed."""
    drop_in = f"/run/systemd/system/{BROKER}.d/soon.conf"
    machine.write(drop_in, "[Service]\nWatchdogSec=10\nTimeoutAbortSec=2\n")
    machine.run("slackd", "rolling-restart")
    yield
    machine.run("rm", drop_in)
    machine.run("slackd", "rolling-restart")


@pytest.mark.usefixtures("impatient")
def test_the_watchdog_restarts_a_broker_whose_journal_answers_no_more(machine: Machine, slack: Slack) -> None:
    before = processes(machine)
    # Its loop goes on turning; it is the thread that writes that makes no progress.
    with held(machine.outside(before[BROKER]), first=False):
        eventually(lambda: machine.main_pid(BROKER) not in (0, before[BROKER]), "another broker", 90)
    eventually(lambda: is_active(machine, BROKER), "it is READY", 60)
    assert "Watchdog timeout" in machine.journal("-u", BROKER, "--lines=200")
    assert {unit: pid for unit, pid in processes(machine).items() if unit != BROKER} == {
        unit: pid for unit, pid in before.items() if unit != BROKER
    }
    eventually(lambda: is_answered(slack), "the plugin answers again")


def test_a_stop_waits_for_a_call_no_longer_than_it_may_and_the_journal_has_the_rest(
    machine: Machine, slack: Slack
) -> None:
    slack.do("reset")
    slack.do("fault", kind="api_error", method="chat.postMessage", hang=True)
    slack.do("mention", text="this takes long", wait=3)
    in_flight = ["slackctl", "wait-idle", "--timeout", "0"]
    eventually(
        lambda: "1 Web API calls" in machine.run(*in_flight, check=False).stdout, "the call is under way"
    )
    begin = time.monotonic()
    machine.run("systemctl", "stop", "slackd")
    took = time.monotonic() - begin
    said = machine.says("systemctl", "show", "--property=ActiveState,Result", *UNITS)
    assert said.count("ActiveState=inactive") == said.count("Result=success") == len(UNITS), said
    # A connector's TimeoutStopSec and the broker's, one after the other.
    assert took < 20 + 10, took
    before = len(slack.get("calls?method=chat.postMessage"))
    machine.run("systemctl", "start", "slackd")
    slack.do("wait", until="call", method="chat.postMessage", count=before + 1, timeout=60)


def test_a_stop_does_not_wait_for_ever_for_a_connector_that_hangs(machine: Machine, slack: Slack) -> None:
    # All of it stands still, as a process does that waits for a disk or a page that never comes.
    with held(machine.outside(machine.main_pid(FIRST)), first=True):
        begin = time.monotonic()
        machine.run("systemctl", "stop", "slackd")
        took = time.monotonic() - begin
    assert took < 20 + 10 + 10, took
    result = ["systemctl", "show", "--property=Result", "--value"]
    assert [machine.says(*result, unit) for unit in (FIRST, SECOND, BROKER)] == [
        "timeout",
        "success",
        "success",
    ]
    machine.run("systemctl", "start", "slackd")
    slack.do("wait", until="ready", count=2, timeout=60)
    eventually(lambda: is_answered(slack), "the plugin answers again")


def refused(machine: Machine) -> dict[str, str]:
    """What preflight says no to, and why."""
    done = machine.run("slackctl", "preflight", "--json", check=False)
    found = json.loads(done.stdout)
    bad = {line["what"]: line["found"] for line in found["lines"] if line["verdict"] == "no-go"}
    assert (done.returncode == 0) is found["go"] is (not bad), found
    return bad


def test_preflight_says_go(machine: Machine) -> None:
    assert refused(machine) == {}


def test_preflight_says_no_to_a_configuration_that_cannot_be_used(machine: Machine) -> None:
    file = "/etc/slackd/plugins.d/broken.toml"
    machine.write(file, "users = 7\n")
    found = refused(machine)
    assert list(found) == ["configuration and tokens"]
    assert file in found["configuration and tokens"]
    machine.run("rm", file)
    assert refused(machine) == {}


def test_preflight_says_no_while_slack_has_no_place_free(machine: Machine, slack: Slack) -> None:
    # Slack counts at each hello.
    with foreign(machine, slack.apps[0]["app_token"], 8):
        machine.run("slackd", "rolling-restart", "--force")
        found = refused(machine)
        assert list(found) == ["places of main"]
        assert "8 of other processes" in found["places of main"]
    slack.do("wait", until="ready", count=2, timeout=30)
    machine.run("slackd", "rolling-restart", "--force")
    assert refused(machine) == {}


def test_preflight_says_no_without_room_for_the_journal(machine: Machine, slack: Slack) -> None:
    journal = "/var/lib/slackd"
    machine.run("systemctl", "stop", "slackd")
    machine.run("mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", journal)
    machine.run("systemctl", "start", "slackd")
    slack.do("wait", until="ready", count=2, timeout=60)
    found = refused(machine)
    assert list(found) == ["journal's room"]
    assert "make room" in found["journal's room"]
    machine.run("systemctl", "stop", "slackd")
    machine.run("umount", journal)
    machine.run("systemctl", "start", "slackd")
    slack.do("wait", until="ready", count=2, timeout=60)
    assert refused(machine) == {}


def test_a_restart_of_the_whole_is_a_gap_that_is_told(machine: Machine, slack: Slack) -> None:
    machine.run("slackd", "rolling-restart", "--force")
    slack.do("reset")
    now = float(machine.says("date", "+%s.%N"))
    # At once: the broker has not yet had time to see how things stand.
    machine.run("systemctl", "restart", "slackd")
    slack.do("wait", until="ready", count=2, timeout=60)

    def told() -> list[dict[str, float]]:
        gaps = json.loads(machine.says("slackctl", "gaps", "--json"))["gaps"]
        return [gap for gap in gaps if gap["from"] > now and gap["until"]]

    (gap,) = eventually(told, "the gap is told")
    ((begin, end),) = slack.get("summary")["ready_gaps"]
    # As Slack saw it, but for the time that a frame takes.
    assert abs((gap["until"] - gap["from"]) - (end - begin)) < 1.0, (gap, begin, end)

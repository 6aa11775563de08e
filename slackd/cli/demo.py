"""The main job against an emulated Slack, with everything that usually loses events, and the ledger at the end.

    python -m slackd.cli.demo          (what `make demo` runs)

Broker, two connectors and a plugin run as processes of their own; a small supervisor holds the sockets and
starts again what dies, as systemd would. The exit status is 0 only if the ledger says what slackd promises.
"""

import asyncio
import itertools
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import attrs

from slackd.cli.dev_supervisor import DevSupervisor
from slackd.emulator import EmulatedApp, Emulator, EmulatorClient, EmulatorSettings, LedgerEntry, Summary
from slackd.slotted import define

PLUGIN = """
from slackd.plugin import Envelope, Plugin

plugin = Plugin("greeter")


@plugin.event("app_mention")
async def mentioned(envelope: Envelope) -> None:
    await plugin.slack.call(
        "chat.postMessage",
        channel=envelope.channel,
        text="re: " + envelope.event["text"].split("> ")[-1],
        call_id=f"{envelope.delivery}/hello",
    )


@plugin.command("/deploy")
async def deploy(envelope: Envelope) -> str:
    return f"Deploying {envelope.text}"


@plugin.action("approve")
async def approved(envelope: Envelope) -> None:
    await plugin.slack.call(
        "chat.postMessage",
        channel=envelope.channel,
        text=f"approved: {envelope.payload['trigger_id']}",
        call_id=f"{envelope.delivery}/approved",
    )


plugin.run()
"""

PLUGIN_FILE = """
[[subscribe]]
type = "events_api"
event = ["app_mention"]

[[subscribe]]
type = "slash_commands"
command = "/deploy"
respond = true

[[subscribe]]
type = "interactive"
action_id = ["approve"]

[slack]
methods = ["chat.postMessage"]
"""

CONFIG = """
[apps.main]
app_token = "env:DEMO_APP_TOKEN"
bot_token = "env:DEMO_BOT_TOKEN"
api_url = "{api_url}"

[journal]
directory = "{folder}/journal"

[plugins]
directory = "{folder}/plugins.d"
socket = "{folder}/plugins.sock"

[control]
socket = "{folder}/control.sock"

[link]
socket = "{folder}/link.sock"
"""

WANTED_READY = 2
CHANNELS = ("C0GENERAL01", "C0DEPLOYS01", "C0RANDOM001")


@define
class Sent:
    """What was sent, in the emulator's own entries."""

    mentions: list[tuple[str, LedgerEntry]] = attrs.field(factory=list)
    commands: list[tuple[str, LedgerEntry]] = attrs.field(factory=list)
    clicks: list[LedgerEntry] = attrs.field(factory=list)


class Narrator:
    """Says what happens, as it happens."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def say(self, words: str) -> None:
        """One line, with the seconds since the start."""
        print(f"{time.monotonic() - self._started:6.1f} s  {words}", flush=True)


class Traffic:
    """A mention now and then, a command, a button: numbered, so that each can be found again."""

    def __init__(self, slack: EmulatorClient, sent: Sent) -> None:
        self._slack, self._sent = slack, sent
        self._numbers = itertools.count(1)

    def mention(self) -> LedgerEntry:
        """Somebody mentions the app.

        Returns:
            What the emulator's ledger says of it.
        """
        number = next(self._numbers)
        text = f"hello {number}"
        entry = self._slack.mention(text, channel=CHANNELS[number % len(CHANNELS)])
        self._sent.mentions.append((text, entry))
        return entry

    def command(self) -> LedgerEntry:
        """Somebody types /deploy.

        Returns:
            What the emulator's ledger says of it.
        """
        text = f"release-{next(self._numbers)}"
        entry = self._slack.command("/deploy", text, channel=CHANNELS[0])
        self._sent.commands.append((text, entry))
        return entry

    def click(self) -> LedgerEntry:
        """Somebody presses a button.

        Returns:
            What the emulator's ledger says of it.
        """
        entry = self._slack.click("approve", made_up=True)
        self._sent.clicks.append(entry)
        return entry

    async def flow(self, seconds: float) -> None:
        """All three for a while."""
        until = time.monotonic() + seconds
        for turn in itertools.count():
            if time.monotonic() >= until:
                return
            self.mention()
            if turn % 5 == 2:
                self.command()
            if turn % 10 == 4:
                self.click()
            await asyncio.sleep(0.05)


async def demo(say: Narrator) -> bool:
    """Run it; true if the ledger says what slackd promises."""
    folder, good = Path(tempfile.mkdtemp(prefix="slackd-demo-", dir="/tmp")), False
    app, settings, sent = EmulatedApp(events=("app_mention",)), EmulatorSettings(warning_grace=2.0), Sent()
    try:
        async with Emulator(apps=[app], settings=settings).serving() as slack:
            _write_files(folder, slack.api_url)
            say.say(f"an emulated Slack serves {slack.api_url}")
            async with DevSupervisor(folder, say.say) as supervisor:
                _start(supervisor, folder, app)
                await slack.wait_until_ready(WANTED_READY, timeout=30)
                say.say("both connectors have a READY connection; the plugin is on its way")
                await _main_part(slack, supervisor, Traffic(slack, sent), say)
                await _finish(slack, sent)
                summary = slack.summary()
                for name in ("connector-1", "connector-2"):
                    await supervisor.stop(name)
                say.say("SIGTERM: the connectors drained and closed")
                await supervisor.stop("greeter")
                await supervisor.stop("broker")
                say.say("the broker wrote the clean-shutdown record")
            good = _ledger(slack, sent, summary)
            return good
    finally:
        if good:
            shutil.rmtree(folder)
        else:
            print(f"the logs are in {folder}")


async def _main_part(slack: EmulatorClient, supervisor: DevSupervisor, traffic: Traffic, say: Narrator) -> None:
    entry = traffic.mention()
    await slack.wait_for_call("chat.postMessage", timeout=15)
    say.say("a mention came, was journaled, acknowledged, and answered by the plugin through chat.postMessage")
    entry = await slack.wait_for_ack(traffic.command())
    say.say(f"/deploy was acknowledged after {entry.ack_seconds or 0:.3f} s with {entry.response}")
    await slack.wait_for_ack(traffic.click())
    say.say("a button was pressed, acknowledged and handled")
    await traffic.flow(1.0)

    say.say("Slack warns every connection that it will be dropped")
    slack.fault("warning")
    await traffic.flow(3.5)
    say.say(f"replaced before they dropped: {slack.summary().ready_now} connections are READY")

    say.say("kill -9 of the broker, under traffic")
    supervisor.kill("broker")
    await traffic.flow(3.0)

    say.say("kill -9 of connector 1, under traffic")
    await _when_nothing_interactive_is_unacknowledged(traffic, slack)
    supervisor.kill("connector-1")
    await traffic.flow(3.0)
    await slack.wait_until_ready(WANTED_READY, timeout=30)
    say.say("both connectors have a READY connection again")


async def _when_nothing_interactive_is_unacknowledged(traffic: Traffic, slack: EmulatorClient) -> None:
    """A command that a killed connector had unacknowledged is the one thing that Slack never sends again."""
    await slack.wait_for_ack(traffic.command())


async def _finish(slack: EmulatorClient, sent: Sent) -> None:
    wanted = len(sent.mentions) + len(sent.clicks)

    def all_there() -> bool | None:
        calls = slack.ledger.calls_of("chat.postMessage")
        acked = all(entry.acknowledged for _, entry in [*sent.mentions, *sent.commands])
        return True if len(calls) >= wanted and acked else None

    await slack.wait_until(all_there, timeout=30, what="every mention, command and button")


def _ledger(slack: EmulatorClient, sent: Sent, summary: Summary) -> bool:
    posts = Counter(str(call.args.get("text")) for call in slack.ledger.calls_of("chat.postMessage"))
    handled = [posts[f"re: {text}"] for text, _ in sent.mentions]
    handled += [count for text, count in posts.items() if text.startswith("approved: ")]
    answered = [entry.response == {"text": f"Deploying {text}"} for text, entry in sent.commands]
    entries = [entry for _, entry in [*sent.mentions, *sent.commands]] + sent.clicks
    late = [entry for entry in entries if (entry.ack_seconds or 0.0) > 3.0]
    in_all = len(sent.mentions) + len(sent.commands) + len(sent.clicks)
    done = sum(count > 0 for count in handled) + sum(answered)
    rows: Sequence[tuple[str, object, object]] = (
        ("sent", in_all, in_all),
        ("handled", done, in_all),
        ("lost", in_all - done, 0),
        ("handled twice", sum(count > 1 for count in handled), 0),
        ("commands with their answer", sum(answered), len(sent.commands)),
        ("never acknowledged", sum(not entry.acknowledged for entry in entries), 0),
        ("acknowledged after 3 s or more", len(late), 0),
        ("intervals without a READY connection", len(summary.ready_gaps), 0),
    )
    print("\nThe ledger, as Slack kept it")
    for name, found, wanted in rows:
        print(f"  {name:38} {found!s:>6}   {'ok' if found == wanted else f'should be {wanted}'}")
    redelivered = sum(len(entry.sends) > 1 for entry in entries)
    print(f"  ({redelivered} were sent again by Slack after a kill, and handled once)")
    return all(found == wanted for _, found, wanted in rows)


def _write_files(folder: Path, api_url: str) -> None:
    (folder / "plugins.d").mkdir()
    (folder / "plugins.d" / "greeter.toml").write_text(PLUGIN_FILE)
    (folder / "greeter.py").write_text(PLUGIN)
    (folder / "slackd.toml").write_text(CONFIG.format(api_url=api_url, folder=folder))


def _start(supervisor: DevSupervisor, folder: Path, app: EmulatedApp) -> None:
    config = ("--config", str(folder / "slackd.toml"))
    tokens = {"DEMO_APP_TOKEN": app.app_token, "DEMO_BOT_TOKEN": app.bot_token}
    supervisor.run("broker", "-m", "slackd.cli.daemon", "broker", *config, with_sockets=True)
    for number in ("1", "2"):
        command = ("-m", "slackd.cli.daemon", "connector", number, *config)
        supervisor.run(f"connector-{number}", *command, environ=tokens)
    socket = {"SLACKD_PLUGINS_SOCKET": str(folder / "plugins.sock")}
    supervisor.run("greeter", str(folder / "greeter.py"), environ=socket)


def main() -> int:
    """The exit status: 0 if every promise was kept."""
    try:
        good = asyncio.run(demo(Narrator()))
    except KeyboardInterrupt:
        return 130
    print("\nEvery promise was kept." if good else "\nA promise was broken.")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

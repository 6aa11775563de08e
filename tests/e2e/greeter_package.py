"""A plugin as its author would ship it: a .deb of its own that depends on the SDK alone."""

import json
import subprocess
from collections import Counter, defaultdict
from pathlib import Path

from tests.e2e.booted_machine import Machine

NAME = "greeter"
HANDLED = f"/var/lib/slackd-plugins/{NAME}/handled"

PROGRAM = """\
#!/usr/bin/python3
import json
from slackd.plugin import Envelope, Plugin

plugin = Plugin("greeter")
handled = open("handled", "a", buffering=1)


@plugin.command("/greet")
async def greet(envelope: Envelope) -> str:
    return f"Hello {envelope.text}"


@plugin.event("app_mention")
async def mentioned(envelope: Envelope) -> None:
    await plugin.slack.call("chat.postMessage", channel=envelope.channel, text="You called?")


@plugin.event("message")
async def message(envelope: Envelope) -> None:
    handled.write(json.dumps([envelope.channel, envelope.text]) + "\\n")


plugin.run()
"""

FILE = """\
user = "plugin-greeter"

[[subscribe]]
type = "events_api"
event = ["app_mention", "message"]

[[subscribe]]
type = "slash_commands"
command = "/greet"
respond = true

[slack]
apps = ["main"]
methods = ["chat.postMessage"]
"""

CONTROL = """\
Package: slackd-plugin-greeter
Version: 1
Architecture: all
Maintainer: Tests <tests@users.noreply.github.com>
Depends: python3-slackd-plugin
Description: greets
"""

POSTINST = """\
#!/bin/sh
set -e
if [ "$1" = configure ]; then
    systemctl --quiet enable slackd-plugin@greeter.service
    if [ -d /run/systemd/system ]; then
        systemctl --system daemon-reload
        deb-systemd-invoke start slackd-plugin@greeter.service
    fi
fi
"""


def build(folder: Path) -> Path:
    """Build the package and return its file."""
    tree = folder / "tree"
    for file, text, mode in (
        ("DEBIAN/control", CONTROL, 0o644),
        ("DEBIAN/postinst", POSTINST, 0o755),
        (f"usr/lib/slackd/plugins/{NAME}", PROGRAM, 0o755),
        (f"etc/slackd/plugins.d/{NAME}.toml", FILE, 0o644),
    ):
        path = tree / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
    (tree / "DEBIAN/conffiles").write_text(f"/etc/slackd/plugins.d/{NAME}.toml\n")
    made = folder / "greeter.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", tree, made], check=True, capture_output=True)
    return made


JOURNALED = """\
import json, sqlite3
journal = sqlite3.connect("file:/var/lib/slackd/journal.db?mode=ro", uri=True)
for (text,) in journal.execute("SELECT text FROM envelope WHERE type = 'events_api' ORDER BY id"):
    event = json.loads(text)["payload"]["event"]
    print(json.dumps([event.get("channel"), event.get("text")]))
"""


class Handled:
    """What the plugin has handled of one batch, whose texts are `LABEL NUMBER NUMBER_IN_CHANNEL`."""

    def __init__(self, machine: Machine, label: str) -> None:
        self._machine = machine
        self._label = label
        self.numbers: Counter[int] = Counter()
        self._channels = self._by_channel(machine.run("cat", HANDLED, check=False).stdout)
        for numbers in self._channels.values():
            self.numbers.update(numbers)

    def _by_channel(self, lines: str) -> dict[str, list[int]]:
        found: dict[str, list[int]] = defaultdict(list)
        for line in lines.splitlines():
            channel, text = json.loads(line)
            if text.startswith(f"{self._label} "):
                found[channel].append(int(text.split()[1]))
        return found

    @property
    def twice(self) -> list[int]:
        """Numbers that were handled more than once."""
        return sorted(number for number, times in self.numbers.items() if times > 1)

    @property
    def out_of_order(self) -> list[str]:
        """Channels whose messages were handled in another order than the journal's.

        Slack's own order is no promise of anybody's: it hands one channel's events to several connections.
        """
        journaled = self._by_channel(self._machine.says("python3", "-c", JOURNALED))
        return sorted(name for name, numbers in self._channels.items() if numbers != journaled[name])

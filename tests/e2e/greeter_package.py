"""A plugin as its author would ship it: a .deb of its own that depends on the SDK alone."""

import subprocess
from pathlib import Path

NAME = "greeter"
HANDLED = f"/var/lib/slackd-plugins/{NAME}/handled"

PROGRAM = """\
#!/usr/bin/python3
import asyncio
import json
from slackd.plugin import Envelope, Permanent, Plugin

plugin = Plugin("greeter")
handled = open("handled", "a", buffering=1)


@plugin.command("/greet")
async def greet(envelope: Envelope) -> str:
    return f"Hello {envelope.text}"


@plugin.command("/slow")
async def slow(envelope: Envelope) -> str:
    await asyncio.sleep(0.3)
    return f"Slowly, {envelope.text}"


@plugin.event("app_mention")
async def mentioned(envelope: Envelope) -> None:
    await plugin.slack.call("chat.postMessage", channel=envelope.channel, text="You called?")


@plugin.event("message")
async def message(envelope: Envelope) -> None:
    if envelope.text == "poison":
        raise Permanent("no remedy")
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
command = ["/greet", "/slow"]
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


# Prints the events of the journal, as the plugin prints those that it was handed.
JOURNALED = """\
import json, sqlite3
journal = sqlite3.connect("file:/var/lib/slackd/journal.db?mode=ro", uri=True)
for (text,) in journal.execute("SELECT text FROM envelope WHERE type = 'events_api' ORDER BY id"):
    event = json.loads(text)["payload"]["event"]
    print(json.dumps([event.get("channel"), event.get("text")]))
"""

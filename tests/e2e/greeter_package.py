"""A plugin as its author would ship it: a .deb of its own that depends on the SDK alone."""

import atexit
import functools
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.e2e.the_world import RELEASES, TEST_BED

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
Source: slackd-plugin-greeter
Maintainer: Tests <tests@users.noreply.github.com>
Build-Depends: debhelper-compat (= 13), dh-sequence-slackd-plugin
Standards-Version: 4.6.2

Package: slackd-plugin-greeter
Architecture: all
Depends: python3-slackd-plugin, ${misc:Depends}
Description: greets
"""

CHANGELOG = """\
slackd-plugin-greeter ({version}) unstable; urgency=medium

  * Test.

 -- Tests <tests@users.noreply.github.com>  Tue, 24 Nov 2026 06:00:00 +0000
"""

RULES = """\
#!/usr/bin/make -f
%:
\tdh $@
"""


@functools.cache
def build(release: str = RELEASES[0], version: str = "1", greeting: str = "Hello") -> Path:
    """Build the package with dh_slackd_plugin, as its author would, and return its file.

    Args:
        release: The release of Debian to build it on.
        version: Of the package.
        greeting: What /greet is answered with, to tell one version from another.
    """
    tree = Path(tempfile.mkdtemp(prefix="slackd-greeter-", dir="/tmp")) / "greeter"
    atexit.register(shutil.rmtree, tree.parent, ignore_errors=True)
    for file, text, mode in (
        ("debian/control", CONTROL, 0o644),
        ("debian/changelog", CHANGELOG.format(version=version), 0o644),
        ("debian/rules", RULES, 0o755),
        ("debian/install", f"{NAME} usr/lib/slackd/plugins\n{NAME}.toml etc/slackd/plugins.d\n", 0o644),
        (NAME, PROGRAM.replace("Hello", greeting), 0o755),
        (f"{NAME}.toml", FILE, 0o644),
    ):
        path = tree / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
    command = [sys.executable, str(TEST_BED), f"--release={release}", f"--plugin={tree}"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=600
    )
    if done.returncode:
        raise RuntimeError(f"the plugin's package could not be built: {done.stderr[-3000:]}")
    return Path(json.loads(done.stdout)["deb"])


# Prints the events of the journal, as the plugin prints those that it was handed.
JOURNALED = """\
import json, sqlite3
journal = sqlite3.connect("file:/var/lib/slackd/journal.db?mode=ro", uri=True)
for (text,) in journal.execute("SELECT text FROM envelope WHERE type = 'events_api' ORDER BY id"):
    event = json.loads(text)["payload"]["event"]
    print(json.dumps([event.get("channel"), event.get("text")]))
"""

"""The npm package @slack/socket-mode, unchanged, takes the emulator for Slack."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from slackd.emulator import EmulatedApp, Emulator, EmulatorClient, EmulatorSettings

PACKAGES = {"@slack/socket-mode": "3.1.0", "@slack/web-api": "8"}
PROGRAM = Path(__file__).with_name("socket_mode_client.cjs")
PATIENCE = 45.0

pytestmark = pytest.mark.skipif(
    shutil.which("node") is None or shutil.which("npm") is None, reason="node and npm are not installed"
)


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """The packages, installed once outside the checkout."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "slackd-tests"
    folder = cache / f"node-socket-mode-{PACKAGES['@slack/socket-mode']}"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "node.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "installed").exists():
            folder.mkdir(exist_ok=True)
            wanted = [f"{name}@{version}" for name, version in PACKAGES.items()]
            command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), *wanted]
            subprocess.run(command, check=True, timeout=100, cwd=folder)
            (folder / "installed").touch()
    return folder / "node_modules"


async def acknowledged_after(fault: str, slack: EmulatorClient) -> None:
    await slack.wait_until_ready(timeout=PATIENCE)
    struck = [slack.core.connections[name] for name in slack.fault(fault)]
    await slack.wait_until(
        lambda: slack.summary().ready_now and all(old.ended_at is not None for old in struck),
        timeout=PATIENCE,
        what=f"another connection after {fault}",
    )
    await slack.wait_for_ack(slack.mention(f"after {fault}"), timeout=PATIENCE)


@pytest.mark.timeout(240)
async def test_it_hears_answers_and_comes_back_whatever_ends_its_connection(node_modules: Path) -> None:
    settings = EmulatorSettings(warning_grace=1.0, redelivery_delays=[0.5] * 20)
    async with Emulator([EmulatedApp(events=("app_mention",))], settings).serving() as slack:
        app = slack.apps[0]
        environment = {
            **os.environ,
            "NODE_PATH": str(node_modules),
            "SLACK_API_URL": slack.api_url,
            "SLACK_APP_TOKEN": app.app_token,
            "SLACK_BOT_TOKEN": app.bot_token,
        }
        program = await asyncio.create_subprocess_exec("node", str(PROGRAM), env=environment)
        try:
            await slack.wait_until_ready(timeout=PATIENCE)
            await slack.wait_for_ack(slack.mention("hello"), timeout=PATIENCE)
            command = await slack.wait_for_ack(slack.command("/deploy", "api"), timeout=PATIENCE)
            assert command.response == {"text": "done"}
            call = await slack.wait_for_call("chat.postMessage", timeout=PATIENCE)
            assert (call.args["text"], call.args["blocks"]) == ("heard", [])
            for fault in ("warning", "refresh_requested", "drop"):
                await acknowledged_after(fault, slack)
            assert slack.summary().never_acked == 0
        finally:
            if program.returncode is None:
                program.terminate()
            await program.wait()

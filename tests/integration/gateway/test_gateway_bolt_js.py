"""Bolt for JavaScript, unchanged but for the base URL: people do the same, and Slack's ledger says the same,
directly at Slack and behind slackd, in Socket Mode and at a request URL.
"""

import asyncio
import contextlib
import fcntl
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from slackd.emulator import Emulator
from tests.integration.gateway.bolt_feature_app import PATIENCE, digest, use
from tests.integration.gateway.gateway_rig import SOCKET_MODE, behind, free_port
from tests.integration.gateway.test_gateway_bolt import APPS, SETTINGS
from tests.support.foreign_apps import AppCredentials, direct

BOLT_JS = "5.1.0"


@pytest.fixture(scope="session")
def bolt_js() -> Path:
    """@slack/bolt, installed once outside the checkout."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not installed")
    cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "slackd-tests"
    folder = cache / f"node-bolt-{BOLT_JS}"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "node-bolt.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "installed").exists():
            folder.mkdir(exist_ok=True)
            command = [
                "npm",
                "install",
                "--no-audit",
                "--no-fund",
                "--prefix",
                str(folder),
                f"@slack/bolt@{BOLT_JS}",
            ]
            subprocess.run(command, check=True, timeout=100, cwd=folder)
            (folder / "installed").touch()
    return folder / "node_modules"


@contextlib.asynccontextmanager
async def program(bolt_js: Path, given: AppCredentials, port: int | None = None) -> AsyncIterator[None]:
    """The app in Bolt for JavaScript, in Socket Mode, or at a port."""
    about = {"PORT": str(port)} if port else {}
    environment = {**os.environ, **given.environment, **about, "NODE_PATH": str(bolt_js)}
    script = Path(__file__).with_name("bolt_app.cjs")
    running = await asyncio.create_subprocess_exec("node", str(script), env=environment, stdout=subprocess.PIPE)
    assert running.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE):
            assert b"running" in await running.stdout.readline()
        yield
    finally:
        running.terminate()
        await running.wait()


async def test_bolt_for_javascript_in_socket_mode_and_at_a_request_url(bolt_js: Path) -> None:
    port = free_port()
    posted = SOCKET_MODE.replace("socket_mode = true", f'request_url = "http://127.0.0.1:{port}/slack/events"')
    found = {}
    async with Emulator(APPS, SETTINGS).serving() as slack:
        async with program(bolt_js, direct(slack)):
            await slack.wait_until_ready(timeout=PATIENCE)
            await use(slack)
        found["directly"] = digest(slack)
    async with Emulator(APPS, SETTINGS).serving() as slack, behind(slack) as house:
        async with program(bolt_js, await house.credentials("bot")):
            await house.until_connected()
            await use(slack)
        found["in Socket Mode"] = digest(slack)
        assert slack.summary().oddities == {}
    async with Emulator(APPS, SETTINGS).serving() as slack, behind(slack, {"bot": posted}) as house:
        async with program(bolt_js, await house.credentials("bot"), port):
            await use(slack)
        found["at a request URL"] = digest(slack)
    assert found["in Socket Mode"] == found["directly"]
    assert found["at a request URL"] == found["directly"]

"""The npm packages @slack/socket-mode and @slack/bolt, unchanged, take the emulator for Slack."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from slackd.emulator import EmulatedApp, Emulator, EmulatorClient, EmulatorSettings

BOLT = {"@slack/bolt": "5.1.0"}
PACKAGES = {"@slack/socket-mode": "3.1.0", "@slack/web-api": "8"}
BOLT_PROGRAM = Path(__file__).with_name("bolt_app.cjs")
PROGRAM = Path(__file__).with_name("socket_mode_client.cjs")
PATIENCE = 45.0

pytestmark = pytest.mark.skipif(
    shutil.which("node") is None or shutil.which("npm") is None, reason="node and npm are not installed"
)


def installed(name: str, packages: Mapping[str, str]) -> Path:
    """The packages, installed once outside the checkout."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "slackd-tests"
    folder = cache / name
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "node.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "installed").exists():
            folder.mkdir(exist_ok=True)
            wanted = [f"{name}@{version}" for name, version in packages.items()]
            command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), *wanted]
            subprocess.run(command, check=True, timeout=100, cwd=folder)
            (folder / "installed").touch()
    return folder / "node_modules"


@pytest.fixture(scope="session")
def node_modules() -> Path:
    return installed(f"node-socket-mode-{PACKAGES['@slack/socket-mode']}", PACKAGES)


@pytest.fixture(scope="session")
def bolt_modules() -> Path:
    return installed(f"node-bolt-{BOLT['@slack/bolt']}", BOLT)


@asynccontextmanager
async def running(program: Path, modules: Path, slack: EmulatorClient) -> AsyncIterator[None]:
    """A program of node's, connected."""
    app = slack.apps[0]
    environment = {
        **os.environ,
        "NODE_PATH": str(modules),
        "SLACK_API_URL": slack.api_url,
        "SLACK_APP_TOKEN": app.app_token,
        "SLACK_BOT_TOKEN": app.bot_token,
    }
    process = await asyncio.create_subprocess_exec("node", str(program), env=environment)
    try:
        await slack.wait_until_ready(timeout=PATIENCE)
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


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
    app = EmulatedApp(events=("app_mention",))
    async with Emulator([app], settings).serving() as slack, running(PROGRAM, node_modules, slack):
        await slack.wait_for_ack(slack.mention("hello"), timeout=PATIENCE)
        command = await slack.wait_for_ack(slack.command("/deploy", "api"), timeout=PATIENCE)
        assert command.response == {"text": "done"}
        call = await slack.wait_for_call("chat.postMessage", timeout=PATIENCE)
        assert (call.args["text"], call.args["blocks"]) == ("heard", [])
        for fault in ("warning", "refresh_requested", "drop"):
            await acknowledged_after(fault, slack)
        assert slack.summary().never_acked == 0


@pytest.mark.timeout(240)
async def test_what_bolt_for_javascript_has_helpers_for_works(bolt_modules: Path) -> None:
    settings = EmulatorSettings(trigger_lifetime=60.0, ack_deadline=30.0)
    async with Emulator(settings=settings).serving() as slack, running(BOLT_PROGRAM, bolt_modules, slack):

        async def called(method: str, count: int = 1) -> None:
            call = await slack.wait_for_call(method, count=count, timeout=PATIENCE)
            assert call.ok, call.answer

        thread = slack.start_assistant_thread()
        await called("assistant.threads.setSuggestedPrompts")
        slack.post_message("hello", channel=str(thread.channel), thread_ts=thread.message_ts)
        await called("assistant.threads.setTitle")
        await called("chat.postMessage", 2)

        slack.run_step("sum", {"a": 1, "b": 2})
        await called("functions.completeSuccess")
        (step,) = slack.surfaces_of().executions.values()
        assert step["outputs"] == {"sum": 3}

        slack.mention("stream")
        await called("chat.stopStream")

        report = await slack.wait_for_ack(slack.command("/report"), timeout=PATIENCE)
        assert report.response == {"text": "On it"}
        await called("files.completeUploadExternal")

        await slack.wait_for_ack(slack.shortcut("order"), timeout=PATIENCE)
        await called("views.open")
        menu = slack.options("team", "ops")
        answer = await slack.wait_for_answer(menu, timeout=PATIENCE)
        values = {"name": {"typed": "bob"}, "team": {"team": answer["options"][0]}}
        await slack.wait_for_ack(slack.submit_view(values, callback_id="first"), timeout=PATIENCE)
        assert len(slack.surfaces_of().open_modals) == 2
        last = await slack.wait_for_ack(slack.submit_view(callback_id="second"), timeout=PATIENCE)
        assert last.response == {"response_action": "clear"}
        assert slack.surfaces_of().open_modals == {}
        assert slack.summary().not_emulated == {}

"""The recipes' apps from the registries, as the recipes say; `SLACKD_RECIPES=1` tries them."""

import asyncio
import contextlib
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from slackd.emulator import EmulatedApp, Emulator, EmulatorClient
from tests.integration.gateway.bolt_feature_app import digest
from tests.integration.gateway.gateway_rig import behind
from tests.support.foreign_apps import direct

pytestmark = [
    pytest.mark.skipif(not os.environ.get("SLACKD_RECIPES"), reason="SLACKD_RECIPES=1 tries the recipes"),
    pytest.mark.timeout(600),
]

RECIPES = Path(__file__).parents[3] / "docs" / "recipes"
PATIENCE = 90.0


def block(recipe: str, language: str) -> str:
    """The last block of code in this language."""
    text = (RECIPES / recipe).read_text()
    found = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    return str(found[-1])


def plugin_file(recipe: str) -> str:
    """The plugin's file of the recipe, for the user that runs the test."""
    return re.sub(r"^user = .*\n", "", block(recipe, "toml"), flags=re.MULTILINE)


@contextlib.asynccontextmanager
async def program(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> AsyncIterator[None]:
    log = (folder / "log").open("w")
    running = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env={**os.environ, **environment}, stdout=log, stderr=subprocess.STDOUT
    )
    try:
        yield
    except BaseException:
        print((folder / "log").read_text()[-4000:])
        raise
    finally:
        with contextlib.suppress(ProcessLookupError):
            running.kill()
        await running.wait()
        log.close()


async def until_logged(folder: Path, words: str) -> None:
    """The program says so: some say hello before they have loaded what answers."""
    async with asyncio.timeout(PATIENCE):
        while words not in (folder / "log").read_text():
            await asyncio.sleep(0.1)


async def run(command: Sequence[str], folder: Path) -> None:
    """A command of the recipe, to its good end."""
    running = await asyncio.create_subprocess_exec(*command, cwd=folder)
    async with asyncio.timeout(400):
        assert await running.wait() == 0


async def answers(slack: EmulatorClient, question: str, answer: str) -> None:
    """A person says it in a channel, and the app answers there."""
    slack.post_message(question)
    await slack.wait_for_call(
        "chat.postMessage", where=lambda call: answer in str(call.args.get("text")), timeout=PATIENCE
    )


def said(slack: EmulatorClient) -> tuple[Any, Any]:
    """What Slack's ledger says: of each envelope, and of each method how it was called, in whatever order."""
    found = digest(slack)
    return found["entries"], sorted({json.dumps(call) for call in found["calls"]})


async def used(
    command: Sequence[str],
    folder: Path,
    recipe: str,
    app: EmulatedApp,
    question: str,
    answer: str,
    *,
    loaded: str = "",
) -> None:
    """Directly at Slack and behind slackd, the app answers, and Slack's ledger says the same.

    Args:
        loaded: what the program logs when it can answer.
    """
    plugin = recipe.removesuffix(".md")
    async with Emulator([app]).serving() as slack:
        async with program(command, folder, direct(slack).environment):
            await slack.wait_until_ready(timeout=PATIENCE)
            await until_logged(folder, loaded)
            await answers(slack, question, answer)
        expected = said(slack)
        slack.reset()
        async with behind(slack, {plugin: plugin_file(recipe)}) as house:
            credentials = await house.credentials(plugin)
            async with program(command, folder, credentials.environment):
                await house.until_connected(plugin)
                await until_logged(folder, loaded)
                await answers(slack, question, answer)
        assert slack.summary().oddities == {}
        assert said(slack) == expected


async def test_errbot(tmp_path: Path) -> None:
    await run([sys.executable, "-m", "venv", "v"], tmp_path)
    await run(["v/bin/pip", "install", "-q", "errbot", "errbot-backend-slackv3"], tmp_path)
    (tmp_path / "config.py").write_text(block("errbot.md", "python"))
    (tmp_path / "data").mkdir()
    app = EmulatedApp(events=("message.channels",))
    await used(["v/bin/errbot", "-c", "config.py"], tmp_path, "errbot.md", app, "!about", "Errbot")


async def test_hubot(tmp_path: Path) -> None:
    install = ["npm", "install", "--no-audit", "--no-fund", "hubot@14", "@hubot-friends/hubot-slack@3"]
    (tmp_path / "package.json").write_text('{"type": "module"}')
    await run(install, tmp_path)
    (tmp_path / "adapters").mkdir()
    (tmp_path / "adapters" / "Slack.mjs").write_text(block("hubot.md", "js"))
    (tmp_path / "scripts").mkdir()
    script = "export default async (robot) => { robot.respond(/ping/i, (res) => res.send('PONG')) }"
    (tmp_path / "scripts" / "ping.mjs").write_text(script)
    app = EmulatedApp(name="hubot", events=("message.channels",))
    command = ["env", "PORT=0", *shlex.split(block("hubot.md", "console").splitlines()[-1].removeprefix("$ "))]
    question = f"<@{app.bot_user_id}> ping"
    await used(command, tmp_path, "hubot.md", app, question, "PONG", loaded="external-scripts")

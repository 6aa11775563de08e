"""The recipes' apps from the registries, as the recipes say; `SLACKD_RECIPES=1` tries them."""

import asyncio
import contextlib
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import pytest

from slackd.emulator import EmulatedApp, Emulator, EmulatorClient
from tests.integration.gateway.gateway_rig import GatewayHouse, behind

pytestmark = [
    pytest.mark.skipif(not os.environ.get("SLACKD_RECIPES"), reason="SLACKD_RECIPES=1 tries the recipes"),
    pytest.mark.timeout(300),
]

RECIPES = Path(__file__).parents[3] / "docs" / "recipes"
PATIENCE = 90.0


def block(recipe: str, language: str) -> str:
    """The first block of code in this language."""
    text = (RECIPES / recipe).read_text()
    found = re.search(rf"```{language}\n(.*?)```", text, re.DOTALL)
    assert found is not None
    return found[1]


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


async def run(command: Sequence[str], folder: Path) -> None:
    """A command of the recipe, to its good end."""
    running = await asyncio.create_subprocess_exec(*command, cwd=folder)
    async with asyncio.timeout(200):
        assert await running.wait() == 0


async def until_connected(house: GatewayHouse, plugin: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while not (await house.app(plugin))["connections"]:
            await asyncio.sleep(0.1)


async def answers(slack: EmulatorClient, question: str, answer: str) -> None:
    """A person says it in a channel, and the app answers there."""
    slack.post_message(question)
    await slack.wait_for_call(
        "chat.postMessage", where=lambda call: answer in str(call.args.get("text")), timeout=PATIENCE
    )


async def test_errbot(tmp_path: Path) -> None:
    await run([sys.executable, "-m", "venv", "v"], tmp_path)
    await run(["v/bin/pip", "install", "-q", "errbot", "errbot-backend-slackv3"], tmp_path)
    (tmp_path / "config.py").write_text(block("errbot.md", "python"))
    (tmp_path / "data").mkdir()
    app = EmulatedApp(events=("message.channels",))
    async with Emulator([app]).serving() as slack, behind(slack, {"errbot": plugin_file("errbot.md")}) as house:
        credentials = await house.credentials("errbot")
        async with program(["v/bin/errbot", "-c", "config.py"], tmp_path, credentials.environment):
            await until_connected(house, "errbot")
            await answers(slack, "!about", "Errbot")


async def test_hubot(tmp_path: Path) -> None:
    install = ["npm", "install", "--no-audit", "--no-fund", "hubot@14", "@hubot-friends/hubot-slack@3"]
    (tmp_path / "package.json").write_text('{"type": "module"}')
    await run(install, tmp_path)
    (tmp_path / "adapters").mkdir()
    (tmp_path / "adapters" / "Slack.mjs").write_text(block("hubot.md", "js"))
    (tmp_path / "scripts").mkdir()
    script = "export default async (robot) => { robot.respond(/ping/i, (res) => res.send('PONG')) }"
    (tmp_path / "scripts" / "ping.mjs").write_text(script)
    app = EmulatedApp(events=("message.channels",))
    async with Emulator([app]).serving() as slack, behind(slack, {"hubot": plugin_file("hubot.md")}) as house:
        credentials = await house.credentials("hubot")
        command = ["npx", "hubot", "--file", "adapters/Slack.mjs", "--name", "hubot"]
        async with program(command, tmp_path, {**credentials.environment, "EXPRESS_PORT": "0", "PORT": "0"}):
            await until_connected(house, "hubot")
            await answers(slack, f"<@{app.bot_user_id}> ping", "PONG")

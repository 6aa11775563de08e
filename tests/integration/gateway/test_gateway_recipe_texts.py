"""What the recipes say, word for word: their plugins' files are good, and their programs run, with what
`slackctl gateway credentials` prints.
"""

import asyncio
import contextlib
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import pytest

from slackd.config import load
from slackd.emulator import Emulator, EmulatorClient
from tests.integration.gateway.gateway_rig import GatewayHouse, behind
from tests.integration.gateway.test_gateway_bolt_js import bolt_js

RECIPES = Path(__file__).parents[3] / "docs" / "recipes"
PATIENCE = 60.0
TRIVIAL = """
import threading
from slack_sdk.socket_mode.response import SocketModeResponse
client.socket_mode_request_listeners.append(lambda client, request: client.send_socket_mode_response(
    SocketModeResponse(request.envelope_id, {"text": "Deploying " + request.payload["text"]})))
client.connect()
threading.Event().wait()
"""
__all__ = ["bolt_js"]


def blocks(recipe: str, language: str) -> list[str]:
    found = re.findall(rf"```{language}\n(.*?)```", (RECIPES / recipe).read_text(), re.DOTALL)
    return [str(each) for each in found]


def plugin_file(recipe: str) -> str:
    """The plugin's file, for the user that runs the test."""
    (text,) = blocks(recipe, "toml")
    return re.sub(r"^user = .*\n", "", text, flags=re.MULTILINE)


@pytest.mark.parametrize(
    "recipe", sorted(each.name for each in RECIPES.glob("*.md") if blocks(each.name, "toml"))
)
def test_a_plugins_file_is_good_and_is_called_as_its_first_line_says(recipe: str, tmp_path: Path) -> None:
    text = plugin_file(recipe)
    (name,) = re.findall(r"^# plugins\.d/(\w+)\.toml$", text, re.MULTILINE)
    (tmp_path / "plugins.d").mkdir()
    (tmp_path / "plugins.d" / f"{name}.toml").write_text(text)
    app = '[apps.main]\napp_token = "env:APP"\nbot_token = "env:BOT"\n'
    (tmp_path / "slackd.toml").write_text(app)
    for each in tmp_path.rglob("*"):
        each.chmod(0o700 if each.is_dir() else 0o600)
    plugin = load(tmp_path / "slackd.toml", environ={"APP": "xapp-1", "BOT": "xoxb-1"}).plugin_files[name]
    assert plugin.gateway is not None


async def printed(house: GatewayHouse, name: str) -> Mapping[str, str]:
    """`slackctl gateway credentials NAME > NAME.env`."""
    slackctl = [str(Path(sys.executable).with_name("slackctl")), "gateway", "credentials", name]
    command = [*slackctl, "--socket", str(house.house.path / "gateway-control.sock")]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
    lines = [line.partition("=") for line in done.stdout.splitlines()]
    names = [variable for variable, _, _ in lines]
    assert names == ["SLACK_API_URL", "SLACK_APP_TOKEN", "SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET"]
    return {variable: value for variable, _, value in lines}


@contextlib.asynccontextmanager
async def program(command: Sequence[str], environment: Mapping[str, str]) -> AsyncIterator[None]:
    running = await asyncio.create_subprocess_exec(*command, env={**os.environ, **environment})
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            running.kill()
        await running.wait()


@contextlib.asynccontextmanager
async def house_of_bolt() -> AsyncIterator[tuple[EmulatorClient, GatewayHouse, Mapping[str, str]]]:
    async with Emulator().serving() as slack, behind(slack, {"bolt": plugin_file("bolt-python.md")}) as house:
        yield slack, house, await printed(house, "bolt")


@contextlib.asynccontextmanager
async def python_program(tmp_path: Path, text: str) -> AsyncIterator[EmulatorClient]:
    """Slack, with this program connected behind slackd."""
    script = tmp_path / "app.py"
    script.write_text(text)
    async with (
        house_of_bolt() as (slack, house, environment),
        program([sys.executable, str(script)], environment),
    ):
        await house.until_connected("bolt")
        yield slack


async def test_bolt_for_python_as_it_stands(tmp_path: Path) -> None:
    async with python_program(tmp_path, blocks("bolt-python.md", "python")[0]) as slack:
        command = await slack.wait_for_ack(slack.command("/deploy", "main"))
        assert command.response == {"text": "Deploying main"}
        assert (await slack.wait_for_post(command, timeout=PATIENCE))["text"] == "Done"


async def test_slack_sdk_alone_as_it_stands(tmp_path: Path) -> None:
    imports = "import os\nfrom slack_sdk import WebClient\nfrom slack_sdk.socket_mode import SocketModeClient\n"
    async with python_program(tmp_path, imports + blocks("bolt-python.md", "python")[1] + TRIVIAL) as slack:
        command = await slack.wait_for_ack(slack.command("/deploy", "main"))
        assert command.response == {"text": "Deploying main"}


async def test_bolt_for_javascript_as_it_stands(bolt_js: Path, tmp_path: Path) -> None:
    script = tmp_path / "app.cjs"
    listener = (
        "app.command('/deploy', async ({ ack, command }) => ack(`Deploying ${command.text}`));\napp.start();\n"
    )
    script.write_text(blocks("bolt-javascript.md", "js")[0] + listener)
    async with (
        house_of_bolt() as (slack, house, environment),
        program(["node", str(script)], {**environment, "NODE_PATH": str(bolt_js)}),
    ):
        await house.until_connected("bolt")
        command = await slack.wait_for_ack(slack.command("/deploy", "main"))
        assert command.response == {"text": "Deploying main"}

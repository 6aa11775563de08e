"""The plugins.d file that a program's decorators need."""

import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from slackd.cli.slackctl.plugin import plugin
from slackd.config import load
from slackd.plugin import Plugin
from slackd.scaffold import ScaffoldError
from slackd.scaffold.declaration import declaration_for, read_program

PROGRAM = """
from slackd.plugin import Envelope, Plugin
plugin = Plugin("bot")

@plugin.command("/deploy")
async def deploy(envelope: Envelope) -> str:
    await plugin.slack.call("chat.postMessage", channel="C1", text="x")
    return "ok"

@plugin.event("app_mention")
@plugin.event("message.channels")
async def heard(envelope: Envelope) -> None:
    plugin.slack.call_sync('reactions.add')

@plugin.action("approve")
async def approve(envelope: Envelope) -> None: ...

@plugin.step("review")
async def review(envelope: Envelope) -> None: ...

@plugin.view("order")
async def order(envelope: Envelope) -> None: ...

plugin.run()
"""


def written(folder: Path, text: str) -> Path:
    (folder / "bot.py").write_text(text)
    return folder / "bot.py"


def test_there_is_a_subscription_for_each_handler_and_a_grant_for_each_call(tmp_path: Path) -> None:
    found = tomllib.loads(declaration_for(read_program(written(tmp_path, PROGRAM)), PROGRAM))
    assert found["user"] == "plugin-bot"
    assert found["slack"]["methods"] == ["chat.postMessage", "functions.completeSuccess", "reactions.add"]
    assert sorted(found["subscribe"], key=str) == sorted(
        [
            {"type": "slash_commands", "command": ["/deploy"], "respond": True},
            {"type": "events_api", "event": ["app_mention", "message.channels"]},
            {"type": "interactive", "action_id": ["approve"]},
            {"type": "interactive", "callback_id": ["order"], "respond": True},
            {"type": "events_api", "callback_id": ["review"]},
        ],
        key=str,
    )


@pytest.mark.parametrize(
    ("line", "methods"),
    [
        ("await plugin.slack.call('chat.update', ts='1')", ["chat.update"]),
        ("plugin.slack.call_sync(\n    'reactions.add')", ["reactions.add"]),
        ("await plugin.slack.chat_postEphemeral(channel='C1')", ["chat.postEphemeral"]),
        ("async for user in plugin.slack.each('users.list', 'members'): pass", ["users.list"]),
        ("async for page in plugin.slack.pages('users.list'): pass", ["users.list"]),
        ("slack = plugin.slack; await slack.views_open(view={})", ["views.open"]),
        ("await context.say('hello')", ["chat.postMessage"]),
        ("await context.fail('no')", ["functions.completeError"]),
        ("await plugin.slack.upload('https://files.slack.com/x', b'')", []),
        ("# call('chat.delete')", []),
        ("call('chat.delete')", []),
    ],
)
def test_methods_are_granted_however_they_are_called(line: str, methods: list[str]) -> None:
    source = f"async def handler(context):\n    {line}\n    pass\n"
    found = tomllib.loads(declaration_for(Plugin("bot"), source))
    assert found.get("slack", {}).get("methods", []) == methods


def test_a_step_may_be_completed(tmp_path: Path) -> None:
    text = (
        "from slackd.plugin import Plugin\nplugin = Plugin('bot')\nplugin.step('sample')(lambda envelope: {})\n"
    )
    found = tomllib.loads(declaration_for(read_program(written(tmp_path, text)), text))
    assert found["slack"]["methods"] == ["functions.completeSuccess"]


def test_slackd_accepts_what_is_printed(tmp_path: Path) -> None:
    printed = CliRunner().invoke(plugin, ["toml", str(written(tmp_path, PROGRAM))])
    assert printed.exit_code == 0, printed.output
    (tmp_path / "plugins.d").mkdir()
    (tmp_path / "plugins.d/bot.toml").write_text(printed.output)
    (tmp_path / "slackd.toml").write_text("")
    assert set(load(tmp_path / "slackd.toml").plugin_files) == {"bot"}


@pytest.mark.parametrize("end", ["plugin.run()", "import asyncio; asyncio.run(plugin.serve())"])
def test_a_program_is_read_and_not_served_however_it_serves(tmp_path: Path, end: str) -> None:
    text = f"from slackd.plugin import Plugin\nplugin = Plugin('bot')\nplugin.command('/x')(print)\n{end}\n"
    assert [route.kind for route in read_program(written(tmp_path, text)).routes] == ["command"]


@pytest.mark.parametrize(
    ("text", "words"),
    [("x = 1\n", "expected one plugin = Plugin"), ("1 / 0\n", "fails when it is imported: ZeroDivisionError")],
)
def test_a_program_without_a_plugin_is_an_error_that_says_so(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ScaffoldError, match=words):
        read_program(written(tmp_path, text))

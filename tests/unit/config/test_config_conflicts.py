"""Two plugins that would answer the same."""

from pathlib import Path
from typing import Any

import pytest

from slackd.config import Subscription
from slackd.config.conflicts import same_thing
from tests.unit.config.config_folder import ConfigFolder


def answers(type: str = "interactive", **narrowed: str) -> Subscription:  # noqa: A002 (the key's name)
    changes: dict[str, Any] = {name: (glob,) for name, glob in narrowed.items()}
    return Subscription(type=type, respond=True, **changes)


COMMAND = "slash_commands"


@pytest.mark.parametrize(
    ("one", "other", "thing"),
    [
        (answers(COMMAND, command="/a"), answers(COMMAND, command="/a"), 'command "/a"'),
        (answers(COMMAND, command="/a*"), answers(COMMAND, command="/ab"), 'command "/a*" and command "/ab"'),
        (answers(COMMAND), answers(COMMAND, command="/ab"), 'type "slash_commands"'),
        (answers("*"), answers(COMMAND, command="/ab"), 'type "*"'),
        (answers(callback_id="v"), answers(callback_id="v"), 'callback_id "v"'),
        (answers(action_id="o"), answers(action_id="o"), 'action_id "o"'),
        (answers(shortcut="s"), answers(shortcut="s"), 'shortcut "s"'),
        (answers(shortcut="s"), answers(callback_id="s"), 'shortcut "s" and callback_id "s"'),
        (answers(callback_id="v", action_id="o"), answers(callback_id="v"), 'callback_id "v"'),
        (answers(callback_id="v", app="m*"), answers(callback_id="v", app="main"), 'callback_id "v"'),
    ],
)
def test_the_same_thing(one: Subscription, other: Subscription, thing: str) -> None:
    assert same_thing(one, other) == thing
    assert same_thing(other, one) is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (answers(COMMAND, command="/a"), answers(COMMAND, command="/b")),
        (answers(COMMAND), answers("interactive")),
        (answers(COMMAND, command="/a", app="x"), answers(COMMAND, command="/a", app="y")),
        (answers(COMMAND, command="/a", channel="C1"), answers(COMMAND, command="/a", channel="C2")),
        (answers(callback_id="v"), answers(action_id="o")),
        (answers(callback_id="v", action_id="o"), answers(callback_id="v", action_id="p")),
        (answers(shortcut="s"), answers(callback_id="t")),
        (answers(COMMAND, command="/a"), Subscription(type=COMMAND, command=("/a",))),
    ],
)
def test_not_the_same_thing(one: Subscription, other: Subscription) -> None:
    assert same_thing(one, other) is None
    assert same_thing(other, one) is None


def test_both_files_are_named(tmp_path: Path) -> None:
    text = '[[subscribe]]\ntype = "events_api"\n[[subscribe]]\ntype = "slash_commands"\n{}respond = true\n'
    problems = ConfigFolder(tmp_path).problems_of(
        a=text.format('command = "/deploy"\n'),
        b=text.format('command = ["/x", "/deploy"]\n'),
        c=text.format(""),
    )
    first, second = f"{tmp_path / 'plugins.d' / 'a.toml'}", f"{tmp_path / 'plugins.d' / 'b.toml'}"
    first, second = (path.replace(f"{tmp_path}/", "") for path in (first, second))
    assert problems == [
        f'{second}:6: subscribe[1].respond: found an answer to command "/deploy", which {first} gives too, '
        "expected respond = true in one of the two files",
        f'plugins.d/c.toml:5: subscribe[1].respond: found an answer to type "slash_commands", which {first} '
        "gives too, expected respond = true in one of the two files",
        f'plugins.d/c.toml:5: subscribe[1].respond: found an answer to type "slash_commands", which {second} '
        "gives too, expected respond = true in one of the two files",
    ]

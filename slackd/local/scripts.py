"""A plugin that is a script for each envelope (`[exec]`): how it runs where its author works."""

import json
import re
import shutil
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from slackd.local.program import command_of
from slackd.local.project import without_owner

_COMMAND: Final = re.compile(r"^command\s*=\s*\[.*?\]", re.MULTILINE | re.DOTALL)
_EXEC: Final = re.compile(r"^\[exec\]\s*$", re.MULTILINE)


def with_local_script(declaration: str, program: Path) -> str:
    """Return a plugin's file whose `[exec]` runs this program, wherever the installed one is.

    Raises:
        LocalStackError: Nothing here can run the program.
    """
    rules = _exec_of(declaration)
    begin = _EXEC.search(declaration)
    if rules is None or begin is None:
        return declaration
    given = rules.get("command")
    arguments = [str(each) for each in given[1:]] if isinstance(given, list) else []
    command = json.dumps([*_absolute(command_of(program)), *arguments], ensure_ascii=False)
    head, tail = declaration[: begin.end()], declaration[begin.end() :]
    return head + _COMMAND.sub(
        lambda given: f"command = {command}" + "\n" * given[0].count("\n"), tail, count=1
    )


def script_command(
    name: str, declaration: str, folder: Path, socket: str
) -> tuple[tuple[str, ...], Mapping[str, str]] | None:
    """Return the command that runs a plugin's script, and its environment; None for a plugin without.

    Args:
        name: The plugin's name.
        declaration: Its file, as `with_local_script` made it.
        folder: For a configuration that names the plugin socket.
        socket: Where the plugin connects.
    """
    if _exec_of(declaration) is None:
        return None
    plugins = folder / "exec.d"
    plugins.mkdir(mode=0o700, exist_ok=True)
    (plugins / f"{name}.toml").write_text(without_owner(declaration), encoding="utf-8")
    file = folder / "exec.toml"
    places = {"socket": socket, "directory": str(plugins)}
    file.write_text("[plugins]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in places.items()))
    return (sys.executable, "-m", "slackd.cli.daemon", "exec", name), {"SLACKD_CONFIG": str(file)}


def _exec_of(declaration: str) -> dict[str, Any] | None:
    try:
        rules = tomllib.loads(declaration).get("exec")
    except ValueError:
        return None  # slackd says what is wrong with it
    return rules if isinstance(rules, dict) else None


def _absolute(command: tuple[str, ...]) -> tuple[str, ...]:
    """`[exec]` takes a program by its path."""
    return (shutil.which(command[0]) or command[0], *command[1:])

"""The emulator's rules know no event loop, no socket and no clock; and the emulator stands by itself."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import slackd.emulator

FOLDER = Path(slackd.emulator.__file__).parent
THIN = {
    "__init__",
    "__main__",
    "control",
    "client",
    "origin",
    "page",
    "page_state",
    "request_url",
    "serve",
    "server",
    "web",
}
IMPURE = {"aiohttp", "asyncio", "select", "selectors", "socket", "threading", "time"}
MODULES = sorted(FOLDER.rglob("*.py"))
PURE = [path for path in MODULES if path.stem not in THIN]


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


@pytest.mark.parametrize("path", PURE, ids=lambda path: path.stem)
def test_the_core_does_no_io(path: Path) -> None:
    assert not {name.partition(".")[0] for name in imports(path)} & IMPURE
    assert not {name for name in imports(path) if name.rpartition(".")[2] in THIN}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_it_needs_nothing_of_the_daemon(path: Path) -> None:
    house = {name for name in imports(path) if name.partition(".")[0] == "slackd"}
    shared = ("slackd.emulator", "slackd.slack", "slackd.slack_server", "slackd.signature", "slackd.text")
    assert all(name == "slackd" or name.startswith(shared) for name in house)

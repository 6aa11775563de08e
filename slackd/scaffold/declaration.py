"""The `plugins.d` file that a Python plugin's decorators need, read out of the program."""

import ast
import contextlib
import json
import re
import runpy
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from slackd.plugin import Plugin
from slackd.plugin.app import definitions_only
from slackd.plugin.matching import STEP, HandlerRoute
from slackd.scaffold import ScaffoldError

_CALLERS: Final = frozenset({"call", "call_sync", "each", "pages"})
"""What of `plugin.slack` is given a method by its name."""
_OWN_NAME: Final = re.compile(r"[a-z]+(?:_[a-zA-Z]+)+")
"""A method as it is called on `plugin.slack` itself: `chat_postMessage`."""
_METHOD: Final = re.compile(r"[a-z]+(?:\.[a-zA-Z]+)+")
_OF_CONTEXT: Final[Mapping[str, str]] = {
    "say": "chat.postMessage",
    "say_sync": "chat.postMessage",
    "complete": "functions.completeSuccess",
    "fail": "functions.completeError",
}


def read_program(program: Path) -> Plugin:
    """Run a program's definitions, without serving, and return its plugin.

    Raises:
        ScaffoldError: It makes no `Plugin`, or more than one, or fails.
    """
    if program.suffix not in ("", ".py"):
        raise ScaffoldError(
            f"{program} is no Python program, so it has no decorators to read: write its file by hand"
        )
    try:
        # What the program prints is no part of the file that is printed.
        with definitions_only(), contextlib.redirect_stdout(sys.stderr):
            names = runpy.run_path(str(program), run_name="slackd_plugin")
    except (Exception, SystemExit) as error:
        raise ScaffoldError(
            f"{program}: it fails when it is imported: {type(error).__name__}: {error}"
        ) from error
    found = [value for value in names.values() if isinstance(value, Plugin)]
    if len(found) != 1:
        raise ScaffoldError(
            f'{program}: expected one plugin = Plugin("NAME") among its global names, found {len(found)}'
        )
    return found[0]


def declaration_for(plugin: Plugin, source: str) -> str:
    """Return the file's text: a subscription for each handler, and the methods that the source names."""
    parts = [f'user = "plugin-{plugin.name}"']
    parts += _subscriptions(list(plugin.routes))
    methods = set(_methods_in(source))
    if any(route.pattern.startswith(STEP) for route in plugin.routes):
        methods.add("functions.completeSuccess")  # what its handler returns are the step's outputs
    if methods:
        parts.append(f"[slack]\nmethods = {json.dumps(sorted(methods))}")
    return "\n\n".join(parts) + "\n"


def _methods_in(source: str) -> Iterator[str]:
    """The methods that a program names where it calls them."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        name, of = node.func.attr, node.func.value
        first = node.args[0] if node.args else None
        if name in _CALLERS and isinstance(first, ast.Constant) and isinstance(first.value, str):
            if _METHOD.fullmatch(first.value):
                yield first.value
        elif name in _OF_CONTEXT:
            yield _OF_CONTEXT[name]
        elif "slack" in (getattr(of, "attr", ""), getattr(of, "id", "")) and _OWN_NAME.fullmatch(name):
            yield name.replace("_", ".")


def _subscriptions(routes: Iterable[HandlerRoute]) -> Iterator[str]:
    grouped: dict[tuple[str, str, bool], list[str]] = {}
    for route in routes:
        place = _place(route)
        if place is not None:
            patterns, pattern = grouped.setdefault(place, []), route.pattern.removeprefix(STEP)
            if pattern not in patterns:
                patterns.append(pattern)
    for (kind, key, answered), patterns in grouped.items():
        lines = [f'[[subscribe]]\ntype = "{kind}"']
        if key and patterns != ["*"]:
            lines.append(f"{key} = {json.dumps(sorted(patterns), ensure_ascii=False)}")
        if answered:
            lines.append("respond = true")
        yield "\n".join(lines)


def _place(route: HandlerRoute) -> tuple[str, str, bool] | None:
    match route.kind:
        case "command":
            return "slash_commands", "command", True
        case "event" if route.pattern.startswith(STEP):
            return "events_api", "callback_id", False
        case "event":
            return "events_api", "event", False
        case "action":
            return "interactive", "action_id", False
        case "options":
            return "interactive", "action_id", True
        case "view":
            return "interactive", "callback_id", True
        case "view_closed":
            return "interactive", "callback_id", False
        case "shortcut":
            return "interactive", "shortcut", False
        case "envelope":
            return (route.pattern if route.pattern != "*" else "events_api"), "", False
        case _:
            return None

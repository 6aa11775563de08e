"""What a shell may complete: names of plugins and apps, read from the files on disk."""

import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from slackd.config.load import APPS_FOLDER
from slackd.config.paths import find_file
from slackd.errors import ConfigError


def plugin_names(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Complete the name of a plugin.

    Returns:
        Those that begin with what was typed.
    """
    return sorted(name for name in set(_plugins()) if name.startswith(incomplete))


def app_names(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Complete the name of an app.

    Returns:
        Those that begin with what was typed.
    """
    return sorted(name for name in set(_apps()) if name.startswith(incomplete))


def _plugins() -> Iterator[str]:
    file, content = _configuration()
    if file is None:
        return
    section = content.get("plugins")
    named = section.get("directory") if isinstance(section, dict) else None
    folder = file.parent / (named if isinstance(named, str) else "plugins.d")
    yield from (each.stem for each in folder.glob("[!.]*.toml"))


def _apps() -> Iterator[str]:
    file, content = _configuration()
    if file is None:
        return
    yield from (each.stem for each in (file.parent / APPS_FOLDER).glob("[!.]*.toml"))
    apps = content.get("apps")
    yield from apps if isinstance(apps, dict) else ()


def _configuration() -> tuple[Path | None, dict[str, Any]]:
    """The file, and what it holds; nothing of it where it can't be read or is broken."""
    try:
        file = find_file(None, os.environ)
    except ConfigError:
        return None, {}
    try:
        return file, tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return file, {}

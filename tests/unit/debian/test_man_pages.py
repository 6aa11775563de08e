"""The man pages of the files have every key, and no page has a mistake in its roff."""

import importlib.util
import re
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import click
import pytest

from slackd.cli.commands import slackd
from slackd.cli.control import slackctl
from tests.unit.config.config_folder import ConfigFolder

MAN = Path(__file__).resolve().parents[3] / "packaging/man"
PAGES = ("slackd.toml.5", "slackd-plugin.toml.5")


@pytest.fixture(scope="module")
def pages() -> ModuleType:
    spec = importlib.util.spec_from_file_location("configuration_pages", MAN / "configuration_pages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def written(pages: ModuleType, tmp_path: Path) -> Path:
    for name in PAGES:
        (tmp_path / name).write_text(pages.page(name, pages.SOURCE.read_text()))
    return tmp_path


def keys_of(tmp_path: Path, daemon: str = "", **plugins: str) -> set[str]:
    """The known keys: an unknown one is told with them."""
    folder = tmp_path / "config"
    folder.mkdir()
    told = [
        problem.partition("an unknown key, expected ")[2]
        for problem in ConfigFolder(folder).problems_of(daemon, **plugins)
    ]
    return {key for each in told if each for key in re.split(r", | or ", each.partition(" (")[0])}


def plain(page: Path) -> str:
    return page.read_text().replace("\\-", "-").replace("\\fB", "").replace("\\fR", "")


def test_every_key_of_the_daemons_file_has_its_place(written: Path, tmp_path: Path) -> None:
    unknown = "unknown_key = 1\n"
    sections = ("apps.main", "journal", "plugins", "control", "link", "log")
    keys = keys_of(tmp_path, unknown + "".join(f"[{section}]\n{unknown}" for section in sections))
    assert {"app_token", "stall_timeout", "max_bytes", "grace"} <= keys
    text = plain(written / "slackd.toml.5")
    assert not [key for key in keys if not re.search(rf"\b{key}\b", text)]


def test_every_key_of_a_plugins_file_has_its_place(written: Path, tmp_path: Path) -> None:
    unknown = "unknown_key = 1\n"
    keys = keys_of(tmp_path, a=f"{unknown}[[subscribe]]\n{unknown}[delivery]\n{unknown}[slack]\n{unknown}")
    assert {"user", "ignore_self", "max_attempts", "methods"} <= keys
    text = plain(written / "slackd-plugin.toml.5")
    assert not [key for key in keys if not re.search(rf"\b{key}\b", text)]


@pytest.mark.parametrize(("group", "page"), [(slackd, "slackd.8"), (slackctl, "slackctl.8")])
def test_every_command_has_its_place(group: click.Group, page: str) -> None:
    text = plain(MAN / page)
    context = click.Context(group)
    shown = [name for name in group.list_commands(context) if not _is_hidden(group, context, name)]
    assert not [name for name in shown if not re.search(rf"\b{name}\b", text)]


def _is_hidden(group: click.Group, context: click.Context, name: str) -> bool:
    command = group.get_command(context, name)
    return command is None or command.hidden


@pytest.mark.skipif(not shutil.which("groff"), reason="groff is not installed")
@pytest.mark.parametrize("name", [*PAGES, "slackd.8", "slackctl.8"])
def test_groff_finds_no_mistake(name: str, written: Path) -> None:
    file = written / name if name in PAGES else MAN / name
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-Kutf8", "-wall", "-z", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")

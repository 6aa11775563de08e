"""The configuration of a slackd that runs where an author works; its errors name the author's own files."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import attrs

from slackd.config import Config, load
from slackd.config.plugin_file import PLUGIN_NAME, PLUGIN_NAME_EXPECTED
from slackd.local.program import LocalStackError
from slackd.local.project import apps_named_in, without_owner
from slackd.toml_reader.problems import InvalidConfig, Problem

if TYPE_CHECKING:
    from slackd.emulator import EmulatedApp

SIGNING_SECRET: Final = "8f742231b10e8888abcd99yyyzzz85a5"
"""What the emulated Slack signs with: Slack's own example of one ("Verifying requests from Slack")."""


class LocalConfiguration:
    """The configuration of one local slackd, in a folder of its own.

    Args:
        folder: Holds it, and the journal and sockets that it names.
        apps: The apps of the emulated Slack.
        api_url: Where that is.
        port: Where slackd's receiver takes what Slack posts; 0 for Socket Mode.

    Attributes:
        plugins_socket: Where plugins connect.
        control_socket: What slackctl asks.
    """

    def __init__(self, folder: Path, apps: "Iterable[EmulatedApp]", api_url: str, port: int) -> None:
        self._folder, self._apps, self._api_url, self._port = folder, tuple(apps), api_url, port
        self.plugins_socket = folder / "plugins.sock"
        self.control_socket = folder / "control.sock"

    def write(self, declarations: Mapping[str, str]) -> Config:
        """Write it for these plugins, and read it as slackd does.

        Where there is one app it has the name that the plugins' files know it by.

        Args:
            declarations: The text of `plugins.d/NAME.toml`, by name.

        Returns:
            The configuration.

        Raises:
            ConfigError: One of the texts cannot be used; it names every mistake.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        plugins = write_declarations(self._folder, declarations)
        named = {name for text in declarations.values() for name in apps_named_in(text)}
        renamed = named.pop() if len(named) == len(self._apps) == 1 else None
        tables = [self._app_table(app, renamed or app.name) for app in self._apps]
        places = (
            f'[journal]\ndirectory = "{self._folder}/journal"\n'
            f'[plugins]\nsocket = "{self.plugins_socket}"\ndirectory = "{plugins}"\n'
            f'[control]\nsocket = "{self.control_socket}"\n'
        )
        receiver = f'[receiver]\nlisten = ["127.0.0.1:{self._port}"]\n' if self._port else ""
        return _read(self._folder, "".join(tables) + places + receiver)

    def _app_table(self, app: "EmulatedApp", name: str) -> str:
        secrets = {"app": app.app_token, "bot": app.bot_token, "signing": SIGNING_SECRET}
        for kind, token in secrets.items():
            secret = self._folder / f"{app.name}.{kind}"
            secret.write_text(token, encoding="utf-8")
            secret.chmod(0o600)
        lines = [
            f"[apps.{name}]",
            f'app_token = "file:{self._folder}/{app.name}.app"',
            f'bot_token = "file:{self._folder}/{app.name}.bot"',
            f'api_url = "{self._api_url}"',
        ]
        if self._port:
            lines += ['transport = "http"', f'signing_secret = "file:{self._folder}/{app.name}.signing"']
        return "\n".join([*lines, ""])


def check_declaration(name: str, declaration: str) -> None:
    """Read a plugin's file as slackd does, whatever its apps are called.

    Raises:
        ConfigError: It cannot be used; it names every mistake.
    """
    with TemporaryDirectory(prefix="slackd-") as folder:
        plugins = write_declarations(Path(folder), {name: declaration})
        _read(Path(folder), f'[plugins]\ndirectory = "{plugins}"\n')


def write_declarations(folder: Path, declarations: Mapping[str, str]) -> Path:
    """Write plugins' files, without their owners, and take away those that are there no more.

    Returns:
        Their folder.

    Raises:
        LocalStackError: No plugin can have such a name.
    """
    for name in declarations:
        if PLUGIN_NAME.fullmatch(name) is None:
            raise LocalStackError(f"no plugin can be called {name!r}: plugins.d takes {PLUGIN_NAME_EXPECTED}")
    plugins = folder / "plugins.d"
    plugins.mkdir(mode=0o700, exist_ok=True)
    for old in plugins.glob("*.toml"):
        if old.stem not in declarations:
            old.unlink()
    for name, text in declarations.items():
        (plugins / f"{name}.toml").write_text(without_owner(text), encoding="utf-8")
    return plugins


def _read(folder: Path, text: str) -> Config:
    file = folder / "slackd.toml"
    file.write_text(text, encoding="utf-8")
    try:
        return load(file)
    except InvalidConfig as invalid:
        raise InvalidConfig(_as_the_author_knows_it(each, folder) for each in invalid.problems) from None


def _as_the_author_knows_it(problem: Problem, folder: Path) -> Problem:
    """The author's files are copied into the folder, under the names that they have when they are installed."""
    written = f"{folder / 'plugins.d'}/"
    found, expected = problem.found.replace(written, ""), problem.expected.replace(written, "")
    return attrs.evolve(problem, file=Path(problem.file.name), found=found, expected=expected)

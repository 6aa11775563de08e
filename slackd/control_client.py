"""The control API as a client of the standard library: HTTP over the Unix socket."""

import http.client
import json
import os
import select
import socket as sockets
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Final
from urllib.parse import urlencode

from slackd import SlackdError
from slackd.text import printable

NOT_REACHABLE: Final = 3
"""Exit status when slackd can't be asked."""
ANSWER_WITHIN = 15.0
"""Seconds: a broker that restarts is back long before; meanwhile the socket's backlog keeps the question."""
LOOK_AFTER = 1.0
"""Seconds without an answer after which to look whether there is a broker at all."""
STREAM_SILENCE = 60.0
"""Seconds without even a heartbeat after which a stream is dead."""
SOCKET_VARIABLE: Final = "SLACKD_CONTROL_SOCKET"
GROUP: Final = "slackd-admin"


class Unreachable(SlackdError):
    """Nobody can be asked; the message says why, and what to do.

    Attributes:
        path: The broker's socket on which nobody answers; None where somebody does, this user may not ask, or
            somebody else was asked.
    """

    path: Path | None = None


class ControlRefused(SlackdError):
    """slackd answered, and the answer was no; the words are its own."""


def find_socket(given: str | None, environ: Mapping[str, str], uid: int) -> Path:
    """The control socket: the one given, $SLACKD_CONTROL_SOCKET, the one that the configuration names, or where
    it stands by default."""
    from slackd.config.paths import SYSTEM_FILE, find_file, places
    from slackd.errors import ConfigError

    named = given or environ.get(SOCKET_VARIABLE)
    if named:
        return Path(named)
    try:
        file = find_file(None, environ)
    except ConfigError:
        default = places(SYSTEM_FILE, environ, uid).runtime / "control.sock"
        # Nothing says which daemon is meant: the user's own, if the system has none.
        return default if default.exists() else places(Path("/"), environ, uid).runtime / "control.sock"
    return _named_in(file) or places(file, environ, uid).runtime / "control.sock"


def find_gateway_socket(given: str | None, environ: Mapping[str, str], uid: int) -> Path:
    """The gateway's control socket: the one given, the one that the configuration names, or the one beside the
    broker's."""
    from slackd.config.paths import find_file
    from slackd.errors import ConfigError

    if given:
        return Path(given)
    try:
        named = _named_in(find_file(None, environ), "gateway", "control_socket")
    except ConfigError:
        named = None
    return named or find_socket(None, environ, uid).with_name("gateway-control.sock")


def _named_in(file: Path, section: str = "control", key: str = "socket") -> Path | None:
    """What `[control] socket` says, or the key of another section. A file that can't be read or is broken says
    nothing: the daemon that runs may be older than what is in it now."""
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8")).get(section)
    except (OSError, ValueError):
        return None
    named = content.get(key) if isinstance(content, dict) else None
    return file.parent / named if isinstance(named, str) and named else None


class ControlClient:
    """Asks the broker. Every method raises `Unreachable` or `ControlRefused`.

    Args:
        path: The control socket.
        is_absent: Asked once no answer has come for `LOOK_AFTER` seconds: whether nobody will give one. systemd
            holds the socket, so a broker that fails to start is not told from a busy one by connecting.
    """

    asked: ClassVar = "slackd"
    """Who answers on the socket, as errors call it."""
    is_the_broker: ClassVar = True
    """Whether the state of the broker's unit explains why nobody answers."""

    def __init__(self, path: Path, is_absent: Callable[[Path], bool] | None = None) -> None:
        self.path, self._is_absent = path, is_absent

    def get(self, path: str, **parameters: object) -> Any:
        """Ask for what a path answers with.

        Returns:
            The JSON that a path answers with.

        Raises:
            Unreachable: Nobody answers.
            ControlRefused: The broker answers with an error; the message is the broker's.
        """
        return self._parsed(self.text(path, **parameters))

    def text(self, path: str, **parameters: object) -> bytes:
        """Ask for what a path answers with, as it comes.

        Returns:
            The body.

        Raises:
            Unreachable: Nobody answers.
            ControlRefused: The broker answers with an error; the message is the broker's.
        """
        with self._asked("GET", _with(path, parameters)) as response:
            return response.read()

    def post(self, path: str, content: Mapping[str, Any]) -> Any:
        """Ask for something to be done.

        Returns:
            The JSON of what was done.

        Raises:
            Unreachable: Nobody answers.
            ControlRefused: The broker answers with an error; the message is the broker's.
        """
        with self._asked("POST", path, json.dumps(content).encode()) as response:
            return self._parsed(response.read())

    def _parsed(self, body: bytes) -> Any:
        try:
            return json.loads(body)
        except ValueError as error:
            raise Unreachable(f"what answers on {self.path} is not {self.asked}: it says no JSON") from error

    def lines(self, path: str, **parameters: object) -> Iterator[Any]:
        """A stream of JSON values, one a line, until the broker stops.

        Raises:
            Unreachable: Nobody answers.
            ControlRefused: The broker answers with an error; the message is the broker's.
        """
        with self._asked("GET", _with(path, parameters), timeout=STREAM_SILENCE) as response:
            try:
                for line in response:
                    if line.strip():
                        yield json.loads(line)
            except (OSError, http.client.HTTPException, ValueError):
                return

    def chunks(self, path: str, size: int = 1 << 20) -> Iterator[bytes]:
        """A large answer, piece by piece.

        Raises:
            Unreachable: Nobody answers, or the answer breaks off.
            ControlRefused: The broker refuses.
        """
        with self._asked("GET", path, timeout=None) as response:
            try:
                while chunk := response.read(size):
                    yield chunk
            except (OSError, http.client.HTTPException) as error:
                raise Unreachable(f"the answer broke off: {error}; did slackd stop?") from error

    def _asked(
        self, method: str, path: str, body: bytes | None = None, timeout: float | None = ANSWER_WITHIN
    ) -> http.client.HTTPResponse:
        connection = _OverUnixSocket(self.path, timeout)
        headers = {"Connection": "close"} | ({"Content-Type": "application/json"} if body else {})
        try:
            connection.request(method, path, body, headers)
            self._await_answer(connection, timeout)
            response = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            unreachable = self._unreachable(error)
            if self.is_the_broker and not isinstance(error, PermissionError):
                unreachable.path = self.path
            raise unreachable from error
        if response.status >= 400 and path not in ("/healthz", "/readyz"):
            with response:
                raise ControlRefused(_words(response))
        return response

    def _await_answer(self, connection: http.client.HTTPConnection, timeout: float | None) -> None:
        is_late = self._is_absent is not None and not select.select([connection.sock], [], [], LOOK_AFTER)[0]
        if is_late and self._is_absent is not None and self._is_absent(self.path):
            connection.close()
            unreachable = Unreachable(f"{self.asked} is not running: nobody answers on {self.path}")
            unreachable.path = self.path
            raise unreachable
        # A stream may be silent for longer, once it has begun; a backup begins when its copy is made.
        if timeout is not None and not select.select([connection.sock], [], [], ANSWER_WITHIN)[0]:
            raise TimeoutError

    def _unreachable(self, error: Exception) -> Unreachable:
        match error:
            case FileNotFoundError():
                hint = f"start it ({self.start()}), or say where it is (--socket PATH)"
                return Unreachable(f"{self.asked} is not running: there is no {self.path}; {hint}")
            case ConnectionRefusedError():
                return Unreachable(
                    f"{self.asked} is not running: nobody listens on {self.path}; {self.start()}"
                )
            case PermissionError():
                hint = f"sudo adduser $USER {GROUP}, then log in again; or use sudo"
                return Unreachable(
                    f"you may not ask {self.asked}: {self.path} is for the group {GROUP}; {hint}"
                )
            case TimeoutError():
                return Unreachable(
                    f"{self.asked} did not answer on {self.path} within {ANSWER_WITHIN:g} s; {self.look()}"
                )
        return Unreachable(f"{self.asked} could not be asked on {self.path}: {error}; {self.look()}")

    def start(self) -> str:
        """How to start who is asked."""
        return "systemctl start slackd" if self.is_the_services() else "slackd run --config FILE"

    def look(self) -> str:
        """Where the reason stands."""
        return "see systemctl status slackd-broker" if self.is_the_services() else "see what slackd run printed"

    def is_the_services(self) -> bool:
        """Whether it is the socket of a service of systemd's."""
        from slackd.config.paths import SYSTEM_RUNTIME, systemd_runs

        return self.path.parent == SYSTEM_RUNTIME and systemd_runs()


class _OverUnixSocket(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float | None) -> None:
        super().__init__("slackd", timeout=ANSWER_WITHIN)
        self._path, self._silence = path, timeout

    def connect(self) -> None:
        self.sock = sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM)
        self.sock.settimeout(ANSWER_WITHIN)
        self.sock.connect(os.fspath(self._path))
        self.sock.settimeout(self._silence)


def _with(path: str, parameters: Mapping[str, object]) -> str:
    given = {name: value for name, value in parameters.items() if value is not None}
    return f"{path}?{urlencode(given, errors='surrogateescape')}" if given else path


def _words(response: http.client.HTTPResponse) -> str:
    content = response.read(1 << 20)
    try:
        return printable(str(json.loads(content)["error"]))
    except (ValueError, KeyError, TypeError):
        return printable(f"slackd answered {response.status} {response.reason}")

"""slackctl's table of commands, where it looks for slackd, and what it costs."""

import contextlib
import importlib.util
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import slackd
from slackd import __version__, control_client
from slackd.cli.control import COMMANDS, slackctl
from slackd.control_client import Unreachable, find_socket


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_that_is_installed_is_one(name: str) -> None:
    if importlib.util.find_spec(COMMANDS[name].where.partition(":")[0]) is None:
        pytest.skip("comes with another package")
    command = slackctl.get_command(click.Context(slackctl), name)
    assert command is not None
    assert command.help


def test_an_unknown_command_is_told_with_the_nearest() -> None:
    result = CliRunner().invoke(slackctl, ["statsu"])
    assert result.exit_code == 2
    assert "'status'" in result.output


def test_the_help_imports_no_command() -> None:
    code = """
import sys
from slackd.cli.control import slackctl
slackctl(["--help"], standalone_mode=False)
loaded = [name for name in sys.modules if name.startswith("slackd.cli.slackctl.")]
assert loaded == ["slackd.cli.slackctl.options"], loaded
assert not {"rich", "aiohttp", "slackd.config", "asyncio"} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr


def test_the_socket_is_the_one_that_is_named_first(tmp_path: Path) -> None:
    environ = {"SLACKD_CONTROL_SOCKET": "/run/from-environment.sock"}
    assert find_socket("/run/given.sock", environ, 1_000) == Path("/run/given.sock")
    assert find_socket(None, environ, 1_000) == Path("/run/from-environment.sock")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[control]\nsocket = "/run/elsewhere.sock"', "/run/elsewhere.sock"),
        ('[control]\nsocket = "run/c.sock"', "FOLDER/run/c.sock"),
        ("", "/run/user/1000/slackd/control.sock"),
        ("[control]\nsocket = 5", "/run/user/1000/slackd/control.sock"),
        ("this is [no TOML", "/run/user/1000/slackd/control.sock"),
    ],
)
def test_else_the_one_that_the_configuration_says(text: str, expected: str, tmp_path: Path) -> None:
    file = tmp_path / "slackd.toml"
    file.write_text(text)
    environ = {"SLACKD_CONFIG": str(file), "XDG_RUNTIME_DIR": "/run/user/1000"}
    assert find_socket(None, environ, 1_000) == Path(expected.replace("FOLDER", str(tmp_path)))


@pytest.mark.parametrize("arguments", [("status",), ("credentials", "deploybot"), ("metrics",)])
def test_a_gateway_that_is_off_is_no_slackd_that_is_off(arguments: tuple[str, ...], tmp_path: Path) -> None:
    place = str(tmp_path / "gateway-control.sock")
    result = CliRunner().invoke(slackctl, ["gateway", *arguments, "--socket", place])
    assert isinstance(result.exception, Unreachable)
    assert str(result.exception) == (
        f"the gateway is not running: there is no {place}; start it (slackd run has it in it once a plugin's "
        "file has a [gateway] table, or: slackd gateway), or say where it is (--socket PATH)"
    )
    assert result.exception.path is None


@contextlib.contextmanager
def answering(folder: Path, body: bytes) -> Iterator[str]:
    """Something that answers every question with this."""
    path = str(folder / "control.sock")
    with socket.create_server(path, family=socket.AF_UNIX) as listening:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    with connection:
                        connection.recv(65_536)
                        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
                        connection.sendall(head.encode() + body)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield path
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.parametrize("command", ["status", "plugins", "inflight", "gaps", "deadletters list", "wait-idle"])
@pytest.mark.parametrize(
    ("body", "release"),
    [(b'{"broker": {"version": "7.0"}, "health": "ok"}', "7.0"), (b"{}", "of another release")],
)
def test_a_slackd_of_another_release_is_said_to_be_one(
    command: str, body: bytes, release: str, tmp_path: Path
) -> None:
    with answering(tmp_path, body) as path:
        result = CliRunner().invoke(slackctl, ["--socket", path, *command.split()])
    assert isinstance(result.exception, Unreachable)
    assert f"slackd ({release}) answers otherwise than this slackctl ({__version__})" in str(result.exception)


def test_what_says_no_json_is_not_slackd(tmp_path: Path) -> None:
    with answering(tmp_path, b"<html>") as path:
        result = CliRunner().invoke(slackctl, ["--socket", path, "status"])
    assert isinstance(result.exception, Unreachable)
    assert "is not slackd" in str(result.exception)


@pytest.mark.parametrize("command", ["status", "tail"])
def test_a_slackd_that_stands_still_is_waited_for_as_long_as_is_said(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_client, "ANSWER_WITHIN", 0.2)
    path = str(tmp_path / "control.sock")
    with socket.create_server(path, family=socket.AF_UNIX):  # connects, and is never accepted
        result = CliRunner().invoke(slackctl, ["--socket", path, command])
    assert isinstance(result.exception, Unreachable)
    assert "did not answer" in str(result.exception)
    assert "within 0.2 s" in str(result.exception)


@pytest.mark.parametrize("command", ["bugreport --output b.tgz", "plugin new greeter"])
def test_a_disk_without_room_is_said_in_a_line(command: str, tmp_path: Path) -> None:
    # No file may have a byte here, which is as good as a full disk.
    line = f"ulimit -f 0; exec {sys.executable} -B -m slackd.cli.control {command}"
    environ = {
        **os.environ,
        "SLACKD_CONFIG": "/nonexistent",
        "PYTHONPATH": str(Path(slackd.__file__).parents[1]),
    }
    done = subprocess.run(
        ["bash", "-c", line],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "File too large" in done.stderr
    assert not (tmp_path / "b.tgz").exists()

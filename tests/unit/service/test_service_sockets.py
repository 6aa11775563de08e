"""Sockets made here: modes, what a dead process left, what a living one holds."""

import fcntl
import os
import socket
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from slackd.systemd.errors import SocketTaken, SocketUnusable
from slackd.systemd.sockets import bind, inherited, listen


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short: a socket's path has at most 107 bytes."""
    with tempfile.TemporaryDirectory(dir="/tmp") as path:
        yield Path(path)


def connects(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True


@pytest.mark.parametrize("mode", [0o600, 0o660, 0o666])
def test_the_mode_is_what_was_asked_for_whatever_the_umask(folder: Path, mode: int) -> None:
    before = os.umask(0o077)
    try:
        listener = bind(folder / "a.sock", mode)
        assert os.umask(0o077) == 0o077
    finally:
        os.umask(before)
    assert stat.S_IMODE((folder / "a.sock").stat().st_mode) == mode
    assert connects(folder / "a.sock")
    listener.close()


def test_the_file_goes_with_its_listener(folder: Path) -> None:
    bind(folder / "a.sock", 0o600).close()
    assert not (folder / "a.sock").exists()


def test_the_file_of_a_successor_stays(folder: Path) -> None:
    first = bind(folder / "a.sock", 0o600)
    (folder / "a.sock").rename(folder / "old.sock")
    second = bind(folder / "a.sock", 0o600)
    first.close()
    assert connects(folder / "a.sock")
    second.close()


def test_what_a_dead_process_left_is_replaced(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(folder / "a.sock"))
    listener = bind(folder / "a.sock", 0o600)
    assert connects(folder / "a.sock")
    listener.close()


def test_what_a_living_process_holds_is_not(folder: Path) -> None:
    first = bind(folder / "a.sock", 0o600)
    with pytest.raises(SocketTaken, match=f"Process {os.getpid()} already answers on {folder}/a.sock"):
        listen("link", folder / "a.sock", 0o600, patience=0)
    assert connects(folder / "a.sock")
    first.close()


def test_a_full_backlog_is_a_living_process_too(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as waiting:
        busy.bind(str(folder / "a.sock"))
        busy.listen(0)
        waiting.connect(str(folder / "a.sock"))
        with pytest.raises(SocketTaken):
            bind(folder / "a.sock", 0o600)


def test_what_is_no_socket_is_left_alone(folder: Path) -> None:
    (folder / "a.sock").write_text("precious")
    with pytest.raises(SocketUnusable, match="is not a socket: remove it, or set another path"):
        bind(folder / "a.sock", 0o600)
    assert (folder / "a.sock").read_text() == "precious"


def test_a_lock_that_somebody_else_has_on_the_folder_holds_nothing_up(folder: Path) -> None:
    """Whoever can read a folder can lock it."""
    foreign = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(foreign, fcntl.LOCK_EX)
    started = time.monotonic()
    bind(folder / "s", 0o600).close()
    assert time.monotonic() - started < 1.5
    os.close(foreign)
    locks = [path for path in folder.iterdir() if path.name.endswith(".lock")]
    assert [stat.S_IMODE(path.stat().st_mode) for path in locks] == [0o600]


def test_the_folder_is_made(folder: Path) -> None:
    listener = bind(folder / "b" / "run" / "a.sock", 0o600)
    mode = stat.S_IMODE((folder / "b" / "run").stat().st_mode)
    assert mode == (0o755 if os.geteuid() == 0 else 0o700)
    listener.close()


def test_a_folder_that_anybody_may_change_is_refused(folder: Path) -> None:
    (folder / "open").mkdir()
    (folder / "open").chmod(0o777)
    with pytest.raises(SocketUnusable, match=r"can be changed by other users \(uid \d+, mode 0777\)"):
        bind(folder / "open" / "a.sock", 0o600)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives folders away")
def test_a_folder_in_tmp_that_somebody_else_made_first_is_refused(folder: Path) -> None:
    os.chown(folder, 4242, -1)
    with pytest.raises(SocketUnusable, match="can be changed by other users"):
        bind(folder / "a.sock", 0o600)


def test_a_path_that_cannot_be_bound_is_told(folder: Path) -> None:
    with pytest.raises(SocketUnusable, match="cannot be made"):
        bind(folder / ("a" * 200), 0o600)
    (folder / "file").touch()
    with pytest.raises(SocketUnusable, match="cannot be made"):
        bind(folder / "file" / "a.sock", 0o600)


def test_what_is_meant_for_another_process_is_not_taken() -> None:
    environ = {"LISTEN_PID": "1", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "link", "OTHER": "x"}
    assert inherited(environ) == {}
    assert environ == {"OTHER": "x"}
    assert inherited({}) == {}


def test_a_descriptor_that_is_not_there_is_told() -> None:
    environ = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "4000", "LISTEN_FDNAMES": ":".join("x" * 4000)}
    with pytest.raises(SocketUnusable):
        inherited(environ)

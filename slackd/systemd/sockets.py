"""The sockets that the broker serves: passed by systemd (sd_listen_fds(3)), or made here.

A socket that systemd made stays when the broker goes: who connects meanwhile waits in its backlog. One made
here goes with the process, unless another broker has already put its own in the place.
"""

import contextlib
import fcntl
import os
import socket
import stat
import struct
import sys
import time
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Any, Final

from slackd.slotted import frozen
from slackd.systemd.errors import SocketTaken, SocketUnusable

_FIRST_DESCRIPTOR: Final = 3
_STREAM: Final = socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
_LOCK: Final = ".sockets.lock"
_LOCK_PATIENCE: Final = 2.0
"""Seconds in which another process of slackd's may still be looking and binding."""
BACKLOG: Final = 4096
"""Connections that may wait, as many as systemd allows by default."""

KEEP_SOCKET_FILE: Final[Mapping[str, Any]] = {"cleanup_socket": False} if sys.version_info >= (3, 13) else {}
"""For `asyncio.start_unix_server(…, sock=…, **KEEP_SOCKET_FILE)`: from Python 3.13 on, asyncio would otherwise
remove systemd's socket file when the server closes."""


def inherited(environ: MutableMapping[str, str] | None = None) -> dict[str, tuple[socket.socket, ...]]:
    """Take the listening sockets that systemd passed (sd_listen_fds(3)).

    Takes them once: the variables are removed, so that nothing started from here takes them for its own.

    Args:
        environ: The process's own environment if None; LISTEN_PID and its kin are removed from it.

    Returns:
        The sockets by the names of their units (`FileDescriptorName=`).

    Raises:
        SocketUnusable: Something passed is no listening stream socket.
    """
    environ = os.environ if environ is None else environ
    pid, count = environ.pop("LISTEN_PID", ""), environ.pop("LISTEN_FDS", "")
    names = environ.pop("LISTEN_FDNAMES", "")
    if pid != str(os.getpid()) or not count.isdecimal():
        return {}
    labels = names.split(":") if names else []
    found: dict[str, tuple[socket.socket, ...]] = {}
    for position in range(int(count)):
        # systemd's own word for a socket without a name.
        name = labels[position] if position < len(labels) and labels[position] else "unknown"
        found[name] = (*found.get(name, ()), _listening(_FIRST_DESCRIPTOR + position, name))
    return found


def _listening(descriptor: int, name: str) -> socket.socket:
    try:
        os.set_inheritable(descriptor, False)
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            raise SocketUnusable(f"Descriptor {descriptor} ({name}), passed by systemd, is not a socket.")
        made = socket.socket(fileno=descriptor)
    except OSError as error:
        raise SocketUnusable(
            f"LISTEN_FDS names descriptor {descriptor} ({name}), which cannot be used: {error.strerror}."
        ) from error
    if made.type != socket.SOCK_STREAM or not made.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        made.detach()
        raise SocketUnusable(
            f"The socket {name} (descriptor {descriptor}), passed by systemd, does not listen: "
            "its unit needs ListenStream= and Accept=no."
        )
    made.setblocking(False)
    return made


@frozen
class ListeningSocket:
    """One listening Unix socket.

    Attributes:
        socket: Non-blocking, ready for asyncio.
        path: The file that was made for it, and its inode; None where systemd made it.
    """

    socket: socket.socket
    path: Path | None = None
    inode: int = 0

    def close(self) -> None:
        """Stop listening, and remove the file if it is still this socket's."""
        self.socket.close()
        if self.path is not None:
            with contextlib.suppress(FileNotFoundError), _locked(self.path.parent):
                if os.lstat(self.path).st_ino == self.inode:
                    os.unlink(self.path)


def listen(
    name: str,
    path: Path,
    mode: int,
    passed: Mapping[str, tuple[socket.socket, ...]] | None = None,
    *,
    patience: float = 2.0,
) -> ListeningSocket:
    """Take the socket that systemd passed under this name, or make one. Blocks for up to `patience`.

    Args:
        name: As in `FileDescriptorName=`.
        path: Where to make it.
        mode: Permission bits.
        passed: What `inherited` returned.
        patience: Seconds in which a process that is just ending may still leave the path.

    Returns:
        The socket, listening.

    Raises:
        SocketTaken: Another process answers at the path.
        SocketUnusable: The socket cannot be made there.
    """
    for made in (passed or {}).get(name, ()):
        return ListeningSocket(made)
    until = time.monotonic() + patience
    while True:
        try:
            return bind(path, mode)
        except SocketTaken:
            if time.monotonic() >= until:
                raise
            time.sleep(0.05)


def bind(path: Path, mode: int) -> ListeningSocket:
    """Make a listening Unix socket. One that a dead process left at the path is replaced.

    Args:
        path: Where.
        mode: Permission bits; the socket never has others, not even for a moment.

    Returns:
        The socket, listening.

    Raises:
        SocketTaken: Another process answers at the path.
        SocketUnusable: The socket cannot be made there.
    """
    _make_folder(path.parent)
    try:
        with _locked(path.parent):
            _clear(path)
            made = socket.socket(socket.AF_UNIX, _STREAM)
            before = os.umask(0o777 & ~mode)
            try:
                made.bind(os.fspath(path))
                made.listen(BACKLOG)
                return ListeningSocket(made, path, os.lstat(path).st_ino)
            except OSError:
                made.close()
                raise
            finally:
                os.umask(before)
    except OSError as error:
        reason = error.strerror or str(error)
        raise SocketUnusable(f"The socket {path} cannot be made: {reason}.") from error


def _clear(path: Path) -> None:
    """Remove a dead socket; leave everything else."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise SocketUnusable(f"{path} is there and is not a socket: remove it, or set another path.")
    who = "Another process"
    with socket.socket(socket.AF_UNIX, _STREAM) as probe:
        try:
            probe.connect(os.fspath(path))
            who = f"Process {_listener_of(probe)}"
        except ConnectionRefusedError:
            os.unlink(path)
            return
        except BlockingIOError:
            # Its backlog is full: somebody listens.
            pass
    raise SocketTaken(f"{who} already answers on {path}: stop it, or set another path in the configuration.")


def _listener_of(probe: socket.socket) -> int:
    """The process that called listen() on the other end (unix(7), SO_PEERCRED)."""
    credentials = probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[0])


def _make_folder(folder: Path) -> None:
    """The sockets' folder, made if need be; refused where another user could swap what is in it."""
    uid = os.geteuid()
    try:
        if not folder.exists():
            folder.parent.mkdir(parents=True, exist_ok=True)
            # Plugins of other users must reach what root serves; an ordinary user's is nobody else's.
            with contextlib.suppress(FileExistsError):
                os.mkdir(folder, 0o700)
                if uid == 0:
                    os.chmod(folder, 0o755)
        about, link = os.stat(folder), os.lstat(folder)
    except OSError as error:
        raise SocketUnusable(f"The folder {folder} cannot be made: {error.strerror}.") from error
    shared = about.st_mode & stat.S_IWOTH and not about.st_mode & stat.S_ISVTX
    # In /tmp anybody may have made it, or a link to elsewhere, before us.
    foreign = folder.parent == Path("/tmp") and not {about.st_uid, link.st_uid} <= {0, uid}
    if shared or foreign:
        raise SocketUnusable(
            f"The folder {folder} can be changed by other users (uid {about.st_uid}, "
            f"mode {stat.S_IMODE(about.st_mode):04o}): remove it, or set another path."
        )


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Alone in the folder among all processes of slackd's user that ask: looking and binding must be one step.

    The lock is a file that no other user can open: whoever can read a folder can lock it, and would keep slackd
    from starting and stopping. Where it cannot be had in time, the work is done without."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        descriptor = os.open(folder / _LOCK, flags, 0o600)
    except OSError:
        yield
        return
    try:
        until = time.monotonic() + _LOCK_PATIENCE
        while not _try_lock(descriptor) and time.monotonic() < until:
            time.sleep(0.02)
        yield
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def listen_tcp(address: str) -> socket.socket:
    """Return a socket that listens on HOST:PORT, with brackets around the host of IPv6.

    Raises:
        OSError: The address can't be had.
    """
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, int(port)), family=family, backlog=1024)

"""Who is at the other end of a Unix socket, by the kernel's word: see unix(7) and socket(7)."""

import grp
import pwd
import socket
import struct

from slackd.slotted import frozen

_SO_PEERGROUPS = 59  # Linux; Python has no name for it.
_GROUPS_BUFFER = 1_024


@frozen
class Peer:
    """A process at the other end of a Unix socket, as it was when it connected."""

    pid: int
    uid: int
    gids: frozenset[int]


def uid_of(connection: socket.socket) -> int:
    """The user at the other end (`SO_PEERCRED`).

    Raises:
        OSError: The kernel doesn't say; the peer has gone, say.
    """
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("iII"))
    return int(struct.unpack("iII", packed)[1])


def peer_of(connection: socket.socket) -> Peer:
    """The process at the other end (`SO_PEERCRED`, and all its groups by `SO_PEERGROUPS`).

    Raises:
        OSError: The kernel doesn't say; the peer has gone, say.
    """
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("iII"))
    pid, uid, gid = struct.unpack("iII", packed)
    try:
        groups = connection.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _GROUPS_BUFFER)
    except OSError:
        groups = b""
    return Peer(pid, uid, frozenset({gid, *(each for (each,) in struct.iter_unpack("I", groups))}))


def uid_named(name: str) -> int | None:
    """The uid of a user's name, or of a number's text; None for a user that isn't there now."""
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return int(name) if name.isdecimal() else None


def gid_named(name: str) -> int | None:
    """The gid of a group's name, or of a number's text; None for a group that isn't there now."""
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return int(name) if name.isdecimal() else None

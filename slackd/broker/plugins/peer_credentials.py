"""Who is at the other end of a Unix socket, by the kernel's word, and which plugin that may be.

P6, the invariant kept here: a process is a plugin only if its uid or one of its groups stands in that
plugin's file. Names are looked up when a plugin connects: a `DynamicUser` has one only while its unit runs.
"""

import grp
import os
import pwd
import socket
import struct

import attrs

from slackd import SlackdError
from slackd.config import PluginConfig

GATEWAY_USER = "slackd-gateway"
"""The user of `slackd-gateway.service`, which may be every plugin whose file has `[gateway]`."""
_SO_PEERGROUPS = 59  # Linux; Python has no name for it.
_GROUPS_BUFFER = 1_024
_OVERFLOW_UID = 65_534


class NotPermitted(SlackdError):
    """The kernel says that this process may not be the plugin that it says it is."""


@attrs.frozen
class Peer:
    """A process at the other end of a Unix socket, as it was when it connected."""

    pid: int
    uid: int
    gids: frozenset[int]


def uid_of(connection: socket.socket) -> int:
    """The user at the other end (`SO_PEERCRED`). Raises `OSError`."""
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("iII"))
    return int(struct.unpack("iII", packed)[1])


def peer_of(connection: socket.socket) -> Peer:
    """The kernel's word for who connected (`SO_PEERCRED`, `SO_PEERGROUPS`; see socket(7), unix(7))."""
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("iII"))
    pid, uid, gid = struct.unpack("iII", packed)
    try:
        groups = connection.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _GROUPS_BUFFER)
    except OSError:
        groups = b""
    return Peer(pid, uid, frozenset({gid, *(each for (each,) in struct.iter_unpack("I", groups))}))


def check_identity(peer: Peer, plugin: PluginConfig, *, foreground: bool) -> None:
    """Raises `NotPermitted`, with the line to write, unless the peer may be this plugin."""
    if peer.uid == _OVERFLOW_UID:
        raise NotPermitted(
            f"uid {_OVERFLOW_UID} (nobody) may not be a plugin: a user namespace hides who it really is; "
            "run the plugin outside of it (without PrivateUsers=)"
        )
    if any(_uid(user) == peer.uid for user in plugin.users):
        return
    if plugin.group is not None and _gid(plugin.group) in peer.gids:
        return
    if plugin.gateway is not None and peer.uid == (os.getuid() if foreground else _uid(GATEWAY_USER)):
        return
    if not plugin.users and plugin.group is None and foreground and peer.uid == os.getuid():
        return
    wanted = _allowed(plugin, foreground)
    raise NotPermitted(
        f"uid {peer.uid} ({_user_name(peer.uid)}) may not be plugin {plugin.name!r}: {plugin.file} allows "
        f"{wanted}; write user = {_user_name(peer.uid)!r} there if it should"
    )


def _allowed(plugin: PluginConfig, foreground: bool) -> str:
    allowed = [f"user {user}" for user in plugin.users]
    if plugin.group is not None:
        allowed.append(f"group {plugin.group}")
    if not allowed and foreground:
        allowed.append("the daemon's own user")
    return ", ".join(allowed) or "nobody yet"


def _uid(name: str) -> int | None:
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return int(name) if name.isdecimal() else None


def _gid(name: str) -> int | None:
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return int(name) if name.isdecimal() else None


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)

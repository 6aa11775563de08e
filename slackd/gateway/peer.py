"""Who is at the other end of the gateway's Unix socket, by the kernel's word, besides the credentials.

On the network the credentials alone say who an app is. On the Unix socket an app must also run as a user, or in
a group, that the plugin's file names, if it names any.
"""

from __future__ import annotations

import grp
import os
import pwd
import socket
import struct
from collections.abc import Set

from slackd.config import PluginConfig

_SO_PEERGROUPS = 59  # Linux; Python has no name for it.


def may_use(connection: socket.socket, plugin: PluginConfig) -> bool:
    """Whether the process at the other end may be this app; always, where it isn't a Unix socket."""
    if connection.family != socket.AF_UNIX:
        return True
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("iII"))
    _, uid, gid = struct.unpack("iII", packed)
    try:
        groups = connection.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, 1_024)
    except OSError:
        groups = b""
    return names(plugin, uid, {gid, *(each for (each,) in struct.iter_unpack("I", groups))})


def names(plugin: PluginConfig, uid: int, gids: Set[int]) -> bool:
    """Whether a plugin's file names this user or one of these groups, or nobody; root and the gateway may."""
    if uid in (0, os.getuid()) or (not plugin.users and plugin.group is None):
        return True
    return any(_uid(user) == uid for user in plugin.users) or (
        plugin.group is not None and _gid(plugin.group) in gids
    )


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

"""Who is at the other end of the gateway's Unix socket, by the kernel's word, besides the credentials.

On the network the credentials alone say who an app is. On the Unix socket an app must also run as a user, or in
a group, that the plugin's file names, if it names any.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Set

from slackd.config import PluginConfig
from slackd.unix_peers import gid_named, peer_of, uid_named


def may_use(connection: socket.socket, plugin: PluginConfig) -> bool:
    """Whether the process at the other end may be this app; always, where it isn't a Unix socket.

    Raises:
        OSError: The peer has gone already.
    """
    if connection.family != socket.AF_UNIX:
        return True
    peer = peer_of(connection)
    return names(plugin, peer.uid, peer.gids)


def names(plugin: PluginConfig, uid: int, gids: Set[int]) -> bool:
    """Whether a plugin's file names this user or one of these groups, or nobody; root and the gateway may."""
    if uid in (0, os.getuid()) or (not plugin.users and plugin.group is None):
        return True
    return any(uid_named(user) == uid for user in plugin.users) or (
        plugin.group is not None and gid_named(plugin.group) in gids
    )

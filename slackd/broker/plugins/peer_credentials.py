"""Which plugin a process may be that the kernel says is at the other end of a socket.

P6, the invariant kept here: a process is a plugin only if its uid or one of its groups stands in that
plugin's file. Names are looked up when a plugin connects: a `DynamicUser` has one only while its unit runs.
"""

import os
import pwd

from slackd import SlackdError
from slackd.config import PluginConfig
from slackd.unix_peers import Peer, gid_named, uid_named

GATEWAY_USER = "slackd-gateway"
"""The user of `slackd-gateway.service`, which may be every plugin whose file has `[gateway]`."""
OVERFLOW_UID = 65_534
"""What the kernel says of a user whom a user namespace hides."""


class NotPermitted(SlackdError):
    """The kernel says that this process may not be the plugin that it says it is."""


def check_identity(peer: Peer, plugin: PluginConfig, *, foreground: bool) -> None:
    """Check that a process may be this plugin.

    Args:
        foreground: `slackd run`: its own user may be a plugin whose file names nobody.

    Raises:
        NotPermitted: It may not; the message has the line to write into the plugin's file.
    """
    if peer.uid == OVERFLOW_UID:
        raise NotPermitted(
            f"uid {OVERFLOW_UID} (nobody) may not be a plugin: a user namespace hides who it really is; "
            "run the plugin outside of it (without PrivateUsers=)"
        )
    if any(uid_named(user) == peer.uid for user in plugin.users):
        return
    if plugin.group is not None and gid_named(plugin.group) in peer.gids:
        return
    if plugin.gateway is not None and peer.uid == (os.getuid() if foreground else uid_named(GATEWAY_USER)):
        return
    if not plugin.users and plugin.group is None and foreground and peer.uid == os.getuid():
        return
    wanted = _allowed(plugin, foreground)
    raise NotPermitted(
        f"uid {peer.uid} ({user_name(peer.uid)}) may not be plugin {plugin.name!r}: {plugin.file} allows "
        f"{wanted}; write user = {user_name(peer.uid)!r} there if it should"
    )


def _allowed(plugin: PluginConfig, foreground: bool) -> str:
    allowed = [f"user {user}" for user in plugin.users]
    if plugin.group is not None:
        allowed.append(f"group {plugin.group}")
    if not allowed and foreground:
        allowed.append("the daemon's own user")
    return ", ".join(allowed) or "nobody yet"


def user_name(uid: int) -> str:
    """The name of a uid, or its number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)

"""A process is a plugin only if its uid or one of its groups stands in that plugin's file."""

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from slackd.broker.plugins.peer_credentials import NotPermitted, check_identity
from slackd.config import PluginConfig
from slackd.config.values import PluginGateway
from slackd.unix_peers import Peer, peer_of


def plugin(**who: Any) -> PluginConfig:
    return PluginConfig("bot", Path("/etc/slackd/plugins.d/bot.toml"), **who)


def may(peer: Peer, foreground: bool = False, **who: Any) -> bool:
    try:
        check_identity(peer, plugin(**who), foreground=foreground)
    except NotPermitted:
        return False
    return True


def test_the_kernel_says_who_is_at_the_other_end() -> None:
    one, other = socket.socketpair(socket.AF_UNIX)
    with one, other:
        peer = peer_of(one)
    assert (peer.pid, peer.uid) == (os.getpid(), os.getuid())
    assert peer.gids == {os.getgid(), *os.getgroups()}


def test_by_user_by_number_by_any_group() -> None:
    peer = Peer(1, 4_711, frozenset({100, 4_712}))
    assert may(peer, users=("root", "4711"))
    assert may(peer, group="4712")
    assert not may(peer, users=("root",))
    assert not may(peer, users=("nobody-has-this-name",), group="nor-this")
    assert may(Peer(1, 0, frozenset()), users=("root",))
    assert may(Peer(1, 3_000_000_000, frozenset()), users=("3000000000",))


def test_without_user_or_group_only_the_daemons_own_and_only_in_the_foreground() -> None:
    own = Peer(1, os.getuid(), frozenset())
    assert may(own, foreground=True)
    assert not may(own, foreground=False)
    assert not may(Peer(1, os.getuid() + 1, frozenset()), foreground=True)
    assert not may(own, foreground=True, users=("nobody-has-this-name",))


def test_the_gateway_may_be_the_plugins_whose_files_say_so_and_no_others() -> None:
    own = Peer(1, os.getuid(), frozenset())
    assert may(own, foreground=True, users=("nobody-has-this-name",), gateway=PluginGateway())
    assert not may(own, foreground=False, users=("nobody-has-this-name",), gateway=PluginGateway())
    assert not may(Peer(1, os.getuid() + 1, frozenset()), foreground=True, gateway=PluginGateway())


def test_the_user_that_hides_others_is_refused_by_name() -> None:
    with pytest.raises(NotPermitted, match="65534"):
        check_identity(Peer(1, 65_534, frozenset()), plugin(users=("65534",)), foreground=True)


def test_the_refusal_names_the_file_and_the_line_to_write() -> None:
    with pytest.raises(NotPermitted) as refusal:
        check_identity(Peer(1, 0, frozenset()), plugin(users=("deploybot",)), foreground=False)
    for words in ("/etc/slackd/plugins.d/bot.toml", "user deploybot", "user = 'root'"):
        assert words in str(refusal.value)

"""On the Unix socket the kernel says who an app is, besides its credentials."""

import os
import socket
from pathlib import Path
from typing import Any

from slackd.config import PluginConfig
from slackd.gateway.peer import may_use, names


def plugin(**who: Any) -> PluginConfig:
    return PluginConfig("bot", Path("/etc/slackd/plugins.d/bot.toml"), **who)


def test_by_user_by_group_or_anybody_where_the_file_names_nobody() -> None:
    assert names(plugin(), 4_711, {4_711})
    assert names(plugin(users=("4711",)), 4_711, {100})
    assert names(plugin(group="100"), 4_711, {4_711, 100})
    assert not names(plugin(users=("4712",)), 4_711, {4_712})
    assert not names(plugin(users=("nobody-has-this-name",), group="nor-this"), 4_711, {4_711})


def test_root_and_the_gateways_own_user_may() -> None:
    assert names(plugin(users=("4711",)), 0, {0})
    assert names(plugin(users=("4711",)), os.getuid(), {0})


def test_on_the_network_credentials_alone_say_it() -> None:
    with socket.socket(socket.AF_INET) as connection:
        assert may_use(connection, plugin(users=("4711",)))
    one, other = socket.socketpair(socket.AF_UNIX)
    with one, other:
        assert may_use(one, plugin(users=("4711",)))

"""`[receiver]` and an app's request URL: what Slack posts over HTTP."""

import ipaddress
import re
from collections.abc import Mapping
from typing import Final

from slackd.config.gateway import certificate_and_key, check_addresses
from slackd.config.paths import Paths
from slackd.config.values import App, ReceiverConfig
from slackd.toml_reader.problems import shown
from slackd.toml_reader.tables import Table

DEFAULT_LISTEN: Final = "127.0.0.1:9744"
TRANSPORTS: Final = ("socketmode", "http", "both")
_EXPECTED: Final = '"socketmode", "http" or "both"'
_PATH: Final = re.compile(r"(/[A-Za-z0-9_~.-]+)+")
_LISTEN_EXPECTED: Final = f'an address with its port, such as "{DEFAULT_LISTEN}", or the path of a Unix socket'


def parse_receiver(table: Table, standing: Paths) -> ReceiverConfig:
    """`[receiver]` of `slackd.toml`.

    Args:
        standing: The folders that defaults are made of.
    """
    named = table.texts("listen", _LISTEN_EXPECTED)
    certificate, key = certificate_and_key(table)
    check_addresses(table, named, has_tls=certificate is not None)
    proxies = table.texts("trusted_proxies", "the address of a proxy in front")
    for proxy in proxies:
        if not _is_address(proxy):
            expected = 'an address such as "127.0.0.1", or "unix"'
            table.document.wrong((*table.key, "trusted_proxies"), shown(proxy), expected)
    table.finish()
    return ReceiverConfig(named or (DEFAULT_LISTEN,), certificate, key, proxies)


def parse_transport(table: Table) -> str:
    """An app's `transport`."""
    value = table.text("transport", "socketmode", _EXPECTED)
    if value not in TRANSPORTS:
        table.wrong("transport", _EXPECTED)
        return "socketmode"
    return value


def parse_request_path(table: Table, name: str) -> str:
    """The path of an app's request URL; every byte of it counts, nothing is decoded."""
    default = f"/slack/{name}"
    path = table.text("request_path", default, "a path") or default
    if "request_path" not in table:
        return default
    if not _PATH.fullmatch(path) or {".", ".."} & set(path.split("/")):
        table.wrong("request_path", f'a path without escapes, such as "{default}"')
        return default
    return path


def check_paths_differ(apps: Mapping[str, App], tables: Mapping[str, Table]) -> None:
    """No two apps are posted to at one path."""
    taken: dict[str, str] = {}
    for name, app in apps.items():
        if app.transport != "socketmode" and (first := taken.setdefault(app.request_path, name)) != name:
            tables[name].wrong("request_path", f"another path than that of apps.{first}")


def _is_address(text: str) -> bool:
    if text == "unix":
        return True
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True

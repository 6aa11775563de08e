"""`[gateway]`, in `slackd.toml` and in a plugin's file: apps that speak Slack's own interfaces."""

import ipaddress
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from slackd.config.paths import Paths
from slackd.config.urls import is_this_host
from slackd.config.values import GatewayConfig, IfUnacknowledged, PluginGateway
from slackd.toml_reader.problems import shown
from slackd.toml_reader.tables import SOCKET_PATH_LIMIT, Table

DEFAULT_LISTEN: Final = "127.0.0.1:9743"
_ADDRESS: Final = re.compile(r"(\[[0-9a-fA-F:]+\]|[0-9.]+|localhost):([0-9]{1,5})")
_ADDRESS_EXPECTED: Final = f'an address with its port, such as "{DEFAULT_LISTEN}", or the path of a Unix socket'


def parse_gateway(table: Table, standing: Paths) -> GatewayConfig:
    """`[gateway]` of `slackd.toml`.

    Args:
        standing: The folders that defaults are made of.
    """
    named = table.texts("listen", _ADDRESS_EXPECTED)
    listen = named or (DEFAULT_LISTEN, str(standing.runtime / "gateway.sock"))
    certificate, key = certificate_and_key(table)
    check_addresses(table, named, has_tls=certificate is not None)
    url = table.text("url", None, "an http:// or https:// URL")
    if url is not None and not _is_url(url):
        table.wrong("url", 'how apps reach the gateway, such as "https://slackd.example.com:9743"')
        url = None
    gateway = GatewayConfig(
        listen=listen,
        certificate=certificate,
        key=key,
        url=url.rstrip("/") if url else None,
        control_socket=table.socket("control_socket", standing.runtime / "gateway-control.sock"),
        directory=table.path("directory", standing.state / "gateway") or standing.state / "gateway",
    )
    table.finish()
    return gateway


def parse_plugin_gateway(table: Table) -> PluginGateway:
    """`[gateway]` of a plugin's file."""
    urls = {
        name: _app_url(table, name)
        for name in ("request_url", "commands_url", "interactivity_url", "options_url")
    }
    socket_mode = table.flag("socket_mode", False)
    if socket_mode and any(urls.values()):
        table.wrong(
            "socket_mode",
            "either socket_mode = true or a request_url",
            "an app is served in one of the two ways",
        )
    if any(urls.values()) and urls["request_url"] is None:
        table.wrong("request_url", "where events are posted; the other URLs are for what differs from it")
    gateway = PluginGateway(
        socket_mode=socket_mode,
        ca_file=table.path("ca_file", None),
        unacknowledged=table.choice("unacknowledged", IfUnacknowledged.DEAD_LETTER),
        **urls,
    )
    table.finish()
    return gateway


def certificate_and_key(table: Table) -> tuple[Path | None, Path | None]:
    """The PEM files of a server's own TLS; one without the other is a problem."""
    for one, other in (("certificate", "key"), ("key", "certificate")):
        if one in table and other not in table:
            table.wrong(other, f"the PEM file that belongs to {one}")
    return table.path("certificate", None), table.path("key", None)


def check_addresses(table: Table, addresses: Sequence[str], *, has_tls: bool) -> None:
    """Note what is wrong with the addresses of `listen`: beyond this host they want TLS."""
    for address in addresses:
        _check_address(table, address, has_tls=has_tls)
    for twice in dict.fromkeys(each for each in addresses if addresses.count(each) > 1):
        table.document.wrong((*table.key, "listen"), f"{shown(twice)} twice", "each address once")


def _check_address(table: Table, address: str, *, has_tls: bool) -> None:
    if address.startswith("/"):
        expected = f"a path of at most {SOCKET_PATH_LIMIT} printable bytes (the kernel's limit for sockets)"
        if len(address.encode()) > SOCKET_PATH_LIMIT or not address.isprintable():
            table.document.wrong((*table.key, "listen"), shown(address), expected)
        return
    found = _ADDRESS.fullmatch(address)
    if found is None or not 0 < int(found[2]) < 65_536 or not _is_host(found[1]):
        table.document.wrong((*table.key, "listen"), shown(address), _ADDRESS_EXPECTED)
    elif not has_tls and not is_this_host(f"http://{address}"):
        table.document.wrong(
            (*table.key, "listen"),
            shown(address),
            "an address of this host's loopback interface, or certificate and key beside it",
            "credentials would travel unencrypted over the network",
        )


def _is_host(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return host == "localhost"
    return True


def _app_url(table: Table, name: str) -> str | None:
    url = table.text(name, None, "an http:// or https:// URL")
    if url is None:
        return None
    if not _is_url(url):
        table.wrong(name, 'the URL of the app, such as "http://127.0.0.1:3000/slack/events"')
        return None
    if url.startswith("http:") and not is_this_host(url):
        table.document.warn((*table.key, name), "what Slack sends travels unencrypted to another machine")
    return url


def _is_url(url: str) -> bool:
    if not url.isprintable() or " " in url or "#" in url:
        return False
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and "@" not in parts.netloc
            and parts.port != 0
        )
    except ValueError:
        return False

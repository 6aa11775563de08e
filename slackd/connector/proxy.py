"""Which way out: the proxy for a URL. Pure.

aiohttp's own reading of the environment looks for `wss_proxy`, which nobody sets, and slack_sdk's knows no
NO_PROXY; so it is resolved here, for both. The rules are curl's: lower-case names win over upper-case ones, a
`wss` URL goes the way of `https`, and NO_PROXY is a list of hosts, domains (with what is under them),
addresses and networks (10.0.0.0/8), each with a port if it should hold for that port alone; `*` is everything.
"""

import ipaddress
import os
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import SplitResult, quote, unquote, urlsplit

from slackd.config.environment import IN_PASSWORDS
from slackd.config.urls import host_of
from slackd.errors import ConfigError

_VARIABLES: Final = {"https": ("https_proxy", "all_proxy"), "http": ("http_proxy", "all_proxy")}
_SAME_WAY: Final = {"wss": "https", "ws": "http"}
_PORTS: Final = {"https": 443, "http": 80}


def proxy_for(url: str, configured: str | None, environ: Mapping[str, str] = os.environ) -> str | None:
    """The proxy's URL for a request, or None for the direct way.

    Args:
        url: Where the request goes.
        configured: The app's `proxy`: it holds for every URL, whatever the environment says. "" means none, but
            no configuration holds it: `check-config` refuses `proxy = ""`.
        environ: The environment.

    Raises:
        ConfigError: The environment names a proxy that is none for HTTP (SOCKS, say), or can't be read.
        ValueError: The URL can't be read.
    """
    if configured is not None:
        return _for_aiohttp(_with_scheme(configured)) or None
    parts = urlsplit(url)
    scheme = _SAME_WAY.get(parts.scheme, parts.scheme)
    found = _first(environ, _VARIABLES.get(scheme, ()))
    if not found or _is_exempt(parts, scheme, _first(environ, ("no_proxy",))):
        return None
    found = _with_scheme(found)
    if not found.lower().startswith(("http://", "https://")):
        raise ConfigError(
            f"the environment's proxy {found.partition(':')[0]}://{place_of(found)} is no HTTP proxy, and "
            "SOCKS is not supported: take it out of HTTPS_PROXY and ALL_PROXY, or set proxy of this app to an "
            "http:// URL"
        )
    if host_of(found, ("http", "https")) is None:
        raise ConfigError(
            "the environment's proxy can't be read as http://HOST:PORT or http://NAME:PASSWORD@HOST:PORT: "
            f"repair HTTPS_PROXY or ALL_PROXY ({IN_PASSWORDS}), or set proxy of this app"
        )
    return _for_aiohttp(found)


def place_of(proxy: str) -> str:
    """A proxy's HOST:PORT, without the name and password that its URL may hold."""
    try:
        parts = urlsplit(_with_scheme(proxy))
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 80)
    except ValueError:
        return "(its URL can't be read)"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _first(environ: Mapping[str, str], names: tuple[str, ...]) -> str:
    for name in names:
        for spelling in (name, name.upper()):
            # Where CGI is near, a request can set HTTP_PROXY (httpoxy); curl ignores it, too.
            if spelling in environ and spelling != "HTTP_PROXY":
                return environ[spelling].strip()
    return ""


def _with_scheme(proxy: str) -> str:
    return proxy if not proxy or "://" in proxy else f"http://{proxy}"


def _for_aiohttp(proxy: str) -> str:
    """A password outside of Latin-1 goes out as UTF-8 (RFC 7617): aiohttp encodes it as Latin-1, so it gets
    the characters that Latin-1 makes these bytes of."""
    head, at, rest = proxy.rpartition("@")
    scheme, slashes, login = head.partition("://")
    if not at or not slashes:
        return proxy
    name, colon, password = login.partition(":")
    if all(unquote(part).isascii() or _is_latin(unquote(part)) for part in (name, password)):
        return proxy
    name, password = (quote(unquote(part).encode().decode("latin-1"), safe="") for part in (name, password))
    return f"{scheme}://{name}{colon}{password}@{rest}"


def _is_latin(text: str) -> bool:
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return True


def _is_exempt(parts: SplitResult, scheme: str, no_proxy: str) -> bool:
    host = (parts.hostname or "").rstrip(".").lower()
    port = parts.port or _PORTS.get(scheme)
    return any(_matches(rule, host, port) for rule in re.split(r"[\s,]+", no_proxy.lower()) if rule)


def _matches(rule: str, host: str, port: int | None) -> bool:
    if rule == "*":
        return True
    rule, rule_port = _split_port(rule)
    if rule_port is not None and rule_port != port:
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = rule.removeprefix("*").strip(".")
        return bool(name) and (host == name or host.endswith(f".{name}"))
    try:
        network = ipaddress.ip_network(rule.strip("[]"), strict=False)
    except ValueError:
        return False
    return address.version == network.version and address in network


def _split_port(rule: str) -> tuple[str, int | None]:
    """A rule's host and port; an IPv6 address has a port only behind brackets."""
    host, colon, digits = rule.rpartition(":")
    if colon and digits.isascii() and digits.isdecimal() and (":" not in host or host.endswith("]")):
        return host.strip("[]"), int(digits)
    return rule.strip("[]"), None

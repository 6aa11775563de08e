"""Which way out: the proxy for a URL, and the certificates to trust. Pure but for loading certificates.

aiohttp's own reading of the environment looks for `wss_proxy`, which nobody sets, and slack_sdk's knows no
NO_PROXY; so it is resolved here, for both. The rules are curl's: lower-case names win over upper-case ones, a
`wss` URL goes the way of `https`, and NO_PROXY is a list of hosts, domains (with what is under them),
addresses and networks (10.0.0.0/8), each with a port if it should hold for that port alone; `*` is everything.
"""

import ipaddress
import os
import re
import ssl
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

from slackd.errors import ConfigError

_VARIABLES: Final = {"https": ("https_proxy", "all_proxy"), "http": ("http_proxy", "all_proxy")}
_SAME_WAY: Final = {"wss": "https", "ws": "http"}
_PORTS: Final = {"https": 443, "http": 80}


def proxy_for(url: str, configured: str | None, environ: Mapping[str, str] = os.environ) -> str | None:
    """The proxy's URL for a request, or None for the direct way.

    `configured` is the app's `proxy`: it holds for every URL, whatever the environment says. "" means none, but
    no configuration holds it: `check-config` refuses `proxy = ""`.
    """
    if configured is not None:
        return _with_scheme(configured) or None
    parts = urlsplit(url)
    scheme = _SAME_WAY.get(parts.scheme, parts.scheme)
    found = _first(environ, _VARIABLES.get(scheme, ()))
    if not found or _is_exempt(parts, scheme, _first(environ, ("no_proxy",))):
        return None
    return _with_scheme(found)


def place_of(proxy: str) -> str:
    """A proxy's HOST:PORT, without the name and password that its URL may hold."""
    try:
        parts = urlsplit(_with_scheme(proxy))
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 80)
    except ValueError:
        return "(its URL can't be read)"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@cache
def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Return a context with the system's certificates, and those of `ca_file` (an inspecting proxy's) besides.

    One a process and file: reading the system's takes a tenth of a second and several MB.

    Raises:
        ConfigError: `ca_file` can't be read or holds no certificate.
    """
    context = ssl.create_default_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=ca_file)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                f"ca_file {ca_file} can't be used ({error}): expected a file with certificates in PEM form"
            ) from error
        # From 3.13 on Python holds certificates to the letter of RFC 5280, which those that inspecting proxies
        # make on the fly often aren't (squid's have no key identifiers); the authority was named on purpose.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def _first(environ: Mapping[str, str], names: tuple[str, ...]) -> str:
    for name in names:
        for spelling in (name, name.upper()):
            # Where CGI is near, a request can set HTTP_PROXY (httpoxy); curl ignores it, too.
            if spelling in environ and spelling != "HTTP_PROXY":
                return environ[spelling].strip()
    return ""


def _with_scheme(proxy: str) -> str:
    return proxy if not proxy or "://" in proxy else f"http://{proxy}"


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

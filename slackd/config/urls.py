"""Where the URLs of a configuration lead. Pure: no name is looked up."""

import ipaddress
from urllib.parse import urlsplit


def host_of(url: str, schemes: tuple[str, ...]) -> str | None:
    """The host of a URL with one of these schemes; None where it isn't such a URL."""
    if not url.isprintable() or " " in url:
        return None
    try:
        parts = urlsplit(url)
        # Reading the port is what checks it.
        good = parts.scheme in schemes and parts.port != 0
    except ValueError:
        return None
    return parts.hostname if good else None


def is_this_host(url: str) -> bool:
    """Whether the URL's host is `localhost` or a loopback address, so that nobody can read along without TLS;
    False for what is no URL.
    """
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

"""Whether a URL stays on this machine, where nobody can read along without TLS. Pure: no name is looked up."""

import ipaddress
from urllib.parse import urlsplit


def is_this_host(url: str) -> bool:
    """Whether the URL's host is `localhost` or a loopback address; False for what is no URL."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

"""What stands in the way to Slack, in words and with the hint. Pure.

Errors of aiohttp hold the URL, and with it a ticket or the proxy's password: nothing of that goes on from here.
"""

import socket
import ssl
from collections.abc import Mapping
from typing import Final

import aiohttp

from slackd.connector.http_session import UnwantedAnswerError
from slackd.connector.proxy import place_of
from slackd.http_body import BodyTooLargeError
from slackd.slotted import frozen

PROXY_WANTS_A_NAME: Final = (
    "the proxy wants a name and password: put NAME:PASSWORD@ before the host in proxy "
    "(percent-encode @, : and / in them)"
)
"""Not as a whole URL: the log would blank a password in it, even this one."""
_PROXY_REFUSES: Final = "have the proxy let CONNECT to *.slack.com:443 through, or set another one as proxy"
_PROXY_IN_VAIN: Final = "see the proxy's own log: it has to reach *.slack.com:443"
_TLS_IS_CUT: Final = (
    "a firewall or proxy on the way ends it: have it let *.slack.com:443 through without a look into TLS, "
    "or set a proxy that does (proxy)"
)
_NO_PROXY_THERE: Final = (
    "check proxy of this app (without it, HTTPS_PROXY of the connectors), and that this host reaches the proxy"
)

_PROXY_HINTS: Final[Mapping[int, str]] = {
    401: PROXY_WANTS_A_NAME,
    403: _PROXY_REFUSES,
    405: _PROXY_REFUSES,
    407: PROXY_WANTS_A_NAME,
}


_NAME_ERRORS: Final = tuple(filter(None, [getattr(aiohttp, "ClientConnectorDNSError", None)]))
"""Since aiohttp 3.11; before, the error of a name is one of the connection."""


@frozen
class NetworkError:
    """Why a request did not get through.

    Attributes:
        reason: In words.
        hint: What a person can do; "" if nothing particular is known.
    """

    reason: str
    hint: str = ""


def obstacle(error: BaseException, proxy: str | None) -> NetworkError:
    """What an error of the network means for a request by way of this proxy (its URL), or directly (None)."""
    if isinstance(error, aiohttp.ClientHttpProxyError):
        hint = _PROXY_HINTS.get(error.status, _PROXY_IN_VAIN)
        return NetworkError(f"the proxy {place_of(proxy or '')} answers HTTP {error.status}", hint)
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return NetworkError(
            f"the certificate of {error.host} is not trusted",
            "a proxy on the way that inspects TLS? set ca_file to its certificate; or this clock is wrong",
        )
    if isinstance(error, aiohttp.ClientConnectorError):
        return _unreachable(error, proxy)
    return NetworkError(_in_words(error))


def _unreachable(error: aiohttp.ClientConnectorError, proxy: str | None) -> NetworkError:
    why = error.os_error.strerror or error.os_error
    # A proxy whose name can't be resolved is an error like any other host's.
    if proxy and (
        isinstance(error, aiohttp.ClientProxyConnectionError) or place_of(proxy) == f"{error.host}:{error.port}"
    ):
        return NetworkError(f"the proxy {place_of(proxy)} can't be reached ({why})", _NO_PROXY_THERE)
    if isinstance(error.os_error, socket.gaierror) or isinstance(error, _NAME_ERRORS):
        hint = f"does this host know it (getent hosts {error.host})? If a proxy alone does, set it as proxy"
        return NetworkError(f"the name {error.host} can't be resolved ({why})", hint)
    if isinstance(error, aiohttp.ClientConnectorSSLError | ssl.SSLError):
        hint = "something answers that is not Slack: a proxy that must be named (proxy), or a wrong api_url"
        return NetworkError(f"TLS with {error.host}:{error.port} fails ({why})", hint)
    if isinstance(error.os_error, ConnectionError) and not isinstance(error.os_error, ConnectionRefusedError):
        # Who lets nobody in refuses; this is of a connection that stood, and asyncio may have no words for it.
        return NetworkError(f"{error.host}:{error.port} ends the connection as TLS begins", _TLS_IS_CUT)
    return NetworkError(f"{error.host}:{error.port} can't be reached ({why})")


def _in_words(error: BaseException) -> str:
    if isinstance(error, UnwantedAnswerError | BodyTooLargeError):
        return str(error)
    if isinstance(error, aiohttp.WSServerHandshakeError):
        return f"HTTP {error.status} ({type(error).__name__})"
    if isinstance(error, aiohttp.ClientResponseError):
        return "what answers does not speak HTTP"
    if isinstance(error, aiohttp.ServerDisconnectedError | ConnectionResetError):
        return "the connection ended without an answer"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return type(error).__name__

"""How far a request to Slack has come: which step it waits for when nothing answers, and whether it has left.

    NAME ──▶ TCP or PROXY ──▶ TLS ──▶ HTTP or WEBSOCKET ──▶ HELLO (of a WebSocket)

A firewall that drops packets has no error of its own: what shows it is the step at which the time was up. A
connection that is used again begins at HTTP. The steps are noted by aiohttp's tracing, and TLS by the context
that begins it (`trust`). Beside the step stands whether the request has `departed`: from the headers on, nobody
can say that Slack got nothing of a call, so it counts as one whose outcome is unknown (-32011 to a plugin),
while an earlier end means that it was not sent and may be repeated.
"""

import contextlib
import enum
from collections.abc import Iterator
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from slackd.connector.proxy import place_of
from slackd.slotted import define


class DialPhase(enum.Enum):
    """What a request waits for. The value is its name in words; `{place}` is HOST:PORT."""

    NAME = "the name service, for {host}"
    TCP = "a TCP connection to {place} (does a firewall drop packets?)"
    PROXY = "the proxy {proxy}, which is to connect to {place}"
    TLS = "the TLS handshake with {place}"
    HTTP = "the answer of {place} to the request"
    WEBSOCKET = "the answer of {place} to the WebSocket's handshake"
    HELLO = "Slack's hello on the WebSocket of {place}"


@define
class DialProgress:
    """Where one request, or one dial, stands.

    Attributes:
        phase: What it waits for now.
        host: The host that it is for.
        port: Its port.
        proxy: HOST:PORT of the proxy on the way, "" for none.
        is_websocket: It is the WebSocket's handshake.
        departed: It may have reached Slack. Until then nothing was sent but what finds and opens the way: names
            looked up, TLS, a proxy's CONNECT.
    """

    phase: DialPhase = DialPhase.NAME
    host: str = ""
    port: int = 0
    proxy: str = ""
    is_websocket: bool = False
    departed: bool = False

    def waits_for(self) -> str:
        """The step in words, with the place."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        proxied = self.phase is DialPhase.NAME and self.proxy
        return self.phase.value.format(
            host=self.proxy.rpartition(":")[0] if proxied else self.host,
            place=f"{host}:{self.port}",
            proxy=self.proxy,
        )

    def goes_to(self, host: str, port: int, proxy: str = "", *, is_websocket: bool = False) -> None:
        """A request begins."""
        self.host, self.port, self.proxy, self.is_websocket = host, port, proxy, is_websocket
        self._connects()

    def _connects(self) -> None:
        self.phase = DialPhase.PROXY if self.proxy else DialPhase.TCP

    def _is_connected(self) -> None:
        self.phase = DialPhase.WEBSOCKET if self.is_websocket else DialPhase.HTTP


_watched: Final[ContextVar[DialProgress | None]] = ContextVar("progress of a request", default=None)


@contextlib.contextmanager
def progress_watched(progress: DialProgress | None = None) -> Iterator[DialProgress]:
    """The progress of the requests that are made within, through a session of `slack_session`."""
    progress = progress if progress is not None else DialProgress()
    token = _watched.set(progress)
    try:
        yield progress
    finally:
        _watched.reset(token)


def note_tls() -> None:
    """TLS begins, of the request that is watched."""
    progress = _watched.get()
    if progress is not None:
        progress.phase = DialPhase.TLS


def note_way(url: str, proxy: str | None, *, is_websocket: bool = False) -> None:
    """A request to this URL, by way of this proxy (its URL) or directly (None), begins within a watched one."""
    progress = _watched.get()
    if progress is None:
        return
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme in ("https", "wss") else 80)
    progress.goes_to(parts.hostname or "", port, place_of(proxy) if proxy else "", is_websocket=is_websocket)


def progress_tracing() -> aiohttp.TraceConfig:
    """Notes each step of the request that is watched."""
    tracing = aiohttp.TraceConfig()
    tracing.on_dns_resolvehost_start.append(_looks_up)
    tracing.on_dns_resolvehost_end.append(_connects)
    tracing.on_connection_create_start.append(_connects)
    tracing.on_connection_create_end.append(_is_connected)
    tracing.on_connection_reuseconn.append(_is_connected)
    tracing.on_request_headers_sent.append(_departs)
    return tracing


async def _looks_up(_session: aiohttp.ClientSession, _context: SimpleNamespace, _: object) -> None:
    progress = _watched.get()
    if progress is not None:
        progress.phase = DialPhase.NAME


async def _connects(_session: aiohttp.ClientSession, _context: SimpleNamespace, _: object) -> None:
    progress = _watched.get()
    if progress is not None:
        progress._connects()


async def _is_connected(_session: aiohttp.ClientSession, _context: SimpleNamespace, _: object) -> None:
    progress = _watched.get()
    if progress is not None:
        progress._is_connected()


async def _departs(_session: aiohttp.ClientSession, _context: SimpleNamespace, _: object) -> None:
    progress = _watched.get()
    if progress is not None:
        progress.departed = True

"""A dial: a one-use URL from apps.connections.open, and at once the WebSocket. Never a URL twice."""

import ssl
from collections.abc import Callable
from typing import cast

import aiohttp

from slackd import SlackdError
from slackd.config.urls import is_this_host
from slackd.connector.dial_progress import DialPhase, DialProgress, note_way, progress_watched
from slackd.connector.frame_limit import MESSAGE_LIMIT
from slackd.connector.network_errors import obstacle
from slackd.connector.slackapi import SlackAnswer, SlackApi
from slackd.connector.socketmode import dial_failures
from slackd.connector.socketmode.dial_failures import DialFailure
from slackd.connector.socketmode.websocket import SlackWebSocket
from slackd.errors import ConfigError


class DialError(SlackdError):
    """A dial came to nothing.

    Attributes:
        failure: Why.
    """

    def __init__(self, failure: DialFailure) -> None:
        super().__init__(failure.reason)
        self.failure = failure


class Dialler:
    """Dials for one app."""

    def __init__(
        self,
        app: str,
        api: SlackApi,
        api_url: str,
        session: aiohttp.ClientSession,
        proxy_for: Callable[[str], str | None],
        tls: ssl.SSLContext,
    ) -> None:
        """`session` must have been made with `SlackWebSocket` as its `ws_response_class`.

        Where `api_url` wants TLS, so does the WebSocket, whatever URL comes back.
        """
        self._app = app
        self._api = api
        self._session = session
        self._proxy_for = proxy_for
        self._api_url = api_url
        self._encrypted = api_url.startswith("https://")
        self._tls = tls

    async def dial(self, progress: DialProgress | None = None) -> SlackWebSocket:
        """Open a WebSocket; the hello is still to come. The caller bounds the time, and may look at `progress`.

        Returns:
            The open WebSocket.

        Raises:
            DialError: With the reason as a value.
        """
        with progress_watched(progress) as watched:
            try:
                note_way(self._api_url, self._proxy_for(self._api_url))
            except ConfigError as error:
                raise DialError(DialFailure(str(error))) from None
            answer = await self._api.call("apps.connections.open")
            socket = await self._connect(self._url(answer))
            watched.phase = DialPhase.HELLO
            return socket

    def _url(self, answer: SlackAnswer) -> str:
        if answer.status == 429:
            raise DialError(dial_failures.of_rate_limit(answer.retry_after or 0.0))
        if answer.body is None:
            raise DialError(DialFailure(f"{answer.error} (at apps.connections.open)", answer.hint))
        if answer.slack_error:
            raise DialError(dial_failures.of_api_error(answer.slack_error, self._app))
        url = answer.body.get("url")
        if not isinstance(url, str) or not url.startswith(("wss://", "ws://")):
            raise DialError(DialFailure("apps.connections.open gave no WebSocket URL"))
        if url.startswith("ws://") and self._encrypted and not is_this_host(url):
            raise DialError(
                DialFailure("apps.connections.open gave a ws:// URL: without TLS anybody could read along")
            )
        return url

    async def _connect(self, url: str) -> SlackWebSocket:
        proxy: str | None = None
        try:
            proxy = self._proxy_for(url)
            note_way(url, proxy, is_websocket=True)
            socket = await self._session.ws_connect(
                url,
                autoping=False,
                autoclose=False,
                max_msg_size=MESSAGE_LIMIT,
                proxy=proxy,
                ssl=self._tls,
            )
        except aiohttp.WSServerHandshakeError as error:
            raise DialError(dial_failures.of_handshake(error.status)) from None
        except ConfigError as error:
            raise DialError(DialFailure(str(error))) from None
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            # Not chained: the errors of aiohttp hold the URL, and with it the ticket or the proxy's password.
            found = obstacle(error, proxy)
            reason = f"{found.reason} (at the WebSocket's handshake)"
            raise DialError(DialFailure(reason, found.hint)) from None
        return cast(SlackWebSocket, socket)

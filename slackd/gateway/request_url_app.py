"""Posts an app's deliveries to its request URLs, over connections that are kept alive.

    PRESENT ──no connection, or 502, 503, 504──▶ AWAY ──any other answer to HEAD──▶ PRESENT

An app that is away has no session at the broker, as one that connects has none while it is down: what is for it
waits, and costs no attempts; commands are refused after a while, with a text.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import aiohttp

from slackd.config import Config, PluginConfig
from slackd.config.values import IfUnacknowledged, PluginGateway
from slackd.gateway.counters import GatewayCounters
from slackd.gateway.credential_store import CredentialStore
from slackd.gateway.plugin_client import PluginClient
from slackd.gateway.request_url import UNAUTHORISED, AppRequest, answer_of, request_for
from slackd.gateway.settings import KEEPS_ORDER, STOP_PATIENCE
from slackd.gateway.url_rewriting import UrlSeal
from slackd.http_body import ACCEPTED, BodyTooLargeError, read_whole
from slackd.jsonrpc import NotJsonError
from slackd.plugin.answers import Ack, Answer, Nack
from slackd.plugin.envelope import Envelope
from slackd.slack.envelopes import EVENTS

log = logging.getLogger(__name__)

NO_LISTENER: Final = 404
AWAY: Final = frozenset({502, 503, 504})
"""Statuses with which a proxy, or the app's server, says that the app is not there."""
LOOK_AFTER: Final = (0.1, 15.0)
"""Seconds after which it is looked whether an app that is away is back: at first, and at most."""
LARGEST_ANSWER: Final = 1 << 20
"""Bytes of an app's answer that are read."""


class _Away(Nack):
    """The app is not there."""


def _away(words: str, envelope: Envelope) -> _Away:
    """It gets this as soon as it is back; if that happens again, after the backoff of the plugin's file."""
    return _Away(words, retry_after=0.0 if envelope.attempt == 1 else None)


class RequestUrlApp:
    """One app that is posted to.

    Args:
        urls: what the URLs in the payloads lead to.
        restore: gives Slack's own URLs of files back to what goes to Slack.
        group: where the posts run.
    """

    def __init__(
        self,
        config: Config,
        plugin: PluginConfig,
        urls: UrlSeal,
        restore: Callable[[Any], Any],
        store: CredentialStore,
        counters: GatewayCounters,
        group: asyncio.TaskGroup,
    ) -> None:
        assert plugin.gateway is not None
        self._plugin, self._gateway, self._urls = plugin, plugin.gateway, urls
        self._restore, self._store, self._counters, self._group = restore, store, counters, group
        self._socket = config.plugins.socket
        self._client = self._new_client()
        self._gone, self._stops = asyncio.Event(), False
        self._posts: dict[str, asyncio.Task[None]] = {}
        self._right_urls: set[str] = set()
        self._session: aiohttp.ClientSession | None = None

    @property
    def is_away(self) -> bool:
        """The app could not be reached, and has not been seen since."""
        return self._gone.is_set()

    @property
    def in_flight(self) -> int:
        """Posts that are under way."""
        return len(self._posts)

    async def run(self) -> None:
        """Take deliveries and post them, until cancelled or `stop`."""
        connector = aiohttp.TCPConnector(
            limit=2 * self._plugin.delivery.window, ssl=tls_for(self._gateway), keepalive_timeout=60.0
        )
        timeout = aiohttp.ClientTimeout(total=self._plugin.delivery.ack_timeout, connect=10.0)
        async with aiohttp.ClientSession(
            connector=connector,
            timeout=timeout,
            trust_env=False,
            auto_decompress=False,
            headers=ACCEPTED,
            cookie_jar=aiohttp.DummyCookieJar(),  # Slack sends none; one binds all posts to one worker.
        ) as self._session:
            while not self._stops:
                session = asyncio.create_task(self._client.run())
                gone = asyncio.create_task(self._gone.wait())
                try:
                    await asyncio.wait({session, gone}, return_when=asyncio.FIRST_COMPLETED)
                    if session.done():
                        session.result()  # what it raised ends the gateway, with words
                    if self._gone.is_set() and not self._stops:
                        await self._leave()
                        await self._until_back()
                        self._client = self._new_client()
                        self._gone.clear()
                finally:
                    for task in (session, gone):
                        task.cancel()
                    await asyncio.wait({session, gone})

    async def stop(self) -> None:
        """Take nothing more, wait for the answers that are on their way, leave the rest to the broker."""
        self._stops = True
        await self._leave()

    def _new_client(self) -> PluginClient:
        return PluginClient(self._socket, self._plugin.name, self._deliver)

    async def _leave(self) -> None:
        self._client.drain()
        if self._posts:
            await asyncio.wait(list(self._posts.values()), timeout=STOP_PATIENCE)
        for task in self._posts.values():
            task.cancel()
        await self._client.leave()

    async def _until_back(self) -> None:
        """Look for the app until it is there."""
        assert self._session is not None
        name, url = self._plugin.name, self._gateway.request_url or ""
        log.warning("%s: the app is away; what is for it waits", name, extra={"event": "gateway-app-away"})
        wait, longest = LOOK_AFTER
        while True:
            await asyncio.sleep(wait)
            with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
                async with self._session.head(url, allow_redirects=False) as response:
                    if response.status not in AWAY:
                        log.info("%s: the app is back", name, extra={"event": "gateway-app-back"})
                        return
            wait = min(2 * wait, longest)

    def _deliver(self, envelope: Envelope) -> None:
        earlier = self._posts.pop(envelope.delivery, None)
        if earlier is not None:
            earlier.cancel()
        task = self._group.create_task(self._post(envelope))
        self._posts[envelope.delivery] = task
        task.add_done_callback(lambda done: self._is_over(envelope.delivery, done))
        if envelope.respond_by is not None:
            asyncio.get_running_loop().call_later(KEEPS_ORDER, self._unorder, envelope.delivery, task)

    def _unorder(self, delivery: str, task: asyncio.Task[None]) -> None:
        if self._posts.get(delivery) is task:
            self._client.unorder(delivery)

    def _is_over(self, delivery: str, task: asyncio.Task[None]) -> None:
        if self._posts.get(delivery) is task:
            del self._posts[delivery]

    async def _post(self, envelope: Envelope) -> None:
        answer = await self._answer(envelope, request_for(envelope, self._gateway, self._urls))
        if isinstance(answer, Ack) and answer.response:
            answer = Ack(self._restore(answer.response))
        if isinstance(answer, Nack):
            extra = {"event": "gateway-post-failed", "plugin": self._plugin.name}
            log.warning("%s: %s", self._plugin.name, answer.reason, extra=extra)
        try:
            self._client.answer(envelope.delivery, answer)
        except NotJsonError as error:
            self._client.answer(envelope.delivery, Ack())
            log.warning("%s: the app's answer has no JSON text: %s", self._plugin.name, error)
        if isinstance(answer, _Away):
            self._gone.set()

    async def _answer(self, envelope: Envelope, request: AppRequest) -> Answer:
        assert self._session is not None
        answer: Answer = Nack("there is no signing secret")
        for secret in self._store.secrets_of(self._plugin.name):
            try:
                async with self._session.post(
                    request.url,
                    data=request.body,
                    headers=request.headers(secret, time.time()),
                    allow_redirects=False,
                ) as response:
                    self._counters.posts[self._plugin.name, str(response.status)] += 1
                    body = await read_whole(response, LARGEST_ANSWER)
                    if response.status in AWAY:
                        return _away(f"the app answered {response.status}: it is not there", envelope)
                    answer = self._meaning(envelope, request.url, response.status, response.headers, body)
                    if response.status not in UNAUTHORISED:
                        return answer
            except BodyTooLargeError:
                return Nack(f"{request.url} answered with more than {LARGEST_ANSWER} bytes", permanent=True)
            except TimeoutError:
                self._counters.posts[self._plugin.name, "timeout"] += 1
                return Nack(f"{request.url} did not answer in time")
            except aiohttp.ClientConnectorError as error:
                self._counters.posts[self._plugin.name, "unreachable"] += 1
                words = f"{request.url} could not be reached: {error}"
                # A certificate that is wrong is the app's, or its file's, mistake: the app is there.
                return Nack(words) if isinstance(error, aiohttp.ClientSSLError) else _away(words, envelope)
            except (aiohttp.ClientError, OSError) as error:
                self._counters.posts[self._plugin.name, "unreachable"] += 1
                return Nack(f"{request.url} could not be posted to: {error}")
        return answer

    def _meaning(
        self, envelope: Envelope, url: str, status: int, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        """What the answer means. 404 is what SDKs answer where their app has no listener; from a URL that has
        never answered well it may as well mean that the URL is wrong."""
        if 200 <= status < 300:
            self._right_urls.add(url)
        elif (
            status == NO_LISTENER
            and envelope.type == EVENTS
            and self._gateway.unacknowledged is IfUnacknowledged.DISCARD
            and url in self._right_urls
        ):
            self._counters.envelopes[self._plugin.name, "discarded"] += 1
            return Ack()
        return answer_of(envelope, status, headers, body)


def tls_for(gateway: PluginGateway) -> ssl.SSLContext:
    """The context that an app's certificates are checked with."""
    return ssl.create_default_context(cafile=str(gateway.ca_file) if gateway.ca_file else None)

"""Posts an app's deliveries to its request URLs, over connections that are kept alive."""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import Mapping
from typing import Final

import aiohttp

from slackd.config import Config, PluginConfig
from slackd.config.values import IfUnacknowledged, PluginGateway
from slackd.gateway.counters import GatewayCounters
from slackd.gateway.credential_store import CredentialStore
from slackd.gateway.plugin_client import PluginClient
from slackd.gateway.request_url import UNAUTHORISED, AppRequest, answer_of, request_for
from slackd.gateway.settings import KEEPS_ORDER, STOP_PATIENCE
from slackd.gateway.url_rewriting import UrlSeal
from slackd.jsonrpc import NotJsonError
from slackd.plugin.answers import Ack, Answer, Nack
from slackd.plugin.envelope import Envelope
from slackd.slack.envelopes import EVENTS

log = logging.getLogger(__name__)

NO_LISTENER: Final = 404
LARGEST_ANSWER: Final = 1 << 20
"""Bytes of an app's answer that are read."""


class RequestUrlApp:
    """One app that is posted to.

    Args:
        urls: what the URLs in the payloads lead to.
        group: where the posts run.
    """

    def __init__(
        self,
        config: Config,
        plugin: PluginConfig,
        urls: UrlSeal,
        store: CredentialStore,
        counters: GatewayCounters,
        group: asyncio.TaskGroup,
    ) -> None:
        assert plugin.gateway is not None
        self._plugin, self._gateway, self._urls = plugin, plugin.gateway, urls
        self._store, self._counters, self._group = store, counters, group
        self._client = PluginClient(config.plugins.socket, plugin.name, self._deliver)
        self._posts: dict[str, asyncio.Task[None]] = {}
        self._right_urls: set[str] = set()
        self._session: aiohttp.ClientSession | None = None

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
            connector=connector, timeout=timeout, trust_env=False, auto_decompress=True
        ) as self._session:
            await self._client.run()

    async def stop(self) -> None:
        """Take nothing more, wait for the answers that are on their way, leave the rest to the broker."""
        self._client.drain()
        if self._posts:
            await asyncio.wait(list(self._posts.values()), timeout=STOP_PATIENCE)
        for task in self._posts.values():
            task.cancel()
        await self._client.leave()

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
        if isinstance(answer, Nack):
            extra = {"event": "gateway-post-failed", "plugin": self._plugin.name}
            log.warning("%s: %s", self._plugin.name, answer.reason, extra=extra)
        try:
            self._client.answer(envelope.delivery, answer)
        except NotJsonError as error:
            self._client.answer(envelope.delivery, Ack())
            log.warning("%s: the app's answer has no JSON text: %s", self._plugin.name, error)

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
                    body = await _whole(response)
                    self._counters.posts[self._plugin.name, str(response.status)] += 1
                    if body is None:
                        words = f"{request.url} answered with more than {LARGEST_ANSWER} bytes"
                        return Nack(words, permanent=True)
                    answer = self._meaning(envelope, request.url, response.status, response.headers, body)
                    if response.status not in UNAUTHORISED:
                        return answer
            except TimeoutError:
                self._counters.posts[self._plugin.name, "timeout"] += 1
                return Nack(f"{request.url} did not answer in time")
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


async def _whole(response: aiohttp.ClientResponse) -> bytes | None:
    """The body, in however many parts it comes; None if it is larger than is read."""
    body = bytearray()
    async for part in response.content.iter_any():
        body += part
        if len(body) > LARGEST_ANSWER:
            response.close()
            return None
    return bytes(body)


def tls_for(gateway: PluginGateway) -> ssl.SSLContext:
    """The context that an app's certificates are checked with."""
    return ssl.create_default_context(cafile=str(gateway.ca_file) if gateway.ca_file else None)

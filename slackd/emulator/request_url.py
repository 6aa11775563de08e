"""Slack's HTTP side: envelopes are posted to a request URL, signed, as forms or JSON, and again if that fails.

"The Events API" has the retries (at once, after a minute, after five, with `X-Slack-Retry-Num` and `-Reason`,
none after `X-Slack-No-Retry`), "Verifying requests from Slack" the signature, "Slash commands" and "Handling
user interaction" the forms; the answer in the body counts within three seconds.
"""

from __future__ import annotations

import asyncio
import collections
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
import attrs

from slackd.emulator.client import EmulatorClient
from slackd.emulator.deliveries import Deliveries
from slackd.emulator.errors import EmulatorError
from slackd.emulator.ledger import LedgerEntry, SentEnvelope
from slackd.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign
from slackd.slack.envelopes import COMMANDS, EVENTS

REQUEST_FAULTS: Final = frozenset({"forged", "stale", "hangs_up", "twice"})
"""What may be wrong with the next request: its signature, its timestamp, its end (Slack goes before the
answer), or that it comes a second time."""
AGENT: Final = "Slackbot 1.0 (+https://api.slack.com/robots)"


@attrs.frozen
class PostedRequest:
    """One request, and what came of it.

    Attributes:
        key: The entry's key in the ledger.
        attempt: 0 for the first.
        status: The HTTP status, 0 if none came in time.
        seconds: Until then.
        failure: `X-Slack-Retry-Reason` of the next attempt; "" for a 2xx.
    """

    key: str
    attempt: int
    status: int
    seconds: float
    failure: str = ""


class RequestUrl:
    """Posts one app's envelopes while it is on.

    Attributes:
        on: False gives envelopes to Socket Mode connections again, as the switch in the app's settings does.
        requests: Every request that was made.
        verified_with: The HTTP status of the last answer to `verify`.
    """

    def __init__(
        self,
        slack: EmulatorClient,
        deliveries: Deliveries,
        url: str,
        secret: str,
        session: aiohttp.ClientSession,
        group: asyncio.TaskGroup,
    ) -> None:
        self.on = True
        self.verified_with: int | None = None
        self.secret = secret
        self.requests: list[PostedRequest] = []
        self._slack, self._deliveries, self._url = slack, deliveries, url
        self._session, self._group = session, group
        self._reasons: dict[str, str] = {}
        self._faults: collections.deque[str] = collections.deque()

    def fault(self, kind: str) -> None:
        """Something is wrong with the next request.

        Raises:
            EmulatorError: There is no such fault.
        """
        if kind not in REQUEST_FAULTS:
            raise EmulatorError(
                f"{kind!r} is no fault of a request; there are {', '.join(sorted(REQUEST_FAULTS))}"
            )
        self._faults.append(kind)

    async def verify(self) -> bool:
        """Ask whether the URL is the app's, as Slack does when it is entered ("url_verification")."""
        body = json.dumps({"type": "url_verification", "challenge": "3eZbrw1aB", "token": "x"}).encode()
        async with self._session.post(
            self._url, data=body, headers=self._headers("application/json", body, "")
        ) as answer:
            self.verified_with = answer.status
            return answer.status == 200 and "3eZbrw1aB" in await answer.text()

    def post(self, entry: LedgerEntry, send: SentEnvelope) -> bool:
        """As `Deliveries.post`: take an envelope, if it is on."""
        if not self.on:
            return False
        self._group.create_task(self._post(entry, send))
        return True

    async def _post(self, entry: LedgerEntry, send: SentEnvelope) -> None:
        content_type, body = _body(entry)
        fault = self._faults.popleft() if self._faults else ""
        headers = self._headers(content_type, body, fault)
        if send.attempt:
            headers["X-Slack-Retry-Num"] = str(send.attempt)
            headers["X-Slack-Retry-Reason"] = self._reasons.get(entry.key, "http_timeout")
        if fault == "twice":
            await self._send(entry, send, body, headers, fault)
        await self._send(entry, send, body, headers, fault)

    async def _send(
        self, entry: LedgerEntry, send: SentEnvelope, body: bytes, headers: dict[str, str], fault: str
    ) -> None:
        loop, limit = (
            asyncio.get_running_loop(),
            self._slack.core.settings.scaled(self._slack.core.settings.ack_deadline),
        )
        begin, status, reason, answer, again = loop.time(), 0, "http_timeout", b"", True
        try:
            async with (
                asyncio.timeout(limit if fault != "hangs_up" else 0.01),
                self._session.post(self._url, data=body, headers=headers, allow_redirects=False) as response,
            ):
                answer, status = await response.read(), response.status
                again = "X-Slack-No-Retry" not in response.headers
                reason = "http_error"
        except TimeoutError:
            pass
        except (aiohttp.ClientError, OSError):
            reason = "connection_failed"
        now = loop.time()
        failure = "" if 200 <= status < 300 else reason
        self.requests.append(PostedRequest(entry.key, send.attempt, status, now - begin, failure))
        if not failure:
            self._deliveries.acknowledged("http", send.envelope_id, _payload(answer), now)
            return
        self._reasons[entry.key] = reason
        self._deliveries.unacknowledged(send.envelope_id, now, again=again)

    def _headers(self, content_type: str, body: bytes, fault: str) -> dict[str, str]:
        timestamp = int(time.time()) - (3_600 if fault == "stale" else 0)
        secret = self.secret if fault != "forged" else f"not {self.secret}"
        return {
            "User-Agent": AGENT,
            "Content-Type": content_type,
            TIMESTAMP_HEADER: str(timestamp),
            SIGNATURE_HEADER: sign(secret, body, timestamp),
        }


@asynccontextmanager
async def posting_to(
    slack: EmulatorClient, url: str, signing_secret: str, *, app: str | None = None
) -> AsyncIterator[RequestUrl]:
    """Post one app's envelopes to a request URL, until the block ends.

    Args:
        slack: The emulated Slack.
        url: The request URL, for events, commands and interactivity alike.
        signing_secret: What requests are signed with.
        app: The app's id, where there are several.
    """
    deliveries = slack.core.side(app).deliveries
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session,
        asyncio.TaskGroup() as group,
    ):
        posted = RequestUrl(slack, deliveries, url, signing_secret, session, group)
        deliveries.post = posted.post
        try:
            yield posted
        finally:
            deliveries.post = None


def _body(entry: LedgerEntry) -> tuple[str, bytes]:
    payload = entry.payload or "{}"
    if entry.type == EVENTS:
        return "application/json", payload.encode()
    form = "application/x-www-form-urlencoded"
    if entry.type == COMMANDS:
        return form, urlencode(json.loads(payload)).encode()
    return form, urlencode({"payload": payload}).encode()


def _payload(answer: bytes) -> Any:
    if not answer:
        return None
    try:
        return json.loads(answer)
    except ValueError:
        return {"text": answer.decode("utf-8", "replace")}

"""Slack's HTTP side: envelopes are posted to a request URL, signed, as forms or JSON, and again if that fails.

"The Events API" has the retries (at once, after a minute, after five, with `X-Slack-Retry-Num` and `-Reason`,
none after `X-Slack-No-Retry`), the two redirects that are followed, and the failure limit. "url_verification"
has the challenge, "Verifying requests from Slack" the signature. "Slash commands" and "Handling user
interaction" have the forms, and want a 200 for an answer; what is in its body counts within three seconds.
"""

from __future__ import annotations

import asyncio
import collections
import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import parse_qs, urlencode

import aiohttp
import attrs

from slackd.emulator.client import EmulatorClient
from slackd.emulator.deliveries import Deliveries
from slackd.emulator.errors import EmulatorError
from slackd.emulator.failure_limit import WINDOW, FailureLimit
from slackd.emulator.ledger import LedgerEntry, SentEnvelope
from slackd.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign
from slackd.slack.envelopes import COMMANDS, EVENTS

REQUEST_FAULTS: Final = frozenset({"forged", "stale", "hangs_up", "twice"})
"""What may be wrong with the next request: its signature, its timestamp, its end (Slack goes before the
answer), or that it comes a second time."""
MOST_REDIRECTS: Final = 2
"""Redirects that are followed ("The Events API", `too_many_redirects`)."""
AGENT: Final = "Slackbot 1.0 (+https://api.slack.com/robots)"


@attrs.frozen
class PostedRequest:
    """One request, and what came of it.

    Attributes:
        key: The entry's key in the ledger.
        attempt: 0 for the first.
        status: The HTTP status, 0 if none came in time.
        seconds: Until then.
        failure: `X-Slack-Retry-Reason` of the next attempt; "" for a success.
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
        events_on: False once an hour's attempts have failed (`FailureLimit`), so that no event is sent.
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
        self.on = self.events_on = True
        self.verified_with: int | None = None
        self.secret = secret
        self.requests: list[PostedRequest] = []
        self._slack, self._deliveries, self._url = slack, deliveries, url
        self._session, self._group = session, group
        self._reasons: dict[str, str] = {}
        self._failures = FailureLimit(slack.core.settings.scaled(WINDOW))
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

    def enable_events(self) -> None:
        """Somebody switches the event subscriptions on again."""
        self._failures.forget()
        self.events_on = True

    async def verify(self) -> bool:
        """Ask whether the URL is the app's, as Slack does when it is entered ("url_verification")."""
        challenge = secrets.token_urlsafe(24)
        asked = {"type": "url_verification", "challenge": challenge, "token": "x"}
        body = json.dumps(asked).encode()
        async with self._session.post(
            self._url, data=body, headers=self._headers("application/json", body, "")
        ) as answer:
            self.verified_with = answer.status
            # Of an answer that names no type aiohttp says one that Slack takes for no text.
            kind = answer.content_type if "Content-Type" in answer.headers else "text/plain"
            return answer.status == 200 and _challenge_in(kind, await answer.text()) == challenge

    def post(self, entry: LedgerEntry, send: SentEnvelope) -> bool:
        """As `Deliveries.post`: take an envelope, if it is on."""
        if not self.on:
            return False
        if entry.type == EVENTS and not self.events_on:
            self._group.create_task(self._refuse(send))
        else:
            self._group.create_task(self._post(entry, send))
        return True

    async def _refuse(self, send: SentEnvelope) -> None:
        self._deliveries.unacknowledged(send.envelope_id, asyncio.get_running_loop().time(), again=False)

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
                self._session.post(
                    self._url, data=body, headers=headers, max_redirects=MOST_REDIRECTS + 1
                ) as response,
            ):
                answer, status = await response.read(), response.status
                again = "X-Slack-No-Retry" not in response.headers
                reason = "http_error"
        except TimeoutError:
            pass
        except aiohttp.TooManyRedirects:
            reason = "too_many_redirects"
        except aiohttp.ClientSSLError:
            reason = "ssl_error"
        except (aiohttp.ClientError, OSError):
            reason = "connection_failed"
        now = loop.time()
        succeeded = 200 <= status < 300 if entry.type == EVENTS else status == 200
        self.requests.append(
            PostedRequest(entry.key, send.attempt, status, now - begin, "" if succeeded else reason)
        )
        if entry.type == EVENTS and self._failures.attempted(not succeeded, now):
            self.events_on = False
        if succeeded:
            self._deliveries.acknowledged("http", send.envelope_id, _payload(answer), now)
            return
        self._reasons[entry.key] = reason
        shown = "operation_timeout" if reason == "http_timeout" else "dispatch_failed"
        self._deliveries.unacknowledged(send.envelope_id, now, again=again, seen_by_person=shown)

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


def _challenge_in(content_type: str, answer: str) -> str | None:
    """The challenge that an answer gives back: alone, in a form, or in JSON."""
    match content_type:
        case "application/json":
            try:
                found = json.loads(answer)
            except ValueError:
                return None
            return found.get("challenge") if isinstance(found, dict) else None
        case "application/x-www-form-urlencoded":
            return parse_qs(answer).get("challenge", [None])[0]
        case "text/plain":
            return answer.strip()
    return None


def _payload(answer: bytes) -> Any:
    if not answer:
        return None
    try:
        return json.loads(answer)
    except ValueError:
        return {"text": answer.decode("utf-8", "replace")}

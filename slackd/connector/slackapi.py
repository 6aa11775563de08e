"""One call of Slack's Web API, through slack_sdk: an answer comes back, whatever happens on the way."""

import json
import logging
import ssl
from collections.abc import Mapping
from typing import Any, Final

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from slackd.connector.credentials import Secret
from slackd.connector.network_errors import PROXY_WANTS_A_NAME, obstacle
from slackd.slotted import frozen

# At DEBUG slack_sdk would log bodies, with what people write and the one-use URL in them.
_quiet: Final = logging.getLogger("slackd.slack_sdk")
_quiet.setLevel(logging.INFO)

DEFAULT_RETRY_AFTER: Final = 30.0
"""Seconds, for a 429 without a readable `Retry-After`."""


@frozen
class SlackAnswer:
    """What came of a call.

    Attributes:
        body: Slack's JSON, also where it says `ok: false`; None if it never came.
        status: The HTTP status, 0 if there was none.
        retry_after: Seconds, on a 429.
        error: What failed on the way, "" if Slack answered.
        hint: What a person can do about `error`; "" if nothing particular is known.
        scopes: What the token was granted, where Slack says so ("Permission scopes": `X-OAuth-Scopes`).
        date: The answer's `Date`, "" without one.
    """

    body: Mapping[str, Any] | None
    status: int = 200
    retry_after: float | None = None
    error: str = ""
    hint: str = ""
    scopes: tuple[str, ...] = ()
    date: str = ""

    @property
    def slack_error(self) -> str:
        """Slack's own name for what is wrong, "" if it answered `ok: true` or not at all."""
        if self.body is None or self.body.get("ok") is True:
            return ""
        return str(self.body.get("error") or "unknown_error")


class SlackApi:
    """Calls with one token, one way out."""

    def __init__(
        self,
        token: Secret,
        base_url: str,
        session: aiohttp.ClientSession,
        proxy: str | None,
        tls: ssl.SSLContext,
    ) -> None:
        """`session` is one of `slackd.connector.http_session`: it follows no redirect, and bounds answers."""
        self._client = AsyncWebClient(
            token=token.reveal(),
            base_url=base_url,
            session=session,
            ssl=tls,
            logger=_quiet,
            # A post that got no answer may have been carried out: whoever asked decides whether to repeat it.
            retry_handlers=[],
        )
        # slack_sdk would take one from the environment, without a look at NO_PROXY.
        self._client.proxy = proxy

    async def call(self, method: str, form: Mapping[str, str] | None = None) -> SlackAnswer:
        """Post a form to a method; only cancellation comes out as an exception.

        Returns:
            Slack's answer, or why there is none.
        """
        try:
            response = await self._client.api_call(method, data=dict(form or {}))
        except SlackApiError as error:
            return _answer(error.response)
        except (SlackClientError, aiohttp.ClientError, OSError, TimeoutError) as error:
            found = obstacle(error, self._client.proxy)
            return SlackAnswer(None, 0, error=found.reason, hint=found.hint)
        except (ValueError, AttributeError) as error:
            # slack_sdk trips over JSON that isn't an object, and over text that isn't UTF-8.
            return SlackAnswer(None, 0, error=f"the answer is not Slack's JSON ({type(error).__name__})")
        return _answer(response)


def _answer(response: Any) -> SlackAnswer:
    """Read slack_sdk's response, or aiohttp's where slack_sdk could make nothing of it."""
    status = int(getattr(response, "status_code", 0) or getattr(response, "status", 0))
    retry_after = _retry_after(response) if status == 429 else None
    data = getattr(response, "data", None)
    if isinstance(data, dict) and _is_slacks(data) and _is_json(data):
        scopes = tuple(filter(None, _header(response, "x-oauth-scopes").replace(" ", "").split(",")))
        return SlackAnswer(data, status, retry_after, scopes=scopes, date=_header(response, "date"))
    # Where there is no CONNECT, a proxy answers in Slack's place.
    hint = PROXY_WANTS_A_NAME if status == 407 else ""
    return SlackAnswer(None, status, retry_after, f"HTTP {status}, and the answer is not Slack's JSON", hint)


def _is_slacks(data: dict[str, Any]) -> bool:
    """Slack says in each answer whether it is `ok` ("Using the Slack Web API"); a gateway's JSON doesn't."""
    return isinstance(data.get("ok"), bool)


def _is_json(data: dict[str, Any]) -> bool:
    try:
        json.dumps(data, allow_nan=False)
    except (ValueError, RecursionError):
        return False
    return True


def _retry_after(response: Any) -> float:
    try:
        return min(max(0.0, float(_header(response, "retry-after"))), 86_400.0)
    except ValueError:
        return DEFAULT_RETRY_AFTER


def _header(response: Any, wanted: str) -> str:
    headers = getattr(response, "headers", None) or {}
    return next((str(value) for name, value in headers.items() if name.lower() == wanted), "")

"""One call of Slack's Web API: an answer comes back, whatever happens on the way."""

import json
import ssl
import sys
from collections.abc import Mapping
from typing import Any, Final

import aiohttp

from slackd import __version__
from slackd.connector.credentials import Secret
from slackd.connector.network_errors import PROXY_WANTS_A_NAME, obstacle
from slackd.slotted import frozen

DEFAULT_RETRY_AFTER: Final = 30.0
"""Seconds, for a 429 without a readable `Retry-After`."""
_USER_AGENT: Final = f"slackd/{__version__} Python/{sys.version_info[0]}.{sys.version_info[1]}"
_FORM: Final = "application/x-www-form-urlencoded"
"""What every method takes ("Using the Slack Web API")."""


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
        self._token = token
        self._base_url = f"{base_url.removesuffix('/')}/"
        self._session, self._proxy, self._tls = session, proxy, tls

    async def call(self, method: str, form: Mapping[str, str] | None = None) -> SlackAnswer:
        """Post a form to a method; only cancellation comes out as an exception.

        Returns:
            Slack's answer, or why there is none.
        """
        headers = {
            "Authorization": f"Bearer {self._token.reveal()}",
            "Content-Type": _FORM,
            "User-Agent": _USER_AGENT,
        }
        try:
            async with self._session.post(
                self._base_url + method,
                data=dict(form or {}),
                headers=headers,
                proxy=self._proxy,
                ssl=self._tls,
            ) as response:
                return await _answer(response)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            found = obstacle(error, self._proxy)
            return SlackAnswer(None, 0, error=found.reason, hint=found.hint)


async def _answer(response: aiohttp.ClientResponse) -> SlackAnswer:
    status, headers = response.status, response.headers
    retry_after = _retry_after(headers) if status == 429 else None
    try:
        data = await response.json()
    except ValueError:  # no JSON, or not in UTF-8
        data = None
    if isinstance(data, dict) and _is_slacks(data) and _is_json(data):
        scopes = tuple(filter(None, headers.get("X-OAuth-Scopes", "").replace(" ", "").split(",")))
        return SlackAnswer(data, status, retry_after, scopes=scopes, date=headers.get("Date", ""))
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


def _retry_after(headers: Mapping[str, str]) -> float:
    try:
        return min(max(0.0, float(headers.get("Retry-After", ""))), 86_400.0)
    except ValueError:
        return DEFAULT_RETRY_AFTER

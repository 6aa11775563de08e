"""What the broker asks a connector to do at Slack: Web API methods, posts to a `response_url`, a probe.

Tokens stay here: the method's name can lead nowhere but to Slack's own address, and a `response_url` must be
Slack's, since both come from further inside. Answers are passed on as Slack gave them, also `ok: false` and a
429 with its `Retry-After`; whoever asked decides whether to try again.
"""

import asyncio
import functools
import json
import logging
import re
import ssl
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import attrs

from slackd.config.values import App
from slackd.connector.credentials import AppSecrets, Secret
from slackd.connector.dial_progress import note_way, progress_watched
from slackd.connector.file_transfers import READ_AHEAD, FileMover
from slackd.connector.http_session import file_session, slack_session
from slackd.connector.idempotency import IdempotentCalls
from slackd.connector.network_errors import obstacle
from slackd.connector.proxy import proxy_for
from slackd.connector.slackapi import SlackAnswer, SlackApi
from slackd.connector.trust import tls_context
from slackd.errors import ConfigError
from slackd.http_body import read_beginning
from slackd.link.messages import NOT_SENT, NOT_SLACKS, OUTCOME_UNKNOWN, Call, CallKind, Returned

log: Final = logging.getLogger(__name__)

LONGEST_TIMEOUT: Final = 600.0
"""Seconds that a call may take, whatever the broker asks for."""
CONCURRENCY: Final = 16
"""Calls of one app that are under way at once; the others wait, within their own timeout."""
SLACK_DOMAINS: Final = (".slack.com", ".slack-gov.com")
_METHOD: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)+")
_APP_TOKEN: Final = re.compile(r"xapp-[0-9]+-(A[A-Z0-9]{2,20})-")
_AS_JSON: Final = frozenset({"loading_messages"})
"""Lists of texts that Slack wants as JSON; all others are wanted with commas ("users", "channels", "types")."""


class WebApi:
    """One app's calls. Use `async with`.

    Attributes:
        app_id: Slack's id of the app, as its app-level token says it; "" if it doesn't.
    """

    def __init__(self, app: App, secrets: AppSecrets) -> None:
        self._app = app
        self._bot_token = secrets.bot_token
        self.app_id = app_id_of(secrets.app_token) if secrets.app_token is not None else ""
        self._slots = asyncio.Semaphore(CONCURRENCY)
        self._idempotent = IdempotentCalls(time.monotonic)
        self._files = FileMover(app, secrets.bot_token)
        self._session: aiohttp.ClientSession | None = None
        self._file_session: aiohttp.ClientSession | None = None
        self._tls: ssl.SSLContext | None = None

    async def __aenter__(self) -> "WebApi":
        self._tls = tls_context(self._app.ca_file)
        self._session = slack_session(self._tls)
        self._file_session = file_session(self._tls, READ_AHEAD)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._files.close()
        for session in (self._session, self._file_session):
            if session is not None:
                await session.close()

    @property
    def has_bot_token(self) -> bool:
        """Web API methods can be called."""
        return self._bot_token is not None

    async def carry_out(self, call: Call) -> Returned:
        """Do what is asked, within the call's timeout; only cancellation comes out as an exception.

        Returns:
            What became of it.
        """
        if call.kind in (CallKind.UPLOAD, CallKind.DOWNLOAD):
            assert self._file_session is not None
            assert self._tls is not None
            return await self._files.carry_out(call, self._file_session, self._tls)
        timeout = call.timeout if 0 <= call.timeout <= LONGEST_TIMEOUT else LONGEST_TIMEOUT
        deadline = asyncio.get_running_loop().time() + timeout
        make = functools.partial(self._make, call, deadline)
        if call.kind is CallKind.METHOD and call.key:
            answer = await self._idempotent.carry_out(call.key, make)
        else:
            answer = await make()
        return Returned(call.number, answer.body, answer.status, answer.retry_after, answer.error)

    def reported(self, key: str) -> None:
        """The broker has got the answer to the call of this key."""
        self._idempotent.reported(key)

    async def _make(self, call: Call, deadline: float) -> SlackAnswer:
        """One call, by its deadline on the loop's clock; without an answer: whether Slack may have the call."""
        with progress_watched() as progress:
            try:
                async with asyncio.timeout_at(deadline), self._slots:
                    answer = await self._ask(call)
            except ConfigError as error:
                answer = SlackAnswer(None, NOT_SENT, error=str(error))
            except TimeoutError:
                what = "no answer from Slack" if progress.departed else "Slack could not be reached"
                waited = f": the call waited for {progress.waits_for()}" if progress.host else ""
                answer = SlackAnswer(None, NOT_SENT, error=f"{what} within {call.timeout:g} s{waited}")
        if answer.body is not None:
            return answer
        if not progress.departed:
            # A proxy's status is no answer of Slack's; our own refusal of a response_url is final.
            return answer if call.kind is CallKind.RESPONSE_URL else attrs.evolve(answer, status=NOT_SENT)
        return answer if answer.status == 429 else attrs.evolve(answer, status=OUTCOME_UNKNOWN)

    async def _ask(self, call: Call) -> SlackAnswer:
        match call.kind:
            case CallKind.METHOD:
                return await self._method(call.target, call.args)
            case CallKind.RESPONSE_URL:
                return await self._post(call.target, call.args)
            case _:
                return await self._method("auth.test", {})

    async def _method(self, method: str, args: Mapping[str, Any]) -> SlackAnswer:
        if not _METHOD.fullmatch(method):
            return SlackAnswer(None, 0, error=f"{method[:80]!r} is not the name of a Web API method")
        token = self._bot_token
        if token is None:
            return SlackAnswer(
                None,
                0,
                error=f"the app has no bot token: set apps.{self._app.name}.bot_token and reload slackd",
            )
        assert self._session is not None
        assert self._tls is not None
        proxy = proxy_for(self._app.api_url, self._app.proxy)
        note_way(self._app.api_url, proxy)
        api = SlackApi(token, self._app.api_url, self._session, proxy, self._tls)
        return await api.call(method, as_form(args))

    async def _post(self, url: str, body: Mapping[str, Any]) -> SlackAnswer:
        if not is_slacks(url, self._app.api_url):
            text = "the response_url does not belong to Slack; nothing was sent"
            return SlackAnswer(None, NOT_SLACKS, error=text)
        assert self._session is not None
        assert self._tls is not None
        proxy: str | None = None
        try:
            proxy = proxy_for(url, self._app.proxy)
            note_way(url, proxy)
            async with self._session.post(
                url,
                data=json.dumps(dict(body)).encode(),
                headers={"Content-Type": "application/json; charset=utf-8"},
                proxy=proxy,
                ssl=self._tls,
                allow_redirects=False,
            ) as response:
                text = (await read_beginning(response, 65_536)).decode("utf-8", "replace")
                retry_after = response.headers.get("Retry-After", "")
                return SlackAnswer(
                    _response_url_body(response.status, text),
                    response.status,
                    float(retry_after[:9]) if response.status == 429 and retry_after.isdecimal() else None,
                )
        except (aiohttp.ClientError, OSError, ValueError) as error:
            found = obstacle(error, proxy)
            return SlackAnswer(None, 0, error=found.reason, hint=found.hint)


def app_id_of(app_token: Secret) -> str:
    """Slack's id of the app in its app-level token (`xapp-1-A0123-…`, as seen in the field), or ""."""
    found = _APP_TOKEN.match(app_token.reveal())
    return found[1] if found else ""


def as_form(args: Mapping[str, Any]) -> dict[str, str]:
    """Arguments as a form, which every method takes: nested values as JSON text, lists of texts with commas.

    A `token` among them is left out: no plugin brings one of its own.
    """
    return {
        name: _form_value(name, value) for name, value in args.items() if value is not None and name != "token"
    }


def is_slacks(url: str, api_url: str) -> bool:
    """Tell whether a URL leads to Slack (or to the host of `api_url`, for an emulator)."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        # Reading the port is what checks it.
        good = parts.port != 0
    except ValueError:
        return False
    if not good or parts.username is not None or parts.scheme not in ("https", "http") or not host:
        return False
    api = urlsplit(api_url)
    if host == (api.hostname or "").lower() and parts.scheme in ("https", api.scheme):
        return True
    return parts.scheme == "https" and host.endswith(SLACK_DOMAINS)


def _form_value(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if (
        isinstance(value, list | tuple)
        and value
        and name not in _AS_JSON
        and all(isinstance(one, str) for one in value)
    ):
        return ",".join(value)
    return json.dumps(value)


def _response_url_body(status: int, text: str) -> dict[str, Any]:
    """A `response_url` answers "ok" as text, or the name of an error; sometimes JSON."""
    try:
        value = json.loads(text, parse_constant=str)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict):
        return value
    if status == 200:
        return {"ok": True}
    return {"ok": False, "error": text[:200] or f"http_{status}"}

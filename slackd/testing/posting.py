"""An emulated Slack that posts to an app's request URL, for as long as the test lasts."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

import aiohttp

from slackd.emulator import EmulatorClient
from slackd.emulator.request_url import RequestUrl, posting_to
from slackd.local.program import LocalStackError

ASK_EVERY: Final = 0.02
"""Seconds between two attempts to have the URL verified."""


class PostingToApp:
    """Posts an app's envelopes to its request URL until `close`."""

    def __init__(self, slack: EmulatorClient, url: str, signing_secret: str) -> None:
        self._slack, self._url, self._secret = slack, url, signing_secret
        self._ends = asyncio.Event()
        self._status: int | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self, timeout: float, has_ended: Callable[[], bool]) -> None:
        """Wait until the app has verified its URL, as Slack does when one is entered ("url_verification").

        Args:
            timeout: Seconds.
            has_ended: Whether the app's program has, so that waiting is in vain.

        Raises:
            LocalStackError: It did not answer with the challenge, or is no URL.
        """
        if not self._url.startswith(("http://", "https://")):
            raise LocalStackError(f"{self._url!r} is no URL: expected http://127.0.0.1:PORT/PATH")
        verified: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._post(verified, has_ended))
        try:
            async with asyncio.timeout(timeout):
                await verified
        except TimeoutError:
            await self.close()
            raise LocalStackError(
                f"{self._url} did not answer url_verification within {timeout:g} s: {self._why_not()}"
            ) from None

    async def close(self) -> None:
        """Envelopes go to Socket Mode connections again."""
        self._ends.set()
        if self._task is not None:
            await self._task

    async def _post(self, verified: asyncio.Future[None], has_ended: Callable[[], bool]) -> None:
        async with posting_to(self._slack, self._url, self._secret) as url:
            while not self._ends.is_set() and not await self._verifies(url):
                if has_ended():
                    verified.set_exception(LocalStackError(f"the app ended, and nobody answers on {self._url}"))
                    return
                await asyncio.sleep(ASK_EVERY)
            if not verified.done():
                verified.set_result(None)
            await self._ends.wait()

    async def _verifies(self, url: RequestUrl) -> bool:
        with contextlib.suppress(aiohttp.ClientError, OSError):
            verified = await url.verify()
            self._status = url.verified_with
            return verified
        return False

    def _why_not(self) -> str:
        match self._status:
            case None:
                return "nobody listens there; does the app listen on $PORT?"
            case 404 | 405:
                return f"it answered {self._status}; is that the path of its request URL?"
            case 200:
                return "it answered 200, without the challenge"
            case _:
                return f"it answered {self._status}; is $SLACK_SIGNING_SECRET its signing secret?"

"""Pages of other servers may not use this one, whatever they call it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from slackd.emulator import Emulator, EmulatorClient
from slackd.emulator.origin import known_host, same_origin


@pytest.fixture
async def slack() -> AsyncIterator[EmulatorClient]:
    async with Emulator().serving() as running:
        yield running


async def status(slack: EmulatorClient, path: str, *, post: bool = False, **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with (
        aiohttp.ClientSession() as session,
        session.request("POST" if post else "GET", slack.base_url + path, headers=named) as response,
    ):
        return response.status


async def test_the_page_and_its_files_are_served(slack: EmulatorClient) -> None:
    for path in ("/", "/static/page.js", "/static/page.css", "/page/state"):
        assert await status(slack, path) == 200
    for path in ("/static/../page.py", "/static/none.js", "/static/%2e%2e%2fpage.py"):
        assert await status(slack, path) == 404


async def test_a_foreign_page_cannot_post(slack: EmulatorClient) -> None:
    for path in ("/control/app_rate_limited", "/api/chat.postMessage"):
        assert await status(slack, path, post=True, Origin="https://evil.example") == 403
        assert await status(slack, path, post=True, Origin="null") == 403
    assert await status(slack, "/control/app_rate_limited", post=True, Sec_Fetch_Site="cross-site") == 403
    assert await status(slack, "/control/app_rate_limited", post=True, Origin=slack.base_url) == 200
    assert await status(slack, "/control/app_rate_limited", post=True) == 200


async def test_a_name_that_was_pointed_here_reads_nothing(slack: EmulatorClient) -> None:
    for path in ("/", "/page/state", "/page/events", "/control/apps", "/control/ledger"):
        assert await status(slack, path, Host="evil.example:80") == 421
    port = slack.base_url.rpartition(":")[2]
    assert await status(slack, "/control/apps", Host=f"localhost:{port}") == 200


def test_hosts_and_origins() -> None:
    assert known_host("127.0.0.1:8765", "127.0.0.1")
    assert known_host("[::1]:8765", "127.0.0.1")
    assert known_host("slack.test", "slack.test")
    assert not known_host("127.0.0.1.evil.example", "127.0.0.1")
    assert not known_host("", "127.0.0.1")
    assert same_origin(None, "127.0.0.1:1")
    assert same_origin("http://127.0.0.1:1", "127.0.0.1:1")
    assert not same_origin("http://127.0.0.1:2", "127.0.0.1:1")
    assert not same_origin("null", "127.0.0.1:1")

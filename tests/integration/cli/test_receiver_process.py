"""Request URLs with real processes: restarts and kills under load, and the move from Socket Mode and back.

What is asked of a machine that does nothing else: `SLACKD_LOAD_RATE=200 SLACKD_LOAD_ROUNDS=10 pytest -m alone
tests/integration/cli/test_receiver_process.py`.
"""

import asyncio
import contextlib
import json
import os
from collections import Counter
from collections.abc import AsyncIterator, Iterator

import pytest

from slackd.connector.request_url.transport import ANSWER_WITHIN
from slackd.emulator.ledger import LedgerEntry
from tests.integration.cli.daemon_process import Home, home
from tests.integration.cli.receiver_site import Site, load, site, until_handled
from tests.integration.connector.test_request_url_proxies import nginx_in_front

pytestmark = [pytest.mark.load, pytest.mark.alone, pytest.mark.timeout(300)]

RATE = float(os.environ.get("SLACKD_LOAD_RATE", "50"))
"""Requests a second."""
IS_QUIET = "SLACKD_LOAD_RATE" in os.environ
"""Whoever names a rate vouches for a machine that has nothing else to do: then nobody may be late."""
EACH = 2
"""Requests for each mention: `app_mention`, and `message` beside it."""
ROUNDS = int(os.environ.get("SLACKD_LOAD_ROUNDS", "1"))
"""Restarts, and kills, of each process."""


@pytest.fixture
def place() -> Iterator[Home]:
    with home() as found:
        yield found


@contextlib.asynccontextmanager
async def behind_nginx(made: Site) -> AsyncIterator[str]:
    async with nginx_in_front(made.place.path, made.listening.getsockname()[1]) as url:
        yield url


async def test_restarts_and_kills_under_load_refuse_nobody_and_lose_nothing(place: Home) -> None:
    """Through nginx. What a killed receiver had in hand is all that Slack has to send again; nobody is late."""
    async with site(place, behind_nginx) as (made, slack, posted):
        made.configure("http")
        await made.start("broker", "receiver", "connector 1")
        made.start_plugin()
        assert await posted.verify()
        entries: list[LedgerEntry] = []
        loading = asyncio.create_task(load(slack, entries, RATE / EACH))
        in_hand = 0
        for _ in range(ROUNDS):
            await asyncio.sleep(1)
            await made.restart("receiver")
            await made.restart("broker")
            await made.restart("broker", kill=True)
            await asyncio.sleep(1)
            before = len(entries)
            in_hand += slack.unanswered()
            await made.stop("receiver", kill=True)
            in_hand += EACH * (len(entries) - before)
            await made.start("receiver")
        await asyncio.sleep(1)
        loading.cancel()
        await until_handled(made, slack, entries)
        failed = [each for each in posted.requests if each.failure]
        print(f"{len(posted.requests)} requests, of which failed {Counter(each.failure for each in failed)}")
        assert [each for each in failed if each.failure == "connection_failed"] == []
        late = sum(each.seconds > ANSWER_WITHIN for each in failed)
        assert not IS_QUIET or late == 0
        assert len(failed) - late <= in_hand


async def test_commands_are_answered_in_the_body(place: Home) -> None:
    async with site(place) as (made, slack, _):
        made.configure("http")
        await made.start("broker", "receiver")
        made.start_plugin()
        async with asyncio.timeout(20):
            while True:
                entry = await slack.wait_for_ack(slack.command("/deploy", "api"))
                if "deploying api" in json.dumps(entry.response):
                    break
                await asyncio.sleep(0.2)


async def test_the_move_to_http_and_back_loses_nothing_and_repeats_nothing(place: Home) -> None:
    async with site(place) as (made, slack, posted):
        posted.on = False
        made.configure("socketmode")
        await made.start("broker", "connector 1", "connector 2")
        made.start_plugin()
        entries: list[LedgerEntry] = []
        loading = asyncio.create_task(load(slack, entries, RATE / EACH))
        made.configure("both")
        await made.restart("broker")
        await made.start("receiver")
        await made.restart("connector 1", "connector 2")
        posted.on = True
        await asyncio.sleep(0.5)
        made.configure("http")
        await made.restart("broker", "connector 1", "connector 2", "receiver")
        over_http = len(posted.requests)
        assert over_http > 5
        assert slack.core.side().registry.ready == 0, "no connection is kept"
        made.configure("both")
        await made.restart("broker", "connector 1", "connector 2", "receiver")
        posted.on = False
        made.configure("socketmode")
        await made.restart("broker", "connector 1", "connector 2")
        await asyncio.sleep(0.5)
        await made.stop("receiver")
        loading.cancel()
        await until_handled(made, slack, entries)
        assert [key for key, count in made.times_handled().items() if count > 1] == []
        assert [each for each in posted.requests if each.failure == "connection_failed"] == []

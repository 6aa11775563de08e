"""`kill -9` of app, gateway, broker and connector under load: an app that acknowledges what it has finished
loses nothing, and gets each channel in the journal's order.

`SLACKD_GATEWAY_ROUNDS` and `SLACKD_GATEWAY_RATE` (envelopes a second) make it longer and harder.
"""

import asyncio
import collections
import contextlib
import os
import random
import sqlite3
from pathlib import Path

import pytest

from slackd.emulator import Emulator, EmulatorClient, EmulatorSettings
from tests.integration.gateway.gateway_rig import SOCKET_MODE, GatewayHouse, behind
from tests.integration.system.programs import Program, running

ROUNDS = int(os.environ.get("SLACKD_GATEWAY_ROUNDS", "1"))
RATE = float(os.environ.get("SLACKD_GATEWAY_RATE", "40"))
CHANNELS = 12
APP = Path(__file__).with_name("recording_app.py")
PLUGIN = (
    SOCKET_MODE
    + '[delivery]\norder_by = "channel"\nack_timeout = "3s"\nmax_attempts = 50\n'
    + 'backoff = { initial = "0.1s", max = "1s" }\n'
)
SLACK = EmulatorSettings(redelivery_delays=(1.0, 2.0, 4.0, 8.0), repeat_same_envelope_after=5.0)


@pytest.mark.timeout(60 + 60 * ROUNDS)
async def test_kills_under_load_lose_nothing_and_keep_the_order(tmp_path: Path) -> None:
    record = tmp_path / "record"
    async with (
        Emulator(settings=SLACK).serving() as slack,
        behind(slack, {"bot": PLUGIN}, together=False) as house,
    ):
        credentials = await house.credentials("bot")
        app = Program("app", (str(APP), str(record)), house.house.run, credentials.environment)
        async with running([app], tmp_path):
            await connected(house)
            load = slack.batch(count=1_000_000, rate=RATE, channels=CHANNELS, label="load")
            victims = [app, *(house.house.program(name) for name in ("gateway", "broker", "connector-1"))]
            for _ in range(ROUNDS):
                for victim in victims:
                    await asyncio.sleep(random.uniform(0.2, 0.6))
                    victim.kill()
                    if victim is not app:
                        await victim.wait_ready()
                    await connected(house)
            load.count = load.sent
            await slack.wait_until(lambda: not slack.unanswered(), timeout=60.0, what="nothing unanswered")
            sent = {entry.key for entry in slack.ledger.entries.values() if entry.acknowledged}
            await until_recorded(record, sent)
        handled = recorded(record)
        repeats = len(handled) - len({key for key, _ in handled})
        summary = slack.summary()
        print(f"{ROUNDS} rounds, {RATE:g}/s: {summary.sent} sent, {summary.acked} acked, {repeats} repeats")
        assert summary.never_acked == 0
        assert len(sent) == summary.sent
        assert out_of_order(handled, journaled(house, slack)) == []
        assert await open_deliveries(house) == 0


async def connected(house: GatewayHouse) -> None:
    """The app is connected, and the broker has its session."""
    await house.until_up()
    async with asyncio.timeout(60.0):
        while not (await house.app("bot"))["connections"]:
            await asyncio.sleep(0.05)


async def until_recorded(record: Path, sent: set[str]) -> None:
    async with asyncio.timeout(60.0):
        while not sent <= {key for key, _ in recorded(record)}:
            await asyncio.sleep(0.2)


async def open_deliveries(house: GatewayHouse) -> int:
    empty = await house.house.until_status(lambda status: not status["plugins"][0]["open"], "no backlog")
    return int(empty["plugins"][0]["open"])


def recorded(record: Path) -> list[tuple[str, str]]:
    """What the app has handled: event ids and texts, in its order; a line that a kill cut off is none."""
    lines = record.read_text().split("\n")[:-1] if record.exists() else []
    parts = (line.partition(" ") for line in lines)
    return [(key, text) for key, _, text in parts]


def journaled(house: GatewayHouse, slack: EmulatorClient) -> dict[str, int]:
    """Each event's place in the journal, which is the order that slackd keeps."""
    with contextlib.closing(sqlite3.connect(house.house.path / "state" / "journal.db")) as journal:
        places = dict(journal.execute("SELECT envelope_id, id FROM envelope"))
    return {
        entry.key: places[send.envelope_id]
        for entry in slack.ledger.entries.values()
        for send in entry.sends
        if send.envelope_id in places
    }


def out_of_order(handled: list[tuple[str, str]], places: dict[str, int]) -> list[str]:
    """Texts that were handled first after a later one of their channel."""
    seen: set[str] = set()
    latest: dict[int, int] = collections.defaultdict(int)
    wrong = []
    for key, text in handled:
        if key in seen:
            continue
        seen.add(key)
        channel = int(text.split(" ")[1]) % CHANNELS
        if places[key] < latest[channel]:
            wrong.append(text)
        latest[channel] = max(latest[channel], places[key])
    return wrong

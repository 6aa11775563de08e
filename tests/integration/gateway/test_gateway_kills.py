"""`kill -9` of app, gateway, broker and connector under load: an app that acknowledges what it has finished
loses no event, and gets each channel in the journal's order; whoever gave a command gets an answer.

`SLACKD_GATEWAY_ROUNDS` (kills of each), `SLACKD_GATEWAY_RATE` (envelopes a second) and `SLACKD_GATEWAY_VICTIMS`
(some of them, in commas) make it longer, harder, or narrower.
"""

import asyncio
import collections
import contextlib
import json
import os
import random
import sqlite3
from pathlib import Path

import pytest

from slackd.emulator import Emulator, EmulatorClient, EmulatorSettings, LedgerEntry
from slackd.emulator.errors import WaitedTooLongError
from tests.integration.gateway.gateway_rig import SOCKET_MODE, GatewayHouse, behind
from tests.integration.system.programs import Program, running

ROUNDS = int(os.environ.get("SLACKD_GATEWAY_ROUNDS", "1"))
RATE = float(os.environ.get("SLACKD_GATEWAY_RATE", "200"))
VICTIMS = os.environ.get("SLACKD_GATEWAY_VICTIMS", "app,gateway,broker,connector-1").split(",")
COMMANDS = 0.15
"""Of the envelopes, so many are commands."""
CHANNELS = 12
APP = Path(__file__).with_name("recording_app.py")
PLUGIN = (
    SOCKET_MODE
    + '[delivery]\nack_timeout = "3s"\nmax_attempts = 50\n'
    + 'backoff = { initial = "0.1s", max = "1s" }\n'
)
SLACK = EmulatorSettings(
    redelivery_delays=(1.0, 2.0, 4.0, 8.0), repeat_same_envelope_after=5.0, keep_payloads=True
)


@pytest.mark.load
@pytest.mark.alone
@pytest.mark.timeout(90 + 40 * ROUNDS)
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
            load = [
                slack.batch(count=1_000_000, rate=RATE * (1 - COMMANDS), channels=CHANNELS, label="load"),
                slack.batch(count=1_000_000, rate=RATE * COMMANDS, command="/do", label="load"),
            ]
            victims = [app if name == "app" else house.house.program(name) for name in VICTIMS]
            for _ in range(ROUNDS):
                for victim in victims:
                    await asyncio.sleep(random.uniform(0.2, 0.6))
                    victim.kill()
                    if victim is not app:
                        await victim.wait_ready()
                    await connected(house)
            for batch in load:
                batch.count = batch.sent
            await slack.wait_until(lambda: not slack.unanswered(), timeout=60.0, what="nothing unanswered")
            sent = {entry.key for entry in slack.ledger.find(envelope_type="events_api")}
            await until_recorded(record, sent)
            commands = await answered_commands(slack, house)
        handled = recorded(record)
        repeats = len(handled) - len({key for key, _ in handled})
        print(
            f"{ROUNDS} kills of each, {RATE:g}/s: {len(sent)} events, {repeats} repeats; commands: {commands}"
        )
        assert [
            each.key for each in slack.ledger.find(envelope_type="events_api") if not each.acknowledged
        ] == []
        assert out_of_order(handled, journaled(house, slack)) == []
        assert await open_deliveries(house) == 0


async def answered_commands(slack: EmulatorClient, house: GatewayHouse) -> dict[str, int]:
    """How each command was answered, when all are; what a connector died with is lost, and Slack says so."""
    commands = list(slack.ledger.find(envelope_type="slash_commands"))
    found: collections.Counter[str] = collections.Counter()
    with contextlib.suppress(WaitedTooLongError):
        await slack.wait_until(
            lambda: all(each.response or each.posts for each in commands if each.acknowledged), timeout=30.0
        )
    left = [each for each in commands if each.acknowledged and not each.response and not each.posts]
    # An answer that was journaled as given just before a kill, and whose connector kept the deadline meanwhile.
    lost = [each.key for each in left if not met_a_slow_start(house, each)]
    assert not lost, f"acknowledged, and never answered: {lost}"
    for entry in commands:
        done = {"text": f"done {json.loads(entry.payload or '{}')['text']}"}
        answers = [each for each in (entry.response, *(post.body for post in entry.posts)) if each]
        if not entry.acknowledged and went_with_a_connector(slack, entry):
            found["lost with a connector"] += 1
        elif not entry.acknowledged:
            assert met_a_slow_start(house, entry), f"not acknowledged in time: {story(house, entry)}"
            found["too late, after a slow start of the broker"] += 1
        elif entry.response == done:
            assert len(answers) == 1, story(house, entry)
            found["in the acknowledgement"] += 1
        elif any(each["text"] == done["text"] for each in answers):
            found["later"] += 1
        elif entry in left:
            found["never, after a slow start of the broker"] += 1
        else:
            assert all("available" in each["text"] for each in answers), answers
            found["refused, since the app was away"] += 1
    return dict(found)


def met_a_slow_start(house: GatewayHouse, entry: LedgerEntry) -> bool:
    """The broker was away for longer than on any idle machine, when it came."""
    outages = house.house.broker.outages
    return any(began <= entry.at + 3.0 and ended >= entry.at for began, ended in outages if ended - began > 1.5)


def story(house: GatewayHouse, entry: LedgerEntry) -> str:
    """What happened around a command, in seconds from its coming."""
    lines = [f"{entry.key}: sends {entry.sends}, acks {entry.acks}, posts {entry.posts}"]
    for program in house.house.programs:
        near = [(began - entry.at, ended - entry.at) for began, ended in program.outages]
        near = [each for each in near if each[1] > -5.0 and each[0] < 10.0]
        lines.append(f"{program.name} was away: {', '.join(f'{a:.2f} to {b:.2f}' for a, b in near)}")
    return "\n".join(lines)


def went_with_a_connector(slack: EmulatorClient, entry: LedgerEntry) -> bool:
    """The connection that it was sent over ended before its time to be acknowledged was over."""
    (send,) = entry.sends
    connection = slack.core.connections.get(send.connection or "")
    ended = connection.ended_at if connection is not None else None
    return send.connection is None or (ended is not None and ended < send.at + 3.0)


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

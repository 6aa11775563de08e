"""Deliveries from the broker to programs: order, failures, sessions that come and go, restarts."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from slackd.broker import daemon, outages
from slackd.broker.journal import StoredEnvelope
from slackd.broker.journal.sqlite.journal import SqliteJournal
from slackd.broker.journal.writes import Lane
from slackd.config import Delivery
from slackd.errors import JournalUnwritable
from tests.integration.broker.broker_rig import Program, house, plugin
from tests.support.broker import PATIENCE
from tests.support.slack_texts import command, event

AT_ONCE: dict[str, Any] = {"backoff_initial": 0.01, "backoff_max": 0.01}


@pytest.fixture
def folder() -> Iterator[Path]:
    home = Path(tempfile.mkdtemp(dir="/tmp", prefix="slackd-b-"))
    yield home
    shutil.rmtree(home, ignore_errors=True)


def message(number: int, channel: str) -> str:
    return event(number, {"type": "message", "channel": channel, "user": "U1"})


def number_of(delivery: Any) -> int:
    return int(delivery["envelope"]["payload"]["event_id"][2:])


async def test_one_channel_is_handed_out_in_order_also_over_two_sessions() -> None:
    async with house() as here:
        programs = [await here.program(), await here.program()]
        here.connector.deliver(*(message(n, f"C{n % 3}") for n in range(30)))
        seen: dict[int, list[int]] = {0: [], 1: [], 2: []}
        working: set[int] = set()
        by_program = [0, 0]

        async def work(which: int, program: Program) -> None:
            while True:
                delivery = await program.handed()
                number = number_of(delivery)
                assert number % 3 not in working, "two of one channel at once"
                working.add(number % 3)
                seen[number % 3].append(number)
                by_program[which] += 1
                await asyncio.sleep(0)
                working.discard(number % 3)
                await program.answer(delivery)

        tasks = [asyncio.create_task(work(which, program)) for which, program in enumerate(programs)]
        await here.connector.until(lambda: len(here.connector.settled) == 30)
        async with asyncio.timeout(PATIENCE):
            while sum(map(len, seen.values())) < 30:
                await asyncio.sleep(0.005)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert [seen[channel] for channel in range(3)] == [list(range(c, 30, 3)) for c in range(3)]
        assert min(by_program) > 0, "one of them did nothing"


async def test_a_long_backlog_of_one_channel_is_read_in_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[int] = []
    envelopes, keys_after, keys_known = SqliteJournal.envelopes, SqliteJournal.keys_after, asyncio.Event()

    async def counted(self: SqliteJournal, ids: Sequence[int]) -> Mapping[int, StoredEnvelope]:
        reads.append(len(ids))
        return await envelopes(self, ids)

    async def noted(
        self: SqliteJournal, plugin: str, lane: Lane, after: str | None, limit: int
    ) -> Sequence[str]:
        names = await keys_after(self, plugin, lane, after, limit)
        if lane is Lane.EVENTS:
            keys_known.set()
        return names

    monkeypatch.setattr(SqliteJournal, "envelopes", counted)
    monkeypatch.setattr(SqliteJournal, "keys_after", noted)
    async with house() as here:
        program = await here.program(session="s", remembers=100)
        await keys_known.wait()  # else a channel's first page may be one that a broker's start finds
        here.connector.deliver(*(message(n, "C1") for n in range(400)))
        for number in range(400):
            delivery = await program.handed()
            assert number_of(delivery) == number
            await program.answer(delivery)
        await here.nothing_is_open()
    assert len(reads) < 20, reads


async def test_no_more_than_the_window_is_out_and_commands_have_one_of_their_own() -> None:
    async with house(plugin(delivery=Delivery(window=2))) as here:
        program = await here.program()
        here.connector.deliver(*(message(n, f"C{n}") for n in range(10)))
        out = [await program.handed() for _ in range(2)]
        here.connector.deliver(command(100, "/bot"))
        assert (await program.handed())["type"] == "slash_commands"
        await program.answer(out[0])
        assert number_of(await program.handed()) == 2


async def test_a_failed_attempt_is_tried_again_before_its_channel_goes_on_until_it_is_a_dead_letter() -> None:
    async with house(plugin(delivery=Delivery(max_attempts=3, **AT_ONCE))) as here:
        program = await here.program()
        here.connector.deliver(message(1, "C1"), message(2, "C1"))
        for attempt in (1, 2, 3):
            delivery = await program.handed()
            assert (number_of(delivery), delivery["attempt"]) == (1, attempt)
            await program.nack(delivery)
        assert number_of(await program.handed()) == 2
        assert await here.dead_letters() == ["attempts"]


async def test_a_permanent_failure_is_a_dead_letter_at_once() -> None:
    async with house() as here:
        program = await here.program()
        here.connector.deliver(message(1, "C1"), message(2, "C1"))
        await program.nack(await program.handed(), permanent=True)
        assert number_of(await program.handed()) == 2
        assert await here.dead_letters() == ["permanent"]


async def test_a_plugin_says_itself_when_it_wants_it_again() -> None:
    async with house(plugin(delivery=Delivery(backoff_initial=600.0, backoff_max=600.0))) as here:
        program = await here.program()
        here.connector.deliver(message(1, "C1"))
        await program.nack(await program.handed(), retry_after=0)
        assert (await program.handed())["attempt"] == 2


async def test_silence_is_a_failed_attempt_unless_it_is_extended() -> None:
    async with house(plugin(delivery=Delivery(ack_timeout=0.3, **AT_ONCE))) as here:
        program = await here.program()
        here.connector.deliver(message(1, "C1"))
        first = await program.handed()
        second = await program.handed()
        assert (second["id"], second["attempt"]) == (first["id"].replace(".1", ".2"), 2)
        await program.answer(first)  # to an attempt that is over: ignored
        assert (await program.handed())["attempt"] == 3


async def test_a_program_without_a_session_gets_again_at_once_what_it_had() -> None:
    async with house() as here:
        first = await here.program()
        here.connector.deliver(message(1, "C1"))
        await first.handed()
        await first.goes()
        again = await (await here.program()).handed()
        assert number_of(again) == 1


async def test_a_session_that_comes_back_keeps_what_it_holds_and_gets_again_what_it_never_read() -> None:
    async with house(rules={"grace": 20.0}) as here:
        first = await here.program(session="s")
        here.connector.deliver(message(1, "C1"), message(2, "C2"))
        held, lost = await first.handed(), await first.handed()
        await first.goes()
        second = await here.program(session="s", holding=[held["id"]])
        again = await second.handed()
        assert (again["id"], again["attempt"]) == (lost["id"], 1)  # no attempt counted
        await second.answer(held)
        await second.answer(again)
        await here.nothing_is_open()


async def test_a_session_that_stays_away_frees_what_it_had_after_its_grace() -> None:
    async with house(rules={"grace": 0.1}) as here:
        first = await here.program(session="s")
        here.connector.deliver(message(1, "C1"))
        await first.handed()
        await first.goes()
        assert (await (await here.program(session="t")).handed())["attempt"] == 2


async def test_what_waits_over_a_restart_is_there_afterwards_and_what_is_held_is_not_handed_out_again(
    folder: Path,
) -> None:
    async with house(folder=folder) as here:
        program = await here.program(session="s")
        here.connector.deliver(message(1, "C1"), message(2, "C1"), message(3, "C2"))
        held = [await program.handed(), await program.handed()]
    async with house(folder=folder, rules={"grace": 20.0}) as here:
        program = await here.program(session="s", holding=[each["id"] for each in held])
        for each in held:
            await program.answer(each)
        last = await program.handed()
        assert number_of(last) == 2
        await program.answer(last)
        await here.nothing_is_open()


async def test_a_plugin_whose_file_is_gone_harms_nobody(folder: Path) -> None:
    both = (plugin("bot"), plugin("other"))
    async with house(*both, folder=folder) as here:
        bot, other = await here.program("bot", session="s"), await here.program("other", session="s")
        here.connector.deliver(message(1, "C1"), message(2, "C1"), command(3, "/bot"))
        await bot.handed()
        await other.handed()
    async with house(plugin("other"), folder=folder, rules={"grace": 0.0}) as here:
        other = await here.program("other")
        assert number_of(await other.handed()) == 1
    async with house(*both, folder=folder, rules={"grace": 0.0}) as here:
        kinds = {(await (await here.program("bot")).handed())["type"]}
        assert kinds <= {"events_api", "slash_commands"}


async def test_a_full_disk_refuses_what_comes_and_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    async with house() as here:
        program = await here.program(session="s")
        here.connector.deliver(message(1, "C1"))
        delivery = await program.handed()
        real = SqliteJournal.submit

        def submit(self: SqliteJournal, writes: Any, on_commit: Any) -> None:
            asyncio.get_running_loop().call_soon(on_commit, JournalUnwritable("the disk is full"))

        monkeypatch.setattr(SqliteJournal, "submit", submit)
        (refused,) = here.connector.deliver(message(2, "C2"))
        await program.answer(delivery)
        await here.connector.until(lambda: refused in here.connector.refused)
        monkeypatch.setattr(SqliteJournal, "submit", real)
        (taken,) = here.connector.deliver(message(2, "C2"))
        assert await here.connector.acknowledgement(taken) is None
        await program.answer(await program.handed())
        await here.nothing_is_open()  # the answer that could not be written too


async def test_a_full_disk_is_said_when_it_begins_and_is_a_gap_when_it_is_over(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(outages, "STEADY", 0.1)
    monkeypatch.setattr(daemon, "LOOK_EVERY", 0.05)
    real = SqliteJournal.submit

    def submit(self: SqliteJournal, writes: Any, on_commit: Any) -> None:
        asyncio.get_running_loop().call_soon(on_commit, JournalUnwritable("the disk is full"))

    async with house() as here:
        monkeypatch.setattr(SqliteJournal, "submit", submit)
        for number in range(20):
            (refused,) = here.connector.deliver(message(number, "C1"))
            await here.connector.until(lambda number=refused: number in here.connector.refused)  # type: ignore[misc]
        monkeypatch.setattr(SqliteJournal, "submit", real)
        (taken,) = here.connector.deliver(message(99, "C1"))
        assert await here.connector.acknowledgement(taken) is None
        async with asyncio.timeout(PATIENCE):
            while not (gaps := await here.daemon.journal.gaps(0.0, 9)):
                await asyncio.sleep(0.02)
        (gap,) = gaps
        assert gap.reason == "nothing could be journaled: the disk is full"
        assert gap.end is not None
        assert gap.end > gap.start
    refusals = [one for one in caplog.records if one.__dict__.get("event") == "journal-refused"]
    assert len(refusals) <= 2, "the way in, and one line a minute and app"


async def test_a_stop_waits_for_no_plugin_and_for_no_call(folder: Path) -> None:
    async with house(plugin(methods=("api.test",), apps=("main",)), folder=folder) as here:
        here.connector.answer = lambda call: None
        program = await here.program(session="s")
        here.connector.deliver(message(1, "C1"))
        delivery = await program.handed()
        await program.say(id=1, method="slack.call", params={"method": "api.test"})
        await here.connector.until(lambda: len(here.connector.calls) == 1)
        here.stop.set()
        assert await program.hear() is None
        async with asyncio.timeout(PATIENCE):
            await here.running
        (noted,) = here.daemon.core.in_flight() or ()
        assert (noted.session, f"{noted.delivery}.1") == ("s", delivery["id"])


async def test_extend_starts_the_ack_timeout_again() -> None:
    async with house(plugin(delivery=Delivery(ack_timeout=3.0, **AT_ONCE))) as here:
        program = await here.program(session="s")
        here.connector.deliver(message(1, "C1"))
        delivery = await program.handed()
        (lease,) = here.daemon.core.plugins["bot"].leases()
        before = lease.deadline
        await program.say(method="extend", params={"id": delivery["id"]})
        await program.say(id=1, method="slack.call", params={"method": "api.test"})
        await program.hear()  # the refusal: what came before it was heard
        assert lease.deadline > before
        await program.answer(delivery)
        await here.nothing_is_open()

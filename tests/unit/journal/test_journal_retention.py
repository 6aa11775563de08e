"""What goes, and when; time is set by hand."""

from pathlib import Path

from slackd.broker.journal import Journal
from slackd.broker.journal.limits import DeadLettered, DroppedDeadLetters, PluginLimits
from slackd.broker.journal.writes import (
    AnswerState,
    CloseDelivery,
    DeadLetterDelivery,
    DeadReason,
    Duplicate,
    GapRecord,
    Ghost,
    Lane,
    Recorded,
    Replay,
    RetryDelivery,
    Revive,
)
from tests.support.journal.engines import OpenJournal
from tests.support.journal.writing import (
    DAY,
    HOUR,
    NOW,
    Time,
    command,
    event,
    opened,
    to,
    unreadable,
    write,
)


async def test_the_oldest_deliveries_make_room_for_a_backlog_within_its_bytes(
    tmp_path: Path, journal_in: OpenJournal
) -> None:
    dead_lettered: list[DeadLettered] = []
    async with journal_in(
        tmp_path, plugins={"bot": PluginLimits(max_bytes=3_000)}, dead_lettered=dead_lettered
    ) as (
        journal,
        _,
    ):
        await write(
            journal, *(event(f"k{n}", deliveries=[to(), to("other")], text="x" * 10) for n in range(1_000))
        )
        assert await journal.run_retention(NOW) == 700
        assert {one.reason for one in dead_lettered} == {DeadReason.BACKLOG_FULL}
        assert [one.envelope for one in dead_lettered] == list(range(1, 701))
        backlogs = await journal.backlogs()
        assert (backlogs["bot"].deliveries, backlogs["bot"].bytes, backlogs["bot"].dead) == (300, 3_000, 300)
        assert (backlogs["other"].deliveries, backlogs["other"].dead) == (1_000, 0)


async def test_a_backlog_that_is_too_old_is_dead_lettered_in_both_lanes(
    tmp_path: Path, journal_in: OpenJournal
) -> None:
    dead_lettered: list[DeadLettered] = []
    async with journal_in(
        tmp_path, plugins={"bot": PluginLimits(max_age=DAY)}, dead_lettered=dead_lettered
    ) as (journal, _):
        await write(journal, event("a", deliveries=[to()]), command("b", to(lane=Lane.PROMPT, respond_by=NOW)))
        await write(journal, event("c", at=NOW + HOUR, deliveries=[to()]))
        assert await journal.run_retention(NOW + DAY - 1) == 0
        assert await journal.run_retention(NOW + DAY + 1) == 2
        assert [(one.delivery, one.reason) for one in dead_lettered] == [
            (1, DeadReason.TOO_OLD),
            (2, DeadReason.TOO_OLD),
        ]
        assert (await journal.envelopes([2]))[2].answer is AnswerState.PASSED


async def test_what_an_operator_delivers_again_is_as_old_as_that(
    tmp_path: Path, journal_in: OpenJournal
) -> None:
    time = Time()
    async with journal_in(tmp_path, time, plugins={"bot": PluginLimits(max_age=DAY)}) as (journal, _):
        await write(journal, *(event(key, deliveries=[to()]) for key in "ab"))
        await journal.run_retention(NOW + 2 * DAY)
        first, second = [letter.delivery for letter in await journal.dead_letters(0, 9)]
        time.now = NOW + 3 * DAY
        revived, replayed = await write(journal, Revive(first), Replay(2, to()))
        (again,), (once_more,) = revived.opened, replayed.opened
        assert await journal.run_retention(NOW + 3 * DAY + HOUR) == 0
        await write(journal, RetryDelivery(again.id, 1, 0.0, "no"))
        assert await journal.run_retention(NOW + 3 * DAY + HOUR) == 0
        assert [each.not_before for each in await journal.open_by_id([again.id, once_more.id])] == [0.0, 0.0]
        assert await journal.run_retention(NOW + 4 * DAY + 1) == 2
        assert [letter.delivery for letter in await journal.dead_letters(0, 9)] == [
            second,
            again.id,
            once_more.id,
        ]


async def test_expired_deliveries_of_plugins_that_are_away_are_dead_lettered(
    tmp_path: Path, journal_in: OpenJournal
) -> None:
    async with journal_in(tmp_path) as (journal, _):
        for plugin in ("away", "here"):
            await write(journal, command(plugin, to(plugin, lane=Lane.PROMPT, expires_at=NOW + 60), at=NOW))
        assert await journal.run_retention(NOW + 61) == 0
        journal.set_away(["away"])
        assert await journal.run_retention(NOW + 59) == 0
        assert await journal.run_retention(NOW + 61) == 1
        (letter,) = await journal.dead_letters(0, 9)
        assert (letter.plugin, letter.reason, letter.attempts) == ("away", DeadReason.EXPIRED, 0)
        assert await journal.run_retention(NOW + 60 + 2 * HOUR) == 1, "nobody holds one for that long"


async def test_dead_letters_have_an_age(tmp_path: Path, journal_in: OpenJournal) -> None:
    time = Time()
    async with journal_in(tmp_path, time, dead_letter_age=DAY) as (journal, _):
        for key in "ab":
            (delivery,) = await opened(journal, event(key, deliveries=[to()]))
            await write(journal, DeadLetterDelivery(delivery, None, DeadReason.ATTEMPTS, ""))
            time.now += HOUR
        await journal.run_retention(NOW + DAY + 1)
        assert [letter.envelope for letter in await journal.dead_letters(0, 9)] == [2]
        assert (await journal.backlogs())["bot"].dead == 1


async def _dead(journal: Journal, plugin: str, *keys: str) -> None:
    for key in keys:
        (delivery,) = await opened(journal, event(f"{plugin}{key}", text="x" * 100, deliveries=[to(plugin)]))
        await write(journal, DeadLetterDelivery(delivery, 1, DeadReason.PERMANENT, "no"))


async def test_the_oldest_dead_letters_of_a_plugin_make_room_for_its_newest(
    tmp_path: Path, journal_in: OpenJournal
) -> None:
    dropped: list[DroppedDeadLetters] = []
    limits = {"bot": PluginLimits(max_bytes=250)}
    async with journal_in(tmp_path, plugins=limits, dropped=dropped) as (journal, _):
        await _dead(journal, "bot", *"abcde")
        await _dead(journal, "other", *"abcde")
        await journal.run_retention(NOW)
        assert dropped == [DroppedDeadLetters("bot", 3, 300)]
        assert [one.delivery for one in await journal.dead_letters(0, 99)] == [4, 5, 6, 7, 8, 9, 10]
        assert journal.health().dead_letter_bytes == {"bot": 200, "other": 500}
        assert (await journal.backlogs())["bot"].dead == 2


async def test_the_oldest_dead_letters_of_all_make_room_within_the_journals_bytes(
    tmp_path: Path, journal_in: OpenJournal
) -> None:
    dropped: list[DroppedDeadLetters] = []
    async with journal_in(tmp_path, max_bytes=450, dropped=dropped) as (journal, _):
        await _dead(journal, "one", *"abc")
        await write(journal, unreadable("u"))
        await _dead(journal, "two", *"abc")
        await journal.run_retention(NOW)
        assert sorted(one.plugin for one in dropped) == ["one"]
        assert sum(one.letters for one in dropped) == 2
        await journal.run_retention(NOW)
        assert len(dropped) == 1, "it is stable"


async def test_a_plugin_that_refuses_everything_is_bounded(
    tmp_path: Path, sqlite_journal_in: OpenJournal
) -> None:
    limits = {"bot": PluginLimits(max_bytes=30_000)}
    async with sqlite_journal_in(tmp_path, plugins=limits, max_bytes=1 << 20) as (journal, _):
        for first in range(0, 6_000, 1_000):
            keys = [f"k{number}" for number in range(first, first + 1_000)]
            deliveries = await opened(journal, *(event(key, text="x" * 100, deliveries=[to()]) for key in keys))
            dead = [DeadLetterDelivery(one, 1, DeadReason.PERMANENT, "no") for one in deliveries]
            await write(journal, *dead)
        await journal.run_retention(NOW)
        assert (await journal.backlogs())["bot"].dead == 300
        assert min(one.delivery for one in await journal.dead_letters(0, 999)) == 5_701


async def test_envelopes_go_when_nothing_needs_them(tmp_path: Path, journal_in: OpenJournal) -> None:
    async with journal_in(tmp_path, max_age=DAY) as (journal, _):
        (waiting,) = await opened(journal, event("waits", deliveries=[to()]))
        (dying,) = await opened(journal, event("dies", deliveries=[to()]))
        await write(
            journal, DeadLetterDelivery(dying, None, DeadReason.ATTEMPTS, ""), event("replayed"), event("free")
        )
        (replayed,) = await write(journal, Replay(3, to("late")))
        await write(journal, event("newest", at=NOW))
        await journal.run_retention(NOW + DAY + 1)
        assert [stored.id for stored in await journal.recorded(0, 99)] == [1, 2, 3, 5]
        await write(journal, CloseDelivery(waiting, 1), CloseDelivery(replayed.opened[0].id, 1))
        await journal.run_retention(NOW + DAY + 2)
        assert [stored.id for stored in await journal.recorded(0, 99)] == [2, 5]


async def test_envelopes_go_oldest_first_when_there_are_too_many_bytes(
    tmp_path: Path, journal_in: OpenJournal
) -> None:
    async with journal_in(tmp_path, max_bytes=5_000) as (journal, _):
        await write(journal, *(event(f"k{n}", text="x" * 10) for n in range(1_000)))
        await journal.run_retention(NOW)
        assert [stored.id for stored in await journal.recorded(0, 9_999)] == list(range(501, 1_001))


async def test_keys_outlive_their_envelopes_and_go_after_25_hours(
    tmp_path: Path, journal_in: OpenJournal
) -> None:
    async with journal_in(tmp_path, max_bytes=0) as (journal, _):
        await write(journal, *(event(f"k{n}") for n in range(5_000)))
        await journal.run_retention(NOW + 24 * HOUR)
        assert len(await journal.recorded(0, 9)) == 1
        assert await write(journal, event("k7", at=NOW + 24 * HOUR)) == [Duplicate(8, AnswerState.NONE, None)]
        await journal.run_retention(NOW + 26 * HOUR)
        assert type((await write(journal, event("k8", at=NOW + 24 * HOUR)))[0]) is Recorded


async def test_a_response_is_kept_for_as_long_as_slack_may_ask_again(
    tmp_path: Path, journal_in: OpenJournal
) -> None:
    async with journal_in(tmp_path, max_bytes=0) as (journal, _):
        await write(journal, event("k", response='"r"'), event("newest"))
        await journal.run_retention(NOW + 24 * HOUR)
        assert await write(journal, event("k", at=NOW + 24 * HOUR)) == [Duplicate(1, AnswerState.NONE, '"r"')]
        await journal.run_retention(NOW + 26 * HOUR)
        assert [stored.id for stored in await journal.recorded(0, 9)] == [2]


async def test_gaps_and_ghosts_are_forgotten(tmp_path: Path, journal_in: OpenJournal) -> None:
    async with journal_in(tmp_path) as (journal, _):
        await write(journal, GapRecord("main", NOW, NOW + 1, "old"), GapRecord("main", NOW + 2, None, "open"))
        await write(journal, Ghost("main", "c", NOW + 5))
        await journal.run_retention(NOW + 91 * DAY)
        assert [gap.reason for gap in await journal.gaps(0, 9)] == ["open"]


async def test_the_index_by_time_is_exact_though_the_clock_was_set_back(
    tmp_path: Path, journal_in: OpenJournal
) -> None:
    moments = [NOW, NOW + HOUR, NOW + 2 * HOUR, NOW + 10, NOW + 3 * HOUR, NOW + HOUR + 5]
    async with journal_in(tmp_path) as (journal, _):
        for number, moment in enumerate(moments):
            await write(journal, event(f"k{number}", at=moment))
        found = await journal.recorded(0, 9, since=NOW + 5, until=NOW + HOUR + 5)
        assert [stored.id for stored in found] == [2, 4, 6]
        assert await journal.recorded(0, 9, since=NOW + 5 * HOUR) == []

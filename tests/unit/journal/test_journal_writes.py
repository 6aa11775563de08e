"""What each write means, whatever the engine."""

import asyncio
from pathlib import Path
from typing import Any

import attrs
import pytest

from slackd.broker.journal.writes import (
    AnswerPassed,
    AnswerState,
    AnswerUnsent,
    CleanShutdown,
    CloseDelivery,
    DeadLetterDelivery,
    DeadReason,
    Discard,
    Done,
    Duplicate,
    GapRecord,
    Ghost,
    InFlight,
    Lane,
    LateSent,
    ListSession,
    OpenDelivery,
    Recorded,
    Replay,
    RetryDelivery,
    Revive,
    Stale,
    Write,
)
from slackd.errors import JournalError
from tests.support.journal.engines import OpenJournal
from tests.support.journal.writing import (
    HOUR,
    NOW,
    Time,
    attempt,
    command,
    event,
    opened,
    to,
    unreadable,
    write,
)


class TestClosesInGroups:
    @pytest.mark.parametrize("remembered", [1, 7, 16_384])
    async def test_each_is_closed_once_whatever_memory_holds_of_it(
        self, tmp_path: Path, journal_in: OpenJournal, monkeypatch: pytest.MonkeyPatch, remembered: int
    ) -> None:
        monkeypatch.setattr("slackd.broker.journal.sqlite.totals.UNTOUCHED", remembered)
        async with journal_in(tmp_path) as (journal, _):
            await write(journal, *(event(f"Ev{number}", deliveries=[to()]) for number in range(300)))
            await write(journal, RetryDelivery(299, 1, 0.0, "busy"))
            closes = [CloseDelivery(delivery, 1) for delivery in range(1, 301)]
            outcomes = await write(journal, *closes, CloseDelivery(1, 1), CloseDelivery(300, 2))
            assert outcomes[:298] == [Done(envelope) for envelope in range(1, 299)]
            assert outcomes[298:] == [Stale(), Done(300), Stale(), Stale()]
            assert (await journal.backlogs())["bot"].deliveries == 1
            assert await write(journal, CloseDelivery(299, 2)) == [Done(299)]
            assert await journal.backlogs() == {}

    async def test_what_a_refused_group_closed_is_still_open(
        self, tmp_path: Path, journal_in: OpenJournal
    ) -> None:
        async with journal_in(tmp_path) as (journal, _):
            (delivery,) = await opened(journal, event("Ev1", deliveries=[to()]))
            nonsense: Any = "nonsense"
            refused = await attempt(journal, CloseDelivery(delivery, 1), nonsense)
            assert isinstance(refused, JournalError)
            assert [one.id for one in await journal.open_by_id([delivery])] == [delivery]
            assert await write(journal, CloseDelivery(delivery, 1)) == [Done(1)]


class TestAnswersOfDeliveriesThatAreKept:
    async def test_the_answer_is_given_and_the_delivery_open_until_it_is_closed(
        self, tmp_path: Path, journal_in: OpenJournal
    ) -> None:
        owed = to("bot", lane=Lane.PROMPT, respond_by=NOW + 2)
        async with journal_in(tmp_path) as (journal, _):
            (delivery,) = await opened(journal, command("c", owed))
            keep = CloseDelivery(delivery, 1, '{"text":"now"}', AnswerState.GIVEN, late=True, keep=True)
            assert await write(journal, keep) == [Done(1)]
        async with journal_in(tmp_path) as (journal, opening):
            (kept,) = await journal.open_by_id([delivery])
            assert (kept.answered, kept.respond_by, opening.late) == (True, None, ())
            assert await write(journal, command("c", owed)) == [
                Duplicate(1, AnswerState.GIVEN, '{"text":"now"}')
            ]
            assert await write(journal, RetryDelivery(delivery, 1, 0.0, "no")) == [Done(1)]
            assert (await journal.open_by_id([delivery]))[0].answered
            assert await write(journal, CloseDelivery(delivery, 2)) == [Done(1)]
            assert await journal.backlogs() == {}

    async def test_one_that_comes_too_late_is_remembered_and_given_once(
        self, tmp_path: Path, journal_in: OpenJournal
    ) -> None:
        owed = to("bot", lane=Lane.PROMPT, respond_by=NOW + 2)
        async with journal_in(tmp_path) as (journal, _):
            (delivery,) = await opened(journal, command("c", owed))
            await write(journal, AnswerPassed(1))
            keep = CloseDelivery(delivery, 1, '{"text":"now"}', AnswerState.GIVEN, late=True, keep=True)
            assert await write(journal, keep, keep) == [Done(1, passed=True)] * 2
        async with journal_in(tmp_path) as (journal, opening):
            assert [late.response for late in opening.late] == ['{"text":"now"}']
            assert await write(journal, CloseDelivery(delivery, 2), CloseDelivery(delivery, 1)) == [
                Stale(),
                Done(1),
            ]


class TestRecording:
    async def test_a_new_envelope_opens_its_deliveries(self, tmp_path: Path, journal_in: OpenJournal) -> None:
        async with journal_in(tmp_path) as (journal, _):
            (recorded,) = await write(journal, event("Ev1", deliveries=[to("a"), to("b", "")], text="{}"))
            assert recorded == Recorded(
                1, (OpenDelivery(1, 1, "a", Lane.EVENTS, "C1"), OpenDelivery(2, 1, "b", Lane.EVENTS, ""))
            )
            assert (await journal.envelopes([1]))[1].text == "{}"
            assert (await journal.backlogs())["a"].bytes == 2

    async def test_any_known_key_makes_a_duplicate(self, tmp_path: Path, journal_in: OpenJournal) -> None:
        async with journal_in(tmp_path) as (journal, _):
            await write(journal, event("envelope-1", "trigger"))
            assert await write(journal, event("envelope-2", "trigger")) == [
                Duplicate(1, AnswerState.NONE, None)
            ]
            assert await write(journal, event("envelope-2")) == [Duplicate(1, AnswerState.NONE, None)]

    async def test_the_oldest_of_several_known_envelopes_is_the_one_it_repeats(
        self, tmp_path: Path, journal_in: OpenJournal
    ) -> None:
        async with journal_in(tmp_path) as (journal, _):
            await write(journal, event("a"), event("b"))
            assert await write(journal, event("b", "a")) == [Duplicate(1, AnswerState.NONE, None)]

    async def test_twins_in_one_group(self, tmp_path: Path, journal_in: OpenJournal) -> None:
        async with journal_in(tmp_path) as (journal, _):
            outcomes = await write(journal, event("Ev1"), event("Ev1"), event("Ev2"))
            assert [type(outcome) for outcome in outcomes] == [Recorded, Duplicate, Recorded]

    async def test_a_known_key_in_a_large_group_concerns_its_own_record_alone(
        self, tmp_path: Path, journal_in: OpenJournal
    ) -> None:
        async with journal_in(tmp_path) as (journal, _):
            await write(journal, event("Ev300"))
            group = [event(f"Ev{number}", deliveries=[to()]) for number in range(600)]
            outcomes = await write(journal, *group)
            assert outcomes[300] == Duplicate(1, AnswerState.NONE, None)
            assert [one.envelope for one in outcomes if type(one) is Recorded] == list(range(2, 601))
            assert {type(one) for one in await write(journal, *group)} == {Duplicate}
            assert (await journal.backlogs())["bot"].deliveries == 599

    async def test_keys_belong_to_an_app(self, tmp_path: Path, journal_in: OpenJournal) -> None:
        async with journal_in(tmp_path) as (journal, _):
            first = event("Ev1")
            second = attrs.evolve(first, envelope=attrs.evolve(first.envelope, app="other"))
            assert [type(one) for one in await write(journal, first, second)] == [Recorded, Recorded]

    async def test_keys_are_remembered_for_25_hours(self, tmp_path: Path, journal_in: OpenJournal) -> None:
        async with journal_in(tmp_path) as (journal, _):
            await write(journal, event("Ev1"))
            assert type((await write(journal, event("Ev1", at=NOW + 25 * HOUR - 1)))[0]) is Duplicate
            assert type((await write(journal, event("Ev1", at=NOW + 25 * HOUR + 1)))[0]) is Recorded

    async def test_a_duplicate_gets_the_stored_response(self, tmp_path: Path, journal_in: OpenJournal) -> None:
        async with journal_in(tmp_path) as (journal, _):
            (delivery,) = await opened(journal, command("c", to(lane=Lane.PROMPT, respond_by=NOW + 2)))
            assert await write(journal, command("c")) == [Duplicate(1, AnswerState.OWED, None)]
            await write(journal, CloseDelivery(delivery, 1, '{"text":"hi"}', AnswerState.GIVEN))
            assert await write(journal, command("c")) == [Duplicate(1, AnswerState.GIVEN, '{"text":"hi"}')]

    async def test_an_unreadable_text_is_a_dead_letter_of_nobody(
        self, tmp_path: Path, journal_in: OpenJournal
    ) -> None:
        async with journal_in(tmp_path) as (journal, _):
            assert await write(journal, unreadable("k")) == [Recorded(1, ())]
            (letter,) = await journal.dead_letters(0, 10)
            assert (letter.plugin, letter.reason, letter.type) == ("", DeadReason.UNREADABLE, "")
            full = await journal.dead_letter(letter.delivery)
            assert full is not None
            assert full.text == "{broken"
            assert (await journal.backlogs())[""].dead == 1
            assert await write(journal, Revive(letter.delivery)) == [Stale()]

    async def test_dead_from_the_start(self, tmp_path: Path, journal_in: OpenJournal) -> None:
        async with journal_in(tmp_path) as (journal, _):
            (recorded,) = await write(
                journal, event("k", deliveries=[to("a", dead=DeadReason.TOO_LARGE), to("b")])
            )
            assert [delivery.plugin for delivery in recorded.deliveries] == ["b"]
            assert [letter.plugin for letter in await journal.dead_letters(0, 10)] == ["a"]

    async def test_what_utf_8_cannot_hold_is_replaced(self, tmp_path: Path, journal_in: OpenJournal) -> None:
        async with journal_in(tmp_path) as (journal, _):
            (recorded,) = await write(journal, event("\ud800", deliveries=[to(key="\ud800")]))
            assert recorded.deliveries[0].key == "?"
            assert list(await journal.keys_after("bot", Lane.EVENTS, None, 5)) == ["?"]


class TestTheEndOfADelivery:
    @pytest.mark.parametrize("late", [False, True])
    async def test_another_attempt_than_the_rows_is_stale(
        self, tmp_path: Path, journal_in: OpenJournal, late: bool
    ) -> None:
        async with journal_in(tmp_path) as (journal, _):
            (delivery,) = await opened(journal, event("k", deliveries=[to()]))
            assert await write(journal, RetryDelivery(delivery, 1, NOW + 5, "oops")) == [Done(1)]
            stale: list[Write] = [
                CloseDelivery(delivery, 1, late=late),
                RetryDelivery(delivery, 1, 0, ""),
                DeadLetterDelivery(delivery, 1, DeadReason.ATTEMPTS, ""),
            ]
            assert await write(journal, *stale) == [Stale()] * 3
            (waiting,) = await journal.open_by_id([delivery])
            assert (waiting.attempt, waiting.not_before) == (2, NOW + 5)
            assert await write(journal, CloseDelivery(delivery, 2), CloseDelivery(delivery, 2)) == [
                Done(1),
                Stale(),
            ]
            assert await journal.backlogs() == {}

    async def test_a_close_never_reaches_ahead_to_a_delivery_that_is_opened_after_it(
        self, tmp_path: Path, journal_in: OpenJournal
    ) -> None:
        async with journal_in(tmp_path) as (journal, _):
            stale, recorded, done = await write(
                journal, CloseDelivery(1, 1), event("k", deliveries=[to()]), CloseDelivery(1, 1)
            )
            assert (stale, type(recorded), done) == (Stale(), Recorded, Done(1))

    async def test_dead_lettering_gives_an_owed_answer_up(
        self, tmp_path: Path, journal_in: OpenJournal
    ) -> None:
        async with journal_in(tmp_path, Time(NOW)) as (journal, _):
            (delivery,) = await opened(journal, command("c", to(respond_by=NOW + 2)))
            await write(journal, DeadLetterDelivery(delivery, None, DeadReason.PERMANENT, "no"))
            assert (await journal.envelopes([1]))[1].answer is AnswerState.PASSED
            (letter,) = await journal.dead_letters(0, 10, "bot")
            assert (letter.error, letter.attempts, letter.died_at) == ("no", 1, NOW)

    async def test_a_late_answer_is_remembered_until_it_was_sent(
        self, tmp_path: Path, journal_in: OpenJournal
    ) -> None:
        async with journal_in(tmp_path) as (journal, _):
            (delivery,) = await opened(journal, command("c", to(respond_by=NOW + 2), url="https://r/9"))
            assert await write(journal, AnswerPassed(1), AnswerPassed(1)) == [Done(1), Stale()]
            await write(journal, CloseDelivery(delivery, 1, '"late"', late=True))
        async with journal_in(tmp_path) as (journal, opening):
            (late,) = opening.late
            assert (late.delivery, late.response_url, late.response, late.app) == (
                delivery,
                "https://r/9",
                '"late"',
                "main",
            )
            assert await write(journal, LateSent(delivery), LateSent(delivery)) == [Done(), Stale()]
        async with journal_in(tmp_path) as (journal, opening):
            assert opening.late == ()

    @pytest.mark.parametrize("passed", [False, True])
    async def test_an_answer_goes_into_the_acknowledgement_or_follows_it(
        self, tmp_path: Path, journal_in: OpenJournal, passed: bool
    ) -> None:
        """Whoever answers may not know yet that nobody waits any more: the journal decides, and for ever."""
        async with journal_in(tmp_path) as (journal, _):
            (delivery,) = await opened(journal, command("c", to(respond_by=NOW + 2)))
            ended = [AnswerPassed(1)] if passed else []
            *_, done = await write(
                journal, *ended, CloseDelivery(delivery, 1, '"x"', AnswerState.GIVEN, late=True)
            )
            assert done == Done(1, passed=passed)
            (again,) = await write(journal, command("c"))
            assert again == (
                Duplicate(1, AnswerState.PASSED, None) if passed else Duplicate(1, AnswerState.GIVEN, '"x"')
            )
        async with journal_in(tmp_path) as (journal, opening):
            assert [late.response for late in opening.late] == ['"x"'] * passed

    async def test_an_answer_that_reached_nobody_follows(self, tmp_path: Path, journal_in: OpenJournal) -> None:
        async with journal_in(tmp_path) as (journal, _):
            (delivery,) = await opened(journal, command("c", to(respond_by=NOW + 2), url="https://r/9"))
            unsent = AnswerUnsent(1, delivery, "bot")
            given = CloseDelivery(delivery, 1, '"x"', AnswerState.GIVEN, late=True)
            assert await write(journal, unsent, given, unsent, unsent) == [Stale(), Done(1), Done(1), Stale()]
            assert await write(journal, command("c")) == [Duplicate(1, AnswerState.PASSED, None)]
        async with journal_in(tmp_path) as (journal, opening):
            (late,) = opening.late
            assert (late.delivery, late.plugin, late.response_url, late.response) == (
                delivery,
                "bot",
                "https://r/9",
                '"x"',
            )


class TestOperators:
    async def test_retry_opens_a_new_delivery_at_the_end(self, tmp_path: Path, journal_in: OpenJournal) -> None:
        async with journal_in(tmp_path) as (journal, _):
            first, second = [(await opened(journal, event(key, deliveries=[to()])))[0] for key in "ab"]
            await write(journal, DeadLetterDelivery(first, 1, DeadReason.ATTEMPTS, ""))
            (done,) = await write(journal, Revive(first))
            (again,) = done.opened
            assert (again.id, again.attempt, again.key) == (3, 1, "C1")
            assert [one.id for one in await journal.open_of_key("bot", Lane.EVENTS, "C1", 0, 9)] == [second, 3]
            assert await write(journal, Revive(first), Discard(first)) == [Stale(), Stale()]

    async def test_replay(self, tmp_path: Path, journal_in: OpenJournal) -> None:
        async with journal_in(tmp_path) as (journal, _):
            await write(journal, event("k"))
            (done, stale) = await write(journal, Replay(1, to("late")), Replay(7, to("late")))
            assert [one.plugin for one in done.opened] == ["late"]
            assert stale == Stale()


class TestIds:
    async def test_ids_never_come_back(self, tmp_path: Path, journal_in: OpenJournal) -> None:
        async with journal_in(tmp_path) as (journal, _):
            first, second = await opened(journal, event("k", deliveries=[to("a"), to("b")]))
            (done,) = await write(journal, Replay(1, to("c")))
            await write(journal, *(CloseDelivery(one, 1) for one in (first, second, done.opened[0].id)))
        async with journal_in(tmp_path) as (journal, opening):
            assert opening.last_delivery == 3
            (recorded,) = await write(journal, event("m", deliveries=[to()]))
            assert (recorded.envelope, recorded.deliveries[0].id) == (2, 4)


class TestSessionsAndTheNoteOfACleanStop:
    async def test_the_note_is_read_once(self, tmp_path: Path, journal_in: OpenJournal) -> None:
        handed = (InFlight(1, "a", "s1"), InFlight(2, "a", "s2"))
        async with journal_in(tmp_path) as (journal, _):
            await write(journal, ListSession("a", "s1"), CleanShutdown(handed))
        async with journal_in(tmp_path) as (_, opening):
            assert (opening.sessions, opening.clean_shutdown) == ((("a", "s1"),), handed)
        async with journal_in(tmp_path) as (_, opening):
            assert opening.clean_shutdown is None

    async def test_an_empty_note_is_a_note(self, tmp_path: Path, journal_in: OpenJournal) -> None:
        async with journal_in(tmp_path) as (journal, _):
            await write(journal, CleanShutdown(()))
        async with journal_in(tmp_path) as (_, opening):
            assert opening.clean_shutdown == ()

    async def test_gaps_and_ghosts(self, tmp_path: Path, journal_in: OpenJournal) -> None:
        async with journal_in(tmp_path) as (journal, _):
            await write(journal, GapRecord("main", NOW, None, "drop"), GapRecord("main", NOW, NOW + 1, "drop"))
            await write(
                journal,
                GapRecord("main", NOW + 9, None, "stall"),
                Ghost("main", "c", NOW + 5),
                Ghost("main", "d", NOW - 5),
            )
            assert [gap.end for gap in await journal.gaps(NOW, 10)] == [NOW + 1, None]
        async with journal_in(tmp_path) as (_, opening):
            assert [ghost.connection for ghost in opening.ghosts] == ["c"]
            assert [gap.start for gap in opening.open_gaps] == [NOW + 9]

    async def test_the_newest_gaps_are_those_that_a_limit_leaves(
        self, tmp_path: Path, journal_in: OpenJournal
    ) -> None:
        async with journal_in(tmp_path) as (journal, _):
            await write(journal, *(GapRecord("ab"[n % 2], NOW + n, NOW + n + 0.5, "drop") for n in range(10)))
            assert [gap.start - NOW for gap in await journal.gaps(0, 3)] == [7, 8, 9]
            assert [gap.start - NOW for gap in await journal.gaps(0, 3, "a")] == [4, 6, 8]
            assert [gap.start - NOW for gap in await journal.gaps(NOW + 7, 9, "a")] == [8]


class TestGroups:
    async def test_callbacks_come_in_the_order_of_submission(
        self, tmp_path: Path, journal_in: OpenJournal
    ) -> None:
        async with journal_in(tmp_path) as (journal, _):
            told: list[int] = []
            for number in range(200):
                journal.submit([event(f"k{number}")], lambda _, number=number: told.append(number))  # type: ignore[misc]
            await attempt(journal)
            assert told == list(range(200))

    async def test_a_write_that_makes_no_sense_takes_only_its_own_submission_down(
        self, tmp_path: Path, journal_in: OpenJournal
    ) -> None:
        async with journal_in(tmp_path) as (journal, _):
            told: list[Any] = []
            nonsense: Any = "nonsense"
            for writes in (
                [event("a", deliveries=[to()])],
                [event("b"), nonsense],
                [event("c", deliveries=[to()])],
            ):
                journal.submit(writes, told.append)
            assert await attempt(journal) == []
            good, bad, also_good = told
            assert isinstance(bad, JournalError)
            assert [good[0].envelope, also_good[0].envelope] == [1, 2]
            assert [stored.envelope_id for stored in await journal.recorded(0, 9)] == ["id-a", "id-c"]
            assert (await journal.backlogs())["bot"].deliveries == 2

    async def test_a_callback_that_fails_leaves_the_others_alone(
        self, tmp_path: Path, journal_in: OpenJournal
    ) -> None:
        async with journal_in(tmp_path) as (journal, _):
            reported: list[Any] = []
            asyncio.get_running_loop().set_exception_handler(
                lambda _, context: reported.append(context["exception"])
            )

            def fail(_: object) -> None:
                raise RuntimeError("mine")

            told: list[str] = []
            for key in "abc":
                journal.submit([event(key)], lambda _, key=key: told.append(key))  # type: ignore[misc]
                journal.submit([event(f"{key}!")], fail)
            assert len(await write(journal, event("z"))) == 1
            assert [str(error) for error in reported] == ["mine"] * 3
            assert told == ["a", "b", "c"]

    async def test_a_read_sees_the_commit_it_was_told_of(self, tmp_path: Path, journal_in: OpenJournal) -> None:
        async with journal_in(tmp_path) as (journal, _):
            for number in range(1, 30):
                await write(journal, event(f"k{number}", deliveries=[to()]))
                assert await journal.open_count("bot", Lane.EVENTS, number, 1_000) == number

    async def test_closing_commits_what_was_submitted(self, tmp_path: Path, journal_in: OpenJournal) -> None:
        told: list[Any] = []
        async with journal_in(tmp_path) as (journal, _):
            for number in range(50):
                journal.submit([event(f"k{number}")], told.append)
        assert len(told) == 50
        assert not any(isinstance(one, JournalError) for one in told)
        assert isinstance(await attempt(journal, event("late")), JournalError)
        with pytest.raises(JournalError):
            await journal.gaps(0, 1)
        async with journal_in(tmp_path) as (journal, _):
            assert len(await journal.recorded(0, 100)) == 50

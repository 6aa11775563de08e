"""Everybody who waits for an answer is settled once, by his own deadline, with what is known by then."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from slackd.broker.pending_acks import Due, PendingAcks, Settlements, Waiter
from slackd.link.messages import Closing

OWED = 2.5
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            (
                "waits",
                "waits",
                "answers",
                "commits",
                "is given up",
                "link is lost",
                "time passes",
                "closes",
                "ends for all",
                "is gone",
                "ends early",
            )
        ),
        st.integers(0, 2),
        st.integers(0, 2),
    ),
    max_size=40,
)


@given(STEPS)
def test_nobody_is_forgotten_or_told_twice(history: list[tuple[str, int, int]]) -> None:
    answers, now, number = PendingAcks(), 0.0, 0
    waiting: dict[int, tuple[int, float]] = {}
    told: Counter[int] = Counter()
    ending: list[int] = []

    def settle(settlements: Settlements) -> None:
        for link, settlement in settlements:
            assert waiting.pop(settlement.number)[0] == link
            told[settlement.number] += 1

    for step, envelope, link in history:
        match step:
            case "waits":
                number += 1
                waiting[number] = (link, now + OWED)
                waiter = Waiter(link, number, f"e{envelope}", now + OWED, "c")
                if answers.wait(envelope, waiter, "p", None, elsewhere=envelope > 0)[1]:
                    ending.append(envelope)
            case "answers":
                answers.answer(envelope, f'"{envelope}"')
            case "commits":
                settle(answers.given(envelope, f'"{envelope}"'))
            case "is given up":
                settle(answers.given_up(envelope, "p"))
            case "link is lost":
                answers.link_lost(link)
                waiting = {each: about for each, about in waiting.items() if about[0] != link}
            case "closes" | "ends for all" | "is gone":
                closing = Closing("c", everything=step == "ends for all", mute=step == "is gone")
                ending += answers.closing(link, closing)
            case "ends early":
                for each in ending:
                    settle(answers.passed(each))
                ending.clear()
            case "time passes":
                now += 1.0
                settle(answers.tick(now).settlements)
                assert all(due > now for _, due in waiting.values()), "somebody is past his deadline"
    settle(answers.tick(now + OWED).settlements)
    assert waiting == {}
    assert all(times == 1 for times in told.values())


def one_waiting(fallback: str | None = None) -> PendingAcks:
    answers = PendingAcks()
    answers.wait(7, Waiter(1, 1, "e", OWED), "p", fallback)
    return answers


def payloads(settlements: Settlements) -> list[str | None]:
    return [settlement.payload for _, settlement in settlements]


def test_an_answer_is_told_after_its_commit() -> None:
    answers = one_waiting()
    answers.answer(7, '"x"')
    assert payloads(answers.given(7, '"x"')) == ['"x"']


def test_an_answer_whose_commit_is_slow_is_told_at_the_deadline_all_the_same() -> None:
    answers = one_waiting()
    answers.answer(7, '"x"')
    due = answers.tick(OWED)
    assert (payloads(due.settlements), due.passed) == (['"x"'], [])


def test_without_one_the_fallback_is_and_the_deadline_has_passed() -> None:
    due = one_waiting('{"options":[]}').tick(OWED)
    assert (payloads(due.settlements), due.passed) == (['{"options":[]}'], [7])


def test_who_begins_to_wait_while_the_commit_is_on_its_way_gets_the_answer_too() -> None:
    answers = one_waiting()
    answers.answer(7, '"x"')
    answers.link_lost(1)
    answers.wait(7, Waiter(2, 9, "e2", OWED), "p", None)
    ((link, settlement),) = answers.given(7, '"x"')
    assert (link, settlement.number, settlement.envelope_id, settlement.payload) == (2, 9, "e2", '"x"')


def test_only_the_plugin_that_owes_it_can_give_it_up() -> None:
    answers = one_waiting()
    assert answers.given_up(7, "other") == []
    assert payloads(answers.given_up(7, "p")) == [None]


def test_a_lost_link_leaves_nothing_behind() -> None:
    answers = one_waiting()
    answers.link_lost(1)
    assert len(answers) == 0
    assert answers.tick(OWED) == Due()


def test_a_response_must_fit_beside_the_longest_id_of_those_who_wait() -> None:
    answers = one_waiting()
    answers.wait(7, Waiter(1, 2, "e" * 5_000, OWED), "p", None)
    assert answers.room_for(7, '"x"')
    assert not answers.room_for(7, '"' + "x" * 16_000 + '"')

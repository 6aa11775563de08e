"""Texts of open deliveries stay in memory while few have come since."""

import pytest

from slackd.broker import held_texts
from slackd.broker.held_texts import HeldTexts
from slackd.broker.journal import StoredEnvelope
from slackd.broker.journal.writes import AnswerState


def envelope(number: int, text: str) -> StoredEnvelope:
    return StoredEnvelope(number, "main", f"e{number}", "events_api", text, 0.0, AnswerState.NONE, None, "")


@pytest.mark.parametrize(
    ("size", "kept"),
    [(2_000, held_texts.MOST), (10_000, held_texts.LIMIT // 10_000)],
    ids=["so many", "so many characters"],
)
def test_the_oldest_texts_go_where_more_have_come_since(size: int, kept: int) -> None:
    held, text = HeldTexts(), "x" * size
    opened = [envelope(number, text) for number in range(kept + 10)]
    for each in opened:
        held.add(each)
    assert [each.id for each in opened if not each.text] == list(range(10))


def test_what_is_closed_is_gone_and_nothing_holds_it() -> None:
    held = HeldTexts(limit=10)
    held.add(envelope(1, "12345678"))
    still_open = envelope(2, "12345678")
    held.add(still_open)
    assert still_open.text
    held.add(envelope(3, "12345678"))
    assert not still_open.text

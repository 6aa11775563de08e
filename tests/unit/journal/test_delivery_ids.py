"""From where a journal's delivery ids count."""

from hypothesis import given
from hypothesis import strategies as st

from slackd.broker.journal.rules import IDS_A_SECOND, IDS_FROM, delivery_base

moments = st.floats(0, 1e12)
ids = st.integers(0, 1 << 50)


@given(moments, ids)
def test_it_never_goes_back_and_every_language_can_hold_it(now: float, last: int) -> None:
    assert last <= delivery_base(now, last) < 1 << 53


@given(begun=st.floats(IDS_FROM + 10, 4e9), lived=st.floats(0.01, 1e8), busy=st.floats(0, 0.99))
def test_a_journal_that_knows_nothing_of_an_earlier_one_counts_above_it(
    begun: float, lived: float, busy: float
) -> None:
    """However busy the earlier one was, within what a second has for itself."""
    highest = delivery_base(begun, 0) + int(busy * lived * IDS_A_SECOND)
    assert delivery_base(begun + lived + 0.01, 0) > highest

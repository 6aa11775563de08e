"""The guard of the broker's CPU: a ratio, which a busy machine doesn't change by more than a few per cent."""

import pytest

from tests.bench.pipeline import TOGETHER, compare

FLOOD, ALONE = 2.75, 3.6
"""Times the least that JSON and SQLite need, 2.4 and 3.15 as of today: the loss of a fifth fails."""


@pytest.mark.parametrize(
    ("together", "events", "limit"), [(TOGETHER, 1_000, FLOOD), (1, 200, ALONE)], ids=["flood", "alone"]
)
def test_the_brokers_way_of_an_event_costs_no_more_than_it_did(
    together: int, events: int, limit: float
) -> None:
    compared = compare(together, events=events)
    assert compared.ratio <= limit, f"\n{compared}"

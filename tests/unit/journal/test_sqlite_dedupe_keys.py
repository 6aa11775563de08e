"""What stands for a dedupe key in the table."""

from hypothesis import given
from hypothesis import strategies as st

from slackd.broker.journal.sqlite.record import SHORT, table_key

names = st.from_regex(r"[a-z][a-z0-9_-]{0,30}", fullmatch=True)
keys = st.text(max_size=60)


@given(st.lists(st.tuples(names, keys), unique=True, max_size=20))
def test_different_keys_stay_different(named: list[tuple[str, str]]) -> None:
    assert len({table_key(app, key) for app, key in named}) == len(named)


@given(names, keys)
def test_none_is_longer_than_it_need_be(app: str, key: str) -> None:
    assert len(table_key(app, key)) <= SHORT


def test_slacks_event_ids_of_one_time_are_neighbours() -> None:
    found = [table_key("main", f"e:Ev0PV52K{number:02}") for number in range(20)]
    assert found == sorted(found)

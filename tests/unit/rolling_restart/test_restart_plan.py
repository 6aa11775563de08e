"""What a rolling restart restarts, and what it waits for."""

from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slackd.rolling_restart.plan import (
    BROKER,
    CONNECTORS,
    GATEWAY,
    RECEIVER,
    UNITS,
    ConnectorNow,
    Now,
    last_ready,
    ready_nowhere,
    restarts,
)
from slackd.rolling_restart.restart import CannotLock, one_at_a_time
from slackd.rolling_restart.systemd import read_status

WANTED = {BROKER: "b", CONNECTORS[1]: "c", CONNECTORS[2]: "c"}


def now(broker: str = "b", first: str = "c", second: str = "c") -> Now:
    return Now(broker, {1: ConnectorNow(True, first), 2: ConnectorNow(True, second)})


def test_nothing_is_restarted_that_would_not_change() -> None:
    assert restarts(WANTED, now()) == ()


def test_a_changed_token_leaves_the_broker_alone() -> None:
    assert restarts({**WANTED, CONNECTORS[1]: "new", CONNECTORS[2]: "new"}, now()) == (
        CONNECTORS[1],
        CONNECTORS[2],
    )


def test_a_changed_plugin_file_leaves_the_connectors_alone() -> None:
    assert restarts({**WANTED, BROKER: "new"}, now()) == (BROKER,)


def test_a_rolling_restart_that_stopped_in_the_middle_is_finished_by_the_next_one() -> None:
    assert restarts({**WANTED, CONNECTORS[1]: "new", CONNECTORS[2]: "new"}, now(first="new")) == (
        CONNECTORS[2],
    )


def test_a_process_that_cannot_be_asked_is_restarted() -> None:
    assert restarts(WANTED, Now()) == tuple(WANTED)


def test_force_restarts_everything_in_order() -> None:
    assert restarts({**WANTED, RECEIVER: "r", GATEWAY: "g"}, now(), force=True) == UNITS


def test_a_receiver_is_restarted_last_and_waits_for_nobody() -> None:
    stands = Now("b", {number: ConnectorNow(True, "c", {"main": 1}) for number in (1, 2)})
    stands = Now("b", {**stands.connectors, 3: ConnectorNow(True, "old", {"main": 1})})
    assert restarts({**WANTED, RECEIVER: "new"}, stands) == (RECEIVER,)
    assert last_ready(3, stands, ["main"]) == ()
    alone = Now("b", {1: ConnectorNow(True, "c", {"main": 1}), 3: stands.connectors[3]})
    assert last_ready(1, alone, ["main"]) == ("main",), "the receiver keeps no connection"


def test_a_gateway_is_restarted_when_it_would_change_and_last() -> None:
    stands = attrs.evolve(now(), gateway_digest="g")
    assert restarts({**WANTED, GATEWAY: "g"}, stands) == ()
    assert restarts({**WANTED, BROKER: "new", GATEWAY: "new"}, stands) == (BROKER, GATEWAY)


def test_a_changed_unit_file_is_a_change() -> None:
    assert restarts(WANTED, now(), changed_units=(CONNECTORS[2],)) == (CONNECTORS[2],)


def test_a_unit_that_is_not_wanted_is_not_touched_even_by_force() -> None:
    assert restarts({BROKER: "b"}, now(), force=True) == (BROKER,)


def ready(first: dict[str, int], second: dict[str, int]) -> Now:
    return Now("b", {1: ConnectorNow(True, "c", first), 2: ConnectorNow(True, "c", second)})


def test_the_last_ready_connection_of_an_app_is_not_taken() -> None:
    assert last_ready(1, ready({"main": 1}, {"main": 0}), ["main"]) == ("main",)
    assert last_ready(1, ready({"main": 1}, {}), ["main"]) == ("main",)


def test_what_is_ready_at_both_holds_nothing_up() -> None:
    assert last_ready(1, ready({"main": 2}, {"main": 1}), ["main"]) == ()


def test_what_is_ready_nowhere_holds_nothing_up() -> None:
    assert last_ready(1, ready({"main": 0}, {"main": 0}), ["main"]) == ()


def test_nobody_waits_for_an_app_that_was_taken_out() -> None:
    assert last_ready(1, ready({"old": 1, "main": 1}, {"main": 1}), ["main"]) == ()


def test_a_connector_that_is_not_linked_has_nothing_ready() -> None:
    alone = Now("b", {1: ConnectorNow(True, "c", {"main": 1}), 2: ConnectorNow()})
    assert last_ready(1, alone, ["main"]) == ("main",)


_counts = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(0, 2))


@given(first=_counts, second=_counts, number=st.sampled_from([1, 2]))
def test_after_a_permitted_restart_every_app_that_was_ready_still_is(
    first: dict[str, int], second: dict[str, int], number: int
) -> None:
    apps = ["a", "b", "c"]
    if last_ready(number, ready(first, second), apps):
        return
    other = second if number == 1 else first
    assert all(other.get(app, 0) for app in apps if first.get(app, 0) + second.get(app, 0))


def test_the_control_api_is_read() -> None:
    status = {
        "broker": {"digest": "b", "pid": 7},
        "connectors": [
            {"number": 1, "linked": True, "digest": "c", "ready": {"main": 1}},
            {"number": 2, "linked": False, "digest": "", "ready": {}},
        ],
    }
    assert read_status(status) == Now("b", {1: ConnectorNow(True, "c", {"main": 1}), 2: ConnectorNow()})


def test_an_app_is_ready_nowhere_if_no_connector_has_it_ready() -> None:
    connectors = {1: ConnectorNow(True, "", {"main": 0}), 2: ConnectorNow(True, "", {"second": 1})}
    assert ready_nowhere(Now("", connectors), ["main", "second"]) == ("main",)
    assert ready_nowhere(Now(), ["main"]) == ("main",)


def test_who_may_not_take_the_lock_reads_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    lock = tmp_path / "file" / "rolling-restart.lock"
    words = r"rolling-restart\.lock cannot be written .*: run this as root"
    with pytest.raises(CannotLock, match=words), one_at_a_time(lock):
        pass

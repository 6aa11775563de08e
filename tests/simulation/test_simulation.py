"""The real core under a deterministic scheduler: faults at any moment, then the ledger (P1 to P5).

Planted flaws keep the simulation honest: each must be found within a fixed number of seeds.
"""

from collections.abc import Mapping, Sequence

import attrs
import pytest

from slackd.broker.core import BrokerCore
from slackd.broker.dispatch.actions import LoadKeys, TakeBack
from slackd.broker.dispatch.dispatcher import Dispatcher
from slackd.broker.dispatch.lane_queue import LaneQueue
from slackd.broker.dispatch.leases import Lease, Leases
from slackd.broker.dispatch.ordering_key import Key, KeyName
from slackd.broker.dispatch.resumption import Resumption
from slackd.broker.dispatch.sessions import PluginSession, Sessions
from slackd.broker.ingest import Incoming, Ingest, IngestResult
from slackd.broker.instant import Instant
from slackd.broker.intercepts import Intercepts
from slackd.broker.journal.writes import AnswerState, Duplicate, InFlight, Lane, OpenDelivery, Outcome
from slackd.broker.pending_acks import PendingAcks, Settlements
from slackd.broker.unsent_answers import UnsentAnswers
from tests.simulation.program import Answer, Program
from tests.simulation.run import Simulation
from tests.simulation.slack import Connector

SEEDS = 150
ENOUGH = 240
FAILED_ONCE = (1, 6, 26, 1092, 1402, 1466, 1782, 1938)
LOST_WITH_THE_LINK = (24557, 29424)
LOST_ON_A_FULL_DISK = 37246
LOST_AT_THE_CONNECTORS_END = (1000783, 2001555, 2006127)
LOST_WITH_THE_BROKER = 1677
FAILED_ONCE_WITH_DRAINS = (10, 62, 638, 1094, 3057, 3070, 4113)
FAILED_ONCE_AHEAD = ((7000113, False), (7001129, True), (9200041, False))


@pytest.mark.parametrize("first", range(0, SEEDS, 25))
def test_nothing_is_lost_nothing_twice_nothing_out_of_order(first: int) -> None:
    for seed in range(first, first + 25):
        for drains in (False, True):
            try:
                keeps, ahead, develops = drains and seed % 2 == 1, seed % 3 > 0, seed % 5 == 2
                Simulation(seed, drains=drains, keeps=keeps, ahead=ahead, develops=develops).run()
            except AssertionError as error:
                kinds = f"{' drains' * drains}{' keeps' * keeps}{' ahead' * ahead}{' develops' * develops}"
                replay = f"python -m tests.simulation.run {seed}{kinds}"
                raise AssertionError(f"{error}; replay: {replay}") from error


@pytest.mark.parametrize("first", range(0, SEEDS // 2, 25))
def test_nothing_of_a_backlog_that_memory_cannot_hold_is_lost_either(first: int) -> None:
    for seed in range(first, first + 25):
        ahead = seed % 3 == 1
        try:
            Simulation(seed, backlog=True, ahead=ahead).run()
        except AssertionError as error:
            replay = f"python -m tests.simulation.run {seed} backlog{' ahead' * ahead}"
            raise AssertionError(f"{error}; replay: {replay}") from error


@pytest.mark.parametrize("seed", FAILED_ONCE)
def test_seeds_that_failed_once_fail_no_more(seed: int) -> None:
    Simulation(seed).run()


@pytest.mark.parametrize("seed", FAILED_ONCE_WITH_DRAINS)
def test_seeds_with_drains_that_failed_once_fail_no_more(seed: int) -> None:
    Simulation(seed, drains=True).run()


@pytest.mark.parametrize(("seed", "drains"), FAILED_ONCE_AHEAD)
def test_seeds_ahead_of_their_turn_that_failed_once_fail_no_more(seed: int, drains: bool) -> None:
    Simulation(seed, drains=drains, ahead=True).run()


def found(
    *,
    drains: bool = False,
    keeps: bool = False,
    ahead: bool = False,
    develops: bool = False,
    backlog: bool = False,
    impatient: bool = False,
) -> bool:
    """`impatient` leaves out the seeds whose ack timeout nobody exceeds."""
    for seed in range(1, ENOUGH, 4) if impatient else range(ENOUGH):
        try:
            kinds = {"drains": drains, "keeps": keeps, "ahead": ahead, "develops": develops, "backlog": backlog}
            Simulation(seed, **kinds).run()
        except AssertionError:
            return True
    return False


def test_finds_a_broker_that_hands_out_after_a_crash_without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LaneQueue, "fence", lambda self, up_to: None)
    assert found()


def test_finds_an_ordering_key_that_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slackd.broker.dispatch.subscriptions.ordering_key", lambda order_by, envelope: "")
    assert found()


def test_finds_duplicates_that_are_taken_for_new(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slackd.broker.parsing._keys", lambda kind, envelope_id, payload: ())
    assert found()


def test_finds_a_window_that_leaks(monkeypatch: pytest.MonkeyPatch) -> None:
    def drop(self: Leases, lease: Lease) -> None:
        real(self, lease)
        self._slots[lease.delivery.lane] -= 1

    real = Leases.drop
    monkeypatch.setattr(Leases, "drop", drop)
    assert found()


def test_finds_a_duplicate_that_is_answered_before_its_answer_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def committed(
        self: Ingest, incoming: Mapping[int, Incoming], outcomes: Sequence[Outcome], now: Instant
    ) -> IngestResult:
        result = real(self, incoming, outcomes, now)
        for place, each in incoming.items():
            if isinstance(outcomes[place], Duplicate):
                self._settle_or_wait(each, 0, AnswerState.NONE, None, result)
        return result

    real = Ingest.committed
    monkeypatch.setattr(Ingest, "committed", committed)
    assert found()


def test_finds_a_kept_delivery_that_comes_again_as_if_it_were_unanswered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def handed(self: Program, delivery: OpenDelivery, text: str, after: str = "") -> None:
        real(self, attrs.evolve(delivery, answered=False), text, after)

    real = Program.handed
    monkeypatch.setattr(Program, "handed", handed)
    assert found(drains=True, keeps=True)


def test_finds_an_answer_that_is_confirmed_before_it_is_journaled(monkeypatch: pytest.MonkeyPatch) -> None:
    def say_keep(self: Program, delivery: int) -> None:
        real(self, delivery)
        self.kept(delivery)

    real = Program._say_keep
    monkeypatch.setattr(Program, "_say_keep", say_keep)
    assert found(drains=True, keeps=True)


def test_finds_claims_of_a_program_that_are_not_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    def claim(
        self: Resumption,
        session: str,
        delivery: int,
        attempt: int,
        rows: Mapping[int, OpenDelivery],
        now: Instant,
    ) -> bool:
        return False

    monkeypatch.setattr(Resumption, "_claim", claim)
    assert found()


@pytest.fixture
def closes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The seeds that are named here are of histories in which no close waits for company."""
    monkeypatch.setattr(Dispatcher, "is_remembered", lambda dispatcher, delivery: False)


@pytest.mark.usefixtures("closes_at_once")
@pytest.mark.parametrize(
    "seed", [*LOST_WITH_THE_LINK, LOST_ON_A_FULL_DISK, *LOST_AT_THE_CONNECTORS_END, LOST_WITH_THE_BROKER]
)
def test_an_answer_that_was_given_in_time_is_not_lost(seed: int) -> None:
    Simulation(seed, drains=True).run()


@pytest.mark.usefixtures("closes_at_once")
@pytest.mark.parametrize("seed", LOST_WITH_THE_LINK)
def test_finds_a_connector_that_forgets_what_it_acknowledged_as_promised(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(Connector, "unanswered", property(lambda connector: {}))
    with pytest.raises(AssertionError, match="was answered 0 times"):
        Simulation(seed, drains=True).run()


def test_finds_an_answer_of_a_broker_that_died_before_it_heard_that_nobody_got_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(UnsentAnswers, "adopt", lambda answers, given: None)
    with pytest.raises(AssertionError, match="was answered 0 times"):
        Simulation(LOST_WITH_THE_BROKER, drains=True).run()


def test_finds_a_waiting_that_ends_without_a_word_in_the_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    def end_waiting(self: BrokerCore, envelopes: Sequence[int]) -> None:
        for envelope in envelopes:
            self._outbox.settle(self.answers.passed(envelope))

    monkeypatch.setattr(BrokerCore, "_end_waiting", end_waiting)
    assert found(drains=True)


def test_finds_an_answer_that_goes_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    def passed(self: PendingAcks, envelope: int) -> Settlements:
        owed = self._owed.get(envelope)
        return self.given(envelope, None if owed is None else owed.response)

    def answer(self: PendingAcks, envelope: int, response: str | None) -> None:
        owed = self._owed.get(envelope)
        if owed is not None:
            owed.answered, owed.response = True, response

    monkeypatch.setattr(PendingAcks, "passed", passed)
    monkeypatch.setattr(PendingAcks, "answer", answer)
    assert found(drains=True)


def test_finds_a_connector_that_ends_before_the_journal_knows_what_it_could_not_send(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tests.simulation.slack.HEARD_WITHIN", 0.0)
    with pytest.raises(AssertionError, match="was answered 0 times"):
        Simulation(LOST_AT_THE_CONNECTORS_END[1], drains=True).run()


def test_finds_an_answer_that_no_acknowledgement_could_carry_and_that_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(BrokerCore, "unsent", lambda self, link, numbers: None)
    assert found(drains=True)


def test_finds_a_key_that_another_session_gets_before_the_journal_has_the_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(LaneQueue, "owner", lambda self, delivery: "")
    monkeypatch.setattr(LaneQueue, "claim_out_of_turn", lambda self, delivery, session: None)
    assert found()


def test_finds_more_answers_on_their_way_than_their_program_remembers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PluginSession, "remembers_more", property(lambda session: session.remembers > 0))
    assert found()


def test_finds_claims_of_one_key_of_which_only_the_first_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Key, "presumes_answered", lambda key, delivery, session: False)
    monkeypatch.setattr(LaneQueue, "claim_out_of_turn", lambda self, delivery, session: None)
    assert found()


def test_finds_what_was_sent_ahead_and_is_not_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Dispatcher, "_take_back_behind", lambda self, lease, now: ())
    assert found(ahead=True)


def test_finds_what_is_taken_back_though_the_one_before_was_answered_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def accept(
        self: Dispatcher, session: str, delivery: int, attempt: int, now: Instant
    ) -> OpenDelivery | None:
        lease = self._leases.held(session, delivery, attempt)
        behind = self._take_back_behind(lease, now) if lease is not None else ()
        if behind:
            self._add(TakeBack(self.name, session, behind))
        return real(self, session, delivery, attempt, now)

    real = Dispatcher.accept
    monkeypatch.setattr(Dispatcher, "accept", accept)
    assert found(ahead=True)


def test_finds_a_turn_that_comes_in_the_program_and_not_in_the_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Leases, "begin", lambda self, lease, now: None)
    assert found(ahead=True)


def test_finds_what_waits_noted_as_in_flight(monkeypatch: pytest.MonkeyPatch) -> None:
    def in_flight(self: Dispatcher) -> list[InFlight] | None:
        if real(self) is None:
            return None
        return [InFlight(lease.delivery.id, self.name, lease.session) for lease in self.leases()]

    real = Dispatcher.in_flight
    monkeypatch.setattr(Dispatcher, "in_flight", in_flight)
    assert found(ahead=True)


def test_finds_a_program_that_begins_what_waits_behind_a_nack(monkeypatch: pytest.MonkeyPatch) -> None:
    def turn_passes(self: Program, answer: Answer) -> None:
        real(self, attrs.evolve(answer, ok=True))

    real = Program._turn_passes
    monkeypatch.setattr(Program, "_turn_passes", turn_passes)
    assert found(ahead=True)


def test_finds_a_program_that_does_not_hear_what_was_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Program, "taken_back", lambda self, deliveries: None)
    assert found(ahead=True, impatient=True)


def test_finds_an_intercept_that_takes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Intercepts, "divert", lambda self, matches, envelope: matches)
    assert found(develops=True)


def test_finds_a_developer_who_gets_what_others_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def next_with_room(self: Sessions, lane: Lane) -> PluginSession | None:
        return next((each for each in self if each.has_room(lane)), None)

    monkeypatch.setattr(Sessions, "next_with_room", next_with_room)
    assert found(develops=True)


def test_finds_production_that_gets_what_is_the_developers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Dispatcher, "intercept", lambda self, person, begins, now: None)
    assert found(develops=True)


def test_finds_an_intercept_that_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    def intercept(self: Dispatcher, person: str, begins: bool, now: Instant) -> None:
        if begins:
            real(self, person, begins, now)

    real = Dispatcher.intercept
    monkeypatch.setattr(Dispatcher, "intercept", intercept)
    assert found(develops=True)


def test_finds_a_start_that_forgets_what_was_handed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(self: BrokerCore, *args: object) -> None:
        return None

    monkeypatch.setattr(BrokerCore, "start", start)
    assert found()


def test_finds_what_is_opened_again_behind_what_came_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slackd.broker.commits.sorted", lambda deliveries, key: deliveries, raising=False)
    assert found(backlog=True)


def test_finds_a_row_of_unordered_deliveries_that_is_read_again_from_its_beginning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def drop_if_idle(self: LaneQueue, name: KeyName, key: Key) -> None:
        real(self, name, key)
        if name == "" and key.idle:
            self._keys.pop(name, None)

    real = LaneQueue._drop_if_idle
    monkeypatch.setattr(LaneQueue, "_drop_if_idle", drop_if_idle)
    assert found(backlog=True)


def test_finds_a_page_that_could_not_be_read_and_is_not_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(LaneQueue, "load_failed", lambda self, request: None)
    assert found(backlog=True)


def test_finds_keys_that_are_forgotten_where_memory_has_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    def keys_loaded(self: LaneQueue, request: LoadKeys, names: Sequence[str]) -> None:
        self._missed = False
        real(self, request, names)

    real = LaneQueue.keys_loaded
    monkeypatch.setattr(LaneQueue, "keys_loaded", keys_loaded)
    assert found(backlog=True)


def test_finds_claims_that_are_refused_since_another_of_their_key_gave_up_its_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(LaneQueue, "claim_out_of_turn", lambda self, delivery, session: None)
    assert found(backlog=True)

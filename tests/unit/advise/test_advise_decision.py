"""The decision's laws, over every combination of answers, and what single contexts are told."""

import itertools
from collections.abc import Iterator, Mapping

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slackd.advise.advice import advise
from slackd.advise.context import DecisionContext, answer_all, facts_of
from slackd.advise.datafile import AdviceError, AnswerValue
from slackd.advise.decision import Decision, Row, choose, decide, knockouts_for, matrix, total, weights_of
from slackd.advise.loading import packaged_rules
from slackd.advise.rules import Mode, Rules, ScoreRule

RULES = packaged_rules()
NUMBERS = {
    "modest": {"per_minute": 10, "peak_per_minute": 60},
    "bursty": {"per_minute": 100, "peak_per_minute": 900},
    "over-limit": {"per_minute": 700, "peak_per_minute": 2000},
}


def every_context(rules: Rules) -> Iterator[DecisionContext]:
    """The complete product of all choices, all yes-no answers and all levels of traffic, each answered."""
    names: list[str] = []
    answers: list[list[AnswerValue]] = []
    for question in rules.questions:
        if question.kind != "number":
            names.append(question.id)
            answers.append([option.value for option in question.options] or [True, False])
    for combination in itertools.product(*answers):
        for numbers in NUMBERS.values():
            yield answer_all(rules, dict(zip(names, combination, strict=True)) | numbers)


WEIGHTS = weights_of(RULES, {})
CONTEXTS = list(every_context(RULES))


def decided(**answers: AnswerValue) -> Decision:
    return decide(RULES, answer_all(RULES, answers), WEIGHTS)


def lowered(row: Row, mode: Mode, score: float) -> Row:
    return attrs.evolve(row, cells={**row.cells, mode: attrs.evolve(row.cells[mode], score=score)})


def test_the_combinations_are_complete() -> None:
    assert len(CONTEXTS) == 4 * 3 * 3 * 3 * 2**5 * len(NUMBERS)
    levels = {facts_of(RULES, context)["traffic"] for context in CONTEXTS}
    assert levels == {level.value for band in RULES.bands for level in band.levels} == NUMBERS.keys()


def test_every_combination_gets_exactly_one_recommendation_and_no_knock_out_is_violated() -> None:
    for context in CONTEXTS:
        decision = decide(RULES, context, WEIGHTS)
        facts = facts_of(RULES, context)
        against = {
            mode: [entry for entry in RULES.knockouts if entry.mode is mode and entry.when.holds(facts)]
            for mode in Mode
        }
        if decision.by == "contradiction":
            assert all(against.values())
            assert list(decision.lifted) == against[decision.mode]
            assert all(entry.way_out for entry in decision.lifted)
        else:
            assert not against[decision.mode]
            assert not decision.lifted
        if decision.by in ("scores", "tie"):
            assert not any(against.values())
            assert decision.margin >= 0


def test_a_worse_score_never_raises_a_total_nor_takes_the_recommendation_from_the_other_mode() -> None:
    seen = set()
    for context in CONTEXTS:
        rows, out = matrix(RULES, context, WEIGHTS), knockouts_for(RULES, context)
        scores = tuple(row.cells[mode].score for row in rows for mode in Mode)
        if (scores, out) in seen:
            continue
        seen.add((scores, out))
        before = choose(RULES, rows, out)
        for (index, row), mode in itertools.product(enumerate(rows), Mode):
            for worse in range(int(row.cells[mode].score)):
                changed = (*rows[:index], lowered(row, mode, worse), *rows[index + 1 :])
                after = choose(RULES, changed, out)
                assert after.totals[mode] <= before.totals[mode]
                assert after.totals[mode.other] == before.totals[mode.other]
                if before.mode is mode.other:
                    assert after.mode is mode.other
    assert len(seen) > 500


def every_score_rule() -> list[tuple[int, Mode, int]]:
    return [
        (index, mode, position)
        for index, criterion in enumerate(RULES.criteria)
        for mode in Mode
        for position in range(len(criterion.scores[mode]))
    ]


def rules_with(index: int, mode: Mode, position: int, score: float) -> Rules:
    """The rules, as if a person had written another score into the data file."""
    criterion = RULES.criteria[index]
    entries: tuple[ScoreRule, ...] = criterion.scores[mode]
    changed = (*entries[:position], attrs.evolve(entries[position], score=score), *entries[position + 1 :])
    criterion = attrs.evolve(criterion, scores={**criterion.scores, mode: changed})
    return attrs.evolve(RULES, criteria=(*RULES.criteria[:index], criterion, *RULES.criteria[index + 1 :]))


@given(st.sampled_from(every_score_rule()), st.sampled_from(CONTEXTS), st.floats(0, 1))
def test_a_worse_score_in_the_data_never_helps_its_mode(
    place: tuple[int, Mode, int], context: DecisionContext, share: float
) -> None:
    index, mode, position = place
    worse = RULES.criteria[index].scores[mode][position].score * share
    before = decide(RULES, context, WEIGHTS)
    after = decide(rules_with(index, mode, position, worse), context, WEIGHTS)
    assert after.totals[mode] <= before.totals[mode]
    assert not (before.mode is mode.other and after.mode is mode)


weights = st.fixed_dictionaries({criterion.id: st.floats(0, 10) for criterion in RULES.criteria})


@given(st.sampled_from(CONTEXTS), weights, st.integers(0, 5000), st.integers(0, 5000))
def test_whatever_the_weights_and_numbers_there_is_one_recommendation(
    context: DecisionContext, chosen: Mapping[str, float], average: int, more: int
) -> None:
    if not any(chosen.values()):
        return
    numbered = context.changed(RULES, {"per_minute": average, "peak_per_minute": average + more})
    decision = decide(RULES, numbered, weights_of(RULES, chosen))
    assert decision.mode in Mode
    assert all(0 <= points <= 100.000001 for points in decision.totals.values())


@given(st.sampled_from(CONTEXTS))
def test_each_change_that_is_said_to_turn_it_does(context: DecisionContext) -> None:
    advice = advise(RULES, context.answers)
    for turn in advice.turns:
        if turn.weight:
            criterion, needed = turn.weight
            beyond = needed + 0.01 if needed > WEIGHTS[criterion] else max(0.0, needed - 0.01)
            turned = decide(RULES, context, weights_of(RULES, {criterion: beyond}))
        else:
            turned = decide(RULES, context.changed(RULES, turn.answers), WEIGHTS)
        assert turned.mode is turn.to is not advice.mode


def test_whatever_the_answers_the_advice_is_whole() -> None:
    for context in CONTEXTS[::13]:
        advice = advise(RULES, context.answers)
        assert {"portability", "migration", "development"} <= {chapter.id for chapter in advice.chapters}
        assert {"before", "drain", "deploy", "after"} >= {step.phase for step in advice.steps}
        assert {"before", "deploy", "after"} <= {step.phase for step in advice.steps}
        assert advice.tokens
        assert (advice.plan is not None) == (advice.mode is Mode.SOCKET_MODE)


def test_the_public_directory_rules_socket_mode_out() -> None:
    decision = decided(environment="kubernetes", audience="directory")
    assert decision.mode is Mode.HTTP
    assert [entry.id for entry in decision.knocked_out] == ["directory-forbids-socket-mode"]


def test_the_public_directory_without_public_ingress_is_named_as_a_contradiction_with_a_way_out() -> None:
    advice = advise(RULES, {"environment": "on-prem", "audience": "directory", "public_ingress": False})
    assert advice.decision.by == "contradiction"
    assert advice.answer == "Use HTTP request URLs, with an edge in front."
    said = " ".join(advice.because)
    assert "contradict" in said
    assert "The way out is an edge in front." in said


def test_functions_without_public_ingress_get_a_small_host_that_holds_the_connections() -> None:
    advice = advise(RULES, {"environment": "serverless", "public_ingress": False})
    assert advice.answer == "Use Socket Mode, with one small host that is always on."


@pytest.mark.parametrize(
    ("answers", "mode"),
    [
        ({"environment": "on-prem"}, Mode.SOCKET_MODE),
        ({"environment": "laptop"}, Mode.SOCKET_MODE),
        ({"environment": "kubernetes"}, Mode.SOCKET_MODE),
        ({"environment": "kubernetes", "autoscaling": True}, Mode.HTTP),
        ({"environment": "kubernetes", "several_hosts": True}, Mode.HTTP),
        ({"environment": "kubernetes", "autoscaling": True, "public_ingress": False}, Mode.SOCKET_MODE),
        ({"environment": "serverless"}, Mode.HTTP),
        ({"environment": "on-prem", "later": "directory"}, Mode.SOCKET_MODE),
        ({"environment": "on-prem", "public_ingress": True, "audience": "directory"}, Mode.HTTP),
    ],
)
def test_what_is_recommended(answers: dict[str, AnswerValue], mode: Mode) -> None:
    assert decided(**answers).mode is mode


def test_weights_change_the_totals_and_may_change_the_recommendation() -> None:
    context = answer_all(RULES, {"environment": "kubernetes", "autoscaling": True})
    assert decide(RULES, context, WEIGHTS).mode is Mode.HTTP
    heavier = weights_of(RULES, {"ingress": 20})
    assert decide(RULES, context, heavier).mode is Mode.SOCKET_MODE


def test_equal_scores_are_a_tie_that_is_said() -> None:
    context = answer_all(RULES, {"environment": "kubernetes"})
    rows = tuple(
        attrs.evolve(row, cells=dict.fromkeys(Mode, row.cells[Mode.HTTP]))
        for row in matrix(RULES, context, WEIGHTS)
    )
    decision = choose(RULES, rows, ())
    assert (decision.by, decision.mode, decision.margin) == ("tie", RULES.tie.mode, 0)


def test_a_total_is_points_of_100() -> None:
    rows = matrix(RULES, answer_all(RULES, {}), WEIGHTS)
    assert total([lowered(row, Mode.HTTP, 5) for row in rows], Mode.HTTP) == 100
    assert total([lowered(row, Mode.HTTP, 0) for row in rows], Mode.HTTP) == 0


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"ingres": 3.0}, "did you mean 'ingress'"),
        ({"ingress": -1.0}, "expected a number from 0 to 1000"),
        ({"ingress": float("nan")}, "expected a number from 0 to 1000"),
        ({criterion.id: 0.0 for criterion in RULES.criteria}, "every weight is 0"),
    ],
)
def test_a_weight_that_cannot_be_is_refused(changed: dict[str, float], complaint: str) -> None:
    with pytest.raises(AdviceError, match=complaint):
        weights_of(RULES, changed)


@pytest.mark.parametrize(
    ("answers", "complaint"),
    [
        ({"enviroment": "laptop"}, "did you mean 'environment'"),
        ({"environment": "mainframe"}, "expected on-prem or kubernetes or serverless or laptop"),
        ({"public_ingress": "no"}, "expected true or false"),
        ({"per_minute": -1}, "expected a whole number, 0 or more"),
        ({"per_minute": True}, "expected a whole number"),
        ({"per_minute": 100, "peak_per_minute": 50}, "at least per_minute, which is 100"),
    ],
)
def test_an_answer_that_cannot_be_is_refused(answers: dict[str, AnswerValue], complaint: str) -> None:
    with pytest.raises(AdviceError, match=complaint):
        answer_all(RULES, answers)


def test_what_is_not_answered_is_assumed_from_the_environment_and_said() -> None:
    context = answer_all(RULES, {"environment": "serverless", "per_minute": 80})
    assert context.answers["cold_starts"] is True
    assert context.answers["peak_per_minute"] == 80
    assert context.given == {"environment", "per_minute"}
    assert answer_all(RULES, {"environment": "laptop"}).answers["public_ingress"] is False

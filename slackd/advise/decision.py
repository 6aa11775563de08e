"""The decision: every criterion scored for a context, knock-outs applied, exactly one mode recommended.

Invariants (tested over every combination of answers):

- One mode is recommended. A mode that is knocked out is recommended only where every mode is, and then only
  with the way out that lifts each of its knock-outs.
- A mode's total never rises when one of its scores falls, and a lower score of the other mode never takes
  the recommendation away.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping

import attrs

from slackd.advise.context import DecisionContext, facts_of, in_words, phrases
from slackd.advise.datafile import AdviceError, AnswerValue, nearest
from slackd.advise.rules import KnockOut, Level, Mode, Rules

BEST = 5.0


@attrs.frozen
class Scored:
    """One cell of the matrix."""

    score: float
    reason: str
    source: str


@attrs.frozen
class Row:
    """One criterion of the matrix, for this context."""

    criterion: str
    title: str
    asks: str
    weight: float
    cells: Mapping[Mode, Scored]

    def lead(self, mode: Mode) -> float:
        """What this row adds to a mode's lead over the other, in weighted points."""
        return self.weight * (self.cells[mode].score - self.cells[mode.other].score)


@attrs.frozen
class Turn:
    """A change of the context, or of a weight, that turns the recommendation.

    Attributes:
        change: In words.
        to: The mode that is recommended then, and `with_` what, where it takes a way out of a knock-out.
        answers: The changed answers, if it is the context that changes.
        weight: Criterion and the weight beyond which it turns, if it is a weight.
    """

    change: str
    to: Mode
    with_: str | None = None
    answers: Mapping[str, AnswerValue] = attrs.field(factory=dict)
    weight: tuple[str, float] | None = None

    @property
    def says(self) -> str:
        """The mode that it would turn to, and with what."""
        return f"{self.to.title}, with {self.with_}" if self.with_ else self.to.title


@attrs.frozen
class Decision:
    """The recommendation and all that it rests on.

    Attributes:
        mode: The one that is recommended.
        by: `scores`, `tie`, `knock-out` (the other mode is ruled out), or `contradiction` (both are).
        totals: Points of 100 for each mode, knock-outs not counted.
        knocked_out: All knock-outs that apply.
        lifted: Those of the recommended mode, each with a way out: only in a contradiction.
        closeness: How close the scores are, in words.
    """

    mode: Mode
    by: str
    rows: tuple[Row, ...]
    totals: Mapping[Mode, float]
    knocked_out: tuple[KnockOut, ...]
    lifted: tuple[KnockOut, ...]
    closeness: str

    @property
    def way_out(self) -> str | None:
        """What lifts the recommended mode's knock-outs, in a few words; None where it has none."""
        return " and ".join(entry.way_out.title for entry in self.lifted if entry.way_out) or None

    @property
    def margin(self) -> float:
        """The recommended mode's lead in points; below 0 where a knock-out overrules the scores."""
        return self.totals[self.mode] - self.totals[self.mode.other]


def weights_of(rules: Rules, changed: Mapping[str, float]) -> dict[str, float]:
    """The weight of each criterion.

    Raises:
        AdviceError: An unknown criterion, a weight below 0 (or not a number), or nothing but zeros.
    """
    weights = {criterion.id: criterion.weight for criterion in rules.criteria}
    for name, weight in changed.items():
        if name not in weights:
            raise AdviceError(f"unknown criterion {name!r}{nearest(name, weights)}")
        if not 0 <= weight <= 1000:
            raise AdviceError(f"weight {name} = {weight}; expected a number from 0 to 1000")
        weights[name] = float(weight)
    if not any(weights.values()):
        raise AdviceError("every weight is 0; expected at least one criterion that counts")
    return weights


def matrix(rules: Rules, context: DecisionContext, weights: Mapping[str, float]) -> tuple[Row, ...]:
    """Score every criterion for both modes.

    Returns:
        A row a criterion.
    """
    facts, words = facts_of(rules, context), phrases(rules, context)

    def cell(criterion: str, mode: Mode) -> Scored:
        entry = next(entry for entry in scores[criterion][mode] if entry.when.holds(facts))
        return Scored(entry.score, entry.reason.format_map(words), entry.source)

    scores = {criterion.id: criterion.scores for criterion in rules.criteria}
    return tuple(
        Row(c.id, c.title, c.asks, weights[c.id], {mode: cell(c.id, mode) for mode in Mode})
        for c in rules.criteria
    )


def total(rows: Iterable[Row], mode: Mode) -> float:
    """A mode's weighted scores, as points of 100."""
    rows = tuple(rows)
    points = sum(row.weight * row.cells[mode].score for row in rows)
    return 100 * points / (BEST * sum(row.weight for row in rows))


def knockouts_for(rules: Rules, context: DecisionContext) -> tuple[KnockOut, ...]:
    """What rules modes out in this context."""
    facts = facts_of(rules, context)
    return tuple(entry for entry in rules.knockouts if entry.when.holds(facts))


def choose(rules: Rules, rows: tuple[Row, ...], knocked_out: tuple[KnockOut, ...]) -> Decision:
    """Recommend one mode.

    Returns:
        The recommended mode, and by how much.

    Raises:
        AdviceError: The rules leave no mode: every one is ruled out for good.
    """
    totals = {mode: total(rows, mode) for mode in Mode}
    against = {mode: tuple(entry for entry in knocked_out if entry.mode is mode) for mode in Mode}
    standing = [mode for mode in Mode if not against[mode]]

    def ahead(mode: Mode) -> tuple[float, bool]:
        return round(totals[mode], 9), mode is rules.tie.mode

    if len(standing) == 1:
        mode, by = standing[0], "knock-out"
    elif standing:
        mode = max(standing, key=ahead)
        by = "tie" if ahead(mode)[0] == ahead(mode.other)[0] else "scores"
    else:
        liftable = [mode for mode in Mode if all(entry.way_out for entry in against[mode])]
        if not liftable:
            raise AdviceError("every mode is ruled out and none has a way out; add one to knockouts.toml")
        mode = min(
            liftable, key=lambda m: (sum(entry.effort for entry in against[m]), -ahead(m)[0], not ahead(m)[1])
        )
        by = "contradiction"
    distance = round(abs(totals[mode] - totals[mode.other]), 9)
    closeness = next(entry.says for entry in rules.closeness if distance >= entry.at_least)
    return Decision(mode, by, rows, totals, knocked_out, against[mode], closeness)


def decide(rules: Rules, context: DecisionContext, weights: Mapping[str, float]) -> Decision:
    """Score, knock out and recommend.

    Returns:
        The decision, and its rows.

    Raises:
        AdviceError: As `matrix` and `choose`.
    """
    return choose(rules, matrix(rules, context, weights), knockouts_for(rules, context))


def turns(
    rules: Rules, context: DecisionContext, weights: Mapping[str, float], decision: Decision
) -> tuple[Turn, ...]:
    """What would turn the recommendation: single changes of an answer, or pairs where no single one does;
    and where the scores decide, single weights."""

    def turn(words: str, change: Mapping[str, AnswerValue]) -> Turn | None:
        after = decide(rules, context.changed(rules, change), weights)
        if after.mode is decision.mode:
            return None
        return Turn(words + _implied(rules, context, change), after.mode, after.way_out, change)

    changes = list(_changes(rules, context))
    found = [turned for words, change in changes if (turned := turn(words, change))]
    if not found:
        found = [
            turned
            for (first, change), (second, further) in itertools.combinations(changes, 2)
            if change.keys().isdisjoint(further)
            and (turned := turn(f"{first}, and {second}", {**change, **further}))
        ]
    return (*found[:6], *_weight_turns(decision))


def _implied(rules: Rules, context: DecisionContext, changes: Mapping[str, AnswerValue]) -> str:
    """The assumptions that change along with an answer, in words."""
    after = context.changed(rules, changes).answers
    along = [
        in_words(question, after[question.id])
        for question in rules.questions
        if question.id not in changes and after[question.id] != context.answers[question.id]
    ]
    return f" (assuming {', '.join(along)})" if along else ""


def _changes(rules: Rules, context: DecisionContext) -> Iterator[tuple[str, dict[str, AnswerValue]]]:
    """Every other answer, one at a time, and for the numbers every other level of a band."""
    answers = context.answers
    for question in rules.questions:
        match question.kind:
            case "choice":
                values: list[AnswerValue] = [option.value for option in question.options]
            case "yes-no":
                values = [True, False]
            case _:
                continue
        for value in values:
            if value != answers[question.id]:
                yield in_words(question, value), {question.id: value}
    now = facts_of(rules, context)
    for band in rules.bands:
        for level in band.levels:
            if level.value != now[band.id]:
                yield f"{band.id}: {level.says}", _numbers_of(rules, level)


def _numbers_of(rules: Rules, level: Level) -> dict[str, AnswerValue]:
    """Numbers that lie in a band's level: its lower bounds, and what is assumed where it has none."""
    numbers: dict[str, AnswerValue] = {}
    for question in rules.questions:
        if question.kind == "number":
            least = dict(level.at_least).get(question.id, int(question.assumptions[-1].answer))
            floor = int(numbers[question.at_least]) if question.at_least else 0
            numbers[question.id] = max(least, floor)
    return numbers


def _weight_turns(decision: Decision) -> Iterator[Turn]:
    """The weights that would turn the scores, the smallest relative change first, up to threefold."""
    if decision.by != "scores":
        return
    lead = sum(row.lead(decision.mode) for row in decision.rows)
    candidates = []
    for row in decision.rows:
        step = row.cells[decision.mode].score - row.cells[decision.mode.other].score
        if step == 0 or row.weight == 0:
            continue
        needed = row.weight - lead / step
        if 0 < needed <= 3 * row.weight:
            direction = "above" if needed > row.weight else "below"
            words = f"a weight of {row.title} {direction} {needed:.1f} (it is {row.weight:g})"
            candidates.append(
                (abs(needed / row.weight - 1), Turn(words, decision.mode.other, weight=(row.criterion, needed)))
            )
    yield from (turn for _, turn in sorted(candidates, key=lambda entry: entry[0])[:3])

"""An architect's context: the answers that were given, and what is assumed for the rest."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from slackd.advise.datafile import AdviceError, AnswerValue, nearest
from slackd.advise.rules import Question, Rules


@attrs.frozen
class DecisionContext:
    """Every question's answer.

    Attributes:
        answers: Question id and answer, in the order of the questions.
        given: The ids that were answered; the other answers are assumptions.
    """

    answers: Mapping[str, AnswerValue]
    given: frozenset[str]

    def changed(self, rules: Rules, changes: Mapping[str, AnswerValue]) -> DecisionContext:
        """The same context with other answers; what was only assumed is assumed anew.

        Raises:
            AdviceError: As `answer_all`.
        """
        kept = {name: answer for name, answer in self.answers.items() if name in self.given}
        return answer_all(rules, {**kept, **changes})


def answer_all(rules: Rules, given: Mapping[str, AnswerValue]) -> DecisionContext:
    """Check the given answers and assume the rest.

    Returns:
        Every question's answer, and which of them were assumed.

    Raises:
        AdviceError: An unknown question, an answer that it doesn't have, or a peak below the average.
    """
    known = {question.id: question for question in rules.questions}
    for name in given:
        if name not in known:
            raise AdviceError(f"unknown question {name!r}{nearest(name, known)}")
    answers: dict[str, AnswerValue] = {}
    for question in rules.questions:
        if question.id in given:
            answers[question.id] = _checked(question, given[question.id], answers)
        else:
            answers[question.id] = _assumed(question, answers)
    return DecisionContext(answers, frozenset(given))


def _checked(question: Question, answer: AnswerValue, earlier: Mapping[str, AnswerValue]) -> AnswerValue:
    wrong = f"{question.id} = {answer!r}; expected "
    match question.kind:
        case "choice":
            values = [option.value for option in question.options]
            if answer not in values:
                raise AdviceError(wrong + " or ".join(values))
        case "yes-no":
            if not isinstance(answer, bool):
                raise AdviceError(wrong + "true or false")
        case _:
            if not isinstance(answer, int) or isinstance(answer, bool) or answer < 0:
                raise AdviceError(wrong + "a whole number, 0 or more")
            if question.at_least and answer < (floor := int(earlier[question.at_least])):
                raise AdviceError(wrong + f"at least {question.at_least}, which is {floor}")
            if answer > question.at_most:
                raise AdviceError(wrong + f"at most {question.at_most}, beyond which nothing was measured")
    return answer


def _assumed(question: Question, earlier: Mapping[str, AnswerValue]) -> AnswerValue:
    answer = next(entry.answer for entry in question.assumptions if entry.when.holds(earlier))
    if question.at_least:
        return max(int(answer), int(earlier[question.at_least]))
    return answer


def facts_of(rules: Rules, context: DecisionContext) -> dict[str, AnswerValue]:
    """What the rules look at: the answers, and the level of each band."""
    facts = dict(context.answers)
    for band in rules.bands:
        facts[band.id] = next(
            level.value
            for level in band.levels
            if all(int(facts[number]) >= bound for number, bound in level.at_least)
        )
    return facts


def in_words(question: Question, answer: AnswerValue) -> str:
    """An answer as a person says it."""
    match question.kind:
        case "choice":
            return next(option.says for option in question.options if option.value == answer)
        case "yes-no":
            return dict(question.says)[bool(answer)]
        case _:
            return f"{int(answer):,} {question.unit}"


def phrases(rules: Rules, context: DecisionContext) -> dict[str, str]:
    """What a reason may name in braces."""
    words = {
        question.id: in_words(question, context.answers[question.id])
        if question.kind != "number"
        else f"{int(context.answers[question.id]):,}"
        for question in rules.questions
    }
    per_minute, peak = int(context.answers["per_minute"]), int(context.answers["peak_per_minute"])
    busy = max(1, round(peak / 60 * 0.3))
    return words | {
        "per_hour": f"{per_minute * 60:,}",
        "per_second": f"{per_minute / 60:.1f}",
        "peak_per_second": f"{peak / 60:.1f}",
        "busy": f"{busy:,}",
        "warm": f"{max(2, busy * 2):,}",
    }

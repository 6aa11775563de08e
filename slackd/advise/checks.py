"""What a schema can't see: whether the data files fit together."""

from __future__ import annotations

import string
from collections.abc import Iterator

from slackd.advise.context import answer_all, phrases
from slackd.advise.datafile import AnswerValue, When
from slackd.advise.rules import Mode, Rules

PLAN_PHRASES = frozenset({"connections", "spare", "limit", "why"})
PHASES = ("before", "drain", "deploy", "after")


def problems(rules: Rules) -> list[str]:
    """Say everything that is wrong with the rules as a whole; an empty list if nothing is.

    Returns:
        One sentence a problem; an empty list if there is none.

    Raises:
        AdviceError: A file of the rules that only some forms of the advice read can't be read.
    """
    return [*_conditions(rules), *_sources(rules), *_lists(rules), *_placeholders(rules)]


def _whens(rules: Rules) -> Iterator[tuple[str, When]]:
    for question in rules.questions:
        yield from ((f"question {question.id}", entry.when) for entry in question.assumptions)
    for criterion in rules.criteria:
        for mode, scores in criterion.scores.items():
            yield from ((f"criterion {criterion.id}, {mode.value}", entry.when) for entry in scores)
    yield from ((f"knockout {entry.id}", entry.when) for entry in rules.knockouts)
    yield from ((f"item {entry.text[:40]!r}", entry.when) for entry in rules.items)
    yield from ((f"step {entry.do[:40]!r}", entry.when) for entry in rules.steps)
    yield from ((f"token {entry.name}", entry.when) for entry in rules.tokens)
    yield from ((f"keeping {entry.lives[:40]!r}", entry.when) for entry in rules.keepings)
    yield from ((f"plan {entry.why[:40]!r}", entry.when) for entry in rules.connection_plans)


def _conditions(rules: Rules) -> Iterator[str]:
    values: dict[str, set[AnswerValue]] = {
        question.id: {option.value for option in question.options} or {True, False}
        for question in rules.questions
        if question.kind != "number"
    }
    values |= {band.id: {level.value for level in band.levels} for band in rules.bands}
    for where, when in _whens(rules):
        for fact, wanted in when.facts:
            if fact not in values:
                yield f"{where}: when looks at {fact!r}; known are {', '.join(sorted(values))}"
            else:
                yield from (
                    f"{where}: {fact} is never {value!r}" for value in wanted if value not in values[fact]
                )


def _sources(rules: Rules) -> Iterator[str]:
    used = [(f"knockout {entry.id}", entry.source) for entry in rules.knockouts]
    used += [("tie", rules.tie.source), *((f"token {entry.name}", entry.source) for entry in rules.tokens)]
    used += [(f"item {entry.text[:40]!r}", entry.source) for entry in rules.items if entry.source]
    for criterion in rules.criteria:
        for scores in criterion.scores.values():
            used += [(f"criterion {criterion.id}", entry.source) for entry in scores]
    for where, source in used:
        if source not in rules.sources:
            yield f"{where}: unknown source {source!r}"
    for entry in rules.sources.values():
        if (entry.kind == "slack") != (entry.url is not None) or (entry.kind == "measured") != bool(entry.how):
            yield f"source {entry.id}: a page of Slack's needs a url, a measurement needs how"


def _lists(rules: Rules) -> Iterator[str]:
    always = When()
    for criterion in rules.criteria:
        if criterion.weight < 0:
            yield f"criterion {criterion.id}: weight below 0"
        for mode, scores in criterion.scores.items():
            if not scores or scores[-1].when != always:
                yield f"criterion {criterion.id}, {mode.value}: the last entry must hold always"
            if any(not 0 <= entry.score <= 5 for entry in scores):
                yield f"criterion {criterion.id}, {mode.value}: scores are 0 to 5"
    for question in rules.questions:
        if not question.assumptions or question.assumptions[-1].when != always:
            yield f"question {question.id}: the last assumption must hold always"
    if not rules.connection_plans or rules.connection_plans[-1].when != always:
        yield "connections: the last plan must hold always"
    if any(
        plan.connectors * plan.each * plan.hosts > rules.connection_limit for plan in rules.connection_plans
    ):
        yield f"connections: no plan may have more than {rules.connection_limit}"
    if not rules.closeness or rules.closeness[-1].at_least != 0:
        yield "closeness: the last entry must begin at 0"
    if all(any(k.mode is mode and k.way_out is None for k in rules.knockouts) for mode in Mode):
        yield "knockouts: each mode has one without a way out; then nothing could be recommended"
    sections = {section.id for section in rules.sections}
    yield from (
        f"item {i.text[:40]!r}: unknown section {i.section!r}" for i in rules.items if i.section not in sections
    )
    yield from (f"step {s.do[:40]!r}: unknown phase {s.phase!r}" for s in rules.steps if s.phase not in PHASES)


def _placeholders(rules: Rules) -> Iterator[str]:
    known = phrases(rules, answer_all(rules, {})).keys() | PLAN_PHRASES
    texts = [entry.text for entry in rules.items]
    texts += [e.reason for c in rules.criteria for scores in c.scores.values() for e in scores]
    for text in texts:
        try:
            names = {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
        except ValueError as error:
            yield f"{text[:40]!r}: {error}"
        else:
            yield from (f"{text[:40]!r}: nothing is called {{{name}}}" for name in names - known)

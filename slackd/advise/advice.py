"""The advice: one value with everything that is printed, whatever the format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import attrs

from slackd.advise.checks import PHASES
from slackd.advise.context import DecisionContext, answer_all, facts_of, in_words, phrases
from slackd.advise.datafile import AnswerValue
from slackd.advise.decision import Decision, Turn, decide, turns, weights_of
from slackd.advise.lifecycles import Lifecycle, lifecycle_of
from slackd.advise.rules import ConnectionPlan, Item, Mode, Rules, Source, Step, Token


@attrs.frozen
class GivenFact:
    """One line of the context, in words."""

    question: str
    answer: AnswerValue
    says: str
    assumed: bool


@attrs.frozen
class Chapter:
    """A section of guidance that has something to say in this context."""

    id: str
    title: str
    items: tuple[Item, ...]


@attrs.frozen
class KeptToken:
    """A token, where it lives in this context, and who may read it there."""

    token: Token
    lives: str
    readers: str


@attrs.frozen
class Advice:
    """Everything that the architect gets.

    Attributes:
        answer: The recommendation in one sentence.
        because: Why, in one or two sentences; names a contradiction and its way out where there is one.
        for_it: The titles of the criteria that speak most for the recommended mode, the strongest first.
        against_it: The titles of those that speak for the other mode.
        plan: The plan of connections; None in HTTP mode.
        sources: Those that are named anywhere in this advice.
    """

    title: str
    context: tuple[GivenFact, ...]
    decision: Decision
    answer: str
    because: tuple[str, ...]
    for_it: tuple[str, ...]
    against_it: tuple[str, ...]
    turns: tuple[Turn, ...]
    lifecycle: Lifecycle
    plan: ConnectionPlan | None
    connection_limit: int
    chapters: tuple[Chapter, ...]
    steps: tuple[Step, ...]
    tokens: tuple[KeptToken, ...]
    sources: tuple[Source, ...]

    @property
    def mode(self) -> Mode:
        """The recommended mode."""
        return self.decision.mode

    def page(self, source: str) -> str:
        """The name under which a source is cited."""
        return next(entry.page for entry in self.sources if entry.id == source)


def advise(
    rules: Rules,
    given: Mapping[str, AnswerValue],
    weights: Mapping[str, float] | None = None,
    title: str | None = None,
) -> Advice:
    """Advise on the given answers, with assumptions for those that are missing.

    Args:
        given: Question id and answer.
        weights: Criterion id and weight, for those that differ from the rules'.
        title: The document's title.

    Returns:
        The recommendation, with everything that led to it.

    Raises:
        AdviceError: An answer or weight that the rules don't know.
    """
    context = answer_all(rules, given)
    weighed = weights_of(rules, weights or {})
    decision = decide(rules, context, weighed)
    facts = facts_of(rules, context)
    plan = next(entry for entry in rules.connection_plans if entry.when.holds(facts))
    in_socket_mode = decision.mode is Mode.SOCKET_MODE
    chapters = tuple(_chapters(rules, context, decision.mode, plan))
    tokens = tuple(_tokens(rules, facts, decision.mode))
    leads = sorted(decision.rows, key=lambda row: row.lead(decision.mode), reverse=True)
    return Advice(
        title=title or f"Slack transport: {_in_short(rules, context)}",
        context=tuple(_context(rules, context)),
        decision=decision,
        answer=_answer(decision),
        because=tuple(_because(rules, decision)),
        for_it=tuple(row.title for row in leads if row.lead(decision.mode) > 0)[:3],
        against_it=tuple(row.title for row in reversed(leads) if row.lead(decision.mode) < 0)[:3],
        turns=turns(rules, context, weighed, decision),
        lifecycle=lifecycle_of(decision.mode),
        plan=plan if in_socket_mode else None,
        connection_limit=rules.connection_limit,
        chapters=chapters,
        steps=tuple(_steps(rules, facts, decision.mode)),
        tokens=tokens,
        sources=tuple(_cited(rules, decision, chapters, tokens)),
    )


def _in_short(rules: Rules, context: DecisionContext) -> str:
    choices = {question.id: question for question in rules.questions}
    first = [in_words(choices[name], context.answers[name]) for name in ("environment", "audience")]
    return ", ".join(words.split(",")[0].split(" (")[0] for words in first)


def _context(rules: Rules, context: DecisionContext) -> Iterator[GivenFact]:
    for question in rules.questions:
        answer = context.answers[question.id]
        yield GivenFact(question.id, answer, in_words(question, answer), question.id not in context.given)


def _answer(decision: Decision) -> str:
    if decision.way_out:
        return f"Use {decision.mode.title}, with {decision.way_out}."
    return f"Use {decision.mode.title}."


def _because(rules: Rules, decision: Decision) -> Iterator[str]:
    mode, other = decision.mode, decision.mode.other
    points = f"{mode.title} {decision.totals[mode]:.0f}, {other.title} {decision.totals[other]:.0f} of 100"
    match decision.by:
        case "scores":
            yield f"{points}: {decision.closeness}, by {decision.margin:.1f} points."
        case "tie":
            yield f"{points}: a tie, and {rules.tie.reason}."
        case "knock-out":
            yield from (f"Ruled out: {other.title}. {entry.reason}" for entry in decision.knocked_out)
            agree = "agree" if decision.margin >= 0 else "would say otherwise"
            lead = f"{decision.closeness} by {abs(decision.margin):.1f} points"
            yield f"The scores alone {agree}: {points}, {lead}."
        case _:
            against = " ".join(entry.reason for entry in decision.knocked_out)
            yield f"These answers contradict each other; each mode is ruled out by one of them. {against}"
            for entry in decision.lifted:
                if entry.way_out:
                    yield f"The way out is {entry.way_out.title}. {entry.way_out.text}"
            if any(entry.way_out is None for entry in decision.knocked_out):
                fixed = next(entry for entry in decision.knocked_out if entry.way_out is None)
                yield f"The other way is closed: only Slack could lift “{fixed.reason}”"
            yield f"The scores don't decide this: {points}."


def _chapters(rules: Rules, context: DecisionContext, mode: Mode, plan: ConnectionPlan) -> Iterator[Chapter]:
    facts = facts_of(rules, context)
    ready = plan.connectors * plan.each * plan.hosts
    words = phrases(rules, context) | {
        "connections": str(ready),
        "spare": str(rules.connection_limit - ready),
        "limit": str(rules.connection_limit),
        "why": plan.why,
    }
    for section in rules.sections:
        items = tuple(
            attrs.evolve(item, text=item.text.format_map(words))
            for item in rules.items
            if item.section == section.id and item.mode in (None, mode) and item.when.holds(facts)
        )
        if items:
            yield Chapter(section.id, section.title, items)


def _steps(rules: Rules, facts: Mapping[str, AnswerValue], mode: Mode) -> Iterator[Step]:
    for phase in PHASES:
        for step in rules.steps:
            if step.phase == phase and step.mode in (None, mode) and step.when.holds(facts):
                yield step


def _tokens(rules: Rules, facts: Mapping[str, AnswerValue], mode: Mode) -> Iterator[KeptToken]:
    keeping = next(entry for entry in rules.keepings if entry.mode is mode and entry.when.holds(facts))
    for token in rules.tokens:
        if token.mode in (None, mode) and token.when.holds(facts):
            yield KeptToken(token, token.lives or keeping.lives, token.readers or keeping.readers)


def _cited(
    rules: Rules, decision: Decision, chapters: tuple[Chapter, ...], tokens: tuple[KeptToken, ...]
) -> Iterator[Source]:
    cited = {cell.source for row in decision.rows for cell in row.cells.values()}
    cited |= {entry.source for entry in decision.knocked_out}
    cited |= {item.source for chapter in chapters for item in chapter.items if item.source}
    cited |= {entry.token.source for entry in tokens}
    cited |= {rules.tie.source} if decision.by == "tie" else set()
    return (source for name, source in rules.sources.items() if name in cited)

"""`slackctl advise`: which transport for this context, argued. Its options are the data files' questions."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from slackd.advise.datafile import AdviceError, AnswerValue, read_toml
from slackd.advise.loading import packaged_rules
from slackd.advise.rules import Question, Rules
from slackd.cli.streams import is_terminal

F = TypeVar("F", bound=Callable[..., Any])

WIDEST = 120
"""Columns beyond which a line is hard to read, however wide the terminal is."""

FORMATS = ("text", "markdown", "json", "html")


def _options_of(question: Question) -> list[Callable[[F], F]]:
    """The command line's options for one question."""
    match question.kind:
        case "choice":
            values = [option.value for option in question.options]
            flags = [
                click.option(
                    f"--{option.flag}", f"{question.id}__{option.value}", is_flag=True, help=option.says
                )
                for option in question.options
                if option.flag
            ]
            return [
                click.option(f"--{question.flag}", question.id, type=click.Choice(values), help=question.ask),
                *flags,
            ]
        case "yes-no":
            return [
                click.option(
                    f"--{question.flag}/--no-{question.flag}", question.id, default=None, help=question.ask
                )
            ]
        case _:
            return [
                click.option(
                    f"--{question.flag}",
                    question.id,
                    type=click.IntRange(0, question.at_most),
                    metavar="N",
                    help=question.ask,
                )
            ]


def _questions() -> tuple[Question, ...]:
    """The questions, or none where the data files are wrong: then the command says so, when it runs."""
    try:
        return packaged_rules().questions
    except AdviceError:
        return ()


QUESTIONS = _questions()


def _context_options(command: F) -> F:
    for question in reversed(QUESTIONS):
        for option in reversed(_options_of(question)):
            command = option(command)
    return command


@click.command(context_settings={"ignore_unknown_options": not QUESTIONS, "allow_extra_args": not QUESTIONS})
@_context_options
@click.option(
    "--from",
    "context_file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Answers from a TOML file (question = answer, [weights], title); options go before it.",
)
@click.option(
    "--weight",
    "weights",
    multiple=True,
    metavar="CRITERION=NUMBER",
    help="Weigh a criterion otherwise; repeatable.",
)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="Markdown, JSON with a schema, or one self-contained HTML page.",
)
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write it to a file."
)
@click.option("--schema", is_flag=True, help="Print the JSON Schema of --format json, and end.")
def advise(
    context_file: Path | None,
    weights: tuple[str, ...],
    output_format: str,
    output: Path | None,
    schema: bool,
    **options: AnswerValue | None,
) -> None:
    """Advise on the transport: Socket Mode or HTTP request URLs, for your context.

    Without options, and on a terminal, it asks. What isn't answered is assumed, and said so.
    """
    try:
        if schema:
            from slackd.advise.as_json import schema as json_schema

            click.echo(json_schema(), nl=False)
            return
        rules = packaged_rules()
        title, answers, weighed = _from_file(context_file) if context_file else (None, {}, {})
        answers |= _answers(rules, options)
        weighed |= dict(_weight(text) for text in weights)
        if not answers and not context_file and is_terminal(sys.stdin):
            answers = _ask(rules)
        _print(rules, title, answers, weighed, output_format, output)
    except AdviceError as error:
        raise click.ClickException(str(error)) from error


def _answers(rules: Rules, options: Mapping[str, AnswerValue | None]) -> dict[str, AnswerValue]:
    """The given options as answers: `--internal` is short for `--audience internal`."""
    answers: dict[str, AnswerValue] = {}
    for name, value in options.items():
        question, _, short_for = name.partition("__")
        if short_for and value:
            if answers.get(question, short_for) != short_for:
                flags = next(q for q in rules.questions if q.id == question).options
                names = ", ".join(f"--{option.flag}" for option in flags if option.flag)
                raise click.UsageError(f"only one of {names} can hold")
            answers[question] = short_for
        elif not short_for and value is not None:
            answers[question] = value
    return answers


def _from_file(path: Path) -> tuple[str | None, dict[str, AnswerValue], dict[str, float]]:
    content = read_toml(path)
    title, weights = content.pop("title", None), content.pop("weights", {})
    if not isinstance(title, str | None):
        raise AdviceError(f"{path}: title = {title!r}; expected a text")
    if not isinstance(weights, dict):
        raise AdviceError(f"{path}: weights = {weights!r}; expected a table of criterion = number")
    for name, weight in weights.items():
        if not isinstance(weight, int | float) or isinstance(weight, bool):
            raise AdviceError(f"{path}: weights.{name} = {weight!r}; expected a number")
    return title, content, dict(weights)


def _weight(text: str) -> tuple[str, float]:
    name, equals, number = text.partition("=")
    try:
        if not equals:
            raise ValueError
        return name.strip(), float(number)
    except ValueError:
        raise AdviceError(f"--weight {text!r}; expected CRITERION=NUMBER, for instance ingress=3") from None


def _ask(rules: Rules) -> dict[str, AnswerValue]:
    """Ask each question; Enter takes what would be assumed. On stderr, as the output may go to a file."""
    from slackd.advise.context import answer_all, in_words

    answers: dict[str, AnswerValue] = {}
    for question in rules.questions:
        assumed = answer_all(rules, answers).answers[question.id]
        click.echo(err=True)
        answers[question.id] = _ask_one(question, assumed, answers)
        click.secho(f"  {in_words(question, answers[question.id])}", dim=True, err=True)
    click.echo(err=True)
    return answers


def _ask_one(question: Question, assumed: AnswerValue, earlier: Mapping[str, AnswerValue]) -> AnswerValue:
    ask = click.style(question.ask, bold=True)
    match question.kind:
        case "choice":
            click.echo(ask, err=True)
            for number, option in enumerate(question.options, start=1):
                click.echo(f"  {number}  {option.says}", err=True)
            values = [option.value for option in question.options]
            numbers = click.IntRange(1, len(values))
            chosen: int = click.prompt(
                "  Number", type=numbers, default=values.index(str(assumed)) + 1, err=True
            )
            return values[chosen - 1]
        case "yes-no":
            return click.confirm(ask, default=bool(assumed), err=True)
        case _:
            floor = int(earlier[question.at_least]) if question.at_least else 0
            number_asked: int = click.prompt(
                ask, type=click.IntRange(floor, question.at_most), default=int(assumed), err=True
            )
            return number_asked


def _print(
    rules: Rules,
    title: str | None,
    answers: Mapping[str, AnswerValue],
    weights: Mapping[str, float],
    output_format: str,
    output: Path | None,
) -> None:
    from slackd.advise.advice import advise as advise_on

    advice = advise_on(rules, answers, weights, title)
    match output_format:
        case "json":
            from slackd.advise.as_json import as_json

            text = as_json(advice)
        case "markdown":
            from slackd.advise.markdown import markdown

            text = markdown(advice)
        case "html":
            from slackd.advise.html_page import page

            text = page(advice)
        case _:
            from slackd.advise.terminal import plain_text, show

            if output is None and is_terminal(sys.stdout):
                from rich.console import Console

                console = Console()
                console.width = min(console.width, WIDEST)
                show(advice, console)
                return
            text = plain_text(advice)
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise AdviceError(f"{output}: {error.strerror}") from error

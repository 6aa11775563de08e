"""The data files: refused with a clear word if wrong, enough to change the advice."""

import shutil
from pathlib import Path

import pytest

from slackd.advise.advice import advise
from slackd.advise.datafile import DATA, AdviceError, AnswerValue
from slackd.advise.lifecycles import request_lifecycle
from slackd.advise.loading import load_rules
from slackd.advise.rules import Mode


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The data files, where they may be changed."""
    return Path(shutil.copytree(DATA, tmp_path / "data"))


def change(folder: Path, name: str, old: str, new: str) -> None:
    path = folder / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_every_criterion_of_the_matrix_is_there() -> None:
    assert {criterion.id for criterion in load_rules().criteria} >= {
        "ingress",
        "firewall",
        "scaling",
        "distribution",
        "cold-start",
        "simplicity",
        "reliability",
    }


def test_sources_are_pages_of_slacks_documentation_or_measurements() -> None:
    for source in load_rules().sources.values():
        if source.kind == "slack":
            assert source.url
            assert source.url.startswith("https://docs.slack.dev/")
        else:
            assert source.kind == "measured"
            assert source.how


def test_a_person_changes_the_advice_without_touching_code(copy: Path) -> None:
    answers: dict[str, AnswerValue] = {"environment": "kubernetes", "autoscaling": True}
    assert advise(load_rules(copy), answers).mode is Mode.HTTP
    change(
        copy,
        "criteria.toml",
        'when = { autoscaling = true }\n  score = 1\n  reason = "Stateful connections',
        'when = { autoscaling = true }\n  score = 5\n  reason = "We have seen it: stateful connections',
    )
    advice = advise(load_rules(copy), answers)
    assert advice.mode is Mode.SOCKET_MODE
    row = next(row for row in advice.decision.rows if row.criterion == "scaling")
    assert row.cells[Mode.SOCKET_MODE].reason.startswith("We have seen it")


def test_a_person_adds_a_criterion_and_a_question_without_touching_code(copy: Path) -> None:
    with (copy / "questions.toml").open("a", encoding="utf-8") as questions:
        questions.write(
            '[[question]]\nid = "audited"\nkind = "yes-no"\nask = "Is it audited?"\nflag = "audited"\n'
            'yes = "audited"\nno = "not audited"\n[[question.assume]]\nanswer = false\n'
        )
    with (copy / "criteria.toml").open("a", encoding="utf-8") as criteria:
        criteria.write(
            '[[criterion]]\nid = "audit"\ntitle = "Audit"\nasks = "What must an auditor see?"\nweight = 2\n'
            "[[criterion.socket-mode]]\nwhen = { audited = true }\nscore = 5\n"
            'reason = "Nothing listens."\nsource = "socket-mode"\n'
            '[[criterion.socket-mode]]\nscore = 4\nreason = "Nobody asks."\nsource = "socket-mode"\n'
            '[[criterion.http]]\nscore = 3\nreason = "A URL."\nsource = "verifying"\n'
        )
    advice = advise(load_rules(copy), {"audited": True})
    assert advice.decision.rows[-1].cells[Mode.SOCKET_MODE].reason == "Nothing listens."
    assert advice.context[-1].says == "audited"


@pytest.mark.parametrize(
    ("name", "old", "new", "complaint"),
    [
        (
            "criteria.toml",
            "weight = 5",
            'weight = "five"',
            r'criteria.toml:\d+: criterion\[0\].weight: found "five", expected a number',
        ),
        (
            "criteria.toml",
            'title = "Public ingress"\n',
            "",
            r"criteria.toml:\d+: criterion\[0\].title: found nothing, expected a text",
        ),
        (
            "criteria.toml",
            "weight = 5",
            "weigth = 5",
            r"criterion\[0\].weigth: found an unknown key.*did you mean weight",
        ),
        (
            "criteria.toml",
            "weight = 5",
            "weight = 5\nwait = 1",
            r"criterion\[0\].wait: found an unknown key.*did you mean weight",
        ),
        ("criteria.toml", 'source = "socket-mode"', 'source = "hearsay"', "unknown source 'hearsay'"),
        ("criteria.toml", "score = 5", "score = 6", "criterion ingress, socket-mode: scores are 0 to 5"),
        ("criteria.toml", "public_ingress = false", "public_ingres = false", "looks at 'public_ingres'"),
        ("criteria.toml", 'environment = "on-prem"', 'environment = "mainframe"', "never 'mainframe'"),
        ("criteria.toml", "{peak_per_minute} a minute", "{peak} a minute", r"nothing is called {peak}"),
        (
            "knockouts.toml",
            'mode = "http"',
            'mode = "smtp"',
            r'knockouts.toml:\d+: .*mode: found "smtp", expected "socket-mode" or "http"',
        ),
        ("checklist.toml", 'phase = "before"', 'phase = "someday"', "unknown phase 'someday'"),
        ("guidance.toml", 'section = "mind"', 'section = "body"', "unknown section 'body'"),
        ("guidance.toml", "connectors = 2", "connectors = 20", "no plan may have more than 10"),
        ("tokens.toml", 'status = "planned"', 'status = "soon"', 'expected "planned", or no status'),
        ("tokens.toml", "[[token]]", "[[token", "tokens.toml: not TOML"),
    ],
)
def test_a_wrong_data_file_is_refused_with_file_place_and_expectation(
    copy: Path, name: str, old: str, new: str, complaint: str
) -> None:
    change(copy, name, old, new)
    with pytest.raises(AdviceError, match=complaint):
        load_rules(copy)


def test_a_rule_that_never_ends_is_refused(copy: Path) -> None:
    path = copy / "criteria.toml"
    text = path.read_text(encoding="utf-8")
    last = text.rindex("  [[criterion.http]]")
    path.write_text(text[:last], encoding="utf-8")
    with pytest.raises(AdviceError, match="criterion latency, http: the last entry must hold always"):
        load_rules(copy)


def test_a_missing_data_file_is_named(copy: Path) -> None:
    (copy / "tokens.toml").unlink()
    with pytest.raises(AdviceError, match=r"tokens\.toml: No such file"):
        load_rules(copy)


def test_a_transition_to_a_state_that_is_not_there_is_refused(copy: Path) -> None:
    change(copy, "http_lifecycle.toml", 'to = "awaited"', 'to = "awaiting"')
    with pytest.raises(AdviceError, match="'awaiting' is no state of this file"):
        request_lifecycle(copy)

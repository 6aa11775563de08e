"""The advice as it is read: golden decision records, JSON by its schema, a page that needs nothing else."""

import ast
import itertools
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path

import jsonschema
import pytest

import slackd
from slackd.advise.advice import Advice, advise
from slackd.advise.as_json import as_json, schema
from slackd.advise.datafile import AnswerValue
from slackd.advise.html_page import page
from slackd.advise.loading import packaged_rules
from slackd.advise.markdown import markdown
from slackd.advise.rules import Mode
from slackd.advise.terminal import plain_text
from tests.integration.connector.request_url_rig import posted_app

RULES = packaged_rules()
REPOSITORY = Path(__file__).parents[3]
DECISIONS = REPOSITORY / "docs" / "decisions"
CASES = sorted(DECISIONS.glob("*.toml"))


def recorded(case: Path) -> Advice:
    answers = tomllib.loads(case.read_text(encoding="utf-8"))
    title = answers.pop("title")
    return advise(RULES, answers, title=title)


GOLDEN = {case.stem: recorded(case) for case in CASES}
every_case = pytest.mark.parametrize("advice", GOLDEN.values(), ids=list(GOLDEN))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_each_decision_record_is_what_is_advised(case: Path) -> None:
    found = case.with_suffix(".md").read_text(encoding="utf-8")
    assert found == markdown(GOLDEN[case.stem]), (
        "the advice has changed: run docs/decisions/regenerate and read the diff"
    )


def test_the_cases_that_the_project_promises_are_recorded() -> None:
    recommended = {name: advice.mode for name, advice in GOLDEN.items()}
    assert recommended == {
        "on-prem-internal": Mode.SOCKET_MODE,
        "kubernetes-autoscaling": Mode.HTTP,
        "serverless-distributed": Mode.HTTP,
        "laptop": Mode.SOCKET_MODE,
        "on-prem-distributed-next-year": Mode.SOCKET_MODE,
        "high-traffic": Mode.SOCKET_MODE,
        "inspecting-proxy": Mode.SOCKET_MODE,
        "directory-without-ingress": Mode.HTTP,
    }


def test_no_record_is_left_without_its_case() -> None:
    assert {path.stem for path in DECISIONS.glob("*.md")} - {"README"} == GOLDEN.keys()


@every_case
def test_the_json_fits_its_schema(advice: Advice) -> None:
    described = json.loads(schema())
    jsonschema.Draft202012Validator.check_schema(described)
    jsonschema.validate(json.loads(as_json(advice)), described)


def test_the_schema_refuses_what_it_does_not_know() -> None:
    document = json.loads(as_json(GOLDEN["laptop"]))
    document["recommendation"]["mode"] = "both"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, json.loads(schema()))


class Outside(HTMLParser):
    """Collects what a page would load, and what it leaves open."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "link", "img", "iframe", "object"):
            self.loads.append(tag)
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@every_case
def test_the_page_is_whole_and_self_contained(advice: Advice) -> None:
    text = page(advice)
    parser = Outside()
    parser.feed(text)
    assert (parser.loads, parser.open) == ([], [])
    assert "<svg" in text
    assert "@media print" in text
    assert not re.search(r"@import|url\(\s*[\"']?(https?:)?//", text)


def test_what_people_write_is_escaped_in_the_page() -> None:
    assert "<script>" not in page(advise(RULES, {}, title="<script>alert(1)</script>"))


PRINTERS: list[Callable[[Advice], str]] = [plain_text, markdown, page]


@every_case
@pytest.mark.parametrize("printed", PRINTERS, ids=["text", "markdown", "html"])
def test_every_format_has_everything(advice: Advice, printed: Callable[[Advice], str]) -> None:
    text = re.sub(
        r"\s+", " ", printed(advice).replace("&#x27;", "'").replace("&amp;", "&").replace("&quot;", '"')
    )
    assert advice.answer in text
    for row in advice.decision.rows:
        assert row.title.split()[0] in text
    for source in advice.sources:
        assert source.page in text
    for turn in advice.turns:
        assert turn.change.split(" (")[0] in text
    for chapter in advice.chapters:
        assert chapter.title in text
    for state in advice.lifecycle.states:
        assert state.id.upper() in text
    for kept in advice.tokens:
        assert kept.token.form.split()[0] in text


@every_case
def test_each_line_of_the_checklist_has_its_command(advice: Advice) -> None:
    assert {step.phase for step in advice.steps} >= {"before", "deploy", "after"}
    assert all(step.command for step in advice.steps)
    text = markdown(advice)
    assert all(f"`{step.command}`" in text for step in advice.steps)


@pytest.mark.parametrize("environment", ["on-prem", "laptop", "kubernetes", "serverless"])
@pytest.mark.parametrize("audience", ["distributed", "directory"])
def test_who_distributes_hears_that_slackd_has_one_bot_token(environment: str, audience: str) -> None:
    advice = advise(RULES, {"environment": environment, "audience": audience, "public_ingress": True})
    assert "slackd holds one bot token for each app" in markdown(advice)


@pytest.mark.parametrize("environment", ["on-prem", "laptop"])
@pytest.mark.parametrize("cold_starts", [False, True])
def test_where_the_receiver_answers_the_commands_name_its_own_path(environment: str, cold_starts: bool) -> None:
    """Any other path is a 404, and not the 401 that the line promises."""
    answers: dict[str, AnswerValue] = {
        "environment": environment,
        "audience": "directory",
        "public_ingress": True,
    }
    advice = advise(RULES, {**answers, "cold_starts": cold_starts})
    curls = [step.command for step in advice.steps if step.command.startswith("curl")]
    assert [command.rpartition("https://HOST")[2] for command in curls] == [posted_app().request_path] * 2


def test_a_laptop_has_neither_units_nor_their_credentials() -> None:
    advice = advise(RULES, {"environment": "laptop", "audience": "directory", "public_ingress": True})
    assert advice.mode is Mode.HTTP
    assert not any("systemctl" in step.command for step in advice.steps)
    assert not any("systemd" in kept.lives for kept in advice.tokens)


@every_case
def test_each_mode_is_told_what_it_needs(advice: Advice) -> None:
    chapters = {chapter.id for chapter in advice.chapters}
    assert {"portability", "migration", "development"} <= chapters
    if advice.mode is Mode.SOCKET_MODE:
        assert {"connections", "scaling"} <= chapters
        assert advice.plan
    else:
        assert {"request", "cold-start"} <= chapters
        assert advice.plan is None


@every_case
def test_tokens_are_those_of_the_mode(advice: Advice) -> None:
    names = {kept.token.name for kept in advice.tokens}
    assert ("app-level token" in names) == (advice.mode is Mode.SOCKET_MODE)
    assert ("signing secret" in names) == (advice.mode is Mode.HTTP)
    assert all(kept.lives and kept.readers and kept.token.rotation for kept in advice.tokens)


def told(chapter: str, **answers: AnswerValue) -> str:
    chapters = {entry.id: entry for entry in advise(RULES, answers).chapters}
    return " ".join(item.text for item in chapters[chapter].items)


def test_a_second_host_is_explained() -> None:
    assert "gets a share of the stream" in told("scaling", environment="on-prem")
    assert "handlers must be idempotent" in told("scaling", environment="on-prem", several_hosts=True)


def test_cold_starts_get_a_budget_and_a_number_to_provision() -> None:
    assert "keep at least 2 instances" in told("cold-start", environment="serverless")
    assert "keep 100 busy at once, so keep 200 warm" not in told("cold-start", environment="serverless")
    busy = told("cold-start", environment="serverless", peak_per_minute=20_000)
    assert "20,000 a minute keep 100 busy at once, so keep 200 warm" in busy


def test_too_much_traffic_for_one_workspace_is_said() -> None:
    assert "42,000 an hour is more than Slack delivers" in told("mind", environment="on-prem", per_minute=700)
    assert "more than Slack delivers" not in told("mind", environment="on-prem", per_minute=500)


def test_planned_parts_are_marked_in_every_format() -> None:
    advice = advise(RULES, {"environment": "on-prem", "audience": "internal"})
    assert any(kept.token.planned for kept in advice.tokens)
    assert "(planned)" in markdown(advice)
    assert "[planned]" in plain_text(advice)
    assert '<span class="planned">' in page(advice)


def code_of(advice: Advice) -> list[str]:
    return [item.code for chapter in advice.chapters for item in chapter.items if item.code]


def signatures(source: str) -> dict[tuple[str, str], str]:
    return {
        (
            kind.name,
            entry.name,
        ): f"({ast.unparse(entry.args)}) -> {ast.unparse(entry.returns or ast.Constant(None))}"
        for kind in ast.parse(source).body
        if isinstance(kind, ast.ClassDef)
        for entry in kind.body
        if isinstance(entry, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_the_transport_interface_that_is_shown_is_the_one_in_the_code() -> None:
    shown = signatures(code_of(GOLDEN["laptop"])[0])
    real = signatures((Path(slackd.__file__).parent / "connector" / "transport.py").read_text(encoding="utf-8"))
    assert {"run", "settle", "drain", "status", "deliver"} == {name for _, name in shown}
    assert shown.items() <= real.items()


def test_the_handler_that_is_shown_is_one_that_the_sdk_takes() -> None:
    lines = code_of(GOLDEN["laptop"])[1].strip().splitlines()
    assert lines[-1] == "plugin.run()"
    defined: dict[str, object] = {}
    exec("\n".join(lines[:-1]), defined)
    assert "plugin" in defined


def commands() -> list[tuple[str, bool]]:
    """Every command of slackd's own that the advice names, and whether it is said to be planned."""
    named = [(step.command, step.planned) for step in RULES.steps]
    named += [(item.command, item.planned) for item in RULES.items if item.command]
    return sorted({entry for entry in named if entry[0].split()[0] in ("slackd", "slackctl")})


@pytest.mark.parametrize(("command", "planned"), commands(), ids=lambda value: str(value))
def test_a_command_is_there_unless_it_is_said_to_be_planned(command: str, planned: bool) -> None:
    program, *words = command.split()
    scripts = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    module, _, main = scripts[program].partition(":")
    if find_spec(module) is None:
        pytest.skip(f"{module} isn't there yet")
    names = list(itertools.takewhile(lambda word: re.fullmatch(r"[a-z-]+", word) and word[0] != "-", words))
    arguments = [program, *names, "--help"]
    run = f"import sys; from {module} import {main}; sys.argv = {arguments!r}; sys.exit({main}())"
    done = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode == 0) != planned, done.stderr


def test_distribution_later_brings_a_way_there() -> None:
    now = told("migration", environment="on-prem", later="distributed")
    assert "build the edge in front" in now
    assert "None is needed" in told("migration", environment="on-prem")

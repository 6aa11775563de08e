"""What people read: every link leads somewhere, and every command that is shown is one."""

import re
import shlex
from pathlib import Path

import click
import pytest

from slackd.cli.commands import slackd
from slackd.cli.control import slackctl
from slackd.emulator.serve import parser as emulator_parser

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
GROUPS: dict[str, click.Group] = {"slackd": slackd, "slackctl": slackctl}
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def anchor(heading: str) -> str:
    """As GitHub makes them."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?://)([^)\s]+)\)", page.read_text(encoding="utf-8")):
        path, _, fragment = target.partition("#")
        file = page.parent / path if path else page
        assert file.exists(), target
        if fragment:
            headings = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            assert fragment in {anchor(heading) for heading in headings}, target


def shown_commands() -> list[str]:
    """Lines of shell blocks, and what stands in backticks."""
    found = set()
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for language, block in FENCED.findall(text):
            if language in ("", "sh", "console"):
                found |= {line.removeprefix("$ ") for line in block.splitlines()}
        found |= set(re.findall(r"`((?:slackd|slackctl) [^`\n]+)`", FENCED.sub("", text)))
    commands = {re.split(r" &&| \|(?= )| \[| {2,}#", line)[0].strip() for line in found}
    return sorted(line for line in commands if re.match(r"(slackd|slackctl) [a-z]", line))


@pytest.mark.parametrize("line", shown_commands())
def test_every_command_is_one(line: str) -> None:
    program, *words = shlex.split(line, comments=True)
    command: click.Command = GROUPS[program]
    context = click.Context(command)
    while isinstance(command, click.Group) and words:
        inner = command.get_command(context, words[0].split("|")[0])
        assert inner is not None, words[0]
        command, words = inner, words[1:]
    if command.name == "emulate":
        known = {option for action in emulator_parser()._actions for option in action.option_strings}
    else:
        known = {option for each in command.params for option in each.opts} | {"-h", "--help"}
    assert {word.split("=")[0] for word in words if word.startswith("-") and len(word) > 1} <= known

"""`slackctl plugin`: begin a new plugin, and check one that is there."""

import os
import sys
import time
import tokenize
from pathlib import Path

import click

from slackd import SlackdError
from slackd.scaffold import LANGUAGES, is_executable, render


class PluginUnwritable(SlackdError):
    """A file of the new plugin can't be written; the message names it, and says why."""


class IsThere(SlackdError):
    """A file that would be written is there; the message names it."""


@click.group()
def plugin() -> None:
    """Begin a new plugin, or check that one speaks the protocol."""


@plugin.command()
@click.argument("name")
@click.option("--lang", type=click.Choice(list(LANGUAGES)), default="python", show_default=True)
@click.option(
    "--folder", type=click.Path(path_type=Path, file_okay=False), help="Where; a new folder NAME otherwise."
)
def new(name: str, lang: str, folder: Path | None) -> None:
    """Make a folder with a program, its plugins.d file, a test, and what builds a Debian package."""
    files = render(name, lang, author=_author(), when=time.time())
    root = folder or Path(name)
    there = [path for path in files if (root / path).exists()]
    if there:
        raise IsThere(f"{root / there[0]} is there already; nothing was written")
    for path, text in files.items():
        _write(root / path, text, 0o755 if is_executable(path, text) else 0o644)
    click.echo(f"{root}/: {', '.join(path for path in files if '/' not in path)}, debian/")
    click.echo(f"Try it: slackctl dev {root}")


def _write(file: Path, text: str, mode: int) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        file.chmod(mode)
    except OSError as error:
        raise PluginUnwritable(f"{error.filename or file}: {error.strerror}") from error


@plugin.command()
@click.argument("program", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def toml(program: Path) -> None:
    """Print the plugins.d file that the decorators of PROGRAM (Python) need."""
    from slackd.scaffold.declaration import declaration_for, read_program

    found = read_program(program)
    click.echo(f"# /etc/slackd/plugins.d/{found.name}.toml")
    with tokenize.open(program) as source:
        click.echo(declaration_for(found, source.read()), nl=False)


@plugin.command()
@click.argument("program", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--toml",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Its plugins.d file; the one beside the program otherwise.",
)
def check(program: Path, toml: Path | None) -> None:
    """Run PROGRAM against a slackd that knows every corner of the protocol, and say what it gets wrong.

    PROGRAM may be the plugin's folder.

    The exit status is 0 if it passes.
    """
    from slackd.local.conformance import check_program

    if program.is_dir():
        from slackd.local.project import find_project

        found = find_project(program)
        program, toml = found.program, toml or found.declaration
    findings = check_program(program, toml)
    for finding in findings:
        click.echo(
            f"{'✓' if finding.passed else '✗'} {finding.rule}" + (f": {finding.detail}" * bool(finding.detail))
        )
    sys.exit(not all(finding.passed for finding in findings))


def _author() -> str:
    name = os.environ.get("DEBFULLNAME") or os.environ.get("USER") or "Somebody"
    return f"{name} <{os.environ.get('DEBEMAIL') or os.environ.get('EMAIL') or 'somebody@example.com'}>"

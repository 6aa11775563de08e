"""What a shell completes, and that the scripts for shells ask for it."""

import shutil
import subprocess
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete

from slackd.cli.control import slackctl

PACKAGING = Path(__file__).resolve().parents[3] / "packaging"


def completed(*words: str, incomplete: str = "") -> list[str]:
    found = ShellComplete(slackctl, {}, "slackctl", "_SLACKCTL_COMPLETE").get_completions(
        list(words), incomplete
    )
    return [each.value for each in found]


@pytest.fixture(autouse=True)
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for folder in ("plugins.d", "apps.d"):
        (tmp_path / folder).mkdir()
    for file in (
        "plugins.d/deploy.toml",
        "plugins.d/audit.toml",
        "plugins.d/.hidden.toml",
        "apps.d/other.toml",
    ):
        (tmp_path / file).write_text("")
    (tmp_path / "slackd.toml").write_text('[apps.main]\napp_token = "env:X"\n')
    monkeypatch.setenv("SLACKD_CONFIG", str(tmp_path / "slackd.toml"))
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [("inflight", "--plugin"), ("tail", "--plugin"), ("deadletters", "list", "--plugin"), ("replay",)],
)
def test_names_of_plugins_are_completed(words: tuple[str, ...]) -> None:
    assert completed(*words) == ["audit", "deploy"]
    assert completed(*words, incomplete="d") == ["deploy"]


def test_names_of_apps_are_completed() -> None:
    assert completed("gaps", "--app") == ["main", "other"]


def test_a_broken_configuration_completes_what_it_can_and_says_nothing(configured: Path) -> None:
    (configured / "slackd.toml").write_text("[apps.main")
    assert completed("gaps", "--app") == ["other"]
    assert completed("inflight", "--plugin") == ["audit", "deploy"]


def test_commands_are_completed() -> None:
    assert "wait-idle" in completed(incomplete="w")
    assert isinstance(slackctl, click.Group)


@pytest.mark.parametrize("program", ["slackctl", "slackd"])
@pytest.mark.parametrize(
    ("shell", "file"),
    [("bash", "bash-completion/{}"), ("zsh", "zsh-completion/_{}"), ("fish", "fish-completion/{}.fish")],
)
def test_each_shell_asks_the_program(program: str, shell: str, file: str) -> None:
    script = PACKAGING / file.format(program)
    assert f"_{program.upper()}_COMPLETE={shell}_complete" in script.read_text()
    if shutil.which(shell):
        subprocess.run([shell, "--no-execute" if shell == "fish" else "-n", str(script)], check=True)

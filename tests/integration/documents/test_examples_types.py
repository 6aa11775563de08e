"""Type checkers find the SDK and agree with the examples, from any folder: what an author's editor shows."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from slackd.scaffold import LANGUAGES, render

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
CHECKERS = {
    "mypy": ["--strict", "--python-executable", sys.executable],
    "pyright": ["--pythonpath", sys.executable],
}


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """The examples and what `slackctl plugin new` makes, with their tests, in a folder where nothing but the
    installation leads to slackd; pyright is strict there."""
    for file in EXAMPLES.glob("*.py"):
        shutil.copy(file, tmp_path)
    for language in LANGUAGES:
        for path, text in render(f"greeter-{language}", language).items():
            if path.endswith(".py"):
                (tmp_path / path).write_text(text)
    (tmp_path / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}')
    return tmp_path


def check(checker: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    if importlib.util.find_spec(checker) is None:
        pytest.skip(f"{checker} is not installed")
    environ = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "MYPYPATH")}
    command = [
        sys.executable,
        "-m",
        checker,
        *CHECKERS[checker],
        *([] if checker == "pyright" else ["."]),  # named files would leave its configuration out
    ]
    return subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, timeout=110, check=False
    )


@pytest.mark.parametrize("checker", CHECKERS)
def test_examples_and_scaffolds_are_strictly_typed_and_the_sdk_is_seen_and_not_any(
    checker: str, elsewhere: Path
) -> None:
    """The one mistake that there is, is found; and no other."""
    (elsewhere / "wrong.py").write_text("from slackd.plugin import Plugin\n\nplugin: int = Plugin('x')\n")
    done = check(checker, elsewhere)
    mistakes = [line for line in done.stdout.splitlines() if " error: " in line]
    assert len(mistakes) == 1, done.stdout + done.stderr
    assert "wrong.py:3" in mistakes[0]
    assert "Plugin" in mistakes[0]
    assert done.returncode == 1


def test_an_example_does_not_run_when_it_is_imported(elsewhere: Path) -> None:
    programs = sorted(file.stem for file in EXAMPLES.glob("*.py") if not file.name.startswith("test_"))
    code = "; ".join(f"import {name}" for name in programs)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=elsewhere, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

"""A new author's path with the documents alone: an answer, a passing test, a package. (Booted: tests/e2e.)

Each step is a command of "The first hour" in docs/plugins.md, as it stands there.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.integration.cli.test_dev import Terminal

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/plugins.md").read_text()
(HOUR,) = re.findall(r"^## The first hour\n\n```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
STEPS = [line.partition("  #")[0].strip() for line in HOUR.splitlines()]
ADDON = ROOT / "packaging/debhelper"
MINUTE = 60.0


def environment(folder: Path) -> dict[str, str]:
    """The commands of an installed slackd; what `apt install dh-slackd-plugin` brings is the checkout's."""
    sequences = folder / "perl/Debian/Debhelper/Sequence"
    sequences.mkdir(parents=True)
    shutil.copy(ADDON / "slackd_plugin.pm", sequences)
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
        "PATH": f"{Path(sys.executable).parent}:{ADDON}:{os.environ['PATH']}",
        "PERL5LIB": str(folder / "perl"),
        "DH_AUTOSCRIPTDIR": str(ADDON / "autoscripts"),
    }


def run(step: str, folder: Path, env: dict[str, str]) -> str:
    # -d: the addon is in no package here.
    command = step.replace("dpkg-buildpackage ", "dpkg-buildpackage -d ")
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.mark.skipif(shutil.which("dh") is None, reason="builds a Debian package: needs debhelper")
def test_from_nothing_to_an_answer_a_passing_test_and_a_package(tmp_path: Path) -> None:
    new, enter, dev, test, check, package = STEPS
    began, env = time.monotonic(), environment(tmp_path)

    def within(minutes: float) -> None:
        assert time.monotonic() - began < minutes * MINUTE

    assert "greeter" in run(new, tmp_path, env)
    folder = tmp_path / enter.removeprefix("cd ")
    terminal = Terminal(command=["bash", "-c", dev], cwd=folder, env=env)
    try:
        terminal.reads("greeter is connected")
        terminal.types("/greeter api")
        terminal.reads("You said: api")
        within(5)
        terminal.types("stop")
        assert terminal.process.wait(30) == 0
    finally:
        terminal.close()
    assert "3 passed" in run(test, folder, env)
    within(10)
    assert "✗" not in run(check, folder, env)
    run(package, folder, env)
    assert len(list(tmp_path.glob("slackd-plugin-greeter_0.1_*.deb"))) == 1
    within(30)

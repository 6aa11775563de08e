"""How a program is run that an author names."""

import subprocess
import sys
from pathlib import Path

import pytest

from slackd.local.program import LocalStackError, command_of
from slackd.local.project import Project, declarations_of, find_project
from slackd.local.scripts import with_local_script

SCRIPT = """\
# What it hears.
command = "not this one"
[exec]
timeout = "3s"
command = [
    "/usr/local/bin/deploy",
    "--quiet",
]
[[subscribe]]
command = "/deploy"
"""


def executable(file: Path, text: str) -> Path:
    file.write_text(text)
    file.chmod(0o755)
    return file


def test_a_program_runs_by_the_end_of_its_name_or_by_its_first_line(tmp_path: Path) -> None:
    python = tmp_path / "a.py"
    python.touch()
    assert command_of(python) == (sys.executable, "-u", str(python))
    other = executable(tmp_path / "b", "#!/bin/bash\n")
    assert command_of(other) == (str(other),)


def test_what_systemd_could_not_run_is_not_run_here_either(tmp_path: Path) -> None:
    with pytest.raises(LocalStackError, match="begins with no line such as #!"):
        command_of(executable(tmp_path / "b", "echo hello\n"))


def test_what_nothing_can_run_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("#!/bin/bash\n")
    with pytest.raises(LocalStackError, match=r"chmod \+x it"):
        command_of(tmp_path / "b")
    with pytest.raises(LocalStackError, match="there is no such program"):
        command_of(tmp_path / "c.py")


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    folder = tmp_path / "mein [Ordner] ü"
    folder.mkdir()
    for name in ("bot.py", "bot.toml", "README.md", "test_bot.py"):
        (folder / name).touch()
    assert find_project(folder) == Project(folder / "bot.py", folder / "bot.toml")


def test_slackds_own_file_is_no_plugins(tmp_path: Path) -> None:
    (tmp_path / "plugins.d").mkdir()
    for name in ("slackd.toml", "hello.py", "plugins.d/hello.toml", "plugins.d/other.toml"):
        (tmp_path / name).touch()
    assert declarations_of(tmp_path / "hello.py") == [tmp_path / "plugins.d" / "hello.toml"]
    assert declarations_of(tmp_path) == []


def test_a_scripts_own_file_is_run_in_the_place_of_the_installed_one(tmp_path: Path) -> None:
    script = tmp_path / 'it "is".sh'
    script.touch()
    found = with_local_script(SCRIPT, script)
    assert 'command = "not this one"' in found
    assert 'command = "/deploy"' in found
    assert f'bash", "{tmp_path}/it \\"is\\".sh", "--quiet"]\n\n\n\n[[subscribe]]' in found
    assert found.count("\n") == SCRIPT.count("\n")


@pytest.mark.parametrize("text", ["", "[slack]\n", "not toml [", "exec = 1\n"])
def test_a_file_without_a_script_stays_as_it_is(tmp_path: Path, text: str) -> None:
    assert with_local_script(text, tmp_path / "nowhere") == text


def test_a_real_app_and_a_check_of_the_protocol_need_no_emulator() -> None:
    needed = "slackd.local.dev, slackd.local.intercepted_world, slackd.local.conformance"
    code = f"import sys; sys.modules['slackd.emulator'] = None; import {needed}"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)

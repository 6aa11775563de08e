"""What dh_slackd_plugin writes into the maintainer scripts of a plugin's package."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

HELPER = Path(__file__).resolve().parents[3] / "packaging/debhelper"
SCRIPTS = ("preinst", "postinst", "prerm", "postrm")

pytestmark = pytest.mark.skipif(not shutil.which("dh"), reason="debhelper is not installed")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A source package of one plugin, built as far as debian/PACKAGE."""
    debian = tmp_path / "debian"
    built = debian / "greeter"
    for file, text in (
        ("etc/slackd/plugins.d/greet-er.toml", ""),
        ("usr/lib/slackd/plugins/greet-er", "#!/bin/sh"),
    ):
        (built / file).parent.mkdir(parents=True)
        (built / file).write_text(text)
    (debian / "control").write_text(
        "Source: greeter\nMaintainer: T <t@x.invalid>\nBuild-Depends: debhelper-compat (= 13)\n\n"
        "Package: greeter\nArchitecture: all\nDescription: greets\n"
    )
    (debian / "changelog").write_text(
        "greeter (1) unstable; urgency=low\n\n  * X.\n\n -- T <t@x.invalid>  Tue, 24 Nov 2026 06:00:00 +0000\n"
    )
    return tmp_path


def helped(tree: Path) -> "subprocess.CompletedProcess[str]":
    environ = {**os.environ, "DH_AUTOSCRIPTDIR": str(HELPER / "autoscripts")}
    command = ["perl", str(HELPER / "dh_slackd_plugin")]
    return subprocess.run(command, cwd=tree, env=environ, capture_output=True, text=True, check=False)


def test_each_plugin_has_its_part_in_every_script(tree: Path) -> None:
    done = helped(tree)
    assert (done.returncode, done.stderr) == (0, "")
    for script in SCRIPTS:
        file = tree / "debian" / f"greeter.{script}.debhelper"
        text = file.read_text()
        assert "greet-er" in text
        assert "#NAME#" not in text
        subprocess.run(["sh", "-n", str(file)], check=True)


def test_a_plugin_without_a_program_is_warned_of(tree: Path) -> None:
    (tree / "debian/greeter/usr/lib/slackd/plugins/greet-er").unlink()
    assert "brings no /usr/lib/slackd/plugins/greet-er" in helped(tree).stderr


def test_a_name_that_is_none_is_an_error(tree: Path) -> None:
    folder = tree / "debian/greeter/etc/slackd/plugins.d"
    (folder / "greet-er.toml").rename(folder / "Greet Er.toml")
    assert helped(tree).returncode != 0


def test_the_sequence_runs_it_before_the_scripts_are_made(tree: Path) -> None:
    library = tree / "perl/Debian/Debhelper/Sequence"
    library.mkdir(parents=True)
    shutil.copy(HELPER / "slackd_plugin.pm", library)
    (tree / "debian/rules").write_text("#!/usr/bin/make -f\n%:\n\tdh $@ --with slackd-plugin\n")
    (tree / "debian/rules").chmod(0o755)
    environ = {**os.environ, "PERL5LIB": str(tree / "perl")}
    command = ["dh", "binary", "--no-act", "--with", "slackd-plugin"]
    done = subprocess.run(command, cwd=tree, env=environ, capture_output=True, text=True, check=False)
    said = done.stdout.splitlines()
    commands = [line.strip() for line in said]
    assert commands.index("dh_slackd_plugin") < commands.index("dh_installdeb")

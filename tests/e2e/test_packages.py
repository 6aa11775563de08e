"""`make deb`: what it says of the packages, and what it leaves in dist/; and what machines install from."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import VERSIONS
from tests.e2e.the_world import CHECKOUT, Site


@pytest.fixture(scope="module")
def dist(release: str, bootable: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of the release, and what the build said."""
    out = tmp_path_factory.mktemp(f"dist-{release}")
    command = ["nice", sys.executable, str(CHECKOUT / "packaging/deb/build.py"), "--twice"]
    command += [f"--release={release}", f"--out={out}"]
    revision = os.environ.get("SLACKD_E2E_REVISION")
    command += [f"--revision={revision}"] if revision else []
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=1500
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return out / release, done.stdout


def test_lintian_finds_nothing_and_two_builds_are_the_same_bytes(
    dist: tuple[Path, str], figures: list[str], release: str
) -> None:
    # build.py fails otherwise: what it said is for the eyes.
    _, said = dist
    lines = [line for line in said.splitlines() if line.startswith("lintian on") or "built twice" in line]
    assert sum("built twice, the same" in line for line in lines) == 4
    assert any(line.startswith(f"lintian on {release}: no errors, no warnings") for line in lines)
    figures += lines


def test_the_folder_is_a_signed_repository_of_all_that_debian_does_not_have(dist: tuple[Path, str]) -> None:
    folder, _ = dist
    packages = {file.name.partition("_")[0] for file in folder.glob("*.deb")}
    assert packages == {
        "slackd",
        "python3-slackd-plugin",
        "slackd-emulator",
        "dh-slackd-plugin",
        "python3-slack-sdk",
    }
    source = (folder / "slackd.sources").read_text()
    assert "Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----" in source
    assert (folder / "InRelease").read_text().startswith("-----BEGIN PGP SIGNED MESSAGE-----")


def test_an_upgrade_finds_each_version_in_a_repository_of_its_own(site: Site) -> None:
    assert site.versions == VERSIONS
    for version in VERSIONS:
        folder = site.folder / f"slackd-{version}"
        assert list(folder.glob(f"slackd_{version}*_all.deb"))
        assert (folder / "InRelease").exists()

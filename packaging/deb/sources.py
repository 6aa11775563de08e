"""The source trees that packages are built from: slackd's own checkout, and slack_sdk as Slack published it."""

import email.utils
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from releases import alone, cache

CHECKOUT = Path(__file__).resolve().parents[2]
# A checkout may belong to another user than root, who builds.
GIT = ("git", "-c", f"safe.directory={CHECKOUT}", "-C", str(CHECKOUT))
SLACK_SDK = CHECKOUT / "packaging" / "slack-sdk"


FIRST_RELEASE = "3c98b9f7d132c337533d45a3fbecd5a5f44dd08d"
"""The commit of 0.1.0, for clones that have no tags."""


def changelog_version(tree: Path) -> str:
    """The version that a tree's debian/changelog opens with."""
    first = (tree / "debian/changelog").read_text().split("\n", 1)[0]
    found = re.match(r"\S+ \(([^)]+)\)", first)
    if not found:
        raise ValueError(f"{tree}/debian/changelog does not open with a version: {first!r}")
    return found[1]


def newest_release() -> str | None:
    """The tag (v…) of the newest release before the checkout's commit, or of that very commit where it is the
    first; the commit of 0.1.0 in a clone without tags, and None where that isn't there either.
    """
    for seen_from in ("HEAD^", "HEAD"):
        describe = [*GIT, "describe", "--tags", "--abbrev=0", "--match=v[0-9]*", seen_from]
        done = subprocess.run(describe, capture_output=True, text=True, check=False)
        if done.stdout.strip():
            return done.stdout.strip()
    known = [*GIT, "cat-file", "-e", f"{FIRST_RELEASE}^{{commit}}"]
    return None if subprocess.run(known, check=False, capture_output=True).returncode else FIRST_RELEASE


def in_words(revision: str | None) -> str:
    """What is built from this revision, or from the checkout's files, for people."""
    commit = [*GIT, "rev-parse", "--short", f"{revision or 'HEAD'}^{{commit}}"]
    name = subprocess.run(commit, check=True, capture_output=True, text=True).stdout.strip()
    if revision:
        return f"{revision} ({name})"
    changed = subprocess.run([*GIT, "diff", "--quiet", "HEAD", "--"], check=False).returncode
    return f"the checkout ({name}{', and what is not committed' if changed else ''})"


def slackd_tree(folder: Path, version: str | None = None, revision: str | None = None) -> Path:
    """Lay slackd's source into a new folder below `folder` and return that.

    Args:
        version: Another version than the changelog's, for tests of upgrades.
        revision: A commit or tag; without one, the checkout's tracked files as they are now.
    """
    raw = folder / "raw"
    raw.mkdir(parents=True)
    if revision:
        archive = subprocess.run([*GIT, "archive", revision], check=True, capture_output=True)
        subprocess.run(["tar", "-x", "-C", raw], input=archive.stdout, check=True)
    else:
        listed = subprocess.run([*GIT, "ls-files", "-z"], check=True, capture_output=True)
        for name in filter(None, os.fsdecode(listed.stdout).split("\0")):
            if (CHECKOUT / name).is_file():
                (raw / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(CHECKOUT / name, raw / name)
    if version and version != changelog_version(raw):
        _stamp(raw, version)
    tree = folder / f"slackd-{changelog_version(raw)}"
    raw.rename(tree)
    return tree


def _stamp(tree: Path, version: str) -> None:
    changelog = tree / "debian/changelog"
    before = changelog.read_text()
    # The date of the entry below it, so that the same source gives the same bytes.
    signature = next(line for line in before.splitlines() if line.startswith(" -- "))
    changelog.write_text(
        f"slackd ({version}) unstable; urgency=medium\n\n  * Test build.\n\n{signature}\n\n{before}"
    )
    module = tree / "slackd/__init__.py"
    module.write_text(re.sub(r'__version__ = "[^"]*"', f'__version__ = "{version}"', module.read_text()))


def source_date_epoch(tree: Path) -> int:
    """Seconds since the epoch of the changelog's newest entry."""
    lines = (tree / "debian/changelog").read_text().splitlines()
    signature = next(line for line in lines if line.startswith(" -- "))
    return int(email.utils.parsedate_to_datetime(signature.split("  ", 1)[1]).timestamp())


def slack_sdk_tree(folder: Path) -> Path:
    """Lay slack_sdk's source with our debian/ into a new folder below `folder`, its .orig.tar.gz beside it."""
    downloads = cache() / "sdist"
    pinned = SLACK_SDK / "source.txt"
    version = changelog_version(SLACK_SDK).rpartition("-")[0]
    sdist = downloads / f"slack_sdk-{version}.tar.gz"
    with alone("sdist"):
        if not sdist.exists():
            pip = [sys.executable, "-m", "pip", "-qq", "--disable-pip-version-check", "download", "--no-deps"]
            fetch = ["--no-binary=:all:", "--require-hashes", f"--requirement={pinned}", f"--dest={downloads}"]
            subprocess.run([*pip, *fetch], check=True)
    folder.mkdir(parents=True)
    shutil.copy(sdist, folder / f"python-slack-sdk_{version}.orig.tar.gz")
    subprocess.run(["tar", "-xzf", sdist, "-C", folder], check=True)
    tree = folder / f"slack_sdk-{version}"
    shutil.copytree(SLACK_SDK / "debian", tree / "debian")
    return tree

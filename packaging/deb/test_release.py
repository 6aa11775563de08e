"""Runs unit and integration tests with each release's own Python and libraries, the releases side by side.

    test_release.py [--release NAME]... [PYTEST ARGUMENT]...

Faults were found that only Debian 12's aiohttp has. Each release's tests run in a throw-away layer on a root
filesystem of its own (kept in the cache), without a network and without the accelerators (msgspec, uvloop);
slack_sdk is the package that is built for it.
Needs root; elsewhere one line says why not, and the status is 77.
"""

import argparse
import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from build import slack_sdk_packages
from releases import RELEASES, Release, Unbuildable, alone, cache, require_tools
from roots import furnished_root, run_in
from sources import CHECKOUT, GIT

TOOLS = (
    "hypothesis",
    "iniconfig",
    "packaging",
    "pluggy",
    "pytest",
    "pytest-asyncio",
    "pytest-timeout",
    "slack-bolt",
    "sortedcontainers",
    "typing-extensions",
)
"""What tests and is not tested: one version on every release, pure Python, and nothing that slackd imports."""
CHOSEN = (
    "tests/unit/broker",
    "tests/unit/connector",
    "tests/unit/control",
    "tests/unit/journal",
    "tests/unit/link",
    "tests/unit/plugin",
    "tests/unit/service",
    "tests/integration/broker",
    "tests/integration/connector",
    "tests/integration/journal",
    "tests/integration/plugin",
    # The languages are this machine's, not a release's.
    "--ignore=tests/integration/plugin/test_languages.py",
    # Months of simulated time, a third of all that these take, and of no library.
    "--ignore=tests/unit/connector/test_pool_simulated.py",
)
"""What depends on the release's Python and libraries, within the time that CI has."""
AGAIN_AT_MOST = 20
"""Tests that are run once more when they failed: side by side, two releases take each other's time."""
_FAILED = re.compile(r"(?:FAILED|ERROR) (tests/\S+)")
LIMIT = 900
"""Seconds for one release's tests."""
SKIPPED = 77
"""The exit status where nothing can be said."""


def checkout(folder: Path) -> Path:
    """Copy the checkout's tracked files into a folder that a test may write to."""
    listed = subprocess.run([*GIT, "ls-files", "-z"], check=True, capture_output=True)
    for name in filter(None, os.fsdecode(listed.stdout).split("\0")):
        if (CHECKOUT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, folder / name)
    return folder


def test_tools() -> Path:
    """The folder with the tools, fetched when it isn't in the cache."""
    kept = cache() / f"test-tools-{hashlib.sha256(' '.join(TOOLS).encode()).hexdigest()[:10]}"
    with alone("test-tools"):
        if not kept.exists():
            growing = kept.with_name(f".growing-{kept.name}")
            shutil.rmtree(growing, ignore_errors=True)
            pure = ["--only-binary=:all:", "--python-version=3.11", "--implementation=py", "--abi=none"]
            pip = [sys.executable, "-m", "pip", "-qq", "--disable-pip-version-check", "install", "--no-deps"]
            subprocess.run([*pip, *pure, "--platform=any", f"--target={growing}", *TOOLS], check=True)
            growing.rename(kept)
    return kept


def run_tests(release: Release, arguments: list[str]) -> tuple[int, str]:
    """Run the tests on one release.

    Returns:
        pytest's exit status, and what it printed.
    """
    root = furnished_root(release)
    sdk, tools = slack_sdk_packages(release, check=False), test_tools()
    with tempfile.TemporaryDirectory(prefix="slackd-test-", dir="/tmp") as folder:
        tree = checkout(Path(folder))
        command = (
            "dpkg --install /sdk/*.deb > /dev/null && mkdir -p /tmp && cd /src"
            f" && PYTHONPATH=/tools:/src SLACKD_PURE=1 exec timeout --signal=INT {LIMIT}"
            " python3 -m pytest -q -p no:cacheprovider --durations=8 -m 'not load'"
            f" {' '.join(map(shlex.quote, arguments))}"
        )
        binds = {tree: "/src", sdk: "/sdk", tools: "/tools"}
        done = run_in(root, ["sh", "-c", command], binds=binds, check=False)
    return done.returncode, done.stdout


def main() -> int:
    parser = argparse.ArgumentParser(description="Run tests with each release's own Python and libraries.")
    parser.add_argument("--release", action="append", choices=sorted(RELEASES), help="default: all")
    parser.add_argument("arguments", nargs="*", help="pytest's; default: what depends on the release")
    options = parser.parse_args()
    try:
        require_tools()
    except Unbuildable as reason:
        print(f"tests on Debian's own Python: skipped, {reason}")
        return SKIPPED
    begin = time.monotonic()
    results: dict[str, int] = {}
    failed: dict[str, list[str]] = {}

    def run(name: str, arguments: list[str]) -> None:
        try:
            results[name], said = run_tests(RELEASES[name], arguments)
        except (Unbuildable, RuntimeError, subprocess.CalledProcessError) as error:
            results[name], said = 1, str(error)
        took = time.monotonic() - begin
        lines = said.strip().splitlines()
        failed[name] = [found[1] for found in map(_FAILED.match, lines) if found is not None]
        shown = lines if results[name] else lines[-14:]
        print("\n".join(f"{name:>8} | {line}" for line in shown), flush=True)
        print(f"{name:>8} | {'failed' if results[name] else 'passed'} after {took:.0f} s", flush=True)

    chosen = options.arguments or list(CHOSEN)
    threads = [threading.Thread(target=run, args=(name, chosen)) for name in options.release or RELEASES]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in [name for name, status in results.items() if status]:
        if 0 < len(failed[name]) <= AGAIN_AT_MOST:
            print(f"{name:>8} | what failed is run once more, alone: {' '.join(failed[name])}", flush=True)
            run(name, failed[name])
    return 1 if any(results.values()) else 0


if __name__ == "__main__":
    sys.exit(main())

"""`make e2e`: every release's end-to-end tests, side by side; what they measured, and what failed, stands at
the end.

The ledger's tests, which take more of the processors than the others, come first on one release and last on the
other. Modules that failed are run once more, alone, and that is said: side by side, two booted machines take
each other's time. What fails alone has failed.

Arguments are pytest's, and `make packages` gives those that build and boot nothing. Where Debian cannot be
booted, one line says why, and that is no failure.
"""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Final

from tests.e2e.ability import why_not
from tests.e2e.booted_machine import clear_leftovers
from tests.e2e.the_world import CHECKOUT, RELEASES

LIMIT: Final = 1700.0
"""Seconds for all of it, on a machine that has built nothing yet too."""
_TO_CLEAN_UP: Final = 120.0
_FOLDER: Final = Path("tests/e2e")
_BOOTS_NOTHING: Final = _FOLDER / "test_packages.py"
_WANTS_THE_PROCESSORS: Final = _FOLDER / "test_ledger.py"


class Run:
    """The tests of one release, in a process of their own.

    Attributes:
        name: The release.
    """

    def __init__(self, name: str, figures: Path, arguments: list[str]) -> None:
        self.name = name
        self._figures = figures
        # What failed last is for those who run beside it, and run that once more.
        command = [sys.executable, "-m", "pytest", "-v", "--no-header", "-p", "no:cacheprovider"]
        command += ["--durations=8", "-m", "e2e"]
        self._process = subprocess.Popen(
            [*command, *arguments],
            cwd=CHECKOUT,
            env={
                **os.environ,
                "PYTHONUNBUFFERED": "1",
                "SLACKD_E2E": "1",
                "SLACKD_E2E_RELEASES": name,
                "SLACKD_E2E_FIGURES": str(figures),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._teller = threading.Thread(target=self._tell)
        self._teller.start()

    def _tell(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            print(f"{self.name:>8} | {line}", end="", flush=True)

    def end(self, deadline: float) -> int:
        """Wait for it, no longer than the deadline, and return its exit status."""
        for patience, then in (
            (max(0.0, deadline - time.monotonic()), signal.SIGINT),
            (_TO_CLEAN_UP, signal.SIGKILL),
        ):
            try:
                return self._process.wait(patience)
            except subprocess.TimeoutExpired:
                print(f"{self.name:>8} | not over in time: {then.name}", flush=True)
                self._process.send_signal(then)
        return self._process.wait()

    def figures(self) -> list[str]:
        """What it measured, a line each; call it when it has ended."""
        # What outlives it may hold its output open.
        self._teller.join(10)
        return _lines_of(self._figures)

    def failures(self) -> list[str]:
        """The tests that failed, each with why; none where it didn't come to its end."""
        return _lines_of(Path(f"{self._figures}.failed"))

    def failed_modules(self) -> list[str]:
        """Files with a test that failed."""
        return sorted({line.partition("::")[0] for line in self.failures()})


def _booted(release: str) -> list[str]:
    """The modules that boot a machine, in the order of this release."""
    modules = set((CHECKOUT / _FOLDER).glob("test_*.py"))
    others = sorted(modules - {CHECKOUT / _BOOTS_NOTHING, CHECKOUT / _WANTS_THE_PROCESSORS})
    named = [str(each.relative_to(CHECKOUT)) for each in others]
    at = 0 if release == RELEASES[-1] else len(named)
    return [*named[:at], str(_WANTS_THE_PROCESSORS), *named[at:]]


def _lines_of(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def main(arguments: list[str]) -> int:
    reason = why_not()
    if reason:
        print(f"booted Debian: skipped, {reason}")
        return 0
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="slackd-figures-") as folder:
        runs = [Run(each, Path(folder) / each, arguments or _booted(each)) for each in RELEASES]
        try:
            statuses = [run.end(begin + LIMIT) for run in runs]
            for place, run in enumerate(tuple(runs)):
                modules = run.failed_modules()
                if statuses[place] and modules:
                    print(f"{run.name:>8} | once more, alone: {' '.join(modules)}", flush=True)
                    runs.append(Run(run.name, Path(folder) / f"{run.name}-alone", modules))
                    statuses[place] = runs[-1].end(begin + LIMIT)
        except BaseException:
            # Most likely they have been interrupted, too, and are cleaning up.
            for run in runs:
                run.end(time.monotonic() + _TO_CLEAN_UP)
            raise
        finally:
            clear_leftovers()
        print("booted Debian, in figures:")
        for run in runs:
            print(*run.figures(), sep="\n")
        for run in runs:
            for line in run.failures():
                print(f"failed: {line}")
    print(f"booted Debian: {'failed' if any(statuses) else 'passed'} in {time.monotonic() - begin:.0f} s")
    return 1 if any(statuses) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""What importing the SDK costs: a script's start, a cron job's, a test's."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
REFERENCE = "import asyncio, json"
REFERENCE_TOOK = 0.055
"""Seconds of processor time that the reference takes where 50 ms were measured against it."""
MOST_MODULES = 105
_MEASURE = """
import sys, time
sys.path.insert(0, sys.argv[1])
before = time.process_time()
{what}
print(time.process_time() - before, len(sys.modules), "asyncio" in sys.modules)
names = {{name.partition(".")[0] for name in sys.modules}}
print(sorted(names - sys.stdlib_module_names - {{"slackd", "__main__"}}))
"""


def imported(what: str) -> tuple[float, int, str, str]:
    """Seconds of processor time, modules in all, whether asyncio is one, and which are foreign."""
    command = [sys.executable, "-I", "-S", "-c", _MEASURE.format(what=what), str(ROOT)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    seconds, modules, has_asyncio = said[0].split()
    return float(seconds), int(modules), has_asyncio, said[1]


def test_it_takes_less_than_50_ms_wherever_asyncio_takes_what_it_did_then() -> None:
    """Processor time, the least of some runs side by side: other work on the machine doesn't count."""
    runs = [(imported("import slackd.plugin")[0], imported(REFERENCE)[0]) for _ in range(7)]
    ours, reference = (min(each) for each in zip(*runs, strict=True))
    assert ours < 0.05 * max(1.0, reference / REFERENCE_TOOK), (ours, reference)


def test_it_brings_the_standard_library_alone_and_little_of_it() -> None:
    _, modules, has_asyncio, foreign = imported("import slackd.plugin")
    assert (has_asyncio, foreign) == ("False", "[]")
    assert modules <= MOST_MODULES

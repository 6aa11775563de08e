"""slackd beside Bolt for Python and the minimal pipeline, in one run: a table with the goals, and plots.

    python -m tests.bench.throughput [REPEATS] [--million]
                                                    # make bench; the exit status is 1 where a goal is missed

All get the same events of 2 KB from the same emulated Slack, in turns, so that whatever else the machine does
meets all of them. The load comes from this process: as long as it isn't busy all the time (it says so for each
rate), it isn't what limits that. It takes under ten minutes; `--million` adds kills with a backlog of a
million, which takes long.

Two rows need something: the libraries of Debian 12 in `.venv-oldest` (`make test-oldest` makes it), and the
first release in the history of this clone.
"""

import compileall
import contextlib
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import attrs

from tests.bench.measures import (
    COMMAND,
    FLOOD,
    Run,
    Start,
    ack_latency,
    command_latency,
    cpu_an_event,
    flood,
    in_turns,
    kill_to_ack,
    memory,
    percentile,
)
from tests.bench.peers import bolt, minimal, slackd, with_plugins
from tests.bench.plots import draw_latencies, draw_memory, draw_rates
from tests.bench.table import REPEATS, Row, print_table

ROOT = Path(__file__).parents[2]
FIRST_RELEASE = "3c98b9f"
SLOW, SLOW_SECONDS = 100, 10
FAST, FAST_SECONDS = 1_000, 4
BACKLOG, MILLION = 20_000, 1_000_000


async def rows(repeats: int, backlogs: Sequence[int]) -> AsyncIterator[Row]:
    """Everything, one after the other; kills with each of these backlogs."""
    # As Debian installs it (py3compile(1)): a source tree may not be compiled at all (PYTHONDONTWRITEBYTECODE).
    compileall.compile_dir(ROOT / "slackd", quiet=1)
    runs = await in_turns({"slackd": slackd, "bolt": bolt, "minimal": minimal}, repeats)
    draw_rates(runs)
    ours, theirs, least = (_median_rate(each) for each in runs.values())
    found = f"{ours:.0f} a second"
    yield Row("delivered, answered, closed", found, f"Bolt {theirs:.0f}", ours / theirs, 2.5, least=True)
    yield Row("", found, f"minimal pipeline {least:.0f}", ours / least, 0.65, least=True)
    mine, other = (statistics.median(run.started_in for run in runs[name]) for name in ("slackd", "bolt"))
    yield Row("start to READY", f"{mine:.2f} s", f"Bolt {other:.2f}", mine / other, 1.0)
    hot = (await flood(slackd, channels=1)).rate
    yield Row("one hot channel, in order", f"{hot:.0f} a second", "5000 a second", hot / 5_000, 1.0, least=True)
    mine, other = await cpu_an_event(slackd, SLOW, SLOW_SECONDS), await cpu_an_event(bolt, SLOW, SLOW_SECONDS)
    yield Row(f"CPU an event at {SLOW} a second", f"{mine:.0f} us", f"Bolt {other:.0f}", mine / other, 3.0)
    async for row in latencies():
        yield row
    async for row in memories():
        yield row
    for backlog in backlogs:
        median, worst = await kill_to_ack(partial(with_plugins, 1, connected=False), backlog)
        what = f"kill -9 to the first ack, backlog {backlog}"
        yield Row(f"{what}, median", f"{median:.2f} s", "0.3 s", median / 0.3, 1.0)
        yield Row("  worst", f"{worst:.2f} s", "0.5 s", worst / 0.5, 1.0)
    one = await cpu_an_event(partial(with_plugins, 1), 50, 4)
    for plugins, goal in ((10, 2.5), (50, 10.0), (100, 20.0)):
        many = await cpu_an_event(partial(with_plugins, plugins), 50, 4)
        yield Row(f"CPU, {plugins} plugins match", f"{many:.0f} us", f"one {one:.0f}", many / one, goal)
    async for row in with_debian_12s_libraries(repeats):
        yield row


async def latencies() -> AsyncIterator[Row]:
    """From a send to its acknowledgement, and from a command to its answer."""
    peers: dict[str, Start] = {"slackd": slackd, "Bolt": bolt}
    with first_release() as start:
        if start is not None:
            peers["first release"] = start
        acks: dict[str, list[float]] = {name: [] for name in peers}
        for _ in range(REPEATS):
            for name, peer in peers.items():
                acks[name] += await ack_latency(peer, FAST, FAST_SECONDS)
    draw_latencies("acknowledgements", f"From a send to its acknowledgement at {FAST} a second", acks)
    yield _compared(f"ack p50 at {FAST} a second", acks, "Bolt", 0.5, 4.0)
    if "first release" in acks:
        yield _compared("  against the first release, p50", acks, "first release", 0.5, 0.7)
        yield _compared("  p99", acks, "first release", 0.99, 0.7)
    commands = {"slackd": await command_latency(partial(slackd, command=COMMAND))}
    commands["Bolt"] = await command_latency(partial(bolt, command=COMMAND))
    draw_latencies("commands", "From a command to its answer", commands)
    yield _compared("command to answer, p50", commands, "Bolt", 0.5, 1.0)
    yield _compared("  p99", commands, "Bolt", 0.99, 1.0)


def _compared(what: str, found: Mapping[str, Sequence[float]], peer: str, share: float, goal: float) -> Row:
    """Within how many milliseconds this share of all was done."""
    ours, others = (percentile(found[name], share) * 1e3 for name in ("slackd", peer))
    return Row(what, f"{ours:.1f} ms", f"{peer} {others:.1f}", ours / others, goal)


async def memories() -> AsyncIterator[Row]:
    """Of all three processes, against Bolt's one."""
    mine, other = await memory(slackd, later=True), await memory(bolt, later=False)
    draw_memory({"slackd": attrs.astuple(mine), "Bolt": attrs.astuple(other)})
    for what, ours, theirs, goal in (
        ("memory (PSS) of all processes, idle", mine.idle, other.idle, 1.6),
        (f"  after {FLOOD} events", mine.after, other.after, 2.0),
        ("  a minute later", mine.later, other.later, 1.7),
    ):
        yield Row(what, f"{ours:.0f} MiB", f"Bolt {theirs:.0f}", ours / theirs, goal)


async def with_debian_12s_libraries(repeats: int) -> AsyncIterator[Row]:
    """The same interpreter with aiohttp 3.8 and its contemporaries."""
    libraries = next(ROOT.glob(".venv-oldest/lib/python3.*/site-packages"), None)
    if libraries is None:
        print("no .venv-oldest: Debian 12's libraries are left out", file=sys.stderr)
        return
    old = partial(slackd, environ=_with_path(f"{ROOT}:{libraries}"))
    runs = await in_turns({"old": old, "new": slackd}, repeats)
    mine, other = (statistics.median(run.cpu for run in each) for each in runs.values())
    yield Row("CPU with Debian 12's libraries", f"{mine:.0f} us", f"today's {other:.0f}", mine / other, 1.15)


@contextlib.contextmanager
def first_release() -> Iterator[Start | None]:
    """slackd as it was released first, unpacked somewhere; None where this clone doesn't have it."""
    with tempfile.TemporaryDirectory(prefix="slackd-first-", dir="/tmp") as folder:
        archive = subprocess.run(
            ("git", "-C", str(ROOT), "archive", FIRST_RELEASE, "slackd"), capture_output=True, check=False
        )
        if archive.returncode:
            print(f"no commit {FIRST_RELEASE}: the first release is left out", file=sys.stderr)
            yield None
            return
        subprocess.run(("tar", "-x", "-C", folder), input=archive.stdout, check=True)
        yield partial(slackd, environ=_with_path(folder))


def _with_path(path: str) -> dict[str, str]:
    """What makes Python import from there first, and not from where it is started."""
    return {"PYTHONPATH": path, "PYTHONSAFEPATH": "1"}


def _median_rate(runs: list[Run]) -> float:
    return statistics.median(run.rate for run in runs)


if __name__ == "__main__":
    more = [MILLION] if "--million" in sys.argv else []
    sys.exit(print_table(partial(rows, backlogs=[0, BACKLOG, *more])))

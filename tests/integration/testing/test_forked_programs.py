"""Programs in Python that are forks of one interpreter: to their authors they are what `python -u FILE` is."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from textwrap import dedent

import pytest

from slackd.local.program import Program, ProgramProcess, start_process
from slackd.testing.forked_process import OF_APPS, OF_PLUGINS, ForkedProcess, PythonForks


@pytest.fixture
async def forks() -> AsyncIterator[PythonForks]:
    forks = PythonForks(OF_PLUGINS)
    yield forks
    await forks.close()


def written(folder: Path, source: str, name: str = "program.py") -> Path:
    file = folder / name
    file.write_text(dedent(source))
    return file


async def started(
    forks: PythonForks, file: Path, environment: Mapping[str, str] | None = None
) -> ProgramProcess:
    command = (sys.executable, "-u", str(file))
    return await forks.start(command, {**os.environ, **(environment or {})}, file.parent)


async def ended(process: ProgramProcess) -> tuple[int, str]:
    assert process.stdout is not None
    printed = (await process.stdout.read()).decode()
    return await process.wait(), printed


IS_SEEN = """
    import json, os, pickle, sys
    import __main__

    class Value:
        "A value."

    module = sys.modules["__main__"]
    print(json.dumps({
        "argv": sys.argv,
        "orig_argv": sys.orig_argv,
        "path": sys.path,
        "folder": os.getcwd(),
        "environment": {name: value for name, value in os.environ.items() if name != "_"},
        "main": [__name__, __file__, __spec__, __package__, __doc__],
        "loader": type(__loader__).__name__,
        "builtins": __builtins__.__name__,
        "is the main module": module is __main__ and module.Value is Value,
        "pickles": isinstance(pickle.loads(pickle.dumps(Value())), Value),
        "stdin": sys.stdin.read(),
        "leads its group": os.getpid() == os.getpgrp() == os.getsid(0),
        "descriptors": sorted(os.listdir("/proc/self/fd"))[:-1],
        "signals": [str(signal) for signal in map(__import__("signal").getsignal, (2, 13, 15, 17))],
        "unbuffered": sys.stdout.write_through,
    }))
"""


async def test_a_program_sees_what_it_sees_in_a_python_of_its_own(forks: PythonForks, tmp_path: Path) -> None:
    file = written(tmp_path, IS_SEEN)
    more = {"GREETING": "grüezi", "SLACKD_PLUGINS_SOCKET": "/run/x"}
    forked = await started(forks, file, more)
    assert isinstance(forked, ForkedProcess)
    command = (sys.executable, "-u", str(file))
    alone = await start_process(command, {**os.environ, **more}, file.parent)
    seen, expected = [(status, json.loads(text)) for status, text in (await ended(forked), await ended(alone))]
    assert seen == expected


async def test_a_link_to_a_program_finds_the_modules_beside_the_program(
    forks: PythonForks, tmp_path: Path
) -> None:
    (tmp_path / "real").mkdir()
    written(tmp_path / "real", "name = 'beside it'", "neighbour.py")
    file = written(tmp_path / "real", "import neighbour; print(neighbour.name)")
    link = tmp_path / "link.py"
    link.symlink_to(file)
    assert await ended(await started(forks, link)) == (0, "beside it\n")


async def test_two_programs_share_nothing(forks: PythonForks, tmp_path: Path) -> None:
    file = written(
        tmp_path,
        """
        import os, random, slackd.plugin
        print(hasattr(slackd.plugin, "left"), "LEFT" in os.environ, random.random(), os.getpid())
        os.environ["LEFT"] = "behind"
        slackd.plugin.left = "behind"
        """,
    )
    first, second = [(await ended(await started(forks, file)))[1].split() for _ in range(2)]
    assert first[:2] == second[:2] == ["False", "False"]
    assert first[2] != second[2]
    assert first[3] != second[3]


async def test_a_program_gets_todays_environment_and_nothing_of_the_first_ones(
    forks: PythonForks, tmp_path: Path
) -> None:
    file = written(tmp_path, "import os, time; print(os.environ.get('MINE'), time.tzname[0])")
    assert (await ended(await started(forks, file, {"MINE": "1", "TZ": "UTC"})))[1] == "1 UTC\n"
    assert (await ended(await started(forks, file, {"TZ": "CET-1"})))[1] == "None CET\n"


@pytest.mark.parametrize(
    ("source", "status", "printed"),
    [
        ("import sys; sys.exit(3)", 3, ""),
        ("import sys; sys.exit('no channel')", 1, "no channel\n"),
        ("import os; os._exit(4)", 4, ""),
        ("import os; os.kill(os.getpid(), 9)", -9, ""),
        ("print('said', end='')", 0, "said"),
        ("import atexit; atexit.register(print, 'bye')", 0, "bye\n"),
        ("import threading; threading.Timer(0.05, print, ['later']).start()", 0, "later\n"),
        ("import subprocess; subprocess.run(['sh', '-c', 'echo child; echo error >&2'])", 0, "child\nerror\n"),
    ],
)
async def test_a_program_ends_as_it_does_in_a_python_of_its_own(
    forks: PythonForks, tmp_path: Path, source: str, status: int, printed: str
) -> None:
    file = written(tmp_path, source)
    assert await ended(await started(forks, file)) == (status, printed)
    alone = await start_process((sys.executable, "-u", str(file)), dict(os.environ), tmp_path)
    assert await ended(alone) == (status, printed)


@pytest.mark.parametrize(
    "source",
    [
        "def main():\n    raise ValueError('x')\n\nmain()",
        "try:\n    1 / 0\nexcept Exception as error:\n    raise RuntimeError('y') from error",
        "if True print()",
        "import nowhere_to_be_found",
    ],
    ids=["raised", "chained", "syntax", "import"],
)
async def test_an_error_is_printed_as_python_prints_it(forks: PythonForks, tmp_path: Path, source: str) -> None:
    file = written(tmp_path, source)
    forked = await ended(await started(forks, file))
    alone = await start_process((sys.executable, "-u", str(file)), dict(os.environ), tmp_path)
    assert forked == await ended(alone)
    assert forked[0] == 1


@pytest.mark.parametrize("imports", [OF_APPS, ("not_installed_anywhere",)])
async def test_an_app_calls_slack_where_the_environment_says(tmp_path: Path, imports: Sequence[str]) -> None:
    file = written(tmp_path, "from slack_sdk import WebClient; print(WebClient().base_url)")
    forks = PythonForks(imports, of_apps=True)
    for url in ("http://127.0.0.1:1/api/", "http://127.0.0.1:2/api/"):
        process = await started(forks, file, {"SLACK_API_URL": url})
        assert isinstance(process, ForkedProcess)
        assert await ended(process) == (0, f"{url}\n")
    await forks.close()


async def test_a_program_is_stopped_by_its_group(forks: PythonForks, tmp_path: Path) -> None:
    file = written(tmp_path, "import time; print('there'); time.sleep(60)")
    said: list[str] = []
    command = (sys.executable, "-u", str(file))
    program = Program(command, {}, tmp_path, said.append, forks.start)
    await program.start()
    while not said:
        await asyncio.sleep(0.005)
    await program.stop()
    assert program.status == -signal.SIGTERM


@pytest.mark.parametrize(
    ("environment", "beside"),
    [
        ({"PYTHONPATH": "/elsewhere"}, "notes.txt"),
        ({"PYTHONOPTIMIZE": "1"}, "notes.txt"),
        ({"LD_PRELOAD": ""}, "notes.txt"),
        ({"LC_ALL": "C"}, "notes.txt"),
        ({}, "json.py"),
        ({}, "slackd"),
        ({}, "queue"),
    ],
)
async def test_a_python_that_would_be_another_one_is_started_for_the_program(
    forks: PythonForks, tmp_path: Path, environment: dict[str, str], beside: str
) -> None:
    """What it looks at when it starts differs, or what an import beside the program finds."""
    first = tmp_path / "first"
    first.mkdir()
    assert isinstance(await started(forks, written(first, "")), ForkedProcess)
    (tmp_path / beside).write_text("")
    process = await started(forks, written(tmp_path, "print('alone')"), environment)
    assert not isinstance(process, ForkedProcess)
    assert await ended(process) == (0, "alone\n")


async def test_an_odd_first_program_makes_no_difference_to_the_others(
    forks: PythonForks, tmp_path: Path
) -> None:
    file = written(tmp_path, "import sys; print(sys.flags.optimize)")
    odd = await started(forks, file, {"PYTHONOPTIMIZE": "1"})
    assert not isinstance(odd, ForkedProcess)
    assert await ended(odd) == (0, "1\n")
    usual = await started(forks, file)
    assert isinstance(usual, ForkedProcess)
    assert await ended(usual) == (0, "0\n")


async def test_where_the_forked_python_was_killed_programs_get_one_of_their_own(
    forks: PythonForks, tmp_path: Path
) -> None:
    sleeping = await started(forks, written(tmp_path, "import time; time.sleep(60)", "sleeping.py"))
    _, parent = await ended(await started(forks, written(tmp_path, "import os; print(os.getppid())")))
    os.kill(int(parent), signal.SIGKILL)
    assert (await ended(sleeping))[0] == -signal.SIGKILL
    process = await started(forks, written(tmp_path, "print('alone')"))
    assert await ended(process) == (0, "alone\n")


def test_programs_end_with_the_tests_that_were_killed(tmp_path: Path) -> None:
    """As those that are processes of the tests' own do."""
    file = written(tmp_path, "import time; print('there'); time.sleep(60)")
    tests = written(
        tmp_path,
        f"""
        import asyncio, os, signal, sys
        from pathlib import Path
        from slackd.testing.forked_process import PythonForks

        async def main():
            command = (sys.executable, "-u", {str(file)!r})
            process = await PythonForks(()).start(command, os.environ, Path({str(tmp_path)!r}))
            await process.stdout.readline()
            print(process.pid, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)

        asyncio.run(main())
        """,
        "tests_of_it.py",
    )
    done = subprocess.run((sys.executable, str(tests)), capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == -signal.SIGKILL
    end = time.monotonic() + 10
    while Path(f"/proc/{int(done.stdout)}").exists():
        assert time.monotonic() < end
        time.sleep(0.01)

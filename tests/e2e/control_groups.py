"""Control groups of a machine's own.

systemd-nspawn puts a container below the control group that it was started in. Two that were started in the
same one would share theirs: each systemd removes groups of units that the other has under the same name.
"""

import contextlib
import os
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

_PATIENCE: Final = 5.0


def make_groups(name: str) -> Sequence[Path]:
    """New groups of this name below ours, in each hierarchy that systemd uses; none where we may not.

    Writing a pid into the `cgroup.procs` of each moves a process there.
    """
    made = []
    for ours in _ours():
        with contextlib.suppress(OSError):
            (ours / name).mkdir()
            made.append(ours / name)
    return made


def remove_groups(name: str) -> None:
    """Kill who is still in groups of this name, and remove them and those below them."""
    for ours in _ours():
        with contextlib.suppress(OSError):
            (ours / name / "cgroup.kill").write_text("1")
        deadline = time.monotonic() + _PATIENCE
        while (ours / name).exists() and time.monotonic() < deadline:
            for place, _, _ in os.walk(ours / name, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(place)
            time.sleep(0.02)


def _ours() -> Iterator[Path]:
    # proc_pid_mountinfo(5): root and place of the mount, and behind the dash its type and options
    mounted = Path("/proc/self/mountinfo").read_text()
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        number, hierarchy, path = line.split(":", 2)
        if number == "0":
            kind = r"cgroup2 .*"
        elif hierarchy == "name=systemd":
            kind = r"cgroup \S+ \S*name=systemd.*"
        else:
            continue
        found = re.search(rf"^\S+ \S+ \S+ /\S* (\S+) .* - {kind}$", mounted, re.MULTILINE)
        if found:
            yield Path(found[1]) / path.lstrip("/")

"""A Debian that is booted for a test: systemd in a container, in a network that holds one other host.

    world (10.77.0.1) ════ veth ════ machine (10.77.0.2)

The world serves the packages and the emulated Slack; nothing else exists. The machine writes into a layer of
its own, which survives a reboot and ends with the test.
"""

import contextlib
import itertools
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, TypeVar

from tests.e2e.control_groups import make_groups, remove_groups

WORLD: Final = "10.77.0.1"
MACHINE: Final = "10.77.0.2"
_NAMES: Final = {WORLD: "slack.test packages.test", MACHINE: "machine"}

# systemd(1): these real-time signals ask the manager of a container to power off at once, or properly.
_POWER_OFF: Final = signal.SIGRTMIN + 4

_NAMESPACES: Final = ("--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup")

_FOLDERS: Final = Path("/var/tmp")
_PREFIX: Final = "slackd-e2e-"

_serial = itertools.count(1)
_Found = TypeVar("_Found")


def eventually(look: Callable[[], _Found | None], what: str, seconds: float = 30.0) -> _Found:
    """Look again and again until something is found, and return it.

    Raises:
        TimeoutError: Nothing was found in time; the message says what was waited for.
    """
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:g} s: {what}")
        time.sleep(0.05)


def clear_leftovers() -> None:
    """End what an earlier run, interrupted, has left behind: machines, their worlds, networks and folders.

    What a run makes carries its pid in the name. To be called before this run has made anything.
    """
    namespaces = Path("/run/netns")
    for name in sorted(namespaces.iterdir()) if namespaces.is_dir() else ():
        owner = re.match(r"slackd(\d+)x\d+[wm]$", name.name)
        if not owner or _is_another_run(int(owner[1])):
            continue
        # The machine's systemd is among them, and takes everything else of the machine's with it.
        inside = subprocess.run(["ip", "netns", "pids", name.name], capture_output=True, text=True, check=False)
        for pid in map(int, inside.stdout.split()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        subprocess.run(["ip", "netns", "delete", name.name], check=False)
    for folder in _FOLDERS.glob(f"{_PREFIX}*"):
        owner = re.match(rf"{_PREFIX}(\d+)-", folder.name)
        if owner and not _is_another_run(int(owner[1])):
            remove_groups(folder.name)
            shutil.rmtree(folder, ignore_errors=True)


def _is_another_run(pid: int) -> bool:
    with contextlib.suppress(OSError):
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        return pid != os.getpid() and (b"pytest" in command or b"tests.e2e" in command)
    return False


class Network:
    """Two network namespaces with a cable between them."""

    def __init__(self) -> None:
        unique = f"slackd{os.getpid()}x{next(_serial)}"
        self.world = f"{unique}w"
        self.machine = f"{unique}m"

    def __enter__(self) -> "Network":
        for name in (self.world, self.machine):
            _ip("netns", "add", name)
        _ip("link", "add", "cable", "netns", self.world, "type", "veth", "peer", "cable", "netns", self.machine)
        for name, address in ((self.world, WORLD), (self.machine, MACHINE)):
            _ip("-n", name, "addr", "add", f"{address}/24", "dev", "cable")
            _ip("-n", name, "link", "set", "lo", "up")
            _ip("-n", name, "link", "set", "cable", "up")
        return self

    def __exit__(self, *_: object) -> None:
        for name in (self.world, self.machine):
            subprocess.run(["ip", "netns", "delete", name], check=False)

    def in_world(self, *command: object) -> list[str]:
        """The command line that runs a program of this machine in the world."""
        return ["ip", "netns", "exec", self.world, *map(str, command)]


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


class Failed(AssertionError):
    """A command in the machine ended with a status that was not expected; the message has all it said."""


class CannotBoot(Exception):
    """systemd-nspawn gave up before there was a systemd; the message is its own."""


class Machine:
    """One booted Debian.

    Args:
        root: The root filesystem, which stays as it is.
        network: The machine stands at its end `machine`.
        namespace: Or in this network namespace, `network.world` say.
    """

    def __init__(self, root: Path, network: Network, namespace: str | None = None) -> None:
        self._root = root
        self._namespace = namespace or network.machine
        self._folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=_FOLDERS))
        self._groups: Sequence[Path] = ()
        self._container: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Machine":
        for name in ("written", "work", "root"):
            (self._folder / name).mkdir()
        self._groups = make_groups(self._folder.name)
        etc = self._folder / "written" / "etc"
        etc.mkdir()
        hosts = ["127.0.0.1 localhost", *(f"{address} {names}" for address, names in _NAMES.items())]
        (etc / "hosts").write_text("\n".join(hosts) + "\n")
        self._boot()
        return self

    def _boot(self) -> None:
        layers = f"lowerdir={self._root},upperdir={self._folder}/written,workdir={self._folder}/work"
        nspawn = [
            "systemd-nspawn",
            f"--directory={self._folder}/root",
            "--register=no",
            "--keep-unit",
            f"--network-namespace-path=/run/netns/{self._namespace}",
            # As with --private-network: units make networks of their own, and nftables is the machine's own.
            "--capability=CAP_NET_ADMIN",
            "--hostname=machine",
            "--console=pipe",
            "--resolv-conf=off",
            "--timezone=off",
            "--boot",
        ]
        # The mount lives in a namespace of its own and goes with it. With --keep-unit, systemd-nspawn ends with
        # 133 when the machine reboots.
        moving = "".join(f'echo $$ > "{group}/cgroup.procs" || exit 1\n' for group in self._groups)
        script = (
            f"{moving}"
            f'mount -t overlay overlay -o "{layers}" "{self._folder}/root" || exit 1\n'
            f"while {' '.join(nspawn)}; [ $? = 133 ]; do :; done"
        )
        self._container = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", script],
            env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=(self._folder / "console").open("wb"),
        )
        try:
            self._wait_until_booted()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        container = self._container
        assert container is not None
        pid = self._init()
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, _POWER_OFF)
        try:
            container.wait(60)
        except subprocess.TimeoutExpired:
            pid = self._init()
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
            # Whoever is still in there, systemd-nspawn too.
            remove_groups(self._folder.name)
            container.wait(30)
        remove_groups(self._folder.name)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _init(self) -> int | None:
        """The pid, seen from outside, of the machine's systemd."""
        assert self._container is not None
        for spawned in _children(self._container.pid):
            for child in _children(spawned):
                with contextlib.suppress(OSError):
                    # Before it has become systemd it is systemd-nspawn's own.
                    if Path(f"/proc/{child}/comm").read_text().strip() == "systemd":
                        return child
        return None

    def _wait_until_booted(self) -> None:
        def booted() -> str | None:
            assert self._container is not None
            if self._container.poll() is not None:
                raise CannotBoot(f"the machine did not start: {(self._folder / 'console').read_text()}")
            if self._init() is None:
                return None
            state = self.run("systemctl", "is-system-running", check=False).stdout.strip()
            if state == "degraded":
                raise Failed(self.run("systemctl", "--failed", "--no-pager", check=False).stdout)
            return state if state == "running" else None

        eventually(booted, "systemd says it is running", 60)

    def run(
        self, *command: str, check: bool = True, stdin: str = "", seconds: float = 180.0
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the machine, as root.

        Raises:
            Failed: It ended with another status than 0, and `check` is set.
            subprocess.TimeoutExpired: It did not end in time.
        """
        done = subprocess.run(
            self.entering(*command),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            env={
                "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                "LC_ALL": "C.UTF-8",
                "DEBIAN_FRONTEND": "noninteractive",
            },
        )
        if check and done.returncode:
            raise Failed(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done

    def entering(self, *command: str) -> list[str]:
        """The command line that runs a command in the machine from outside."""
        pid = self._init()
        if pid is None:
            raise Failed("the machine is not running")
        return [
            "nsenter",
            f"--target={pid}",
            *_NAMESPACES,
            "env",
            "--chdir=/",
            *command,
        ]

    def says(self, *command: str) -> str:
        """What a command prints, without the last line break."""
        return self.run(*command).stdout.rstrip("\n")

    def succeeds(self, *command: str) -> bool:
        """Whether a command ends with status 0."""
        return self.run(*command, check=False).returncode == 0

    def write(self, file: str, text: str, mode: int = 0o644) -> None:
        """Write a file in the machine, its folders too."""
        self.run("mkdir", "-p", os.path.dirname(file))
        self.run("sh", "-c", 'cat > "$1" && chmod "$2" "$1"', "sh", file, f"{mode:o}", stdin=text)

    def put(self, file: Path, inside: str) -> None:
        """Copy a file into the machine."""
        with file.open("rb") as content:
            copy = self.entering("sh", "-c", 'cat > "$1"', "sh", inside)
            subprocess.run(copy, stdin=content, check=True)

    def journal(self, *arguments: str) -> str:
        """What the journal holds, as `journalctl` prints it."""
        return self.says("journalctl", "--no-pager", "--output=short-precise", *arguments)

    def main_pid(self, unit: str) -> int:
        """The main process of a unit, as numbered in the machine; 0 for none."""
        return int(self.says("systemctl", "show", "--property=MainPID", "--value", unit))

    def outside(self, pid: int) -> int:
        """The number outside of the machine of a process of its own."""
        for status in Path("/proc").glob("[0-9]*/status"):
            with contextlib.suppress(OSError):
                found = re.search(r"^NSpid:\t(\d+)\t(.*\t)?(\d+)$", status.read_text(), re.MULTILINE)
                if found and int(found[3]) == pid and self._is_mine(int(found[1])):
                    return int(found[1])
        raise Failed(f"no process {pid} in the machine")

    def _is_mine(self, pid: int) -> bool:
        init = self._init()
        return init is not None and os.readlink(f"/proc/{pid}/ns/pid") == os.readlink(f"/proc/{init}/ns/pid")

    def kill(self, pid: int) -> None:
        """End a process by SIGKILL; the pid is the machine's own number for it."""
        # The shell's own: a minimal Debian has no kill(1).
        self.run("sh", "-c", 'kill -9 "$1"', "sh", str(pid))

    def reboot(self) -> None:
        """Boot it anew, and wait until it runs again."""
        before = self._init()
        self.run("systemctl", "reboot", check=False)
        eventually(lambda: self._init() not in (None, before), "another systemd", 90)
        self._wait_until_booted()

    def lose_power(self) -> None:
        """End everything in it between two instructions, and boot it anew.

        What was written stays, synchronised or not: this kernel goes on. That a commit is on the disk before
        anything depends on it is for the journal's own tests.
        """
        pid, container = self._init(), self._container
        assert pid is not None
        assert container is not None
        os.kill(pid, signal.SIGKILL)
        container.wait(60)
        self._boot()

    def install(self, *packages: str) -> subprocess.CompletedProcess[str]:
        """`apt-get install`, from the packages that the world serves."""
        return self.run("apt-get", "-qq", "-y", "install", *packages)


def _children(pid: int) -> Sequence[int]:
    with contextlib.suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


@contextlib.contextmanager
def background(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program that runs until the block ends."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

"""Root filesystems of a release, made once and kept in the cache; commands run in a throw-away layer on top.

Three kinds: what packages are built in, what is booted, and what is booted with all that slackd and its tests
depend on.
"""

import hashlib
import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from releases import Release, Unbuildable, alone, cache, mirror
from sources import CHECKOUT

BUILD_PACKAGES = (
    "apparmor",
    "apt-utils",
    "build-essential",
    "debhelper",
    "dh-apparmor",
    "dh-python",
    "fakeroot",
    "lintian",
    "pybuild-plugin-pyproject",
    "python3-all",
    "python3-setuptools",
)
"""What a build root holds: the build dependencies of our source packages, and lintian."""

BOOT_PACKAGES = ("ca-certificates", "dbus", "iproute2", "nftables", "python3", "systemd", "systemd-sysv")
"""What a machine has before slackd is installed."""

TESTED_WITH = (
    "openssl",
    "python3-jsonschema",
    "python3-pygments",
    "python3-systemd",
    "python3-trustme",
    "python3-websockets",
)
"""What tests use besides slackd's own dependencies."""


def build_root(release: Release) -> Path:
    """What packages are built and checked in."""
    return root_filesystem(release, "build", BUILD_PACKAGES)


def bare_root(release: Release) -> Path:
    """What a machine has before slackd is installed."""
    return root_filesystem(release, "boot", BOOT_PACKAGES)


def furnished_root(release: Release) -> Path:
    """The same with what slackd and its tests depend on; without msgspec and uvloop, which are optional."""
    return root_filesystem(release, "test", (*BOOT_PACKAGES, *TESTED_WITH, *_dependencies()))


def _dependencies() -> Sequence[str]:
    """Debian's packages of what pyproject.toml depends on; slack_sdk is in no release."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    names = {re.split(r"[<>=~! ]", each)[0].replace("_", "-") for each in project["dependencies"]}
    return sorted(f"python3-{'attr' if name == 'attrs' else name}" for name in names - {"slack-sdk"})


def root_filesystem(release: Release, purpose: str, packages: Sequence[str]) -> Path:
    """A root filesystem of the release with these packages, made by mmdebstrap when it isn't in the cache.

    Raises:
        Unbuildable: mmdebstrap failed; it has said why.
    """
    fingerprint = hashlib.sha256("\n".join(sorted(packages)).encode()).hexdigest()[:10]
    root = cache() / f"{purpose}-{release.name}-{fingerprint}"
    with alone(f"{purpose}-{release.name}"):
        if root.exists():
            return root
        for older in cache().glob(f"{purpose}-{release.name}-*"):
            shutil.rmtree(older)
        growing = root.with_name(f".growing-{root.name}")
        shutil.rmtree(growing, ignore_errors=True)
        # Each of dpkg's thousands of fsyncs would be one that tests beside it wait for.
        command = ["mmdebstrap", "--quiet", "--variant=minbase", "--dpkgopt=force-unsafe-io"]
        command.append(f"--include={','.join(packages)}")
        archive = mirror()
        done = subprocess.run([*command, release.name, str(growing), archive], check=False)
        if done.returncode:
            raise Unbuildable(f"mmdebstrap made no {release.name} from {archive} (status {done.returncode})")
        # A root that was never booted has no identity of its own to leak into what is built or booted on it.
        (growing / "etc/machine-id").write_text("")
        growing.rename(root)
    return root


def run_in(
    root: Path,
    command: Sequence[str],
    *,
    binds: Mapping[Path, str] | None = None,
    folder: str = "/",
    environment: Mapping[str, str] | None = None,
    network: bool = False,
    check: bool = True,
) -> subprocess.CompletedProcess[str]:
    """Run a command in a throw-away layer on top of the root; what it writes outside of `binds` is gone after.

    Args:
        binds: Folders of this machine -> where the command finds them, writable.
        network: Whether it shares this machine's network; otherwise it has none.
    """
    arguments = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--volatile=overlay"]
    arguments += ["--as-pid2", "--console=pipe", f"--directory={root}", f"--chdir={folder}", "--timezone=off"]
    arguments += ["--resolv-conf=replace-host" if network else "--private-network"]
    arguments += [f"--bind={outside}:{inside}" for outside, inside in (binds or {}).items()]
    arguments += [f"--setenv={name}={value}" for name, value in (environment or {}).items()]
    done = subprocess.run(
        [*arguments, *command],
        # The root itself is only read, so that others may build on it at the same time.
        env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1", "SYSTEMD_NSPAWN_LOCK": "0"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    # systemd-nspawn's own, about a folder of its own, where /run is no tmpfs; harmless.
    done.stdout = re.sub(r"(?m)^Attempted to remove disk file system under .*\n?", "", done.stdout)
    if check and done.returncode:
        raise RuntimeError(
            f"{' '.join(command)} in {root.name} ended with {done.returncode}:\n{done.stdout[-6000:]}"
        )
    return done

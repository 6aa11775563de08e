"""The Debian releases that slackd is built and tested on, and where this machine keeps things for them."""

import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Release:
    """One release of Debian.

    Attributes:
        name: What its suite is called in the archive.
        number: What os-release calls it.
    """

    name: str
    number: int


RELEASES = {release.name: release for release in (Release("bookworm", 12), Release("trixie", 13))}

TOOLS = {
    "mmdebstrap": "mmdebstrap",
    "systemd-nspawn": "systemd-container",
    "apt-ftparchive": "apt-utils",
    "gpg": "gnupg",
    "ip": "iproute2",
    "openssl": "openssl",
    "curl": "curl",
    "nsenter": "util-linux",
    "git": "git",
}
"""Command -> the package that brings it."""


class Unbuildable(Exception):
    """What is missing on this machine, in one line."""


def cache() -> Path:
    """Where root filesystems, downloads and the signing key are kept between runs: never in the checkout."""
    given = os.environ.get("SLACKD_CACHE")
    folder = Path(given) if given else Path("/var/cache/slackd-e2e")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def alone(what: str) -> Iterator[None]:
    """Alone, among all processes of this machine that ask, in making what the cache keeps under this name."""
    with (cache() / f".{what}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def mirror() -> str:
    """The archive that this machine itself installs from.

    Raises:
        Unbuildable: Its apt sources name none.
    """
    given = os.environ.get("SLACKD_MIRROR")
    if given:
        return given
    folder = Path("/etc/apt")
    for file in (folder / "sources.list", *sorted(folder.glob("sources.list.d/*"))):
        if not file.is_file():
            continue
        for line in file.read_text(errors="replace").splitlines():
            found = re.match(r"(?:URIs:|deb (?:\[[^]]*\] )?)\s*(\S+/debian/?)(?:\s|$)", line)
            if found:
                return found[1]
    raise Unbuildable("no Debian archive in /etc/apt/sources.list*: name one in SLACKD_MIRROR")


def require_tools() -> None:
    """Make sure that everything in TOOLS is there, installing what is missing.

    Raises:
        Unbuildable: This is not root, not a Debian, or the installation failed.
    """
    if os.geteuid() != 0:
        raise Unbuildable("building and booting Debian releases needs root")
    missing = sorted({package for command, package in TOOLS.items() if not shutil.which(command)})
    if not missing:
        return
    if not shutil.which("apt-get"):
        raise Unbuildable(f"missing here, and there is no apt-get to install them: {', '.join(missing)}")
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    wait = ["-o", "DPkg::Lock::Timeout=300"]
    subprocess.run(["apt-get", *wait, "-qq", "update"], env=environ, check=False)
    install = ["apt-get", *wait, "-qq", "-y", "install", "--no-install-recommends", *missing]
    done = subprocess.run(install, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unbuildable(f"apt-get could not install {', '.join(missing)}: {done.stderr.strip()[-300:]}")

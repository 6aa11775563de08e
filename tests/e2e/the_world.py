"""What the machine finds in its world: the packages over HTTP, and a Slack over HTTPS."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.e2e.booted_machine import WORLD, Network, background, eventually

CHECKOUT = Path(__file__).resolve().parents[2]
RELEASES = tuple(os.environ.get("SLACKD_E2E_RELEASES", "bookworm trixie").split())
"""The releases of Debian that are tested."""
BEFORE, NOW, NEXT = range(3)
"""Which of `Site.versions` is which."""
TEST_BED = CHECKOUT / "packaging/deb/test_bed.py"
API_URL = "https://slack.test/api/"


class CannotPrepare(Exception):
    """A tool or a package of Debian cannot be had here; the message is one line."""


def root_filesystem(release: str) -> Path:
    """The root filesystem to boot a release from, made if it isn't in the cache.

    Raises:
        CannotPrepare: What it is made with is not there and cannot be installed.
    """
    command = [sys.executable, str(TEST_BED), f"--release={release}", "--root-alone"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=900
    )
    if done.returncode:
        raise CannotPrepare(done.stderr.strip()[-300:])
    return Path(json.loads(done.stdout)["roots"]["bare"])


class Site:
    """The packages of one release, served at http://packages.test/.

    Attributes:
        folder: What is served; `slackd` in it is the version that apt sees.
        bare: The root filesystem to boot of a machine that slackd was never installed on.
        furnished: The same with all that slackd depends on, which apt takes long to install.
        versions: The versions that were built: of the newest release, of the checkout, and of the checkout
            again, as the release after it.
        origins: What each version was built from, in words.
    """

    def __init__(self, release: str, folder: Path, versions: list[str]) -> None:
        # Nicely: beside it, others are held to three seconds.
        command = ["nice", sys.executable, str(TEST_BED), f"--release={release}"]
        command += [f"--site={folder}", "--uri=http://packages.test"]
        command += [f"--version={version}" for version in versions]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=1500
        )
        if done.returncode:
            raise RuntimeError(f"the packages could not be built: {done.stderr[-4000:]}")
        made = json.loads(done.stdout)
        self.folder = folder
        self.bare, self.furnished = (Path(made["roots"][name]) for name in ("bare", "furnished"))
        self.origins: dict[str, str] = made["versions"]
        self.versions = list(self.origins)
        self.offer(self.versions[NOW])

    def offer(self, version: str) -> None:
        """From now on, apt finds this version.

        Its files are new: of those that were built in the same second as others, which a fast machine does, the
        server would say to apt that nothing has changed (If-Modified-Since).
        """
        for file in (self.folder / f"slackd-{version}").rglob("*"):
            os.utime(file)
        beside = self.folder / "slackd.next"
        beside.unlink(missing_ok=True)
        beside.symlink_to(f"slackd-{version}")
        beside.rename(self.folder / "slackd")

    def source(self, name: str) -> str:
        """The apt source of `slackd` or `debian`."""
        return (self.folder / name / "slackd.sources").read_text()

    @contextlib.contextmanager
    def served(self, network: Network, log: Path) -> Iterator[None]:
        """Serve until the block ends."""
        server = [sys.executable, "-m", "http.server", "--bind", WORLD, "--directory", self.folder, "80"]
        with background(network.in_world(*server), log):
            _until_served(network, "http://10.77.0.1/")
            yield


class Certificates:
    """An authority of the tests' own, and the certificate it gave `slack.test`."""

    def __init__(self, folder: Path) -> None:
        self.authority = folder / "authority.pem"
        self.certificate = folder / "slack.pem"
        self.key = folder / "slack.key"
        extensions = folder / "extensions"
        # Python 3.13 holds certificates to RFC 5280: key identifiers and usages are not optional there.
        extensions.write_text(
            "subjectAltName=DNS:slack.test\nextendedKeyUsage=serverAuth\nkeyUsage=digitalSignature\n"
            "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\nbasicConstraints=CA:FALSE\n"
        )
        usage = ["-addext", "keyUsage=critical,keyCertSign,cRLSign"]
        authority_key, request = folder / "authority.key", folder / "request"
        new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        _openssl(
            "req",
            "-x509",
            *new_key,
            "-keyout",
            authority_key,
            "-out",
            self.authority,
            "-subj",
            "/CN=Tests",
            *usage,
        )
        _openssl("req", *new_key, "-keyout", self.key, "-out", request, "-subj", "/CN=slack.test")
        signing = ["-CA", self.authority, "-CAkey", authority_key, "-CAcreateserial", "-extfile", extensions]
        _openssl("x509", "-req", "-in", request, *signing, "-out", self.certificate)


class Slack:
    """The emulated Slack at https://slack.test/, and its control API.

    Attributes:
        apps: Of each app, `name`, `app_id`, `app_token` and `bot_token`.
    """

    def __init__(self, network: Network, certificates: Certificates, announced: dict[str, Any]) -> None:
        self._network = network
        self._certificates = certificates
        self.apps: list[dict[str, str]] = announced["apps"]

    @classmethod
    @contextlib.contextmanager
    def serving(
        cls, network: Network, certificates: Certificates, log: Path, *options: str
    ) -> Iterator["Slack"]:
        """An emulator with a real certificate, until the block ends."""
        tls = ["--tls-cert", certificates.certificate, "--tls-key", certificates.key]
        place = ["--host", WORLD, "--port", "443", "--public-url", "https://slack.test"]
        events = ["--event", "app_mention"]
        command = network.in_world(
            sys.executable, "-m", "slackd.emulator", "--json", *place, *tls, *events, *options
        )
        with background(command, log) as process:

            def announced() -> dict[str, Any] | None:
                if process.poll() is not None:
                    raise RuntimeError(f"the emulator ended: {log.read_text()}")
                lines = [line for line in log.read_text().splitlines() if line.startswith("{")]
                return json.loads(lines[0]) if lines else None

            yield cls(network, certificates, eventually(announced, "the emulator listens"))

    def get(self, path: str) -> Any:
        """GET /control/PATH, of the first app."""
        return self._ask(f"{path}{'&' if '?' in path else '?'}app={self.apps[0]['app_id']}")

    def do(self, path: str, **body: Any) -> Any:
        """POST /control/PATH with these fields, of the first app if they name none."""
        body = {"app": self.apps[0]["app_id"], **body}
        return self._ask(path, "--request", "POST", "--json", json.dumps(body))

    def change(self, **settings: Any) -> None:
        """Change the emulator's settings."""
        self._ask("settings", "--request", "POST", "--json", json.dumps(settings))

    def _ask(self, path: str, *options: str) -> Any:
        curl = [
            "curl",
            "--silent",
            "--show-error",
            "--max-time",
            "120",
            "--cacert",
            self._certificates.authority,
        ]
        there = ["--resolve", f"slack.test:443:{WORLD}", f"https://slack.test/control/{path}"]
        command = self._network.in_world(*curl, *options, *there)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"emulator, {path}: {done.stderr}")
        found = json.loads(done.stdout)
        if isinstance(found, dict) and "error" in found:
            raise RuntimeError(f"emulator, {path}: {found['error']}")
        return found


def _until_served(network: Network, url: str) -> None:
    command = network.in_world("curl", "--silent", "--fail", "--output", "/dev/null", url)
    eventually(lambda: subprocess.run(command, check=False).returncode == 0, f"{url} answers")


def _openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)

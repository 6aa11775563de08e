"""One booted machine for each release and module of tests; journeys go on where the one before them stopped."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.e2e.booted_machine import Failed, Machine, Network
from tests.e2e.the_world import Certificates, Site, Slack

RELEASES = ("bookworm", "trixie")
VERSIONS = ["0.1.0", "0.1.1", "0.1.2"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = _why_not()
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.timeout(600))
            if reason:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What failed on a machine is explained by the machine's journal."""
    report = yield
    machine = getattr(item, "funcargs", {}).get("machine")
    if report.when == "call" and report.failed and machine is not None:
        with contextlib.suppress(Failed, OSError, subprocess.SubprocessError):
            report.sections.append(("journal", machine.journal("--lines=80")))
    return report


def _why_not() -> str:
    """Why the end-to-end tests cannot run here, in one line; "" when they can."""
    if os.environ.get("SLACKD_E2E") != "1":
        return "booted Debian: SLACKD_E2E=1 runs these"
    if os.geteuid() != 0:
        return "booted Debian: needs root"
    if not shutil.which("apt-get"):
        return "booted Debian: needs a host with apt to build the packages"
    return ""


@pytest.fixture(scope="module", params=RELEASES)
def release(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory, release: str) -> Path:
    """A folder for what the programs of the world say."""
    return tmp_path_factory.mktemp(release)


_sites: dict[str, Site] = {}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, release: str) -> Site:
    """The packages, built once a session."""
    if release not in _sites:
        _sites[release] = Site(release, tmp_path_factory.mktemp(f"site-{release}"), VERSIONS)
    _sites[release].offer(VERSIONS[0])
    return _sites[release]


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    with Network() as network:
        yield network


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def slack(network: Network, certificates: Certificates, log: Path) -> Iterator[Slack]:
    with Slack.serving(network, certificates, log / "emulator", "--apps", "2") as slack:
        yield slack


@pytest.fixture(scope="module")
def machine(site: Site, network: Network, certificates: Certificates, log: Path) -> Iterator[Machine]:
    """Booted, trusting the tests' certificate authority, with apt's sources in place; slackd not installed."""
    with site.served(network, log / "packages"), Machine(site.root, network) as machine:
        furnish(machine, site, certificates)
        machine.run("apt-get", "-qq", "update")
        yield machine


@pytest.fixture(scope="module")
def gateway(machine: Machine, site: Site, network: Network, certificates: Certificates) -> Iterator[Machine]:
    """Another Debian, which stands in the world: a place for a proxy."""
    with Machine(site.root, network, network.world) as gateway:
        furnish(gateway, site, certificates)
        gateway.run("apt-get", "-qq", "update")
        yield gateway


def furnish(machine: Machine, site: Site, certificates: Certificates) -> None:
    """Lay the apt sources and the tests' certificate authority into place."""
    machine.run("sh", "-c", "rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*")
    machine.write("/etc/apt/sources.list.d/debian.sources", site.source("debian"))
    machine.write("/etc/apt/sources.list.d/slackd.sources", site.source("slackd"))
    machine.write("/usr/local/share/ca-certificates/tests.crt", certificates.authority.read_text())
    machine.run("update-ca-certificates")

"""One booted machine for each release and module of tests; journeys go on where the one before them stopped."""

import contextlib
import os
import subprocess
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.e2e.booted_machine import Failed, Machine, Network, clear_leftovers
from tests.e2e.the_world import NOW, RELEASES, Certificates, Site, Slack

VERSIONS = ["0.1.0", "0.1.1", "0.1.2"]

_UNABLE = "booted Debian: "
_WORDS = 1_000
"""Characters of why a test failed that stand at the end of the output, too."""

_figures = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_figures] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _is_ours(item):
            item.add_marker(pytest.mark.e2e)
            # Fixtures not counted, which have limits of their own: on a machine that has built nothing yet, the
            # first test of a release waits for all of it.
            item.add_marker(pytest.mark.timeout(300, func_only=True))
    items.sort(key=_is_ours)


def _is_ours(item: pytest.Item) -> bool:
    return Path(__file__).parent in item.path.parents


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """What the tests measured, and not only that it was good enough."""
    kept = os.environ.get("SLACKD_E2E_FIGURES")
    if kept:
        Path(kept).write_text("".join(f"{line}\n" for line in config.stash[_figures]))
        stats = terminalreporter.stats
        reports = [*stats.get("failed", ()), *stats.get("error", ())]
        Path(f"{kept}.failed").write_text("".join(f"{report.nodeid} {_why(report)}\n" for report in reports))
    elif config.stash[_figures]:
        terminalreporter.section("booted Debian, in figures")
        for line in config.stash[_figures]:
            terminalreporter.line(line)


def _why(report: pytest.TestReport) -> str:
    """In one line."""
    crash = getattr(report.longrepr, "reprcrash", None)
    words = crash.message if crash is not None else report.longreprtext
    return " ".join(words.split())[:_WORDS]


@pytest.fixture(scope="session")
def figures(pytestconfig: pytest.Config) -> list[str]:
    """Lines for the end of the run's output."""
    return pytestconfig.stash[_figures]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What failed on a machine is explained by the machine's journal; why nothing was booted is one line."""
    report = yield
    if isinstance(report.longrepr, tuple) and _UNABLE in report.longrepr[2]:
        report.longrepr = (__file__, 1, report.longrepr[2])
    machine = getattr(item, "funcargs", {}).get("machine")
    if report.when == "call" and report.failed and machine is not None:
        with contextlib.suppress(Failed, OSError, subprocess.SubprocessError):
            report.sections.append(("journal", machine.journal("--lines=80")))
    return report


@pytest.fixture(scope="session", autouse=True)
def bootable() -> None:
    """Whoever asks for these has seen that Debian can be booted here (`tests.e2e.ability`)."""
    if os.environ.get("SLACKD_E2E") != "1":
        pytest.skip(f"{_UNABLE}make e2e runs these, as the last part of make test")
    clear_leftovers()


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
def site(bootable: None, tmp_path_factory: pytest.TempPathFactory, release: str, figures: list[str]) -> Site:
    """The packages, built once a session."""
    if release not in _sites:
        _sites[release] = made = Site(release, tmp_path_factory.mktemp(f"site-{release}"), VERSIONS)
        origins = ", ".join(f"{version} from {origin}" for version, origin in made.origins.items())
        figures.append(f"{release}: built {origins}")
    _sites[release].offer(VERSIONS[NOW])
    return _sites[release]


@pytest.fixture(scope="module")
def network(bootable: None) -> Iterator[Network]:
    with Network() as network:
        yield network


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def slack(network: Network, certificates: Certificates, log: Path) -> Iterator[Slack]:
    with Slack.serving(network, certificates, log / "emulator", "--apps", "2") as slack:
        # Slack itself waits a minute and five before it sends an event again; nothing here hangs on how long.
        slack.change(redelivery_delays=[1, 5, 20, 60, 300])
        yield slack


@pytest.fixture(scope="module")
def root(site: Site) -> Path:
    """What is booted. Where an installation itself is looked at, `site.bare` takes its place."""
    return site.furnished


@pytest.fixture(scope="module")
def machine(
    site: Site, root: Path, network: Network, certificates: Certificates, log: Path
) -> Iterator[Machine]:
    """Booted, trusting the tests' certificate authority, with apt's sources in place; slackd not installed."""
    with site.served(network, log / "packages"), Machine(root, network) as machine:
        furnish(machine, site, certificates)
        machine.run("apt-get", "-qq", "update")
        yield machine


@pytest.fixture(scope="module")
def gateway(machine: Machine, site: Site, network: Network, certificates: Certificates) -> Iterator[Machine]:
    """Another Debian, which stands in the world: a place for a proxy."""
    with Machine(site.furnished, network, network.world) as gateway:
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

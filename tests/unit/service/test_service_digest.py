"""The fingerprint changes with what a process would do differently, and with nothing else."""

import subprocess
import sys
from pathlib import Path

import attrs
import pytest

import slackd
from slackd.config import App, Config, PluginConfig, SecretKind, SecretSource, load
from slackd.config.values import PluginGateway
from slackd.systemd.digest import (
    Side,
    code_digest,
    credentials_digest,
    files_of,
    process_digest,
    read_credentials,
)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    for name in (
        "wire.py",
        "broker/core.py",
        "connector/pool.py",
        "emulator/core.py",
        "link/codec.py",
        "plugin/session.py",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "concerned"),
    [
        ("wire.py", set(Side)),
        ("link/codec.py", set(Side)),
        ("broker/core.py", {Side.BROKER}),
        ("connector/pool.py", {Side.CONNECTOR, Side.RECEIVER}),
        ("emulator/core.py", set()),
        ("gateway/webapi.py", {Side.GATEWAY}),
        ("slack_server/api.py", {Side.GATEWAY}),
        ("plugin/session.py", {Side.GATEWAY}),
        ("local/dev.py", set()),
        ("cli/process.py", set(Side)),
        ("cli/slackctl/status.py", set()),
        ("link/__pycache__/codec.pyc", set()),
        ("link/new.py", set(Side)),
    ],
)
def test_code_concerns_the_side_that_runs_it(package: Path, name: str, concerned: set[Side]) -> None:
    before = {side: code_digest(side, package) for side in Side}
    (package / name).parent.mkdir(parents=True, exist_ok=True)
    (package / name).write_text("changed")
    assert {side for side in Side if code_digest(side, package) != before[side]} == concerned


PROCESSES = {
    Side.BROKER: (
        "cli.broker_process",
        "broker.control.server",
        "broker.control.metrics",
        "broker.journal.sqlite",
    ),
    Side.CONNECTOR: ("cli.connector_process",),
    Side.RECEIVER: ("cli.receiver_process",),
    Side.GATEWAY: ("cli.gateway_process",),
}
"""What each side imports."""


@pytest.mark.parametrize("side", Side)
def test_whatever_a_side_imports_concerns_it(side: Side) -> None:
    names = ", ".join(f"slackd.{name}" for name in PROCESSES[side])
    ours = "(each for name, each in sys.modules.items() if name.partition('.')[0] == 'slackd')"
    program = f"import slackd.cli.daemon, {names}, sys; print(*(each.__file__ for each in {ours}))"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    package = Path(slackd.__file__).parent
    imported = {str(Path(file).relative_to(package)) for file in said.stdout.split()}
    assert imported <= set(files_of(side, package))


@pytest.fixture
def config(tmp_path: Path) -> Config:
    file = tmp_path / "slackd.toml"
    file.write_text("")
    file.chmod(0o644)
    return load(file, environ={"STATE_DIRECTORY": "/s", "RUNTIME_DIRECTORY": "/r"})


def test_a_plugins_file_is_no_business_of_a_connector(config: Config) -> None:
    changed = attrs.evolve(config, digest="other")
    assert process_digest(Side.CONNECTOR, changed) == process_digest(Side.CONNECTOR, config)
    assert process_digest(Side.BROKER, changed) != process_digest(Side.BROKER, config)


def test_the_gateway_is_concerned_by_the_files_of_its_apps_and_by_no_other(config: Config) -> None:
    other = PluginConfig("other", Path("/p/other.toml"))
    app = PluginConfig("app", Path("/p/app.toml"), gateway=PluginGateway(socket_mode=True))
    files: tuple[dict[str, PluginConfig], ...] = (
        {},
        {"other": other},
        {"app": app},
        {"app": attrs.evolve(app, methods=("chat.*",))},
    )
    digests = [process_digest(Side.GATEWAY, attrs.evolve(config, plugin_files=each)) for each in files]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def test_a_renewed_certificate_and_a_url_are_the_gateways_business_and_places_are_not(
    config: Config, tmp_path: Path
) -> None:
    certificate = tmp_path / "gateway.pem"
    certificate.write_text("one")
    before = attrs.evolve(config, gateway=attrs.evolve(config.gateway, certificate=certificate))
    first = process_digest(Side.GATEWAY, before)
    certificate.write_text("two")
    assert process_digest(Side.GATEWAY, before) != first
    elsewhere = attrs.evolve(config.gateway, directory=Path("/e"), control_socket=Path("/e.sock"))
    moved = attrs.evolve(config, gateway=elsewhere)
    assert process_digest(Side.GATEWAY, moved) == process_digest(Side.GATEWAY, config)
    called = attrs.evolve(config, gateway=attrs.evolve(config.gateway, url="https://x:1"))
    assert process_digest(Side.GATEWAY, called) != process_digest(Side.GATEWAY, config)


def test_a_renewed_certificate_is_the_receivers_business_too(config: Config, tmp_path: Path) -> None:
    certificate = tmp_path / "receiver.pem"
    certificate.write_text("one")
    has_tls = attrs.evolve(config, receiver=attrs.evolve(config.receiver, certificate=certificate))
    first = {side: process_digest(side, has_tls) for side in Side}
    certificate.write_text("two")
    second = {side: process_digest(side, has_tls) for side in Side}
    assert [side for side in Side if first[side] != second[side]] == [Side.RECEIVER]


def test_an_apps_settings_are_even_a_proxys_password(config: Config) -> None:
    app = App("main", SecretSource(SecretKind.ENV, "APP"), proxy="http://me:one@proxy")
    digests = {
        process_digest(Side.CONNECTOR, attrs.evolve(config, apps={"main": each}))
        for each in (app, attrs.evolve(app, proxy="http://me:two@proxy"), attrs.evolve(app, connections=2))
    }
    assert len(digests) == 3


def test_a_start_with_the_last_good_files_is_not_what_a_restart_would_make_it(config: Config) -> None:
    fallen_back = attrs.evolve(config, fallback="slackd.toml:1: …")
    for side in Side:
        assert process_digest(side, fallen_back) != process_digest(side, config)


def test_credentials_count_by_name_and_content(config: Config, tmp_path: Path) -> None:
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / "slackd_app").write_bytes(b"one")
    assert read_credentials(folder) == {"slackd_app": b"one"}
    assert read_credentials(None) == read_credentials(tmp_path / "nowhere") == {}
    digests = [
        credentials_digest(each)
        for each in ({}, {"a": b"bc"}, {"ab": b"c"}, {"a": b"b"}, {"a": b"b", "c": b"d"})
    ]
    assert len(set(digests)) == 5
    assert credentials_digest({"a": b"1", "b": b"2"}) == credentials_digest({"b": b"2", "a": b"1"})
    assert process_digest(Side.CONNECTOR, config, {"a": b"1"}) != process_digest(Side.CONNECTOR, config)

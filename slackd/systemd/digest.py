"""What a process is made of, as one fingerprint: a reload restarts nothing that wouldn't change."""

import contextlib
import functools
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Final

import attrs

import slackd
from slackd.config.environment import SERVICE_ENVIRONMENT
from slackd.config.values import Config


class Side(Enum):
    """The kinds of process."""

    BROKER = "broker"
    CONNECTOR = "connector"
    RECEIVER = "receiver"
    GATEWAY = "gateway"


_NO_DAEMONS: Final = frozenset(
    ("advise", "cli/slackctl", "emulator", "exec", "local", "rolling_restart", "scaffold", "setup", "testing")
)
_OTHERS_CODE: Final = {
    Side.BROKER: _NO_DAEMONS | {"connector", "gateway", "plugin", "slack_server"},
    Side.CONNECTOR: _NO_DAEMONS | {"broker", "gateway", "plugin", "slack_server"},
    Side.RECEIVER: _NO_DAEMONS | {"broker", "gateway", "plugin", "slack_server"},
    Side.GATEWAY: _NO_DAEMONS | {"broker", "connector"},
}
"""Folders of the package that a side never imports from: to read the rest takes a fiftieth of a start."""


def process_digest(side: Side, config: Config, credentials: Mapping[str, bytes] = MappingProxyType({})) -> str:
    """Fingerprint what a process of a side is made of: code, configuration, environment, credentials.

    Args:
        side: Which kind of process.
        config: What it runs with, or would.
        credentials: By their names in $CREDENTIALS_DIRECTORY; nothing but a hash of them goes in.

    Returns:
        64 hexadecimal digits.
    """
    whole = hashlib.sha256()
    parts = (code_digest(side), _config_digest(side, config), credentials_digest(credentials))
    # One that started without what stands on disk is not what a restart would make it, once that is repaired.
    for part in (*parts, _environment_digest(), config.fallback):
        whole.update(part.encode() + b"\n")
    return whole.hexdigest()


def read_credentials(folder: Path | None) -> dict[str, bytes]:
    """What stands in $CREDENTIALS_DIRECTORY, by name; nothing where there is none."""
    if folder is None or not folder.is_dir():
        return {}
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


def credentials_digest(credentials: Mapping[str, bytes]) -> str:
    """The fingerprint of credentials by name and content, in whatever order they come."""
    whole = hashlib.sha256()
    for name in sorted(credentials):
        _add(whole.update, name, credentials[name])
    return whole.hexdigest()


def code_digest(side: Side, package: Path | None = None) -> str:
    """The fingerprint of the installed files that a side may run.

    Args:
        side: Which kind of process.
        package: The package's folder; None is the one that this process runs, read once.
    """
    return _own_code_digest(side) if package is None else _code_digest(side, package)


@functools.cache
def _own_code_digest(side: Side) -> str:
    return _code_digest(side, Path(slackd.__file__).parent)


def _code_digest(side: Side, package: Path) -> str:
    whole = hashlib.sha256()
    for name in files_of(side, package):
        with open(f"{package}/{name}", "rb", buffering=0) as file:
            _add(whole.update, name, file.read())
    return whole.hexdigest()


def _environment_digest(file: Path = SERVICE_ENVIRONMENT) -> str:
    """Of the services' environment file: systemd reads it when it starts a process."""
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return ""


def _config_digest(side: Side, config: Config) -> str:
    if side is Side.BROKER:
        return config.digest
    if side is Side.GATEWAY:
        return _gateway_config_digest(config)
    # Plugins' files and the journal's limits are no business of a connector's.
    apps = {name: attrs.asdict(app) for name, app in config.apps.items()}
    said = json.dumps([apps, config.log.level, str(config.link_socket)], sort_keys=True, default=str)
    if side is not Side.RECEIVER:
        return hashlib.sha256(said.encode()).hexdigest()
    said += json.dumps(attrs.asdict(config.receiver), sort_keys=True, default=str)
    return _with_certificate(said, config.receiver.certificate)


def _gateway_config_digest(config: Config) -> str:
    # No place whose default is another in the service's environment than where a reload is asked for.
    served = {name: attrs.asdict(each) for name, each in config.plugin_files.items() if each.gateway}
    hosts = {name: app.api_url for name, app in config.apps.items()}
    tls = (config.gateway.certificate, config.gateway.key)
    said = json.dumps([served, hosts, tls, config.gateway.url, config.log.level], sort_keys=True, default=str)
    return _with_certificate(said, config.gateway.certificate)


def _with_certificate(said: str, certificate: Path | None) -> str:
    whole = hashlib.sha256(said.encode())
    if certificate is not None:
        # A renewed certificate stands in the same file.
        with contextlib.suppress(OSError):
            whole.update(certificate.read_bytes())
    return whole.hexdigest()


def files_of(side: Side, package: Path) -> Iterator[str]:
    """Names of the files that a side may run, from the package on, in an order that is always the same."""
    return _files(package, _OTHERS_CODE[side])


def _files(package: Path, left_out: frozenset[str], folder: str = "") -> Iterator[str]:
    with os.scandir(package / folder) as found:
        entries = sorted(found, key=lambda each: each.name)
    for entry in entries:
        name = folder + entry.name
        if not entry.is_dir():
            yield name
        elif name not in left_out and entry.name != "__pycache__":
            yield from _files(package, left_out, f"{name}/")


def _add(update: Callable[[bytes], object], name: str, content: bytes) -> None:
    """With its length, so that no two sets of files read the same one after the other."""
    update(b"%d %s\n" % (len(content), os.fsencode(name)))
    update(content)

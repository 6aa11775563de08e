"""The check before a rolling restart: can what stands on disk now be used, by the code that stands on disk now?

Configuration and tokens are read as the users who will read them, so that a wrong mode is found here and not
after a restart. Credentials are read from the folders that systemd will read, since a running process still has
the old ones.
"""

import contextlib
import os
import pwd
import subprocess
import tempfile
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from slackd.config import Config, InvalidConfig, find_file, load
from slackd.config.environment import refuse_unusable_proxies
from slackd.config.files import Overlay
from slackd.config.folders import folder_problems
from slackd.config.values import App, SecretKind, SecretSource
from slackd.connector.credentials import (
    ENCRYPTED_PREFIX,
    PLAIN_PREFIX,
    read_signing_secrets,
    read_tokens,
)
from slackd.connector.request_url.tls import receiver_tls
from slackd.errors import CredentialError
from slackd.rolling_restart.plan import BROKER, CONNECTORS, GATEWAY, RECEIVER
from slackd.rolling_restart.systemd import runs
from slackd.slotted import frozen
from slackd.systemd.digest import Side, process_digest

BROKER_USER: Final = "slackd"
CONNECTOR_USER: Final = "slackd-connector"
RECEIVER_USER: Final = "slackd-receiver"
PLAIN: Final = Path("/etc/slackd/credentials")
ENCRYPTED: Final = Path("/etc/slackd/credentials.encrypted")
RECEIVER_PLAIN: Final = Path("/etc/slackd/receiver-credentials")
RECEIVER_ENCRYPTED: Final = Path("/etc/slackd/receiver-credentials.encrypted")


@frozen
class OnDisk:
    """What a restart now would bring.

    Attributes:
        digests: By unit, the fingerprint that its process would have.
        warnings: What works, and may not be what was meant.
    """

    config: Config
    digests: Mapping[str, str]
    warnings: tuple[str, ...] = ()


def check(
    config_file: str | os.PathLike[str] | None = None,
    *,
    overlay: Overlay | None = None,
    tokens: Mapping[str, bytes] = MappingProxyType({}),
) -> OnDisk:
    """Read everything as the processes would after a restart.

    Args:
        config_file: `slackd.toml`, where one is named.
        overlay: Files to take in place of those on disk.
        tokens: Credentials to take in place of those on disk, by the names that `credential:NAME` has.

    Returns:
        What a restart now would bring.

    Raises:
        SlackdError: The first kind of thing that is wrong, with all that is wrong of that kind.
    """
    file = find_file(config_file, os.environ)
    with acting_as(BROKER_USER):
        load(file, uid=_uid(BROKER_USER), overlay=overlay)
    with acting_as(CONNECTOR_USER):
        config = load(file, uid=_uid(CONNECTOR_USER), overlay=overlay)
    _check_folders(config)
    refuse_unusable_proxies(config)
    credentials = read_credential_folders(but=tokens)
    credentials |= {PLAIN_PREFIX + name: content for name, content in tokens.items()}
    _check_tokens(config, credentials)
    connector = process_digest(Side.CONNECTOR, config, credentials)
    digests = {BROKER: process_digest(Side.BROKER, config), **dict.fromkeys(CONNECTORS.values(), connector)}
    if runs(GATEWAY):
        digests[GATEWAY] = process_digest(Side.GATEWAY, config)
    if runs(RECEIVER):
        secrets = read_credential_folders(RECEIVER_PLAIN, RECEIVER_ENCRYPTED)
        _check_receiver(config, secrets)
        digests[RECEIVER] = process_digest(Side.RECEIVER, config, secrets)
    return OnDisk(config, digests, tuple(config.warnings))


def _check_folders(config: Config) -> None:
    if os.geteuid() != 0:
        return
    with acting_as(BROKER_USER):
        problems = tuple(folder_problems(config, by_systemd=True))
    if problems:
        raise InvalidConfig(problems)


def read_credential_folders(
    plain: Path = PLAIN, encrypted: Path = ENCRYPTED, *, but: Container[str] = ()
) -> dict[str, bytes]:
    """Read every credential.

    Args:
        plain: The folder of those that are not encrypted.
        encrypted: The folder of those that are.
        but: Names of files that are not read, since they are about to be replaced.

    Returns:
        Their content, by the names under which a connector finds them.

    Raises:
        CredentialError: A file cannot be read or decrypted, which would also stop a connector's start.
    """
    found: dict[str, bytes] = {}
    for folder, prefix, read in (
        (plain, PLAIN_PREFIX, _read_plain),
        (encrypted, ENCRYPTED_PREFIX, _decrypt),
    ):
        found.update({prefix + file.name: read(file) for file in _files(folder) if file.name not in but})
    return found


def _files(folder: Path) -> Sequence[Path]:
    try:
        return sorted(file for file in folder.iterdir() if file.is_file())
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise CredentialError(f"{folder} can't be read: {error.strerror}; run this as root") from error


def _read_plain(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise CredentialError(f"{file} can't be read: {error.strerror}; run this as root") from error


def _decrypt(file: Path) -> bytes:
    command = ["systemd-creds", "decrypt", f"--name={ENCRYPTED_PREFIX}{file.name}", str(file), "-"]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except OSError as error:
        raise CredentialError(
            f"{file} can't be decrypted: systemd-creds can't be run ({error.strerror})"
        ) from error
    if done.returncode:
        words = done.stderr.decode(errors="replace").strip()
        raise CredentialError(
            f"{file} can't be decrypted, and no connector could start with it: {words}\n"
            f"Encrypt it anew on this host, with --name={ENCRYPTED_PREFIX}{file.name}, or take it away."
        )
    return done.stdout


def _check_tokens(config: Config, credentials: Mapping[str, bytes]) -> None:
    with as_systemd_would(credentials) as folder, acting_as(CONNECTOR_USER):
        environ = {"CREDENTIALS_DIRECTORY": str(folder)}
        seen = _seen(config, lambda app: (app.app_token, app.bot_token))
        refused = read_tokens(seen, environ).refused.values()
    _raise_any(refused, folder, PLAIN)


def _check_receiver(config: Config, credentials: Mapping[str, bytes]) -> None:
    with as_systemd_would(credentials, RECEIVER_USER) as folder, acting_as(RECEIVER_USER):
        environ = {"CREDENTIALS_DIRECTORY": str(folder)}
        seen = _seen(config, lambda app: (app.signing_secret, app.old_signing_secret))
        refused = read_signing_secrets(seen, environ).refused.values()
        receiver_tls(config.receiver)
    _raise_any(refused, folder, RECEIVER_PLAIN)


def _raise_any(refused: Collection[CredentialError], folder: Path, meant: Path) -> None:
    if refused:
        raise CredentialError("\n".join(str(error).replace(str(folder), str(meant)) for error in refused))


def _seen(config: Config, secrets: Callable[[App], Iterable[SecretSource | None]]) -> dict[str, App]:
    """The apps without a secret in a variable of the unit's own, which cannot be seen from here."""
    return {
        name: app
        for name, app in config.apps.items()
        if not any(source is not None and source.kind is SecretKind.ENV for source in secrets(app))
    }


@contextlib.contextmanager
def as_systemd_would(credentials: Mapping[str, bytes], user: str = "") -> Iterator[Path]:
    """The credentials as files in memory that only one user can read, the connectors' if none is named."""
    user = user or CONNECTOR_USER
    place = "/run" if os.access("/run", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="slackd-check-", dir=place) as name:
        folder = Path(name)
        for credential, content in credentials.items():
            file = folder / credential
            file.touch(mode=0o600)
            file.write_bytes(content)
            _give(file, user)
        _give(folder, user)
        yield folder


def _give(path: Path, user: str) -> None:
    uid = _uid(user)
    if os.geteuid() == 0 and uid is not None:
        os.chown(path, uid, -1)


@contextlib.contextmanager
def acting_as(user: str) -> Iterator[None]:
    """Read files with this user's rights, where this is root and the user exists."""
    if os.geteuid() != 0 or _uid(user) is None:
        yield
        return
    entry = pwd.getpwnam(user)
    groups = os.getgroups()
    gid = os.getegid()
    os.setgroups(os.getgrouplist(user, entry.pw_gid))
    os.setegid(entry.pw_gid)
    os.seteuid(entry.pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(gid)
        os.setgroups(groups)


def _uid(user: str) -> int | None:
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        return None

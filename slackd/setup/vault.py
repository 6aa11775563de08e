"""Laying a token where systemd finds it: encrypted to this host where that works, else for root alone."""

import os
import stat
import subprocess
from enum import Enum
from pathlib import Path

from slackd.connector.credentials import ENCRYPTED_PREFIX, Secret
from slackd.errors import CredentialError
from slackd.rolling_restart.preconditions import ENCRYPTED, PLAIN
from slackd.whole_file import written_whole


class Before:
    """Files as they were before `slackctl setup` replaced them, for the way back.

    Args:
        paths: Files that are about to be written, made or removed.
    """

    def __init__(self, *paths: Path) -> None:
        self._before = {path: (path.read_bytes(), path.stat()) if path.exists() else None for path in paths}

    def restore(self) -> None:
        """Lay them as they were, with their modes and owners; remove those that were not there.

        Raises:
            OSError: A file can't be written or removed.
        """
        for path, before in self._before.items():
            if before is None:
                path.unlink(missing_ok=True)
            else:
                content, about = before
                replace(path, content, mode=stat.S_IMODE(about.st_mode), uid=about.st_uid, gid=about.st_gid)


def replace(file: Path, content: bytes, *, mode: int, uid: int = -1, gid: int = -1) -> None:
    """Write a file anew: it is complete under its name, or as it was before.

    Args:
        mode: Permission bits.
        uid: Its owner; -1 for this process's.
        gid: Its group; -1 for this process's.

    Raises:
        OSError: It cannot be written.
    """
    # In the folder above: a connector may read every file of the folder itself at any moment.
    with written_whole(file, folder=file.parent.parent) as opened:
        os.fchmod(opened.fileno(), mode)
        os.fchown(opened.fileno(), uid, gid)
        opened.write(content)


class Kept(Enum):
    """How a token is kept on disk."""

    ENCRYPTED = "encrypted"
    PLAIN = "plain"


def store(name: str, token: Secret, plain: Path = PLAIN, encrypted: Path = ENCRYPTED) -> Kept:
    """Keep the token as credential NAME, in place of what was kept under that name before.

    Returns:
        How it is kept.

    Raises:
        CredentialError: It could not be written.
    """
    sealed = _encrypt(name, token)
    if sealed is not None:
        _write(encrypted / name, sealed)
        (plain / name).unlink(missing_ok=True)
        return Kept.ENCRYPTED
    _write(plain / name, token.reveal().encode() + b"\n")
    (encrypted / name).unlink(missing_ok=True)
    return Kept.PLAIN


def _encrypt(name: str, token: Secret) -> bytes | None:
    """The token encrypted with what this host has (TPM, or its own key); None where it has neither."""
    command = ["systemd-creds", "encrypt", f"--name={ENCRYPTED_PREFIX}{name}", "-", "-"]
    try:
        done = subprocess.run(command, input=token.reveal().encode(), capture_output=True, check=False)
    except OSError:
        return None
    return done.stdout if done.returncode == 0 and done.stdout else None


def _write(file: Path, content: bytes) -> None:
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace(file, content, mode=0o600)
    except OSError as error:
        raise CredentialError(f"{file} can't be written: {error.strerror}; run this as root") from error

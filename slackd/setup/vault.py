"""Laying a token where systemd finds it: encrypted to this host where that works, else for root alone."""

import os
import subprocess
import tempfile
from enum import Enum
from pathlib import Path

from slackd.connector.credentials import ENCRYPTED_PREFIX, Secret
from slackd.errors import CredentialError
from slackd.rolling_restart.preconditions import ENCRYPTED, PLAIN


class Kept(Enum):
    """How a token is kept on disk."""

    ENCRYPTED = "encrypted"
    PLAIN = "plain"


def store(name: str, token: Secret, plain: Path = PLAIN, encrypted: Path = ENCRYPTED) -> Kept:
    """Keep the token as credential NAME, in place of what was kept under that name before.

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
        # Complete under its name or not there at all: a connector may start at any moment.
        descriptor, beside = tempfile.mkstemp(dir=file.parent.parent, prefix=".slackd-setup-")
        try:
            with os.fdopen(descriptor, "wb") as opened:
                opened.write(content)
                opened.flush()
                os.fsync(opened.fileno())
            os.rename(beside, file)
        except BaseException:
            os.unlink(beside)
            raise
    except OSError as error:
        raise CredentialError(f"{file} can't be written: {error.strerror}; run this as root") from error

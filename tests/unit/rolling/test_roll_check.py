"""What the check before a roll reads, and what it refuses."""

from pathlib import Path

import pytest

from slackd.errors import CredentialError
from slackd.rolling.check import read_credential_folders


def folders(tmp_path: Path) -> tuple[Path, Path]:
    plain, encrypted = tmp_path / "plain", tmp_path / "encrypted"
    plain.mkdir()
    encrypted.mkdir()
    return plain, encrypted


def test_a_plain_credential_has_the_name_that_systemd_gives_it(tmp_path: Path) -> None:
    plain, encrypted = folders(tmp_path)
    (plain / "main-app").write_bytes(b"xapp-1\n")
    assert read_credential_folders(plain, encrypted) == {"slackd-plain_main-app": b"xapp-1\n"}


def test_folders_may_be_empty_or_missing(tmp_path: Path) -> None:
    assert read_credential_folders(*folders(tmp_path)) == {}
    assert read_credential_folders(tmp_path / "none", tmp_path / "neither") == {}


def test_one_that_cannot_be_decrypted_is_named(tmp_path: Path) -> None:
    plain, encrypted = folders(tmp_path)
    (encrypted / "main-app").write_bytes(b"not encrypted at all")
    with pytest.raises(CredentialError, match="main-app can't be decrypted"):
        read_credential_folders(plain, encrypted)

"""What the check before a rolling restart reads, and what it refuses."""

import functools
from pathlib import Path

import pytest

from slackd.config.files import Overlay
from slackd.errors import CredentialError
from slackd.rolling_restart import preconditions as checking
from slackd.rolling_restart.preconditions import read_credential_folders


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


def test_one_app_token_in_two_places_is_refused_before_anything_restarts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "read_credential_folders", lambda **_: {})
    for user in ("BROKER_USER", "CONNECTOR_USER"):
        monkeypatch.setattr(checking, user, "nobody-has-this-name")
    for name in ("one", "other"):
        (tmp_path / name).write_text("xapp-1-A0-1-s3cr3t\n")
        (tmp_path / name).chmod(0o600)
    config = tmp_path / "slackd.toml"
    config.write_text(
        f"""
        [apps.a]
        app_token = "file:{tmp_path}/one"
        [apps.b]
        app_token = "file:{tmp_path}/other"
        """
    )
    with pytest.raises(CredentialError, match=r"^apps\.b\.app_token: the same token as apps\.a") as refused:
        checking.check(str(config))
    assert "s3cr3t" not in str(refused.value)
    (tmp_path / "other").write_text("xapp-1-A0-2-s3cr3t\n")
    assert list(checking.check(str(config)).config.apps) == ["a", "b"]


def test_what_is_about_to_be_written_is_checked_as_if_it_stood_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, encrypted = folders(tmp_path)
    (plain / "main-app").write_bytes(b"xapp-1-A0-1-old")
    (encrypted / "main-app").write_bytes(b"not to be decrypted any more")
    read = functools.partial(read_credential_folders, plain, encrypted)
    monkeypatch.setattr(checking, "read_credential_folders", read)
    for user in ("BROKER_USER", "CONNECTOR_USER"):
        monkeypatch.setattr(checking, user, "nobody-has-this-name")
    config = tmp_path / "slackd.toml"
    config.write_text("")
    app_file = tmp_path / "apps.d" / "main.toml"
    overlay = Overlay({app_file: b'app_token = "credential:main-app"'})
    found = checking.check(config, overlay=overlay, tokens={"main-app": b"xapp-1-A0-1-new"})
    assert found.config.app_files == {"main": app_file}
    with pytest.raises(CredentialError, match="expected an app-level token"):
        checking.check(config, overlay=overlay, tokens={"main-app": b"xoxb-1"})
    both = Overlay(
        {app_file: b'app_token = "credential:main-app"', app_file.with_name("b.toml"): b'app_token = "env:B"'}
    )
    assert list(checking.check(config, overlay=both, tokens={"main-app": b"xapp-1"}).config.apps) == [
        "b",
        "main",
    ]
    assert not app_file.parent.exists()

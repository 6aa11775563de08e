"""What the check before a rolling restart reads, and what it refuses."""

import functools
from pathlib import Path

import pytest
import trustme

from slackd.config.files import Overlay
from slackd.errors import ConfigError, CredentialError
from slackd.rolling_restart import preconditions as checking
from slackd.rolling_restart.plan import RECEIVER
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


@pytest.fixture
def posted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration whose app is posted to, and a receiver that runs."""
    plain, encrypted = folders(tmp_path)
    monkeypatch.setattr(checking, "RECEIVER_PLAIN", plain)
    monkeypatch.setattr(checking, "RECEIVER_ENCRYPTED", encrypted)
    monkeypatch.setattr(checking, "PLAIN", tmp_path / "none")
    monkeypatch.setattr(checking, "ENCRYPTED", tmp_path / "none")
    monkeypatch.setattr(
        checking,
        "read_credential_folders",
        functools.partial(lambda *places, **_: read_credential_folders(*(places or (tmp_path / "none",) * 2))),
    )
    monkeypatch.setattr(checking, "runs", lambda unit: unit == RECEIVER)
    for user in ("BROKER_USER", "CONNECTOR_USER", "RECEIVER_USER"):
        monkeypatch.setattr(checking, user, "nobody-has-this-name")
    (tmp_path / "bot").write_text("xoxb-1-s3cr3t")
    (tmp_path / "bot").chmod(0o600)
    config = tmp_path / "slackd.toml"
    config.write_text(
        f"""
        [apps.main]
        transport = "http"
        bot_token = "file:{tmp_path}/bot"
        signing_secret = "credential:main-signing"
        old_signing_secret = "credential:main-old"
        """
    )
    return config


def test_a_signing_secret_that_the_receiver_could_not_use_is_refused_before_it_restarts(
    posted: Path, tmp_path: Path
) -> None:
    (tmp_path / "plain/main-signing").write_text("0123456789abcdef")
    with pytest.raises(CredentialError, match=r"^apps\.main\.old_signing_secret: ") as refused:
        checking.check(str(posted))
    assert "slackd-check-" not in str(refused.value), "the folder is the operator's"
    (tmp_path / "plain/main-old").write_text("xoxb-1-s3cr3t")
    with pytest.raises(CredentialError, match="expected a signing secret") as refused:
        checking.check(str(posted))
    assert "s3cr3t" not in str(refused.value)
    (tmp_path / "plain/main-old").write_text("fedcba9876543210")
    assert RECEIVER in checking.check(str(posted)).digests


def test_a_certificate_that_the_receiver_could_not_use_is_refused_before_it_restarts(
    posted: Path, tmp_path: Path
) -> None:
    for name in ("main-signing", "main-old"):
        (tmp_path / "plain" / name).write_text("0123456789abcdef")
    one, other = (trustme.CA().issue_cert("slack.example.com") for _ in range(2))
    one.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    other.private_key_pem.write_to_path(tmp_path / "key.pem")
    posted.write_text(
        f"""{posted.read_text()}
        [receiver]
        certificate = "{tmp_path}/cert.pem"
        key = "{tmp_path}/key.pem"
        """
    )
    with pytest.raises(ConfigError, match=r"\[receiver\] certificate and key can't be used"):
        checking.check(str(posted))
    one.private_key_pem.write_to_path(tmp_path / "key.pem")
    assert RECEIVER in checking.check(str(posted)).digests

"""Where tokens come from, and that a Secret can't get out by accident."""

import copy
import json
import logging
import pickle
from pathlib import Path

import pytest

from slackd.config.values import App, SecretKind, SecretSource
from slackd.connector.credentials import AppSecrets, Secret, read_app_secrets, read_secret, read_tokens
from slackd.errors import CredentialError

TOKEN = "xapp-1-A0-1-s3cr3t"
KEY = "apps.main.app_token"


def source(kind: SecretKind, name: object) -> SecretSource:
    return SecretSource(kind, str(name))


def test_a_secret_cannot_be_shown(caplog: pytest.LogCaptureFixture) -> None:
    secret = Secret(TOKEN)
    with caplog.at_level(logging.INFO):
        logging.getLogger("x").info("%s %r", secret, secret, extra={"secret": secret})
    shown = [
        f"{secret}",
        f"{secret!r:>40}",
        str(secret),
        repr(AppSecrets(secret, secret)),
        repr({"a": [secret]}),
        caplog.text,
    ]
    assert not any("s3cr3t" in text for text in shown)
    for leak in (pickle.dumps, copy.copy, copy.deepcopy, json.dumps, vars):
        with pytest.raises(TypeError) as raised:
            leak(secret)
        assert "s3cr3t" not in str(raised.value)
    assert secret.reveal() == TOKEN
    assert secret == Secret(TOKEN) != Secret(TOKEN + "x")
    assert "s3cr3t" not in secret.fingerprint()
    assert secret.fingerprint() != Secret(TOKEN + "x").fingerprint()


def test_from_the_environment() -> None:
    assert read_secret(source(SecretKind.ENV, "T"), KEY, {"T": f" {TOKEN}\n"}).reveal() == TOKEN
    with pytest.raises(CredentialError, match=r"apps\.main\.app_token.*no variable T"):
        read_secret(source(SecretKind.ENV, "T"), KEY, {})


@pytest.mark.parametrize("name", ["app_token", "slackd_app_token", "slackd-plain_app_token"])
def test_from_systemds_credentials_with_or_without_a_prefix_of_the_units(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(TOKEN + "\n")
    (tmp_path / "other_app_token").write_text("xapp-another")
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert read_secret(source(SecretKind.CREDENTIAL, "app_token"), KEY, environ).reveal() == TOKEN


def test_the_name_itself_comes_before_the_prefixed_one(tmp_path: Path) -> None:
    (tmp_path / "t").write_text(TOKEN)
    (tmp_path / "slackd_t").write_text("xapp-another")
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert read_secret(source(SecretKind.CREDENTIAL, "t"), KEY, environ).reveal() == TOKEN


@pytest.mark.parametrize("name", ["missing", "../t", "", ".."])
def test_a_credential_that_is_not_there(tmp_path: Path, name: str) -> None:
    (tmp_path / "t").write_text(TOKEN)
    folder = tmp_path / "sub"
    folder.mkdir()
    with pytest.raises(CredentialError, match=KEY):
        read_secret(source(SecretKind.CREDENTIAL, name), KEY, {"CREDENTIALS_DIRECTORY": str(folder)})
    with pytest.raises(CredentialError, match="CREDENTIALS_DIRECTORY"):
        read_secret(source(SecretKind.CREDENTIAL, name), KEY, {})


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o620])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "token"
    path.write_text(TOKEN)
    path.chmod(mode)
    with pytest.raises(CredentialError, match=f"mode {mode:04o}.*chmod 600"):
        read_secret(source(SecretKind.FILE, path), KEY, {})
    path.chmod(0o600)
    assert read_secret(source(SecretKind.FILE, path), KEY, {}).reveal() == TOKEN


def test_a_file_that_is_none(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(CredentialError, match=KEY):
            read_secret(source(SecretKind.FILE, path), KEY, {})


@pytest.mark.parametrize("text", ["", "\n", "two words", "xapp-\x00", "café"])
def test_what_is_no_token_is_refused_unshown(text: str) -> None:
    with pytest.raises(CredentialError) as raised:
        read_secret(source(SecretKind.ENV, "T"), KEY, {"T": text})
    assert not text.strip() or text not in str(raised.value)


def test_bytes_that_are_no_text_are_not_in_the_error(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_bytes(b"xapp-s3cr3t\xff")
    path.chmod(0o600)
    with pytest.raises(CredentialError) as raised:
        read_secret(source(SecretKind.FILE, path), KEY, {})
    assert raised.value.__cause__ is None
    assert "s3cr3t" not in str(raised.value)


@pytest.mark.parametrize(
    ("app_token", "bot_token", "wrong", "found"),
    [
        ("xoxb-s3cr3t", "xoxb-1", "apps.main.app_token", "a bot token"),
        ("xapp-1", "xapp-s3cr3t", "apps.main.bot_token", "an app-level token"),
        ("xapp-1", "xoxp-s3cr3t", "apps.main.bot_token", "a user token"),
        ("xapp-1", "xoxe-1-s3cr3t", "apps.main.bot_token", "a refresh token"),
        ("s3cr3t", "xoxb-1", "apps.main.app_token", "no token of Slack's"),
        ("xoxe.xoxb-s3cr3t", "xoxb-1", "apps.main.app_token", "a bot token"),
    ],
)
def test_a_token_of_the_wrong_kind_is_refused_with_its_key(
    app_token: str, bot_token: str, wrong: str, found: str
) -> None:
    app = App("main", source(SecretKind.ENV, "A"), source(SecretKind.ENV, "B"))
    with pytest.raises(CredentialError, match=f"{wrong}.*{found}") as raised:
        read_app_secrets(app, {"A": app_token, "B": bot_token})
    assert "s3cr3t" not in str(raised.value)


@pytest.mark.parametrize("bot_token", ["xoxb-1", "xoxe.xoxb-1-2"])
def test_tokens_of_the_right_kind(bot_token: str) -> None:
    app = App("main", source(SecretKind.ENV, "A"), source(SecretKind.ENV, "B"))
    secrets = read_app_secrets(app, {"A": "xapp-1", "B": bot_token})
    assert secrets == AppSecrets(Secret("xapp-1"), Secret(bot_token))
    without = App("main", source(SecretKind.ENV, "A"))
    assert read_app_secrets(without, {"A": "xapp-1"}).bot_token is None


class TestOneAppTokenUnderTwoNames:
    """Slack would give each name a share of the other's envelopes."""

    def two(self, **variables: str) -> dict[str, App]:
        return {name: App(name, source(SecretKind.ENV, variable)) for name, variable in variables.items()}

    def test_the_later_app_is_not_usable_and_the_first_is(self) -> None:
        tokens = read_tokens(self.two(a="A", b="B"), {"A": TOKEN, "B": f"{TOKEN}\n"})
        assert list(tokens.usable) == ["a"]
        assert list(tokens.refused) == ["b"]
        words = str(tokens.refused["b"])
        assert words.startswith("apps.b.app_token: the same token as apps.a.app_token")
        assert "env:A" in words
        assert "env:B" in words
        assert "s3cr3t" not in words

    def test_every_later_one_is_compared_with_the_first(self) -> None:
        apps = self.two(a="A", b="A", c="C", d="D")
        tokens = read_tokens(apps, {"A": TOKEN, "C": TOKEN + "x", "D": TOKEN})
        assert (list(tokens.usable), list(tokens.refused)) == (["a", "c"], ["b", "d"])

    def test_an_app_whose_tokens_cannot_be_used_takes_its_token_from_nobody(self) -> None:
        first = App("a", source(SecretKind.ENV, "A"), bot_token=source(SecretKind.ENV, "MISSING"))
        tokens = read_tokens({"a": first, **self.two(b="B")}, {"A": TOKEN, "B": TOKEN})
        assert (list(tokens.usable), list(tokens.refused)) == (["b"], ["a"])
        assert "no variable MISSING" in str(tokens.refused["a"])

    def test_two_tokens_are_two_apps(self) -> None:
        tokens = read_tokens(self.two(a="A", b="B"), {"A": TOKEN, "B": TOKEN + "x"})
        assert list(tokens.usable) == ["a", "b"]
        assert not tokens.refused

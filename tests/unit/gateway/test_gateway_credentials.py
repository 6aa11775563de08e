"""Local credentials: recognised as ours, never taken for Slack's, rotated with an overlap."""

import itertools
import json
import stat
from pathlib import Path

import pytest

from slackd.gateway.credential_store import CredentialStore, CredentialsUnusable
from slackd.gateway.credentials import (
    OVERLAP,
    CredentialGenerations,
    LocalCredentials,
    TokenKind,
    looks_like_slacks,
    read_token,
)

NOW = 1_795_500_000.0


def drawn(start: int = 0) -> LocalCredentials:
    numbers = itertools.count(start)
    return LocalCredentials.draw("deploy-bot", lambda size: f"{next(numbers):0{2 * size}x}")


def test_they_begin_as_slacks_do_and_go_on_as_slacks_never_do() -> None:
    made = drawn()
    assert made.app_token.startswith("xapp-slackd-deploy-bot-")
    assert made.bot_token.startswith("xoxb-slackd-deploy-bot-")
    assert read_token(made.app_token) == (TokenKind.APP, "deploy-bot")
    assert read_token(made.bot_token) == (TokenKind.BOT, "deploy-bot")
    assert made.bot_token not in repr(made)


@pytest.mark.parametrize(
    "token",
    [
        "xoxb-100000000001-100000000002-abcdef",
        "xapp-1-A111-222-abcdef",
        "xoxe.xoxb-1-abc",
        "xoxp-1-2-3-4",
    ],
)
def test_slacks_own_tokens_are_recognised(token: str) -> None:
    assert looks_like_slacks(token)
    assert read_token(token) is None


def test_ours_are_not_taken_for_slacks() -> None:
    made = drawn()
    assert not looks_like_slacks(made.app_token)
    assert not looks_like_slacks(made.bot_token)
    assert not looks_like_slacks(made.bot_token[:-8]), "a part of it was lost on the way"
    assert not looks_like_slacks("xoxb-slackd-bot")
    assert not looks_like_slacks("secret")


def test_a_rotation_leaves_the_ones_before_good_for_a_day() -> None:
    before, after = drawn(), drawn(100)
    rotated = CredentialGenerations(before).rotate(after, NOW)
    assert rotated.holds(TokenKind.BOT, before.bot_token, NOW + OVERLAP - 1)
    assert not rotated.holds(TokenKind.BOT, before.bot_token, NOW + OVERLAP)
    assert rotated.holds(TokenKind.BOT, after.bot_token, NOW + OVERLAP)
    assert not rotated.holds(TokenKind.APP, after.bot_token, NOW)


def test_they_are_kept_over_a_restart_for_the_gateway_alone(tmp_path: Path) -> None:
    store = CredentialStore(tmp_path / "gateway", lambda: NOW)
    first = store.of("bot").current
    second = store.rotate("bot").current
    again = CredentialStore(tmp_path / "gateway", lambda: NOW)
    assert again.of("bot").current == second
    assert again.owner(first.app_token) == ("bot", TokenKind.APP)
    assert again.owner(second.bot_token) == ("bot", TokenKind.BOT)
    assert again.owner(second.bot_token[:-1] + "x") is None
    assert again.secrets_of("bot") == [second.signing_secret, first.signing_secret]
    mode = (tmp_path / "gateway" / "credentials.json").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_a_broken_file_is_named_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "credentials.json"
    file.write_text(json.dumps({"bot": {"current": 1}}))
    with pytest.raises(CredentialsUnusable, match=r"credentials\.json cannot be read"):
        CredentialStore(tmp_path, lambda: NOW)
    assert file.exists()


def test_what_could_not_be_written_is_given_to_nobody(tmp_path: Path) -> None:
    store = CredentialStore(tmp_path / "there", lambda: NOW)
    before = store.of("deploy-bot").current
    (tmp_path / "there" / "credentials.new").mkdir()
    with pytest.raises(CredentialsUnusable, match=r"cannot be written"):
        store.rotate("deploy-bot")
    with pytest.raises(CredentialsUnusable):
        store.of("other-bot")
    assert store.of("deploy-bot").current == before, "an app that goes on with them has them after a restart"
    assert store.owner(before.bot_token) == ("deploy-bot", TokenKind.BOT)

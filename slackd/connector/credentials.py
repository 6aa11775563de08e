"""Where tokens come from, and a Secret that cannot be printed, formatted, pickled or logged.

P6, the invariant kept here: a token leaves a `Secret` only by `reveal`; whatever prints, formats or pickles one
gets no part of it. No error here repeats what a file or a variable holds.

A source is `credential:NAME`, `file:/path` or `env:NAME`. For `credential:NAME` one rule:
the file `NAME` in `$CREDENTIALS_DIRECTORY`, else `slackd-plain_NAME` or `slackd_NAME` there. (systemd's
`LoadCredential=slackd-plain:/etc/slackd/credentials` puts that before the name of each file of the folder.)
"""

import hashlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NoReturn

from slackd.config.values import App, SecretKind, SecretSource, dials, is_posted
from slackd.errors import CredentialError
from slackd.slotted import frozen

PLAIN_PREFIX: Final = "slackd-plain_"
"""What the unit's `LoadCredential=slackd-plain:FOLDER` sets before the names of files."""
ENCRYPTED_PREFIX: Final = "slackd_"
"""The same of `LoadCredentialEncrypted=slackd:FOLDER`. (Of two with one ID, systemd takes the second alone.)"""
APP_TOKEN: Final = ("xapp-",)
"""What an app-level token begins with; good for apps.connections.open alone ("Tokens")."""
BOT_TOKEN: Final = ("xoxb-", "xoxe.xoxb-")
"""What a bot token begins with, the second with token rotation ("Tokens", "Token rotation")."""
_SIZE_LIMIT: Final = 65_536


class Secret:
    """A token. `reveal` is the only way to its text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, for the one call that needs it."""
        return self._text

    def fingerprint(self) -> str:
        """A text by which a token that has changed is known, and not what it is (none can be guessed)."""
        return hashlib.sha256(b"slackd-token\0" + self._text.encode()).hexdigest()[:16]

    def __repr__(self) -> str:
        return "<secret>"

    __str__ = __repr__

    def __format__(self, format_spec: str) -> str:
        return "<secret>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret can't be pickled or copied")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)


@frozen
class AppSecrets:
    """The tokens of one app; no app token where nothing is dialled."""

    app_token: Secret | None
    bot_token: Secret | None = None


@frozen
class Tokens:
    """The tokens of all apps.

    Attributes:
        usable: By app, in the configuration's order.
        refused: By app, why its tokens can't be used; never a token.
    """

    usable: Mapping[str, AppSecrets]
    refused: Mapping[str, CredentialError]


def read_tokens(apps: Mapping[str, App], environ: Mapping[str, str] = os.environ) -> Tokens:
    """Read the tokens of all apps, and let no two apps have one app-level token, wherever each keeps it: Slack
    deals out envelopes over all connections of a token ("Using Socket Mode"), whichever name an app has here.
    The first of them keeps it.

    Returns:
        Each app's tokens, by its name.
    """
    usable: dict[str, AppSecrets] = {}
    refused: dict[str, CredentialError] = {}
    holders: dict[Secret, App] = {}
    for name, app in apps.items():
        try:
            secrets = read_app_secrets(app, environ)
        except CredentialError as error:
            refused[name] = error
            continue
        holder = app if secrets.app_token is None else holders.setdefault(secrets.app_token, app)
        if holder is app:
            usable[name] = secrets
        else:
            refused[name] = _shared(app, holder)
    return Tokens(usable, refused)


def _shared(app: App, holder: App) -> CredentialError:
    return CredentialError(
        f"apps.{app.name}.app_token: the same token as apps.{holder.name}.app_token ({app.app_token} and "
        f"{holder.app_token}), and each would get a share of the other's envelopes: give apps.{app.name} the "
        "token of another app of Slack's, or take it out"
    )


def read_app_secrets(app: App, environ: Mapping[str, str] = os.environ) -> AppSecrets:
    """Read an app's tokens and check that each is of the kind that its place wants.

    Returns:
        The tokens that it has.

    Raises:
        CredentialError: Which key, what is wrong, and the hint; never the token.
    """
    key = f"apps.{app.name}"
    app_token = None
    if app.app_token is not None and dials(app):
        app_token = read_secret(app.app_token, f"{key}.app_token", environ)
        check_kind(app_token, APP_TOKEN, f"{key}.app_token", "an app-level token")
    if app.bot_token is None:
        return AppSecrets(app_token)
    bot_token = read_secret(app.bot_token, f"{key}.bot_token", environ)
    check_kind(bot_token, BOT_TOKEN, f"{key}.bot_token", "a bot token")
    return AppSecrets(app_token, bot_token)


@frozen
class SigningSecrets:
    """What requests are signed with, of every app that is posted to.

    Attributes:
        usable: By app: its secret, and the one before while it is rotated.
        refused: By app, why its secrets can't be used; never a secret.
    """

    usable: Mapping[str, tuple[Secret, ...]]
    refused: Mapping[str, CredentialError]


def read_signing_secrets(apps: Mapping[str, App], environ: Mapping[str, str] = os.environ) -> SigningSecrets:
    """Read the signing secrets of all apps that are posted to.

    Returns:
        Each app's secrets, by its name.
    """
    usable: dict[str, tuple[Secret, ...]] = {}
    refused: dict[str, CredentialError] = {}
    for name, app in apps.items():
        if not is_posted(app):
            continue
        sources = {"signing_secret": app.signing_secret, "old_signing_secret": app.old_signing_secret}
        try:
            usable[name] = tuple(
                _read_signing_secret(source, f"apps.{name}.{key}", environ)
                for key, source in sources.items()
                if source is not None
            )
        except CredentialError as error:
            refused[name] = error
    return SigningSecrets(usable, refused)


def _read_signing_secret(source: SecretSource, key: str, environ: Mapping[str, str]) -> Secret:
    secret = read_secret(source, key, environ)
    if secret.reveal().startswith("x") and "-" in secret.reveal():
        raise CredentialError(f"{key}: expected a signing secret (Basic Information), found a token")
    return secret


def read_secret(source: SecretSource, key: str, environ: Mapping[str, str] = os.environ) -> Secret:
    """Read one token; surrounding white space is not part of it.

    Returns:
        The token.

    Raises:
        CredentialError: It isn't there, others may read it, or it isn't one word of ASCII.
    """
    match source.kind:
        case SecretKind.ENV:
            text = environ.get(source.name)
            if text is None:
                raise CredentialError(f"{key}: the environment has no variable {source.name}: set it")
        case SecretKind.CREDENTIAL:
            text = _read_file(_credential(source.name, key, environ), key)
        case SecretKind.FILE:
            path = Path(source.name)
            _check_private(path, key)
            text = _read_file(path, key)
    text = text.strip()
    if not text:
        raise CredentialError(f"{key}: {source} is empty: put the token there")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise CredentialError(f"{key}: {source} holds more than one token, or something that is none")
    return Secret(text)


def check_kind(secret: Secret, prefixes: tuple[str, ...], key: str, kind: str) -> None:
    """Refuse a token of the wrong kind before anything is sent.

    Raises:
        CredentialError: It names the key and both kinds, never the token.
    """
    text = secret.reveal()
    if text.startswith(prefixes):
        return
    for known, name in (
        ("xapp-", "an app-level token (xapp-)"),
        ("xoxb-", "a bot token (xoxb-)"),
        ("xoxe.xoxb-", "a bot token (xoxe.xoxb-)"),
        ("xoxp-", "a user token (xoxp-)"),
        ("xoxe-", "a refresh token (xoxe-)"),
    ):
        if text.startswith(known):
            found = name
            break
    else:
        found = "no token of Slack's that slackd knows"
    raise CredentialError(f"{key}: expected {kind} ({prefixes[0]}…), found {found}; nothing was sent")


def _credential(name: str, key: str, environ: Mapping[str, str]) -> Path:
    folder = environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        raise CredentialError(
            f"{key}: credential:{name} needs $CREDENTIALS_DIRECTORY, which systemd sets for a unit with "
            "LoadCredential=; outside of systemd use file: or env:"
        )
    if "/" in name or name in ("", ".", ".."):
        raise CredentialError(f"{key}: credential:{name} must be the name of a file, without folders")
    for prefix in ("", PLAIN_PREFIX, ENCRYPTED_PREFIX):
        path = Path(folder, prefix + name)
        if path.is_file():
            return path
    raise CredentialError(
        f"{key}: there is no credential {name} in {folder}: put the token into /etc/slackd/credentials/{name} "
        "(or run `slackctl setup`) and reload slackd"
    )


def _check_private(path: Path, key: str) -> None:
    try:
        status = path.stat()
    except OSError as error:
        raise CredentialError(f"{key}: {path} can't be read: {error.strerror}") from error
    if not stat.S_ISREG(status.st_mode):
        raise CredentialError(f"{key}: {path} is not a file")
    if status.st_mode & 0o077:
        mode = stat.S_IMODE(status.st_mode)
        raise CredentialError(f"{key}: others may read {path} (mode {mode:04o}): run `chmod 600 {path}`")
    if status.st_uid not in (0, os.geteuid()):
        raise CredentialError(f"{key}: {path} belongs to uid {status.st_uid}: it must be ours or root's")


def _read_file(path: Path, key: str) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(_SIZE_LIMIT)
        return raw.decode("ascii")
    except OSError as error:
        raise CredentialError(f"{key}: {path} can't be read: {error.strerror}") from error
    except UnicodeDecodeError:
        # The bytes are part of the original error, and must not get into a traceback.
        raise CredentialError(f"{key}: {path} holds something that is no token") from None

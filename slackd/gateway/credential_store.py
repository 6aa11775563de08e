"""The file that keeps the local credentials, readable for the gateway alone."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

from slackd.errors import SlackdError
from slackd.gateway.credentials import CredentialGenerations, LocalCredentials, TokenKind, read_token

_FILE: Final = "credentials.json"


class CredentialsUnusable(SlackdError):
    """The file of the local credentials cannot be read or written."""


class CredentialStore:
    """Every app's local credentials.

    Args:
        wall: the UNIX time.
    """

    def __init__(self, directory: Path, wall: Callable[[], float]) -> None:
        self._file = directory / _FILE
        self._wall = wall
        self._generations = self._read()

    def of(self, plugin: str) -> CredentialGenerations:
        """That app's; they are drawn when they are first asked for.

        Raises:
            CredentialsUnusable: Fresh ones can't be written.
        """
        found = self._generations.get(plugin)
        if found is None:
            found = CredentialGenerations(LocalCredentials.draw(plugin, secrets.token_hex))
            self._put(plugin, found)
        return found

    def rotate(self, plugin: str) -> CredentialGenerations:
        """Fresh ones for that app; the ones before stay good for a while.

        Raises:
            CredentialsUnusable: They can't be written.
        """
        fresh = LocalCredentials.draw(plugin, secrets.token_hex)
        known = self._generations.get(plugin)
        rotated = known.rotate(fresh, self._wall()) if known else CredentialGenerations(fresh)
        self._put(plugin, rotated)
        return rotated

    def owner(self, token: str) -> tuple[str, TokenKind] | None:
        """The plugin and kind of a good token, or None."""
        named = read_token(token)
        if named is None:
            return None
        kind, plugin = named
        known = self._generations.get(plugin)
        return (plugin, kind) if known is not None and known.holds(kind, token, self._wall()) else None

    def secrets_of(self, plugin: str) -> list[str]:
        """Its good signing secrets, the newest first.

        Raises:
            CredentialsUnusable: As `of`.
        """
        return [each.signing_secret for each in self.of(plugin).good(self._wall())]

    def _put(self, plugin: str, generations: CredentialGenerations) -> None:
        known = {**self._generations, plugin: generations}
        text = json.dumps({name: each.as_json() for name, each in known.items()}, indent=1)
        scratch = self._file.with_suffix(".new")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(descriptor, "w", encoding="utf-8") as opened:
                opened.write(text)
                opened.flush()
                os.fsync(opened.fileno())
            os.replace(scratch, self._file)
        except OSError as error:
            raise CredentialsUnusable(
                f"The local credentials cannot be written to {self._file}: {error.strerror}."
            ) from error
        self._generations = known

    def _read(self) -> dict[str, CredentialGenerations]:
        try:
            content = json.loads(self._file.read_text(encoding="utf-8"))
            return {str(name): CredentialGenerations.from_json(each) for name, each in content.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise CredentialsUnusable(
                f"The local credentials in {self._file} cannot be read: {error}. "
                "Move the file away; every app then needs new ones (slackctl gateway credentials NAME)."
            ) from error

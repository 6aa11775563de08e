"""Local credentials: what an app shows the gateway in place of Slack's tokens. Pure.

They begin as Slack's do, since SDKs look at that, and go on with `slackd`, which Slack's never do. A rotation
leaves the ones before good for a while, so that an app may be restarted when it suits. Times are UNIX seconds.
"""

from __future__ import annotations

import enum
import hmac
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import attrs

from slackd.slotted import frozen

OVERLAP: Final = 86_400.0
"""Seconds for which credentials stay good after their rotation."""

_LOCAL: Final = re.compile(r"(xapp|xoxb)-slackd-([a-z0-9][a-z0-9_-]{0,63})-[0-9a-f]{40}")
_OURS: Final = re.compile(r"(xapp|xoxb)-slackd-")
"""Ours, also where a part is missing."""
_SLACKS: Final = re.compile(r"(xox[a-z]|xapp|xoxe\.xox[a-z])-")


class TokenKind(enum.Enum):
    """What a token is good for."""

    APP = "xapp"
    """`apps.connections.open`."""
    BOT = "xoxb"
    """The Web API."""


@frozen
class LocalCredentials:
    """One app's credentials, of one generation."""

    app_token: str = attrs.field(repr=False)
    bot_token: str = attrs.field(repr=False)
    signing_secret: str = attrs.field(repr=False)

    @classmethod
    def draw(cls, plugin: str, random_hex: Callable[[int], str]) -> LocalCredentials:
        """New ones; `random_hex(n)` gives n random bytes as hexadecimal digits."""
        return cls(
            app_token=f"xapp-slackd-{plugin}-{random_hex(20)}",
            bot_token=f"xoxb-slackd-{plugin}-{random_hex(20)}",
            signing_secret=random_hex(16),
        )

    def token(self, kind: TokenKind) -> str:
        """The token of that kind."""
        return self.app_token if kind is TokenKind.APP else self.bot_token


@frozen
class CredentialGenerations:
    """One app's credentials: those of now, and those before.

    Attributes:
        previous_until: UNIX time until which the previous ones are good.
    """

    current: LocalCredentials
    previous: LocalCredentials | None = None
    previous_until: float = 0.0

    def rotate(self, fresh: LocalCredentials, now: float, overlap: float = OVERLAP) -> CredentialGenerations:
        """The fresh ones are those of now."""
        return CredentialGenerations(fresh, self.current, now + overlap)

    def good(self, now: float) -> Iterator[LocalCredentials]:
        """Those that are good at that UNIX time."""
        yield self.current
        if self.previous is not None and now < self.previous_until:
            yield self.previous

    def holds(self, kind: TokenKind, token: str, now: float) -> bool:
        """Whether that is a good token; what is compared is compared in constant time."""
        return any(hmac.compare_digest(each.token(kind), token) for each in self.good(now))

    def as_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        return {
            "current": attrs.asdict(self.current),
            "previous": attrs.asdict(self.previous) if self.previous else None,
            "previous_until": self.previous_until,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> CredentialGenerations:
        """What `as_json` gave.

        Raises:
            KeyError, TypeError: It isn't that.
        """
        previous = value["previous"]
        return cls(
            LocalCredentials(**value["current"]),
            LocalCredentials(**previous) if previous else None,
            float(value["previous_until"]),
        )


def read_token(token: str) -> tuple[TokenKind, str] | None:
    """The kind and the plugin of a token in the local form, which may still be a wrong one."""
    found = _LOCAL.fullmatch(token)
    return (TokenKind(found[1]), found[2]) if found else None


def looks_like_slacks(token: str) -> bool:
    """Whether this is one of Slack's own tokens, which have no business here."""
    return _SLACKS.match(token) is not None and _OURS.match(token) is None

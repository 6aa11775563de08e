"""What an app gets, its URLs of Slack's rewritten to lead through the gateway, and back. Pure.

A rewritten URL carries the true one and a seal, so that it is good over restarts of the gateway, and leads
nowhere that Slack hasn't named. The URL of a file that an app sends to Slack (in an image block, in a text) is
the true one again: neither Slack nor the people there can use ours. What Slack only keeps for the app is left.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import attrs

from slackd.slack.limits import FILE_HOSTS
from slackd.slotted import frozen

_FILE_KEYS: Final = ("url_private", "url_private_download", "thumb_", "mp4", "hls", "vtt")
_STEP_TOKEN: Final = "bot_access_token"
_DEEPEST: Final = 64
_SEALED_FILE: Final = re.compile(r"https?://[^\s/<>|\"]+/file/[\w-]+/([0-9a-f]{32})/([\w-]+)", re.ASCII)
_KEPT_FOR_THE_APP: Final = frozenset(
    {"action_id", "block_id", "callback_id", "external_id", "metadata", "private_metadata", "value"}
)
"""What Slack gives back as it was."""


@frozen
class UrlSeal:
    """Makes and reads the URLs of one app.

    Attributes:
        secret: the app's own; who has another app's can't make these.
        base: how the app calls the gateway, `http://HOST:PORT`.
        api_host: the host of the Web API, whose files are Slack's too (for an emulator).
        bot_token: the app's local one, which stands where Slack gave a token for a workflow's step: the
            connector knows by the step's execution which one is meant.
    """

    plugin: str
    secret: str = attrs.field(repr=False)
    base: str
    api_host: str = ""
    bot_token: str = attrs.field(default="", repr=False)

    def seal(self, purpose: str, url: str) -> str:
        """The URL that leads to that one: `purpose` is `respond`, `file` or `upload`."""
        mac, packed = self.packed(purpose, url)
        return f"{self.base}/{purpose}/{self.plugin}/{mac}/{packed}"

    def packed(self, purpose: str, text: str) -> tuple[str, str]:
        """The seal on a text, and the text in letters that a URL may have."""
        packed = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
        return self._mac(purpose, packed), packed

    def unseal(self, purpose: str, mac: str, packed: str) -> str | None:
        """The URL that it leads to; None if this app's seal isn't on it."""
        if not hmac.compare_digest(mac.encode(), self._mac(purpose, packed).encode()):
            return None
        try:
            return base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)).decode()
        except (binascii.Error, ValueError):
            return None

    def is_file(self, key: str, value: Any) -> bool:
        """Whether that member is the URL of a file on one of Slack's file hosts."""
        if not isinstance(value, str) or not key.startswith(_FILE_KEYS):
            return False
        return is_file_url(value, self.api_host)

    def _mac(self, purpose: str, packed: str) -> str:
        text = f"{purpose}/{self.plugin}/{packed}".encode()
        return hmac.new(self.secret.encode(), text, hashlib.sha256).hexdigest()[:32]


def is_file_url(url: str, api_host: str) -> bool:
    """Whether a URL leads to one of Slack's file hosts ("Working with files"), or to the API's own host."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
    except ValueError:
        return False
    if parts.username is not None or not host:
        return False
    return (parts.scheme == "https" and host in FILE_HOSTS) or (
        parts.scheme in ("https", "http") and host == api_host
    )


def rewrite_payload(payload: Mapping[str, Any], urls: UrlSeal) -> dict[str, Any]:
    """An envelope's payload, its `response_url`s and files leading through the gateway; its tokens are ours."""
    rewritten = dict(rewrite_files(payload, urls))
    if _STEP_TOKEN in rewritten:
        rewritten[_STEP_TOKEN] = urls.bot_token
    if isinstance(event := rewritten.get("event"), dict) and _STEP_TOKEN in event:
        rewritten["event"] = {**event, _STEP_TOKEN: urls.bot_token}
    if isinstance(url := rewritten.get("response_url"), str) and url:
        rewritten["response_url"] = urls.seal("respond", url)
    if isinstance(several := rewritten.get("response_urls"), list):
        rewritten["response_urls"] = [_rewrite_one(each, urls) for each in several]
    return rewritten


def rewrite_files(value: Mapping[str, Any], urls: UrlSeal) -> Mapping[str, Any]:
    """An object, the URLs of its files leading through the gateway; the same one where it has none."""
    if not _may_have_files(value):
        return value
    rewritten = _walk(value, urls, 0)
    assert isinstance(rewritten, dict)
    return rewritten


def restore_files(value: Any, unseal: Callable[[str, str], str | None], depth: int = 0) -> Any:
    """What an app sends to Slack, the URLs of files being Slack's own.

    Args:
        unseal: gives the URL behind a seal on a packed one, or None.
    """
    if isinstance(value, str):
        if "/file/" not in value:
            return value
        return _SEALED_FILE.sub(lambda found: unseal(found[1], found[2]) or found[0], value)
    if depth > _DEEPEST:
        return value
    if isinstance(value, Mapping):
        return {
            name: each if name in _KEPT_FOR_THE_APP else restore_files(each, unseal, depth + 1)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [restore_files(each, unseal, depth + 1) for each in value]
    return value


def _may_have_files(value: Any) -> bool:
    # Nearly no envelope has a file: this look costs a small part of what a copy does.
    found = [value]
    for each in found:
        if isinstance(each, list):
            found += [inner for inner in each if type(inner) is dict or type(inner) is list]
            continue
        for name, inner in each.items():
            kind = type(inner)
            if kind is dict or kind is list:
                found.append(inner)
            elif kind is str and inner[:4] == "http" and name.startswith(_FILE_KEYS):
                return True
    return False


def _rewrite_one(value: Any, urls: UrlSeal) -> Any:
    if isinstance(value, dict) and isinstance(url := value.get("response_url"), str):
        return {**value, "response_url": urls.seal("respond", url)}
    return value


def _walk(value: Any, urls: UrlSeal, depth: int) -> Any:
    if depth > _DEEPEST:
        return value
    if isinstance(value, Mapping):
        return {
            name: urls.seal("file", each) if urls.is_file(name, each) else _walk(each, urls, depth + 1)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [_walk(each, urls, depth + 1) for each in value]
    return value

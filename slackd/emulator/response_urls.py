"""`response_url`s: five posts within thirty minutes (source: "Handling user interaction").

Times are seconds on the emulator's clock; `wall` is UNIX seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

from slackd.emulator.answers import Answers, is_set
from slackd.emulator.context import EmulatorContext
from slackd.emulator.ledger import Ledger, LedgerEntry, ResponsePost

_CONTENT: Final = ("text", "blocks", "attachments")


@attrs.define
class _Open:
    entry: LedgerEntry
    until: float
    left: int


class ResponseUrls:
    """Those that Slack has issued; what is posted to them is shown by the app's `answers`."""

    def __init__(self, context: EmulatorContext, ledger: Ledger, answers: Mapping[str, Answers]) -> None:
        self._context = context
        self._ledger = ledger
        self._answers = answers
        self._open: dict[str, _Open] = {}

    def issue(self, path: str, entry: LedgerEntry, now: float) -> None:
        """That path is the answer's way for `entry`."""
        settings = self._context.settings
        until = self._context.later(now, settings.response_url_lifetime)
        self._open[path] = _Open(entry, until, settings.response_url_uses)

    def app_of(self, path: str) -> str | None:
        """The app to which that path was issued."""
        found = self._open.get(path)
        return found.entry.app if found is not None else None

    def post(self, path: str, body: Any, now: float) -> tuple[int, str]:
        """A post came in; returns the status and text that Slack answers with."""
        found = self._open.get(path)
        if found is None:
            self._ledger.odd("", "post to an unknown response_url")
            return 404, "no_team" if path.count("/") < 4 else "expired_url"
        status, text = self._judge(found, body, now)
        found.entry.posts.append(ResponsePost(now, status, body))
        if status == 200:
            self._answers[found.entry.app].posted(found.entry, body, now)
        return status, text

    def refused(self, path: str, body: Any, status: int, now: float) -> None:
        """A post came in and was answered with a planned fault."""
        if found := self._open.get(path):
            found.entry.posts.append(ResponsePost(now, status, body))

    def _judge(self, found: _Open, body: Any, now: float) -> tuple[int, str]:
        if now >= found.until:
            return 404, "expired_url"
        if found.left <= 0:
            return 404, "used_url"
        if not isinstance(body, dict):
            return 500, "invalid_payload"
        found.left -= 1
        if not (any(body.get(name) for name in _CONTENT) or is_set(body, "delete_original")):
            return 500, "no_text"
        if (wrong := self._answers[found.entry.app].refused(body)) is not None:
            return 400, wrong
        return 200, "ok"

    def forget(self) -> None:
        """All have expired."""
        self._open.clear()

"""What Slack refuses: frames, and Web API calls."""

from __future__ import annotations

from typing import Any

from slackd import SlackdError


class FrameViolation(SlackdError):
    """A client broke the WebSocket protocol, or Slack's narrower rules; Slack closes with this code.

    Attributes:
        code: the close code of RFC 6455, section 7.4.1.
        reason: the close reason, in the words of Slack's front end.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"the client's frame is answered with close code {code}: {reason}")
        self.code = code
        self.reason = reason


class MethodError(Exception):
    """A Web API call is answered with `ok` false.

    Attributes:
        body: the answer, in Slack's form.
        status: the HTTP status.
        headers: more headers of the answer.
    """

    def __init__(
        self, error: str, *, status: int = 200, headers: dict[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(error)
        self.body: dict[str, Any] = {"ok": False, "error": error, **more}
        self.status = status
        self.headers = headers or {}

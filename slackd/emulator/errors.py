"""What the emulator raises on purpose."""

from typing import Any

from slackd import SlackdError


class EmulatorError(SlackdError):
    """The emulator was asked for something that makes no sense (an unknown app, fault or connection)."""


class FrameViolation(EmulatorError):
    """A client broke the WebSocket protocol, or Slack's narrower rules; Slack closes with this code.

    Attributes:
        code: the close code of RFC 6455, section 7.4.1.
        reason: the close reason, in the words of Slack's front end.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"the client's frame is answered with close code {code}: {reason}")
        self.code = code
        self.reason = reason


class WaitedTooLongError(EmulatorError):
    """What a test or a person waited for did not happen in time."""


class EmulatorRefused(Exception):
    """Slack says no to a call: `ok` is false."""

    def __init__(self, error: str, **more: Any) -> None:
        super().__init__(error)
        self.body: dict[str, Any] = {"ok": False, "error": error, **more}

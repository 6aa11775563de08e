"""What a plugin raises, and what it may catch.

SlackdError
├── NotJsonError          a value to be sent has no JSON text (slackd.jsonrpc)
└── PluginError
    ├── Retry             raised by a handler: deliver it to me again, later
    ├── Permanent         raised by a handler: never again, make it a dead letter
    │   └── InvalidAnswer the handler's answer is none that slackd takes; also a TypeError and a ValueError
    ├── TooLarge          a response or call does not fit into one line of the protocol
    ├── CallFailed        slackd did not make, or could not finish, a call of the Web API
    ├── SlackError        Slack made the call and answered `ok: false`
    ├── DuplicateHandler  two handlers for the same thing
    ├── InvalidHandler    a decorator's mistake: its arguments, or what it decorates; also a TypeError
    ├── NotRunning        the plugin is not being served, so nothing can be sent
    └── PluginRefused     slackd doesn't accept this program as this plugin
"""

import sys
from collections.abc import Mapping
from typing import Any

from slackd import SlackdError

_LONGEST_DELAY = sys.float_info.max


class PluginError(SlackdError):
    """The root of what this package raises."""


class Retry(PluginError):
    """Raised by a handler: not handled, deliver it again.

    `after` is in seconds; None leaves it to the backoff in the plugin's file. It counts as an attempt. Raises
    `InvalidAnswer`, a `ValueError`, where `after` is no such time: the delivery is a dead letter then.
    """

    after: float | None = None

    def __init__(self, reason: str = "", *, after: float | None = None) -> None:
        check_delay("after", after)
        super().__init__(reason or "the handler asks for another attempt")
        self.after = after


class Permanent(PluginError):
    """Raised by a handler: not handled, and no attempt will do better. It becomes a dead letter."""


class InvalidAnswer(Permanent, TypeError, ValueError):
    """What a handler would answer is none of a delivery's answers, by its type or its value.

    A handler that lets it pass has its delivery made a dead letter: no attempt will do better.
    """


def check_delay(name: str, seconds: float | None) -> None:
    """Check that these are seconds from now on, or None.

    Raises:
        InvalidAnswer: They are not; the message calls them `name`.
    """
    if seconds is None:
        return
    if not isinstance(seconds, int | float):
        raise InvalidAnswer(f"{name} is in seconds, a number, not {type(seconds).__name__}")
    if not 0 <= seconds <= _LONGEST_DELAY:
        raise InvalidAnswer(f"{name} is in seconds from now, not {seconds!r:.60}")


class TooLarge(PluginError):
    """A response or a call does not fit into one line of the protocol (1 MiB)."""


class CallFailed(PluginError):
    """A call of the Web API has no answer of Slack's.

    Attributes:
        code: One of `slackd.jsonrpc`'s error codes; METHOD_NOT_GRANTED, SLACK_UNAVAILABLE and
            OUTCOME_UNKNOWN are the common ones.
        data: What slackd adds to it, or None.
    """

    def __init__(self, method: str, code: int, message: str, data: Any = None) -> None:
        super().__init__(method, code, message, data)  # as it is copied and pickled
        self.method = method
        self.code = code
        self.data = data
        self._message = message

    def __str__(self) -> str:
        return f"{self.method}: {self._message} ({self.code})"


class SlackError(PluginError):
    """Slack answered `ok: false`.

    Attributes:
        error: Slack's word for it, `channel_not_found` say.
        response: Slack's whole answer.
    """

    def __init__(self, method: str, response: Mapping[str, Any]) -> None:
        super().__init__(method, response)  # as it is copied and pickled
        self.error = str(response.get("error", "unknown"))
        self.method = method
        self.response = response

    def __str__(self) -> str:
        return f"{self.method}: Slack answered {self.error}"


class DuplicateHandler(PluginError):
    """Two handlers for the same thing: one of them would never be called."""


class InvalidHandler(PluginError, TypeError):
    """A decorator was used wrongly, or what it decorates can't be called with what it is called with."""


class NotRunning(PluginError):
    """Nothing can be sent: the plugin is not being served, or it has left."""


class PluginRefused(PluginError):
    """slackd doesn't accept this program as this plugin; trying again would not help.

    `code` is UNKNOWN_PLUGIN, NOT_PERMITTED or UNSUPPORTED_PROTOCOL of `slackd.jsonrpc`, or INVALID_PARAMS.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(code, message)  # as it is copied and pickled
        self.code = code
        self._message = message

    def __str__(self) -> str:
        return f"{self._message} ({self.code})"

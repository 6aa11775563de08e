"""What it means that a handler raised something."""

import traceback

from slackd.jsonrpc import METHOD_NOT_GRANTED, UNKNOWN_APP, NotJsonError
from slackd.plugin.answers import Nack, nack_of
from slackd.plugin.errors import CallFailed, InvalidAnswer, Permanent, Retry, TooLarge

MISTAKES = (InvalidAnswer, NotJsonError, TooLarge)
"""The handler said what can't be said. It would again, and do again what it did before: no attempt helps."""

_NOT_GRANTED = frozenset((METHOD_NOT_GRANTED, UNKNOWN_APP))
"""What the plugin's file doesn't grant it doesn't grant at the next attempt either."""


def as_nack(error: Exception) -> Nack:
    """The answer to a delivery whose handler raised this, whatever the author made of its class."""
    match error:
        case InvalidAnswer() | NotJsonError() | TooLarge():
            return nack_of(f"the handler's mistake: {type(error).__name__}: {_words(error)}", permanent=True)
        case Permanent():
            return nack_of(_words(error), permanent=True)
        case CallFailed(code=code) if code in _NOT_GRANTED:
            return nack_of(_words(error), permanent=True)
        case Retry():
            try:
                return nack_of(_words(error), retry_after=error.after)
            except InvalidAnswer as mistake:  # it was set after `Retry` had looked at it
                return as_nack(mistake)
        case ExceptionGroup(exceptions=(Exception() as alone,)):  # a `TaskGroup`'s, with what its task raised
            return as_nack(alone)
        case _:
            return nack_of(traceback.format_exception_only(error)[-1].strip())


def _words(error: Exception) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001  the border to the author's code
        return f"a {type(error).__name__} without words"

"""A plugin's dispatcher at work, and nothing around it."""

from typing import Any

from slackd.broker.dispatch.dispatcher import Dispatcher
from slackd.broker.instant import Instant
from slackd.broker.journal.writes import CloseDelivery, DeadLetterDelivery, Done, RetryDelivery


def wanted(dispatcher: Dispatcher, kind: Any, now: Instant) -> list[Any]:
    """What it wants done of this kind, in this turn; the writes among the rest take effect."""
    found = []
    for action in dispatcher.end_turn():
        if isinstance(action, kind):
            found.append(action)
        if isinstance(action, CloseDelivery | RetryDelivery | DeadLetterDelivery):
            dispatcher.committed(action, Done(), now)
    return found

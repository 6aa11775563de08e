"""Lines that slackd sends to plugins: the request `envelope`, and the result of `initialize`.

There is an `envelope` for every delivery, so Slack's text goes into it as it was journaled: it is neither
parsed nor encoded again.
"""

import functools
import json
from collections.abc import Sequence
from typing import Any

from slackd import __version__
from slackd.broker.journal import StoredEnvelope
from slackd.broker.journal.writes import OpenDelivery
from slackd.broker.plugins.params import PROTOCOL
from slackd.config import PluginConfig


def encode_envelope(delivery: OpenDelivery, envelope: StoredEnvelope, after: str = "") -> bytes:
    """The line that delivers an envelope.

    Args:
        delivery: The delivery, with its attempt.
        envelope: Its text is JSON without a raw line break in it.
        after: The `DELIVERY.ATTEMPT` that it was sent ahead behind, if any.
    """
    attempt, respond_by = delivery.attempt, delivery.respond_by
    owed = "null" if respond_by is None else repr(respond_by)
    answered = '"answered":true,' if delivery.answered else ""
    behind = f'"after":"{after}",' if after else ""
    return (
        f'{{"jsonrpc":"2.0","id":"{delivery.id}.{attempt}","method":"envelope","params":{{"attempt":{attempt},'
        f'"app":{_quoted(envelope.app)},"type":{_quoted(envelope.type)},"received_at":{envelope.received_at!r},'
        f'"respond_by":{owed},{answered}{behind}"envelope":{envelope.text}}}}}\n'
    ).encode()


@functools.lru_cache(maxsize=256)
def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def greeting(
    plugin: PluginConfig, apps: Sequence[str], window: int, deadline: float, journal: str
) -> dict[str, Any]:
    """The result of `initialize`.

    Args:
        window: Deliveries that the session has at once in each lane.
        deadline: Seconds within which an answer reaches Slack.
        journal: Names the incarnation of the journal that ids are of.
    """
    return {
        "protocol": PROTOCOL,
        "server": f"slackd {__version__}",
        "apps": list(apps),
        "methods": list(plugin.methods),
        "window": window,
        "deadline_window": window,
        "answer_deadline": deadline,
        "journal": journal,
    }

"""The line that hands a delivery to a plugin: the request `envelope`, around Slack's text as it was journaled.

There is one for every delivery, so that text is neither parsed nor printed again, and the rest is not printed
from a dictionary either.
"""

import functools
import json

from slackd.broker.journal import StoredEnvelope
from slackd.broker.journal.writes import OpenDelivery


def encode_envelope(delivery: OpenDelivery, envelope: StoredEnvelope) -> bytes:
    """The whole line; the envelope's text is JSON without a raw line break in it."""
    attempt, respond_by = delivery.attempt, delivery.respond_by
    return (
        f'{{"jsonrpc":"2.0","id":"{delivery.id}.{attempt}","method":"envelope","params":{{"attempt":{attempt},'
        f'"app":{_quoted(envelope.app)},"type":{_quoted(envelope.type)},"received_at":{envelope.received_at!r},'
        f'"respond_by":{"null" if respond_by is None else repr(respond_by)},"envelope":{envelope.text}}}}}\n'
    ).encode()


@functools.lru_cache(maxsize=1024)
def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)

"""What a person is shown when no plugin answers, in the form that each kind of envelope has for it."""

import json
from collections.abc import Mapping
from typing import Any

from slackd.envelope import ParsedEnvelope
from slackd.slack import acknowledgement, envelopes
from slackd.slack.acknowledgement import EMPTY_OPTIONS, empty_answer
from slackd.slack.envelopes import COMMANDS, INTERACTIVE, OPTIONS_KINDS
from slackd.slotted import frozen


@frozen
class Notice:
    """How a text reaches a person.

    Attributes:
        payload: JSON text that goes into the acknowledgement, or None.
        post: JSON text that goes to the envelope's `response_url` instead, or None.
    """

    payload: str | None = None
    post: str | None = None

    @property
    def is_empty(self) -> bool:
        """Nobody is notified."""
        return self.payload is None and self.post is None


NOTHING = Notice()


def notice(envelope: ParsedEnvelope, text: str) -> Notice:
    """`text` in the form that the envelope's kind has for it; nothing where it has none."""
    if not text:
        return Notice()
    if envelope.type == COMMANDS and envelope.accepts_response:
        return Notice(payload=_print({"response_type": "ephemeral", "text": text}))
    match envelope.facets.kind if envelope.type == INTERACTIVE else "":
        case kind if kind in OPTIONS_KINDS:
            return Notice(payload=EMPTY_OPTIONS if envelope.accepts_response else None)
        case envelopes.VIEW_SUBMISSION:
            return Notice(payload=_in_modal(envelope, text) if envelope.accepts_response else None)
    return Notice(post=posted_notice(envelope, text))


def posted_notice(envelope: ParsedEnvelope, text: str) -> str | None:
    """`text` as JSON text for the envelope's `response_url`; None where it has none, or is an open menu's."""
    if not text or not envelope.response_url or envelope.facets.kind in OPTIONS_KINDS:
        return None
    return _print({"response_type": "ephemeral", "replace_original": False, "text": text})


def unanswered(envelope: ParsedEnvelope) -> str | None:
    """What goes into the acknowledgement at the deadline, when no answer came."""
    return empty_answer(envelope.facets.kind)


def is_message(response: str) -> bool:
    """Whether a plugin's answer (JSON text) is a message, which a `response_url` takes."""
    answer = json.loads(response)
    return isinstance(answer, dict) and acknowledgement.is_message(answer)


def _in_modal(envelope: ParsedEnvelope, text: str) -> str | None:
    """An error that leaves what was typed where it is; a modal without anything to type into shows the text
    alone ("Modals", validation and updating)."""
    view = json.loads(envelope.text)["payload"].get("view")
    if not isinstance(view, dict):
        return None
    block = _input_block(view)
    if block:
        return _print({"response_action": "errors", "errors": {block: text}})
    if not isinstance(view.get("title"), dict):
        return None
    section = {"type": "section", "text": {"type": "plain_text", "text": text}}
    shown = {"type": "modal", "title": view["title"], "blocks": [section]}
    return _print({"response_action": "update", "view": shown})


def _input_block(view: Mapping[str, Any]) -> str:
    """A modal shows an error only at one of its input blocks."""
    blocks = view.get("blocks")
    for block in blocks if isinstance(blocks, list) else ():
        if isinstance(block, dict) and block.get("type") == "input" and isinstance(block.get("block_id"), str):
            return str(block["block_id"])
    state = view.get("state")
    values = state.get("values") if isinstance(state, dict) else None
    return next(iter(values), "") if isinstance(values, dict) else ""


def _print(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

"""Why an answer is not in the acknowledgement: a name for programs, and words for the author. Pure."""

from collections.abc import Mapping
from typing import Final

from slackd.broker.dispatch.subscriptions import matches
from slackd.broker.journal.writes import StoredEnvelope
from slackd.broker.parsing import read_again
from slackd.config import PluginConfig
from slackd.slack.acknowledgement import IGNORED_IN_ACK

LATE: Final = "late"
NO_RESPOND: Final = "no_respond"
TOO_LARGE: Final = "too_large"
NOT_TAKEN: Final = "not_taken"
ANSWERED: Final = "answered"
UNKNOWN: Final = ""
"""Its envelope must be read to say it."""

REASONS: Final[Mapping[str, str]] = {
    LATE: "the acknowledgement had gone out",
    NO_RESPOND: (
        "no [[subscribe]] of {file} that matches it has respond = true, so slackd did not wait for an answer: "
        "write respond = true there if Slack's acknowledgement is to carry it"
    ),
    TOO_LARGE: "it is larger than what Slack takes in an acknowledgement",
    NOT_TAKEN: "Slack takes no such answer in the acknowledgement of what it sent",
    ANSWERED: "an answer was given before, and the delivery kept: this is one more",
}
"""By name: the words; {file} is the plugin's file."""


def words(reason: str, plugin: PluginConfig | None) -> str:
    """The words for the plugin's author."""
    return REASONS.get(reason, REASONS[LATE]).replace("{file}", str(plugin.file) if plugin else "its file")


def why_not_awaited(plugin: PluginConfig, stored: StoredEnvelope | None) -> str:
    """Why slackd did not wait for this plugin's answer to this envelope; `UNKNOWN` without its text."""
    if stored is None or not stored.text:
        return UNKNOWN
    envelope = read_again(stored)
    if envelope is None:
        return LATE
    if not any(each.respond and matches(each, envelope) for each in plugin.subscriptions):
        return NO_RESPOND
    if envelope.facets.kind in IGNORED_IN_ACK or not envelope.accepts_response:
        return NOT_TAKEN
    return LATE

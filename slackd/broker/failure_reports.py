"""A person is notified when what they asked for has failed, or takes longer than Slack waits. Pure.

While the acknowledgement waits it carries the words: at the deadline, if another attempt is to come or the
handler is still at work; at once, if the delivery is a dead letter (P5). A modal shows them as an error, and
so stays open with what was typed. After the acknowledgement they go through the `response_url`, where there is
one. The reference in them is the delivery's number, which `slackctl deadletters show` and `inflight` find.
"""

from collections.abc import Mapping

from slackd.broker.fallback_responses import notice, posted_notice
from slackd.broker.journal import StoredEnvelope
from slackd.broker.journal.writes import Lane, OpenDelivery
from slackd.broker.parsing import read_again
from slackd.config import PluginConfig, Plugins
from slackd.envelope import ParsedEnvelope
from slackd.slack.envelopes import VIEW_SUBMISSION
from slackd.slotted import frozen


@frozen
class FailureReport:
    """How a person is notified of a failure.

    Attributes:
        in_ack: JSON text for an acknowledgement that is still waited for, or None.
        post: JSON text for the envelope's `response_url`, or None.
    """

    in_ack: str | None = None
    post: str | None = None


NO_REPORT = FailureReport()


class FailureReports:
    """Words the reports, as the configuration wants them."""

    def __init__(self, plugins: Mapping[str, PluginConfig], rules: Plugins) -> None:
        self._plugins, self._rules = plugins, rules

    def wants(self, delivery: OpenDelivery) -> bool:
        """Somebody may wait for this delivery, and its plugin's file doesn't forbid to notify them."""
        plugin = self._plugins.get(delivery.plugin)
        return plugin is not None and plugin.delivery.report_failures and delivery.lane is Lane.PROMPT

    def report(
        self, delivery: OpenDelivery, stored: StoredEnvelope, *, final: bool, acknowledged: bool
    ) -> FailureReport:
        """How the person who waits for a delivery is notified that it failed.

        Args:
            delivery: What failed.
            stored: Its envelope, with its text.
            final: It is a dead letter; else another attempt will follow.
            acknowledged: The envelope's acknowledgement has gone out.
        """
        envelope = read_again(stored)
        if envelope is None or not self.wants(delivery):
            return NO_REPORT
        words = self._rules.failure_text if final else self._rules.retry_text
        text = _filled_in(words, delivery.plugin, str(delivery.id))
        reply = notice(envelope, text)
        if acknowledged and not _is_modal(envelope):
            return FailureReport(post=posted_notice(envelope, text) if final else None)
        return FailureReport(reply.payload, reply.post if final else None)

    def slow(self, plugin: str, envelope: ParsedEnvelope, reference: str) -> str | None:
        """What the acknowledgement carries where this plugin has not answered by the deadline (JSON text).

        A modal can't be answered later: it would close as if it had saved. Whatever else asks for an answer has
        a `response_url`, through which it follows.
        """
        rules = self._plugins.get(plugin)
        if rules is None or not rules.delivery.report_failures:
            return None
        words = self._rules.slow_modal_text if _is_modal(envelope) else self._rules.slow_text
        return notice(envelope, _filled_in(words, plugin, reference)).payload


def _is_modal(envelope: ParsedEnvelope) -> bool:
    return envelope.facets.kind == VIEW_SUBMISSION


def _filled_in(words: str, plugin: str, reference: str) -> str:
    return words.replace("{plugin}", plugin).replace("{reference}", reference)

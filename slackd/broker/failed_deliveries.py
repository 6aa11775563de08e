"""A delivery has failed: whoever waits for it is notified, in the acknowledgement or after it. Pure.

P5, the invariant kept here: for whom nothing more will come, nobody waits until a deadline. The words need the
envelope; where memory has let go of its text, it is read first (`ReadForReport`).
"""

from collections.abc import Collection

from slackd.broker.actions import ReadForReport
from slackd.broker.failure_reports import FailureReports
from slackd.broker.ingest import PostNotice
from slackd.broker.instant import Instant
from slackd.broker.journal import StoredEnvelope
from slackd.broker.journal.writes import Lane, OpenDelivery
from slackd.broker.outbox import Outbox
from slackd.broker.pending_acks import PendingAcks
from slackd.slack.limits import RESPONSE_URL_LIFETIME


class FailedDeliveries:
    """Notifies people of what failed."""

    def __init__(self, reports: FailureReports, awaited: PendingAcks, outbox: Outbox) -> None:
        self._reports, self._awaited, self._outbox = reports, awaited, outbox

    def retried(self, failed: OpenDelivery, now: Instant) -> None:
        """An attempt failed, and another will follow."""
        self._report(failed, final=False, now=now)

    def dead(self, failed: OpenDelivery, now: Instant) -> None:
        """It is a dead letter, for which nobody waits any longer."""
        if self._report(failed, final=True, now=now):
            self.give_up(failed.envelope, failed.plugin)

    def dead_by_limits(
        self, plugin: str, envelopes: Collection[int], prompt: Collection[tuple[int, int]]
    ) -> None:
        """The journal made deliveries of these envelopes dead letters by itself.

        Args:
            plugin: Whose they are.
            envelopes: Their envelopes.
            prompt: Delivery and envelope of those that a person waits for.
        """
        to_be_read = set()
        for delivery, envelope in prompt:
            failed = OpenDelivery(delivery, envelope, plugin, Lane.PROMPT, "")
            if self._reports.wants(failed):
                to_be_read.add(envelope)
                self._outbox.add(ReadForReport(failed, final=True))
        for envelope in envelopes:
            if envelope not in to_be_read:
                self.give_up(envelope, plugin)

    def read(self, wanted: ReadForReport, stored: StoredEnvelope | None, now: Instant) -> None:
        """What a `ReadForReport` asked for; None if the journal has it no more."""
        failed = wanted.delivery
        if stored is not None:
            self._report_of(failed, stored, final=wanted.final, now=now)
        if wanted.final:
            self.give_up(failed.envelope, failed.plugin)

    def give_up(self, envelope: int, plugin: str) -> None:
        """This plugin will not answer any more."""
        self._outbox.settle(self._awaited.given_up(envelope, plugin))

    def _report(self, failed: OpenDelivery, *, final: bool, now: Instant) -> bool:
        """False if its envelope must be read before."""
        if not self._reports.wants(failed):
            return True
        stored = failed.stored
        if stored is None or not stored.text:
            self._outbox.add(ReadForReport(failed, final))
            return False
        self._report_of(failed, stored, final=final, now=now)
        return True

    def _report_of(self, failed: OpenDelivery, stored: StoredEnvelope, *, final: bool, now: Instant) -> None:
        acknowledged = not self._awaited.is_awaited_of(failed.envelope, failed.plugin)
        report = self._reports.report(failed, stored, final=final, acknowledged=acknowledged)
        if report.in_ack is not None:
            self._awaited.falls_back(failed.envelope, failed.plugin, report.in_ack)
        if report.post is not None and now.unix - stored.received_at < RESPONSE_URL_LIFETIME:
            self._outbox.add(PostNotice(stored.app, stored.response_url, report.post))

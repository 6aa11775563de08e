"""Arrivals in, records for the journal out, and after the commit a word for the connector.

P1, the invariant kept here: no settlement before the commit of the envelope it settles, nor for a duplicate
before the commit of the first (the journal's writer answers in the order of submission). When a commit fails,
the arrivals in it are refused: Slack sends them again.

P4, the invariant kept here: an envelope with a dedupe key that the journal remembers opens no delivery; it is
settled as the first one was, or waits with it.
"""

from collections.abc import Callable, Mapping, Sequence

import attrs

from slackd.broker.access import GroupMembers, refusal
from slackd.broker.counters import Counters
from slackd.broker.dispatch.intercepted import is_intercepted
from slackd.broker.dispatch.subscriptions import Match, Matcher
from slackd.broker.failure_reports import FailureReports
from slackd.broker.fallback_responses import NOTHING, is_message, notice, unanswered
from slackd.broker.instant import Instant
from slackd.broker.intercepts import Intercepts
from slackd.broker.journal import LateAnswer
from slackd.broker.journal.writes import (
    AnswerState,
    DeadReason,
    Duplicate,
    Lane,
    NewDelivery,
    OpenDelivery,
    Outcome,
    Record,
    Recorded,
)
from slackd.broker.parsing import read
from slackd.broker.pending_acks import PendingAcks, Settlements, Waiter
from slackd.broker.unsent_answers import GivenAnswer
from slackd.config import Absent, Config, PluginConfig, Subscription
from slackd.envelope import Arrival, ParsedEnvelope, Promise, Settlement, Unreadable
from slackd.jsonrpc import MAX_LINE_TO_PLUGIN
from slackd.link.messages import AppIdentity
from slackd.slack.acknowledgement import IGNORED_IN_ACK
from slackd.slack.envelopes import COMMANDS, OPTIONS_KINDS
from slackd.slotted import define, frozen

ROOM_FOR_PARAMS = 4_096
"""Bytes of a line to a plugin that aren't the envelope."""

NO_LINK = -1
"""The link of what came over one that is gone: what becomes of it is reported to nobody."""

REFUSED_TEXT = "{plugin} is not available at the moment, please try again later."
KEPT_TEXT = "{plugin} is not available at the moment; this will be done as soon as it is back."


@frozen
class Incoming:
    """One arrival on its way through a commit.

    Attributes:
        link: Names the link that brought it.
        notice: What goes to its `response_url` once it is recorded (JSON text), or None.
        refused_for: The absent plugin that it isn't delivered to, or "".
        forbidden: Plugins that it isn't delivered to, since who did it may not, each with why.
    """

    link: int
    arrival: Arrival
    record: Record
    notice: str | None = None
    refused_for: str = ""
    forbidden: tuple[tuple[str, str], ...] = ()


@frozen
class PostNotice:
    """Send this JSON text to that `response_url`."""

    app: str
    response_url: str
    body: str


@define
class IngestResult:
    """What follows from a commit.

    Attributes:
        given: Envelope, link and number of duplicates that are settled with the answer that was given, and that
            answer, should it have to follow; None if it can't.
        ending: Envelopes for which nobody is to wait any longer.
        recorded: Envelopes that are new.
        repeated: Envelopes that came again.
        forbidden: Envelope, plugin, and the words for the audit: who did it may not.
    """

    settlements: Settlements = attrs.field(factory=list)
    given: list[tuple[int, int, int, GivenAnswer | None]] = attrs.field(factory=list)
    promises: list[tuple[int, Promise]] = attrs.field(factory=list)
    opened: list[OpenDelivery] = attrs.field(factory=list)
    ending: list[int] = attrs.field(factory=list)
    posts: list[PostNotice] = attrs.field(factory=list)
    recorded: list[int] = attrs.field(factory=list)
    repeated: list[int] = attrs.field(factory=list)
    forbidden: list[tuple[int, str, str]] = attrs.field(factory=list)


class Ingest:
    """What becomes of an arrival.

    Attributes:
        identities: Who each app's bot is, as far as a connector has reported it.
        members: Who is in which user group.
        intercepts: Whose deliveries go to whoever develops a plugin.
    """

    def __init__(
        self,
        config: Config,
        answers: PendingAcks,
        counters: Counters,
        absent_for: Callable[[str, Instant], float],
        failures: FailureReports,
        delivery_of: Callable[[str, int], int | None],
    ) -> None:
        """`absent_for` says for how long a plugin has had no session; `delivery_of` which of a plugin's
        deliveries in flight is of an envelope."""
        self._apps, self._rules = config.apps, config.plugins
        self._plugins = config.plugin_files
        self._matcher = Matcher(config.plugin_files)
        self._answers, self._counters, self._absent_for = answers, counters, absent_for
        self._failures, self._delivery_of = failures, delivery_of
        self.identities: dict[str, AppIdentity] = {}
        self.members = GroupMembers()
        self.intercepts = Intercepts()

    def plugin(self, name: str) -> PluginConfig | None:
        """A plugin's file."""
        return self._plugins.get(name)

    def receive(self, link: int, arrivals: Sequence[Arrival], now: Instant) -> list[Incoming]:
        """Arrivals that were read together, as records to be committed together."""
        return [self._incoming(link, arrival, now) for arrival in arrivals]

    def committed(
        self, incoming: Mapping[int, Incoming], outcomes: Sequence[Outcome], now: Instant
    ) -> IngestResult:
        """The records (by their place in the submission) are on the disk, or were known before."""
        result = IngestResult()
        for place, each in incoming.items():
            match outcomes[place]:
                case Recorded() as recorded:
                    self._recorded(each, recorded, result)
                case Duplicate() as duplicate:
                    self._duplicate(each, duplicate, result)
        return result

    def _incoming(self, link: int, arrival: Arrival, now: Instant) -> Incoming:
        identity = self.identities.get(arrival.app)
        understood = read(arrival, identity.own_bot_ids if identity is not None else ())
        received_at = now.to_unix(arrival.received_at)
        if isinstance(understood, Unreadable):
            return Incoming(link, arrival, Record(understood, received_at))
        return self._plan(link, arrival, understood, received_at, now)

    def _plan(
        self, link: int, arrival: Arrival, envelope: ParsedEnvelope, received_at: float, now: Instant
    ) -> Incoming:
        matches: Sequence[Match] = self._matcher.matches(envelope)
        if self.intercepts:
            matches = self.intercepts.divert(matches, envelope)
        if not matches and envelope.type == COMMANDS:
            reply = notice(envelope, self._unclaimed_text(envelope.app))
            return Incoming(link, arrival, Record(envelope, received_at, response=reply.payload), reply.post)
        too_large = _is_too_large(envelope.text)
        forbidden: list[tuple[str, str]] = []
        if not envelope.is_prompt:
            all_of_them = [
                self._delivery(match, envelope, received_at, None, too_large)
                for match in matches
                if self._is_permitted(match, envelope, now, forbidden)
            ]
            record = Record(envelope, received_at, AnswerState.NONE, None, tuple(all_of_them))
            return Incoming(link, arrival, record, None, "", tuple(forbidden))
        respond_by = received_at + self._rules.answer_deadline
        deliveries, reply, answer, refused_for = [], NOTHING, AnswerState.NONE, ""
        for match in matches:
            owes = None
            if not self._is_permitted(match, envelope, now, forbidden):
                continue
            subscription = self._permitted(match, envelope, now)[0] or match.subscription
            asked = subscription.respond and answer is AnswerState.NONE and reply.is_empty and not refused_for
            if asked and self._is_absent(match, now):
                keep = subscription.absent is Absent.KEEP
                text = KEPT_TEXT if keep else REFUSED_TEXT
                reply = notice(envelope, text.format(plugin=match.plugin.name))
                if not keep:
                    refused_for = match.plugin.name
                    continue
            elif asked and not too_large and self._may_wait(link, arrival, envelope):
                answer, owes = AnswerState.OWED, respond_by
            deliveries.append(self._delivery(match, envelope, received_at, owes, too_large))
        if forbidden and not deliveries and reply.is_empty:
            reply = notice(envelope, self._rules.forbidden_text)
        record = Record(envelope, received_at, answer, reply.payload, tuple(deliveries))
        return Incoming(link, arrival, record, reply.post, refused_for, tuple(forbidden))

    def _is_absent(self, match: Match, now: Instant) -> bool:
        """Nobody has been there to answer for a while; whoever develops is there, by holding the intercept."""
        if is_intercepted(match.key):
            return False
        return self._absent_for(match.plugin.name, now) >= self._rules.absent_after

    def _is_permitted(
        self, match: Match, envelope: ParsedEnvelope, now: Instant, forbidden: list[tuple[str, str]]
    ) -> bool:
        """Whether its plugin may see this; whom it may not be shown is added to `forbidden`."""
        if match.subscription.allow is None:
            return True
        subscription, why = self._permitted(match, envelope, now)
        if subscription is None:
            forbidden.append((match.plugin.name, why))
        return subscription is not None

    def _permitted(
        self, match: Match, envelope: ParsedEnvelope, now: Instant
    ) -> tuple[Subscription | None, str]:
        """The first subscription that allows who did it, or None and why the last one doesn't."""
        why = ""
        for subscription in (match.subscription, *match.others):
            why = refusal(subscription.allow, envelope, self.members, now.monotonic)
            if not why:
                return subscription, ""
        return None, why

    def _may_wait(self, link: int, arrival: Arrival, envelope: ParsedEnvelope) -> bool:
        elsewhere = bool(envelope.response_url)
        if envelope.facets.kind in IGNORED_IN_ACK:
            return False
        return envelope.accepts_response and self._answers.may_wait(
            link, arrival.connection, elsewhere=elsewhere
        )

    def _delivery(
        self,
        match: Match,
        envelope: ParsedEnvelope,
        received_at: float,
        respond_by: float | None,
        too_large: bool,
    ) -> NewDelivery:
        plugin: PluginConfig = match.plugin
        expires_at = None
        if match.lane is Lane.PROMPT:
            options = envelope.facets.kind in OPTIONS_KINDS
            expires_at = received_at + (self._rules.answer_deadline if options else plugin.delivery.expire)
        dead = DeadReason.TOO_LARGE if too_large else None
        return NewDelivery(plugin.name, match.lane, match.key, expires_at, respond_by, dead)

    def _unclaimed_text(self, app: str) -> str:
        known = self._apps.get(app)
        return known.unclaimed_command if known is not None else ""

    def _recorded(self, each: Incoming, recorded: Recorded, result: IngestResult) -> None:
        record, envelope = each.record, each.record.envelope
        result.opened.extend(recorded.deliveries)
        result.recorded.append(recorded.envelope)
        if isinstance(envelope, Unreadable):
            self._counters.unreadable[envelope.app] += 1
            result.settlements.append((each.link, Settlement(each.arrival.number, envelope.envelope_id)))
            return
        self._counters.envelopes[envelope.app, envelope.type] += 1
        if envelope.retry_attempt > 0:
            self._counters.first_seen_on_retry[envelope.app] += 1
        if each.refused_for:
            self._counters.deliveries[each.refused_for, "refused"] += 1
        for plugin, why in each.forbidden:
            self._counters.deliveries[plugin, "refused"] += 1
            result.forbidden.append((recorded.envelope, plugin, _audit(envelope, why)))
        for delivery in record.deliveries:
            if delivery.dead is not None:
                self._counters.deliveries[delivery.plugin, "dead"] += 1
        if each.notice is not None:
            result.posts.append(PostNotice(envelope.app, envelope.response_url, each.notice))
        if not envelope.is_prompt:
            result.settlements.append((each.link, Settlement(each.arrival.number, envelope.envelope_id)))
            return
        owing = next((mine.id for mine in recorded.deliveries if mine.respond_by is not None), None)
        self._settle_or_wait(each, recorded.envelope, record.answer, record.response, result, owing)

    def _duplicate(self, each: Incoming, duplicate: Duplicate, result: IngestResult) -> None:
        envelope = each.record.envelope
        if isinstance(envelope, Unreadable):
            result.settlements.append((each.link, Settlement(each.arrival.number, envelope.envelope_id)))
            return
        self._counters.duplicates[envelope.app, envelope.type] += 1
        result.repeated.append(duplicate.envelope)
        self._settle_or_wait(each, duplicate.envelope, duplicate.answer, duplicate.response, result)

    def _settle_or_wait(
        self,
        each: Incoming,
        envelope: int,
        answer: AnswerState,
        response: str | None,
        result: IngestResult,
        owing: int | None = None,
    ) -> None:
        understood, number = each.record.envelope, each.arrival.number
        assert isinstance(understood, ParsedEnvelope)
        if each.link == NO_LINK:
            return
        if answer is AnswerState.OWED:
            due = each.arrival.received_at + self._rules.answer_deadline
            waiter = Waiter(each.link, number, understood.envelope_id, due, each.arrival.connection)
            plugin = _who_answers(each.record)
            reference = owing if owing is not None else self._delivery_of(plugin, envelope)
            promise, ends = self._answers.wait(
                envelope,
                waiter,
                plugin,
                unanswered(understood),
                slow=self._failures.slow(plugin, understood, str(reference or understood.envelope_id)),
                elsewhere=bool(understood.response_url),
            )
            result.promises.append((each.link, promise))
            if ends:
                result.ending.append(envelope)
            return
        if self._answers.is_following(envelope):
            response = None
        elif answer is AnswerState.GIVEN:
            given = _given_before(each, understood, envelope, response)
            result.given.append((envelope, each.link, number, given))
        payload = response if response is not None else self._answers.words_for(envelope)
        if payload is None:
            payload = unanswered(understood)
        result.settlements.append((each.link, Settlement(number, understood.envelope_id, payload)))


def _audit(envelope: ParsedEnvelope, why: str) -> str:
    """Who wanted what where, and why not: what an audit asks for."""
    facets = envelope.facets
    what = facets.command or facets.callback_id or " ".join(facets.action_ids) or " ".join(facets.events[:1])
    return f"user {facets.user or '-'} in {facets.channel or '-'} wanted {what or facets.kind or '-'}: {why}"


def _who_answers(record: Record) -> str:
    return next((each.plugin for each in record.deliveries if each.respond_by is not None), "")


def _given_before(
    each: Incoming, understood: ParsedEnvelope, envelope: int, response: str | None
) -> GivenAnswer | None:
    """An answer that the journal has as given, as it follows if no acknowledgement can carry it. It may be an
    earlier broker's: nobody knows its delivery any more, so it is named by its envelope."""
    if response is None or not understood.response_url or not is_message(response):
        return None
    plugin, app, url = _who_answers(each.record), understood.app, understood.response_url
    return GivenAnswer(LateAnswer(-envelope, envelope, plugin, app, url, response), "", 0)


def _is_too_large(text: str) -> bool:
    limit = MAX_LINE_TO_PLUGIN - ROOM_FOR_PARAMS
    return len(text) * 4 > limit and len(text.encode()) > limit

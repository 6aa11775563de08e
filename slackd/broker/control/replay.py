"""Replay: a plugin gets again what it got, or would have got, once.

P6 holds here too: only what the plugin subscribes to is delivered to it, whoever asks.
"""

import logging
from collections.abc import Sequence
from typing import Any

from slackd.broker.control import lookups, requests
from slackd.broker.control.context import ControlContext
from slackd.broker.control.http import HttpRequest, HttpResponse
from slackd.broker.dispatch.subscriptions import Matcher
from slackd.broker.journal import StoredEnvelope
from slackd.broker.journal.writes import Done, Lane, NewDelivery, Replay
from slackd.broker.parsing import read_again
from slackd.config import PluginConfig
from slackd.slotted import frozen

log = logging.getLogger(__name__)

_MEMBERS = ("plugin", "envelopes", "since", "until", "after", "app", "type", "dry_run")


@frozen
class _Wanted:
    """Which envelopes of a page are meant."""

    app: str | None
    type: str | None

    def __call__(self, stored: StoredEnvelope) -> bool:
        return self.app in (None, stored.app) and self.type in (None, stored.type)


async def replay(broker: ControlContext, request: HttpRequest) -> HttpResponse:
    """The body is `{"plugin": NAME, "envelopes": [ID, ...]}` or `{"plugin": NAME, "since": TIME, "until"?,
    "after"?: ID}`: a page; `more` says that there are more, from `last` on. `app` and `type` narrow it, and
    `dry_run` only says what would be delivered.

    Raises:
        BadRequest: The body is none of these.
        NotFound: There is no such plugin, or no such app.
        JournalError: The journal can't be read or written.
    """
    content = requests.body(request, _MEMBERS)
    plugin, wanted = _plugin(broker, content), _wanted(broker, content)
    ids, since = requests.ids_in(content, "envelopes"), requests.moment_in(content, "since")
    if (ids is None) == (since is None):
        raise requests.BadRequest('say which: "envelopes": [ID, ...] or "since": UNIX seconds')
    if ids is not None:
        found = await broker.journal.envelopes(ids)
        page: Sequence[StoredEnvelope] = [found[each] for each in sorted(found)]
        missing, more = [each for each in ids if each not in found], False
    else:
        after, until = requests.id_in(content, "after"), requests.moment_in(content, "until")
        page = await broker.journal.recorded(after, requests.LARGEST_PAGE, since, until)
        missing, more = [], len(page) == requests.LARGEST_PAGE
    meant = [each for each in page if wanted(each)]
    writes = _writes(plugin, meant, broker.engine.clock().unix)
    replayed = [write.envelope for write in writes]
    if writes and not requests.flag_in(content, "dry_run"):
        outcomes = await broker.engine.write(*writes)
        replayed = [
            write.envelope for write, outcome in zip(writes, outcomes, strict=True) if isinstance(outcome, Done)
        ]
        extra = {"event": "replayed", "plugin": plugin.name}
        log.info(
            "%s replayed %d envelopes to %s", requests.who(request), len(replayed), plugin.name, extra=extra
        )
    chosen = set(replayed)
    return requests.answer(
        {
            "replayed": replayed,
            "not_subscribed": [each.id for each in meant if each.id not in chosen],
            "missing": missing,
            "last": page[-1].id if page else 0,
            "more": more,
        }
    )


def _wanted(broker: ControlContext, content: Any) -> _Wanted:
    wanted = _Wanted(requests.text_in(content, "app"), requests.text_in(content, "type"))
    lookups.check_app(broker, wanted.app)
    lookups.check_type(broker, wanted.type)
    return wanted


def _plugin(broker: ControlContext, content: Any) -> PluginConfig:
    name = requests.text_in(content, "plugin")
    if name is None:
        raise requests.BadRequest('name the plugin to deliver it to: "plugin": "NAME"')
    return lookups.declared_plugin(broker, name)


def _writes(plugin: PluginConfig, page: Sequence[StoredEnvelope], now: float) -> list[Replay]:
    matcher, writes = Matcher({plugin.name: plugin}), []
    for stored in page:
        envelope = read_again(stored)
        for match in matcher.matches(envelope) if envelope is not None else ():
            # Slack was answered long ago: nothing is owed, and a person's click is stale after `expire`.
            expires_at = now + plugin.delivery.expire if match.lane is Lane.PROMPT else None
            writes.append(Replay(stored.id, NewDelivery(plugin.name, match.lane, match.key, expires_at)))
    return writes

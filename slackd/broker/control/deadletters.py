"""Dead letters: listed, shown, tried again or thrown away, one, several, or all of a plugin."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

from slackd.broker.control import lookups, requests
from slackd.broker.control.context import ControlContext
from slackd.broker.control.http import HttpRequest, HttpResponse
from slackd.broker.journal import DeadLetter
from slackd.broker.journal.writes import DeadReason, Discard, Done, Revive

log = logging.getLogger(__name__)

NOBODYS = ""
"""The plugin of envelopes that could not be understood."""
_REASONS = ", ".join(each.value for each in DeadReason)


async def listed(broker: ControlContext, request: HttpRequest) -> HttpResponse:
    """A page of dead letters, oldest first, without their texts; `after` is the last delivery of the page
    before.

    Raises:
        BadRequest: A parameter is none, or has no value that it can have.
        NotFound: There is neither such a plugin nor a dead letter of it.
        JournalError: The journal can't be read.
    """
    requests.known_parameters(request, ["plugin", "after", "limit"])
    limit, after = requests.page_limit(request), requests.whole_number(request, "after", 0)
    plugin = request.query.get("plugin")
    if after == 0:
        await lookups.check_plugin_of_letters(broker, plugin)
    letters = await broker.journal.dead_letters(after, limit, plugin)
    return requests.answer({"deadletters": [_summary(each) for each in letters], "more": len(letters) == limit})


async def shown(broker: ControlContext, request: HttpRequest) -> HttpResponse:
    """One dead letter with the text of its envelope, as Slack sent it but for blanked credentials.

    Raises:
        BadRequest: The path has no number.
        NotFound: There is no such dead letter.
        JournalError: It can't be read.
    """
    text = request.found["delivery"]
    if not text.isdecimal() or len(text) > 18:
        raise requests.BadRequest(f"{text[:50]!r}: expected the number of a delivery")
    letter = await broker.journal.dead_letter(int(text))
    if letter is None:
        raise requests.NotFound(f"there is no dead letter {text}")
    return requests.answer({**_summary(letter), "text": letter.text})


async def retry(broker: ControlContext, request: HttpRequest) -> HttpResponse:
    """Deliver dead letters to their plugins again, at the end of their keys' order, from attempt 1.

    Returns:
        Which of them are delivered again, and which not, as JSON.

    Raises:
        BadRequest: The body names no dead letters in one of the ways that there are.
        NotFound: There is neither such a plugin nor a dead letter of it.
        JournalError: The journal can't be read or written.
    """
    return await _change(broker, request, "retried", Revive)


async def discard(broker: ControlContext, request: HttpRequest) -> HttpResponse:
    """Throw dead letters away.

    Returns:
        Which of them are gone, and which not, as JSON.

    Raises:
        BadRequest: The body names no dead letters in one of the ways that there are.
        NotFound: There is neither such a plugin nor a dead letter of it.
        JournalError: The journal can't be read or written.
    """
    return await _change(broker, request, "discarded", Discard)


async def _change(
    broker: ControlContext, request: HttpRequest, done: str, write: Callable[[int], Revive | Discard]
) -> HttpResponse:
    """The body is `{"ids": [...]}` or `{"plugin": NAME, "reason"?: REASON, "after"?: ID, "until"?: TIME}`: a
    page of the plugin's; `more` says that there are more, from `last` on. `until` keeps a letter that dies
    again meanwhile from being taken twice."""
    content = requests.body(request, ["ids", "plugin", "reason", "after", "until"])
    ids, plugin = requests.ids_in(content, "ids"), requests.text_in(content, "plugin")
    if (ids is None) == (plugin is None):
        raise requests.BadRequest('say which: "ids": [17, 18] or "plugin": "NAME"')
    if ids is not None:
        letters, last, more = await _named(broker, ids), 0, False
    else:
        after = requests.id_in(content, "after")
        if after == 0:
            # Behind the first page there may be none left: they were just thrown away.
            await lookups.check_plugin_of_letters(broker, plugin)
        page = await broker.journal.dead_letters(after, requests.LARGEST_PAGE, plugin)
        reason, until = _reason(content), requests.moment_in(content, "until")
        letters = [each for each in page if _is_meant(each, reason, until)]
        last, more = page[-1].delivery if page else 0, len(page) == requests.LARGEST_PAGE
    able = [each for each in letters if write is Discard or each.plugin in broker.core.plugins]
    outcomes = await broker.engine.write(*(write(each.delivery) for each in able)) if able else []
    changed = [each.delivery for each, outcome in zip(able, outcomes, strict=True) if isinstance(outcome, Done)]
    if changed:
        extra = {"event": f"deadletters-{done}"}
        log.info("%s %s %d dead letters", requests.who(request), done, len(changed), extra=extra)
    answer: dict[str, Any] = {done: changed, "last": last, "more": more}
    answer["failed"] = _failed(broker, ids or (), letters, able, changed)
    return requests.answer(answer)


async def _named(broker: ControlContext, ids: Sequence[int]) -> list[DeadLetter]:
    found = [await broker.journal.dead_letter(each) for each in ids]
    return [each for each in found if each is not None]


def _failed(
    broker: ControlContext,
    ids: Sequence[int],
    letters: Sequence[DeadLetter],
    able: Sequence[DeadLetter],
    changed: Sequence[int],
) -> dict[str, str]:
    """Why some were left as they are, by delivery."""
    failed = {str(each): "there is no such dead letter" for each in ids}
    for letter in letters:
        failed[str(letter.delivery)] = "it is gone meanwhile"
        if letter not in able:
            failed[str(letter.delivery)] = (
                f"no file in plugins.d declares the plugin {letter.plugin}"
                if letter.plugin != NOBODYS
                else "nobody could understand it, so there is no plugin to deliver it to"
            )
    for delivery in changed:
        failed.pop(str(delivery), None)
    return failed


def _reason(content: Any) -> DeadReason | None:
    text = requests.text_in(content, "reason")
    try:
        return None if text is None else DeadReason(text)
    except ValueError:
        raise requests.BadRequest(f"reason: {text!r}; expected one of {_REASONS}") from None


def _is_meant(letter: DeadLetter, reason: DeadReason | None, until: float | None) -> bool:
    return reason in (None, letter.reason) and (until is None or letter.died_at <= until)


def _summary(letter: DeadLetter) -> dict[str, Any]:
    return {
        "delivery": letter.delivery,
        "envelope": letter.envelope,
        "plugin": letter.plugin,
        "app": letter.app,
        "type": letter.type,
        "reason": letter.reason.value,
        "error": letter.error,
        "attempts": letter.attempts,
        "died_at": letter.died_at,
        "received_at": letter.received_at,
    }

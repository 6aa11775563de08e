"""What an author types to act as a person: a line in, what to do out. Pure."""

import html
import re
import shlex
from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from slackd import SlackdError
from slackd.text import nearest_name

_HELP: Final = (
    ("TEXT", "post a message"),
    ("/deploy api", "type a command"),
    ("@TEXT", "mention the app"),
    ("react eyes", "react to the latest message"),
    ("click ID [value=V]", "click a button, choose"),
    ("submit [ID] what=tea", "submit the open modal"),
    ("close", "close the modal"),
    ("shortcut ID", "use a global shortcut"),
    ("options ID [TEXT]", "type into an options menu"),
    ("fault KIND", "warning, drop, stall, …"),
    ("as U…   in C…", "be somebody, be somewhere"),
    ("p", "the page of this Slack, in a browser"),
    ("restart   help   stop", ""),
)
_WORDS, _MEANINGS = 22, 28
"""Columns of what is typed, and of what it does."""


def help_text(columns: int) -> str:
    """Return what can be typed: two to a line where the terminal has room for it."""
    each_ = [f"{words:{_WORDS}}{meaning:{_MEANINGS}}" for words, meaning in _HELP]
    if columns >= 2 * (_WORDS + _MEANINGS):
        pairs = zip(each_[::2], [*each_[1::2], ""], strict=False)
        return "\n".join(f"{left}{right}".rstrip() for left, right in pairs)
    if columns >= _WORDS + _MEANINGS + 8:
        return "\n".join(line.rstrip() for line in each_)
    return "\n".join(f"{words}\n    {meaning}".rstrip() for words, meaning in _HELP)


class PromptError(SlackdError):
    """The line means nothing; the message says what was expected."""


@attrs.frozen
class Act:
    """Something to do.

    Attributes:
        what: "stop", "restart", "help", "page", "as", "in", or a method of `slackd.emulator.EmulatorClient`.
        arguments: Its arguments, in order.
        fields: Its named ones.
    """

    what: str
    arguments: tuple[str, ...] = ()
    fields: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen
class _Verb:
    what: str
    least: int
    most: int
    usage: str
    takes_fields: bool = False


_VERBS: Final[Mapping[str, _Verb]] = {
    "click": _Verb("click", 1, 1, "click ACTION_ID [value=V]", takes_fields=True),
    "submit": _Verb("submit_view", 0, 1, "submit [CALLBACK_ID] what=tea …", takes_fields=True),
    "close": _Verb("close_view", 0, 1, "close [CALLBACK_ID]"),
    "react": _Verb("react", 1, 1, "react EMOJI"),
    "shortcut": _Verb("shortcut", 1, 1, "shortcut CALLBACK_ID"),
    "options": _Verb("options", 1, 2, "options ACTION_ID [TEXT]"),
    "fault": _Verb("fault", 1, 1, "fault KIND", takes_fields=True),
    "as": _Verb("as", 1, 1, "as USER_ID"),
    "in": _Verb("in", 1, 1, "in CHANNEL_ID"),
    "restart": _Verb("restart", 0, 0, "restart"),
    "help": _Verb("help", 0, 0, "help"),
    "page": _Verb("page", 0, 0, "page"),
    "p": _Verb("page", 0, 0, "p"),
    "stop": _Verb("stop", 0, 0, "stop"),
    "quit": _Verb("stop", 0, 0, "quit"),
}


def parse_line(line: str) -> Act | None:
    """Return what a line asks for; None for an empty one.

    A line that begins with no verb is a message, with &, < and > as Slack sends them ("Formatting text for app
    surfaces"); a single word that is nearly a verb is an error.

    Raises:
        PromptError: A verb has too much or too little behind it.
    """
    line = line.strip()
    if not line:
        return None
    if line.startswith("/"):
        command, _, text = line.partition(" ")
        return Act("command", (command, text.strip()))
    if line.startswith("@"):
        return Act("mention", (_escaped(line[1:].strip()),))
    word, _, rest = line.partition(" ")
    verb = _VERBS.get(word)
    if verb is None:
        near = nearest_name(word, _VERBS, cutoff=0.8) if not rest else None
        if near is not None:
            raise PromptError(f"did you mean {near}? A message of one word: say it with a second one, or a dot")
        return Act("post_message", (_escaped(line),))
    return _of_verb(verb, rest)


def _escaped(text: str) -> str:
    """The text as Slack sends it; what one writes as `<@U0123>` stays so."""
    parts = re.split(r"(<[@#!][^<>]*>)", text)
    parts[::2] = [html.escape(part, quote=False) for part in parts[::2]]
    return "".join(parts)


def _of_verb(verb: _Verb, rest: str) -> Act:
    try:
        words = shlex.split(rest)
    except ValueError as error:
        raise PromptError(f"{error}: {verb.usage}") from None
    pairs = [each for each in words if "=" in each] if verb.takes_fields else []
    arguments = tuple(each for each in words if each not in pairs)
    if not verb.least <= len(arguments) <= verb.most:
        raise PromptError(f"expected: {verb.usage}")
    return Act(verb.what, arguments, dict(each.split("=", 1) for each in pairs))


def view_values(view: Mapping[str, Any], typed: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return a modal's state as Slack sends it, from what was typed for each of its inputs.

    Args:
        view: The open modal.
        typed: Text by the block's id, or the element's `action_id`.

    Raises:
        PromptError: The modal has no such input; the message names those that it has.
    """
    inputs = {
        (block["block_id"], block["element"]["action_id"]): block["element"]
        for block in view.get("blocks", ())
        if block.get("type") == "input"
    }
    values: dict[str, dict[str, Any]] = {}
    for name, text in typed.items():
        place = next((each for each in inputs if name in each), None)
        if place is None:
            known = ", ".join(block for block, _ in inputs) or "none"
            raise PromptError(f"the modal has no input {name!r}; it has: {known}")
        element = inputs[place]
        values.setdefault(place[0], {})[place[1]] = _value(element, text)
    return values


def _value(element: Mapping[str, Any], text: str) -> dict[str, Any]:
    kind = str(element["type"])
    build = _VALUES.get(kind)
    return {"type": kind, **(build(element, text) if build is not None else {"value": text})}


def _option(element: Mapping[str, Any], text: str) -> dict[str, Any]:
    for option in element.get("options", ()):
        if text in (option.get("value"), option.get("text", {}).get("text")):
            return dict(option)
    return {"text": {"type": "plain_text", "text": text}, "value": text}


_VALUES: Final[Mapping[str, Callable[[Mapping[str, Any], str], dict[str, Any]]]] = {
    "static_select": lambda element, text: {"selected_option": _option(element, text)},
    "external_select": lambda element, text: {"selected_option": _option(element, text)},
    "radio_buttons": lambda element, text: {"selected_option": _option(element, text)},
    "multi_static_select": lambda element, text: {
        "selected_options": [_option(element, each) for each in text.split(",")]
    },
    "checkboxes": lambda element, text: {
        "selected_options": [_option(element, each) for each in text.split(",")]
    },
    "datepicker": lambda element, text: {"selected_date": text},
    "timepicker": lambda element, text: {"selected_time": text},
    "users_select": lambda element, text: {"selected_user": text},
    "multi_users_select": lambda element, text: {"selected_users": text.split(",")},
    "channels_select": lambda element, text: {"selected_channel": text},
    "conversations_select": lambda element, text: {"selected_conversation": text},
}

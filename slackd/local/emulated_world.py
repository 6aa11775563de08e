"""An emulated Slack, and a slackd of its own: the author plays the people."""

import contextlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from slackd.emulator.ledger import NOT_SENT
from slackd.emulator.workspace import Workspace
from slackd.local.program import LocalStackError
from slackd.local.prompt import Act, PromptError, view_values
from slackd.local.stack import LocalStack
from slackd.local.traffic import TrafficLine, TrafficView

SETTLED_WITHIN: Final = 5.0
"""Seconds in which what was typed last must be done, where the input ends."""


class EmulatedWorld:
    """As `World`."""

    def __init__(self, stack: LocalStack) -> None:
        self._stack, self._traffic = stack, TrafficView()
        self._declared: tuple[str, str] | None = None
        self._user: str | None = None
        self._channel: str | None = None
        self._typed_ts = ""

    @property
    def environment(self) -> Mapping[str, str]:
        """As in `World`."""
        return self._stack.environment

    @property
    def page(self) -> str:
        """As in `World`."""
        return f"{self._stack.emulator.base_url}/"

    async def declare(self, name: str, declaration: str) -> Sequence[TrafficLine]:
        """As in `World`: slackd starts again where the file has changed."""
        if (name, declaration) != self._declared:
            self._declared = None
            await self._stack.restart({name: declaration})
            self._declared = (name, declaration)
        return ()

    async def wait_for_session(self, name: str) -> None:
        """As in `World`."""
        await self._stack.wait_for_session(name)

    async def settle(self) -> None:
        """As in `World`."""
        with contextlib.suppress(LocalStackError):
            await self._stack.wait_until_idle(SETTLED_WITHIN)

    def news(self) -> Sequence[TrafficLine]:
        """As in `World`."""
        return self._traffic.look(self._stack.emulator.ledger)

    def play(self, act: Act) -> None:
        """As in `World`."""
        try:
            self._play(act)
        except TypeError as error:
            raise PromptError(f"{act.what}: {error}") from None

    def _play(self, act: Act) -> None:
        emulator, here = self._stack.emulator, self._here(act.what)
        match act.what:
            case "as":
                people = {person.id: person.name for person in self._workspace.people.values()}
                self._user = _id_of(act.arguments[0], people, "UW", "nobody")
            case "in":
                rooms = {room.id: room.name for room in self._workspace.conversations.values()}
                self._channel = _id_of(act.arguments[0].removeprefix("#"), rooms, "CDG", "no channel")
            case "react":
                emulator.react(act.arguments[0], self._latest_message(), **here)
            case "submit_view":
                view = emulator.surfaces_of().find_view()
                if view is None:
                    raise PromptError("no modal is open")
                callback_id = act.arguments[0] if act.arguments else None
                emulator.submit_view(view_values(view, act.fields), callback_id=callback_id, **here)
            case "close_view":
                callback_id = act.arguments[0] if act.arguments else None
                if emulator.close_view(callback_id=callback_id, **here).failure == NOT_SENT:
                    raise PromptError("closed; the app does not hear of it: its view has no notify_on_close")
            case "fault":
                emulator.fault(act.arguments[0], **{name: _value(text) for name, text in act.fields.items()})
            case _:
                play = getattr(emulator, act.what)
                entry = play(*act.arguments, **act.fields, **here)
                self._typed_ts = json.loads(entry.payload or "{}").get("event", {}).get("ts", self._typed_ts)

    @property
    def _workspace(self) -> Workspace:
        return next(iter(self._stack.emulator.workspaces.values()))

    def _here(self, what: str) -> dict[str, Any]:
        places = {"user": self._user, "channel": self._channel}
        if what in ("shortcut", "submit_view", "close_view", "options"):
            places.pop("channel")
        return {name: value for name, value in places.items() if value is not None}

    def _latest_message(self) -> str:
        calls = self._stack.emulator.ledger.calls_of("chat.postMessage")
        latest = max([self._typed_ts, *(str(call.answer["ts"]) for call in calls if call.ok)])
        if not latest:
            raise PromptError("there is no message yet to react to")
        return latest


def _id_of(word: str, known: Mapping[str, str], kinds: str, none: str) -> str:
    """An id, also of somebody new, or whose name this is."""
    if re.fullmatch(rf"[{kinds}][A-Z0-9]{{2,}}", word):
        return word
    for id_, name in known.items():
        if name == word:
            return id_
    there = ", ".join(f"{name} ({id_})" for id_, name in known.items() if name)
    raise PromptError(
        f"{none} here is called {word!r}; there are: {there}; a new one has an ID, {kinds[0]}0123ABCD"
    )


def _value(text: str) -> Any:
    """A number, true or false, if it is one; else the text."""
    try:
        return json.loads(text)
    except ValueError:
        return text

"""What people do with what an app shows them: commands, shortcuts, clicks, menus, modals."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from slackd.emulator.choosing import (
    SHORTEST_QUERY,
    Shown,
    action_for,
    elements_of,
    state_of,
    unfit_inputs,
)
from slackd.emulator.conversation import DEFAULT_CHANNEL, Conversation
from slackd.emulator.errors import EmulatorError
from slackd.emulator.ledger import LedgerEntry
from slackd.emulator.people import DEFAULT_USER
from slackd.emulator.stage import App, Json, Stage


class Interacting(Stage):
    """Everything happens at once, and is returned as its ledger entry.

    What nobody shows can't be clicked or submitted, except with `made_up`: then Slack makes up a message or a
    view around it.
    """

    def command(
        self,
        command: str,
        text: str = "",
        *,
        channel: str = DEFAULT_CHANNEL,
        user: str = DEFAULT_USER,
        app: App = None,
    ) -> LedgerEntry:
        """A person types a slash command.

        Raises:
            EmulatorError: It has no slash, so that Slack would post it as a message.
        """
        if not command.startswith("/"):
            raise EmulatorError(f"{command!r} is no slash command: {'/' + command!r} is")
        return self.send(self._of(app).command(command, text, channel=channel, user=user), app=app)

    def shortcut(self, callback_id: str, *, user: str = DEFAULT_USER, app: App = None) -> LedgerEntry:
        """A person uses a global shortcut."""
        return self.send(self._of(app).shortcut(callback_id, self._wall(), user=user), app=app)

    def message_shortcut(
        self,
        callback_id: str,
        message: Mapping[str, Any] | None = None,
        *,
        message_ts: str | None = None,
        channel: str = DEFAULT_CHANNEL,
        user: str = DEFAULT_USER,
        app: App = None,
    ) -> LedgerEntry:
        """A person uses a message shortcut, on the message of that `message_ts` or on one that is given.

        Raises:
            EmulatorError: Neither message is given, or the channel has none with that `ts`.
        """
        if message is None:
            if message_ts is None:
                raise EmulatorError("a message shortcut needs message_ts= or message=")
            message = self._message(channel, message_ts, app)[1]
        acted = self._of(app).message_action(callback_id, message, self._wall(), channel=channel, user=user)
        return self.send(acted, app=app)

    def click(
        self,
        action_id: str,
        value: Any = None,
        *,
        block_id: str | None = None,
        message_ts: str | None = None,
        view_id: str | None = None,
        values: Mapping[str, Mapping[str, Any]] | None = None,
        action: Mapping[str, Any] | None = None,
        channel: str | None = None,
        user: str = DEFAULT_USER,
        made_up: bool = False,
        app: App = None,
    ) -> LedgerEntry:
        """A person clicks the latest element with that `action_id`, or chooses `value` in it.

        Args:
            block_id: where several elements have that `action_id`.
            message_ts: the message that it stands in; also an ephemeral one, or a command's answer.
            view_id: the view that it stands in.
            values: what else the person has typed or chosen there: `{block_id: {action_id: value}}`.
            action: fields of the action itself, over those that follow from the element.
            made_up: click a button that nobody has shown.

        Raises:
            EmulatorError: Nothing that is shown has that `action_id`, or it stands in an input block without
                `dispatch_action`, and neither `made_up` nor the settings allow for it.
        """
        found = self._shown(action_id, app, user, block_id, message_ts, view_id, channel)
        shown = None if made_up else next(found, None)
        if shown is None:
            if not (made_up or self.core.settings.lenient):
                raise EmulatorError(self._nothing_shown(action_id, app, user))
            button: Json = {"type": "button", "action_id": action_id, "block_id": block_id or "block"}
            button |= {"value": value} if value is not None else {}
            played = self._of(app).block_actions(
                [{**button, **(action or {})}], self._wall(), channel=channel or DEFAULT_CHANNEL, user=user
            )
            return self.send(played, app=app)
        if shown.found.is_silent and not self.core.settings.lenient:
            raise EmulatorError(
                f"what is chosen in {action_id!r} comes with the submission alone: its input block has no "
                "dispatch_action"
            )
        clicked = {**action_for(shown.found, value), **(action or {})}
        given = {name: dict(block) for name, block in (values or {}).items()}
        if value is not None:
            given.setdefault(shown.found.block_id, {})[shown.found.action_id] = value
        played = self._of(app).block_actions(
            [clicked],
            self._wall(),
            message=shown.message,
            view=shown.view,
            ephemeral=shown.ephemeral,
            state=state_of(shown.blocks, given),
            channel=shown.channel,
            user=user,
            step=self.surfaces_of(app).step_of(shown.place),
        )
        return self.send(played, app=app)

    def _shown(
        self,
        action_id: str,
        app: App,
        user: str,
        block_id: str | None = None,
        message_ts: str | None = None,
        view_id: str | None = None,
        channel: str | None = None,
    ) -> Iterator[Shown]:
        """The elements with that `action_id` that the person can see, the latest first."""
        for shown in self._all_shown(app, user):
            if (
                shown.found.action_id == action_id
                and block_id in (None, shown.found.block_id)
                and message_ts in (None, (shown.message or {}).get("ts"))
                and view_id in (None, (shown.view or {}).get("id"))
                and (channel in (None, shown.channel) or shown.view is not None)
            ):
                yield shown

    def _all_shown(self, app: App, user: str) -> Iterator[Shown]:
        surfaces, own = self.surfaces_of(app), self._app(app)
        for view in reversed(surfaces.views.values()):
            if view["type"] == "modal" and surfaces.open_modals.get(view["id"], user) != user:
                continue
            for found in elements_of(view["blocks"]):
                yield Shown(found=found, view=view)
        for conversation, message in _latest_first(self.workspace(app).conversations.values()):
            if message.get("app_id") != own.app_id or message.get("reader", user) != user:
                continue
            for holder in (message, *message.get("attachments", ())):
                for found in elements_of(holder.get("blocks")):
                    yield Shown(
                        found=found,
                        message=message,
                        channel=conversation.id,
                        ephemeral=bool(message.get("is_ephemeral")),
                    )

    def _nothing_shown(self, action_id: str, app: App, user: str) -> str:
        known = sorted({shown.found.action_id for shown in self._all_shown(app, user)})
        there = f"there are {', '.join(known)}" if known else "there is none at all"
        return f"{user} sees no element {action_id!r} of {self._app(app).name}; {there}"

    def submit_view(
        self,
        values: Mapping[str, Mapping[str, Any]] | None = None,
        *,
        callback_id: str | None = None,
        view_id: str | None = None,
        user: str = DEFAULT_USER,
        made_up: bool = False,
        app: App = None,
    ) -> LedgerEntry:
        """A person submits a modal: `values` is `{block_id: {action_id: value}}`, over what it begins with.

        A value is what `state` holds (`{"type": ..., "value": ...}`), or what was typed or chosen alone.

        Raises:
            EmulatorError: No such view is open (unless it is `made_up`), something is chosen that an element
                doesn't offer, or something is missing without which Slack's own client doesn't submit it.
        """
        view = self._view(app, view_id, callback_id, user, made_up)
        state = state_of(view["blocks"], values or {})
        missing = list(unfit_inputs(view["blocks"], state))
        if missing and not (made_up or self.core.settings.lenient):
            raise EmulatorError(f"Slack does not let {user} submit this: {'; '.join(missing)}")
        submitted = {**view, "state": {"values": state}}
        surfaces = self.surfaces_of(app)
        surfaces.view_errors.pop(view["id"], None)
        played = self._of(app).view_submission(
            submitted,
            user=user,
            response_to=list(_response_urls(view["blocks"], state)),
            step=surfaces.step_of(view["id"]),
        )
        self.answers[self._app(app).app_id].submissions[played.key] = view["id"]
        return self.send(played, app=app)

    def close_view(
        self,
        *,
        callback_id: str | None = None,
        view_id: str | None = None,
        is_cleared: bool = False,
        user: str = DEFAULT_USER,
        made_up: bool = False,
        app: App = None,
    ) -> LedgerEntry:
        """A person closes a modal; with `is_cleared` all that are stacked.

        The app hears of it if the view has `notify_on_close` ("View interactions payloads"); else nothing is
        sent, and the entry's failure is `not_sent`.

        Raises:
            EmulatorError: No such view is open, unless it is `made_up`.
        """
        view = self._view(app, view_id, callback_id, user, made_up)
        surfaces = self.surfaces_of(app)
        if is_cleared:
            surfaces.close_all_modals(user)
        surfaces.close_modal(view["id"])
        played = self._of(app).view_closed(
            view, user=user, is_cleared=is_cleared, step=surfaces.step_of(view["id"])
        )
        return self.send(played, app=app) if view["notify_on_close"] else self.not_sent(played, app=app)

    def options(
        self,
        action_id: str,
        value: str = "",
        *,
        block_id: str | None = None,
        message_ts: str | None = None,
        view_id: str | None = None,
        user: str = DEFAULT_USER,
        made_up: bool = False,
        app: App = None,
    ) -> LedgerEntry:
        """A person types `value` into a menu whose options the app gives.

        Raises:
            EmulatorError: No menu that is shown has that `action_id`, or it asks the app only for longer texts
                (`min_query_length`), and neither `made_up` nor the settings allow for it.
        """
        found = self._shown(action_id, app, user, block_id, message_ts, view_id)
        shown = None if made_up else next(found, None)
        if shown is None:
            if not (made_up or self.core.settings.lenient):
                raise EmulatorError(self._nothing_shown(action_id, app, user))
            played = self._of(app).block_suggestion(action_id, value, block_id=block_id or "block", user=user)
            return self.send(played, app=app)
        least = shown.found.element.get("min_query_length", SHORTEST_QUERY)
        if len(value) < least and not self.core.settings.lenient:
            raise EmulatorError(
                f"the menu {action_id!r} asks the app when at least {least} characters were typed "
                f"(min_query_length), not for {value!r}"
            )
        played = self._of(app).block_suggestion(
            action_id,
            value,
            block_id=shown.found.block_id,
            view=shown.view,
            message=shown.message,
            channel=shown.channel,
            user=user,
        )
        return self.send(played, app=app)

    def _view(self, app: App, view_id: str | None, callback_id: str | None, user: str, made_up: bool) -> Json:
        surfaces = self.surfaces_of(app)
        made_up = made_up or self.core.settings.lenient
        open_ones = [surfaces.views[each] for each in surfaces.open_modals if each in surfaces.views]
        for view in reversed(open_ones):
            if view_id in (None, view["id"]) and callback_id in (None, view["callback_id"]):
                return view
        found = surfaces.find_view(view_id=view_id, callback_id=callback_id)
        if found is not None and (made_up or found["type"] != "modal"):
            return found
        if made_up and view_id is None:
            title = {"type": "plain_text", "text": "Made up"}
            blank = {"type": "modal", "callback_id": callback_id or "view", "title": title, "blocks": []}
            return surfaces.keep_view({**blank, "notify_on_close": True}, self._wall(), user=user)
        wanted = view_id or callback_id
        known = ", ".join(each["callback_id"] or each["id"] for each in open_ones)
        named = f"no view {wanted!r} is open" if wanted else "no view is open"
        raise EmulatorError(f"{named}; there are {known}" if known else named)


def _latest_first(conversations: Iterable[Conversation]) -> Iterator[tuple[Conversation, Json]]:
    """All messages, those that one person sees among them, looked at one by one from the latest on."""

    def backwards(conversation: Conversation, messages: dict[str, Json]) -> Iterator[tuple[Conversation, Json]]:
        return ((conversation, message) for message in reversed(messages.values()))

    streams = [
        backwards(each, messages) for each in conversations for messages in (each.messages, each.ephemeral)
    ]
    return heapq.merge(*streams, key=lambda found: float(found[1]["ts"]), reverse=True)


def _response_urls(blocks: Any, state: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    for found in elements_of(blocks):
        if found.element.get("response_url_enabled"):
            chosen = state.get(found.block_id, {}).get(found.action_id, {})
            channel = chosen.get("selected_conversation") or chosen.get("selected_channel")
            if channel:
                yield {"block_id": found.block_id, "action_id": found.action_id, "channel_id": channel}

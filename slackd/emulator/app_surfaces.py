"""What one app has opened: modals, Home tabs, the triggers that open them, and the streams it is writing.

Times are seconds on the emulator's clock; `wall` is UNIX seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

from slackd.emulator.ids import IdSource
from slackd.emulator.settings import EmulatedApp

Json = dict[str, Any]

MODALS: Final = 3
"""Modals on top of each other ("Modals": up to 3 views in the stack)."""

KEPT_VIEWS: Final = 1000
"""Views of one app that are remembered; the oldest go first."""


@attrs.define
class AppSurfaces:
    """One app's views.

    Attributes:
        views: by id, as Slack gives them back.
        open_modals: the ids of those that somebody has open, with that person; a closed one is no longer here.
        triggers: until when each `trigger_id` opens a view, and for whom.
        exchanged_triggers: those of them that were used.
        homes: the view in each person's Home tab, by its id.
        view_errors: what the app said is wrong with the last submission of a view: `{block_id: text}`.
        suggested_prompts: of assistant threads, by channel and `thread_ts`.
        thread_status: what an assistant's thread says that it is doing, by channel and `thread_ts`.
        thread_titles: the titles that an assistant gave its threads.
        executions: custom steps that the app was asked to run, by `function_execution_id`.
        made_in_step: messages (by `ts`) and views (by id) that were made with a step's token, with its
            `function_execution_id`.
    """

    app: EmulatedApp
    ids: IdSource
    views: dict[str, Json] = attrs.field(factory=dict)
    open_modals: dict[str, str] = attrs.field(factory=dict)
    triggers: dict[str, tuple[float, str]] = attrs.field(factory=dict)
    exchanged_triggers: set[str] = attrs.field(factory=set)
    homes: dict[str, str] = attrs.field(factory=dict)
    view_errors: dict[str, Json] = attrs.field(factory=dict)
    suggested_prompts: dict[tuple[str, str], Json] = attrs.field(factory=dict)
    thread_status: dict[tuple[str, str], str] = attrs.field(factory=dict)
    thread_titles: dict[tuple[str, str], str] = attrs.field(factory=dict)
    executions: dict[str, Json] = attrs.field(factory=dict)
    made_in_step: dict[str, str] = attrs.field(factory=dict)

    def keep_view(
        self,
        given: Mapping[str, Any],
        wall: float,
        *,
        view_id: str | None = None,
        below: Mapping[str, Any] | None = None,
        user: str | None = None,
    ) -> Json:
        """A view that the app opened for `user`, pushed (on top of `below`), updated or published."""
        view_id = view_id or self.ids.slack_id("V")
        before = self.views.pop(view_id, {})
        view = {
            "id": view_id,
            "team_id": self.app.team_id,
            "private_metadata": "",
            "callback_id": "",
            "clear_on_close": False,
            "notify_on_close": False,
            "external_id": "",
            "submit": None,
            "close": None,
            "previous_view_id": below["id"] if below else before.get("previous_view_id"),
            "root_view_id": below["root_view_id"] if below else before.get("root_view_id", view_id),
            "app_id": self.app.app_id,
            "app_installed_team_id": self.app.team_id,
            "bot_id": self.app.bot_id,
            **given,
            "state": {"values": {}},
            "hash": f"{self.ids.ts(wall)[:10]}.{self.ids.secret()[:8]}",
        }
        view["blocks"] = [
            {**block, "block_id": block.get("block_id") or self.ids.secret()[:5]} for block in view["blocks"]
        ]
        self.views[view_id] = view
        self.view_errors.pop(view_id, None)
        if user is not None and view["type"] == "modal":
            self.open_modals[view_id] = user
        if len(self.views) > KEPT_VIEWS:
            gone = next(iter(self.views))
            del self.views[gone]
            self.open_modals.pop(gone, None)
        return view

    def named_view(self, view_id: object, external_id: object) -> Json | None:
        """The view of that id, or of the id that the app gave it."""
        if view_id:
            return self.views.get(str(view_id))
        return next(
            (each for each in self.views.values() if external_id and each["external_id"] == external_id), None
        )

    def find_view(self, *, view_id: str | None = None, callback_id: str | None = None) -> Json | None:
        """The view of that id, or the latest of that `callback_id`, or the latest."""
        for view in reversed(self.views.values()):
            if view_id is not None and view["id"] != view_id:
                continue
            if callback_id is None or view["callback_id"] == callback_id:
                return view
        return None

    def top_modal(self, user: str) -> Json | None:
        """The modal on top of those that this person has open."""
        for view_id, reader in reversed(self.open_modals.items()):
            if reader == user and view_id in self.views:
                return self.views[view_id]
        return None

    def depth(self, view: Mapping[str, Any]) -> int:
        """Modals in the stack whose top this is."""
        below = self.views.get(view["previous_view_id"] or "")
        return 1 if below is None else 1 + self.depth(below)

    def close_modal(self, view_id: str) -> None:
        """This one is gone; one below it shows again."""
        self.open_modals.pop(view_id, None)

    def close_all_modals(self, user: str) -> None:
        """All that this person has open are gone."""
        self.open_modals = {view: reader for view, reader in self.open_modals.items() if reader != user}

    def step_of(self, made: str) -> Json | None:
        """The custom step in which that message or view was made."""
        return self.executions.get(self.made_in_step.get(made, ""))

    def forget(self) -> None:
        """Begin anew."""
        for kept in (
            self.views,
            self.open_modals,
            self.triggers,
            self.exchanged_triggers,
            self.homes,
            self.view_errors,
            self.suggested_prompts,
            self.thread_status,
            self.thread_titles,
            self.executions,
            self.made_in_step,
        ):
            kept.clear()

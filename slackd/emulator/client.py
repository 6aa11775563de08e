"""The emulated Slack in the words of those who use it: post a message, click, wait for a call, do a fault."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from slackd.emulator.batch import Batch, BatchSender, EventPress
from slackd.emulator.core import SlackCore
from slackd.emulator.errors import EmulatorError, WaitedTooLongError
from slackd.emulator.ledger import ApiCall, Ledger, LedgerEntry, Summary, summarise
from slackd.emulator.payloads import DEFAULT_CHANNEL, Payloads, PlayedEvent
from slackd.emulator.response_urls import ResponseUrls
from slackd.emulator.settings import EmulatedApp
from slackd.emulator.workspace import Workspace

T = TypeVar("T")
App = str | EmulatedApp | None


class EmulatorClient:
    """A Slack that runs. Methods that make something happen return its ledger entry at once.

    Everywhere `app` is an app's id or name, or None for the first one; times are seconds. To be used from the
    event loop that serves it.

    Attributes:
        base_url: `http://HOST:PORT` or `https://HOST:PORT`.
    """

    def __init__(self, core: SlackCore, base_url: str) -> None:
        self.core = core
        self.base_url = base_url
        ids = core.context.ids
        self.workspaces = {name: Workspace(side.app, ids) for name, side in core.sides.items()}
        self.response_urls = ResponseUrls(core.context, core.ledger)
        self.batches: dict[str, Batch] = {}
        self._submissions: list[tuple[LedgerEntry, dict[str, Any]]] = []
        self._batch_numbers = itertools.count(1)
        self._payloads = {name: Payloads(side.app, ids) for name, side in core.sides.items()}
        for payloads in self._payloads.values():
            payloads.response_base = base_url
        self._change: asyncio.Future[None] | None = None
        core.on_change = self._changed

    @property
    def api_url(self) -> str:
        """The base URL of the Web API, as clients take it."""
        return f"{self.base_url}/api/"

    @property
    def apps(self) -> list[EmulatedApp]:
        """The apps, in the order given."""
        return [side.app for side in self.core.sides.values()]

    @property
    def ledger(self) -> Ledger:
        """What was sent, acknowledged, answered."""
        return self.core.ledger

    def summary(self, app: App = None) -> Summary:
        """The ledger in numbers; None is all apps together."""
        return summarise(self.ledger, None if app is None else self.core.side(app).app.app_id)

    def unanswered(self, app: App = None) -> int:
        """How much may still be acknowledged in time; None is all apps together."""
        sides = self.core.sides.values() if app is None else [self.core.side(app)]
        return sum(side.deliveries.unanswered for side in sides)

    def send(self, played: PlayedEvent, *, app: App = None) -> LedgerEntry:
        """Send anything that `Payloads` builds."""
        side, now = self.core.side(app), self._now()
        trigger_id = played.payload.get("trigger_id")
        response_url = played.payload.get("response_url")
        entry = LedgerEntry(
            key=played.key,
            app=side.app.app_id,
            type=played.type,
            name=played.name,
            at=now,
            payload=played.text,
            redelivers=played.type == "events_api",
            accepts_response_payload=played.accepts_response_payload,
            trigger_id=trigger_id,
            response_url=response_url,
        )
        if trigger_id is not None:
            until = self.core.context.later(now, self.core.settings.trigger_lifetime)
            self.workspaces[side.app.app_id].triggers[trigger_id] = until
        if response_url is not None:
            self.response_urls.issue(response_url.removeprefix(self.base_url), entry, now)
        side.deliveries.begin(entry, now)
        return entry

    def send_event(self, event: Mapping[str, Any], *, app: App = None) -> LedgerEntry:
        """Any event: `{"type": "reaction_added", ...}`."""
        return self.send(self._of(app).event(event, self._wall()), app=app)

    def post_message(self, text: str, *, app: App = None, **more: Any) -> LedgerEntry:
        """A person posts a message (`channel`, `user`, `thread_ts`)."""
        played = self._of(app).message(text, self._wall(), **more)
        self._workspace(app).hear(played.payload["event"])
        return self.send(played, app=app)

    def mention(self, text: str, *, app: App = None, **more: Any) -> LedgerEntry:
        """A person mentions the app."""
        return self.post_message(text, app=app, event_type="app_mention", **more)

    def app_posted(self, app: EmulatedApp, channel: str, message: Mapping[str, Any]) -> None:
        """An app has posted a message; if it hears itself, it comes back to it as an event."""
        if app.hears_itself:
            event = {**message, "channel": channel, "channel_type": "channel", "event_ts": message["ts"]}
            self.send_event(event, app=app)

    def react(self, reaction: str, item_ts: str, *, app: App = None, **more: Any) -> LedgerEntry:
        """A person reacts to a message."""
        more = {"channel": DEFAULT_CHANNEL, **more}
        return self.send(self._of(app).reaction_added(reaction, item_ts, self._wall(), **more), app=app)

    def rate_limit_events(self, *, app: App = None) -> LedgerEntry:
        """Slack says `app_rate_limited`: an envelope without an inner event."""
        return self.send(self._of(app).app_rate_limited(self._wall()), app=app)

    def command(self, command: str, text: str = "", *, app: App = None, **more: Any) -> LedgerEntry:
        """A person types a slash command (`channel`, `user`)."""
        return self.send(self._of(app).command(command, text, **more), app=app)

    def shortcut(self, callback_id: str, *, app: App = None, **more: Any) -> LedgerEntry:
        """A person uses a global shortcut."""
        return self.send(self._of(app).shortcut(callback_id, self._wall(), **more), app=app)

    def message_shortcut(
        self, callback_id: str, message: Mapping[str, Any], *, app: App = None, **more: Any
    ) -> LedgerEntry:
        """A person uses a message shortcut on `message`."""
        return self.send(self._of(app).message_action(callback_id, message, self._wall(), **more), app=app)

    def click(self, action_id: str, *, app: App = None, **more: Any) -> LedgerEntry:
        """A person clicks the latest element with that `action_id`, in a message or view that the app made.

        Without such an element a button of that name is clicked in a message that Slack makes up. Fields of the
        action itself (`value`, `selected_option`, ...) go into `action`.
        """
        action: dict[str, Any] = {"type": "button", "action_id": action_id, "block_id": "block"}
        found = self._workspace(app).find_action(action_id)
        if found is not None:
            element, message, view, channel = found
            action |= element
            more = {"message": message, "view": view, **more}
            if channel is not None:
                more.setdefault("channel", channel)
        action |= more.pop("action", {})
        if "value" in more:
            action["value"] = more.pop("value")
        return self.send(self._of(app).block_actions([action], self._wall(), **more), app=app)

    def submit_view(
        self,
        values: Mapping[str, Any] | None = None,
        *,
        callback_id: str | None = None,
        view_id: str | None = None,
        app: App = None,
        **more: Any,
    ) -> LedgerEntry:
        """A person submits a modal: `values` is `{block_id: {action_id: {...}}}`."""
        view = self._view(app, view_id, callback_id)
        submitted = {**view, "state": {"values": dict(values or {})}}
        entry = self.send(self._of(app).view_submission(submitted, **more), app=app)
        self._submissions.append((entry, view))
        return entry

    def close_view(
        self,
        *,
        callback_id: str | None = None,
        view_id: str | None = None,
        app: App = None,
        **more: Any,
    ) -> LedgerEntry:
        """A person closes a modal."""
        return self.send(self._of(app).view_closed(self._view(app, view_id, callback_id), **more), app=app)

    def options(self, action_id: str, value: str = "", *, app: App = None, **more: Any) -> LedgerEntry:
        """A person types into a menu whose options the app gives."""
        return self.send(self._of(app).block_suggestion(action_id, value, **more), app=app)

    def send_envelope(
        self,
        envelope_type: str,
        payload: Mapping[str, Any],
        *,
        accepts_response_payload: bool = False,
        app: App = None,
    ) -> LedgerEntry:
        """An envelope of any type, its payload as given."""
        anything = self._of(app).anything(
            envelope_type, payload, accepts_response_payload=accepts_response_payload
        )
        return self.send(anything, app=app)

    def batch(self, *, app: App = None, label: str | None = None, **plan: Any) -> Batch:
        """Begin to send many events (see `Batch` for `count`, `rate`, `channels`, `size`, `window`)."""
        side, now = self.core.side(app), self._now()
        try:
            batch = Batch(label=label or f"batch{next(self._batch_numbers)}", **plan)
        except TypeError as error:
            raise EmulatorError(f"a batch can't be so: {error}") from error
        self.batches[batch.label] = batch
        send = EventPress(self.core.context, side, self._of(app), batch).send
        if (command := batch.command) is not None:

            def send(number: int, now: float) -> LedgerEntry:
                return self.command(command, batch.words(number), channel=batch.channel(number), app=app)

        BatchSender(self.core.context, side, batch, send).tick(now)
        return batch

    def fault(self, kind: str, *, app: App = None, connection: str | None = None, **details: Any) -> list[str]:
        """Do a fault now, or plan it (`slackd.emulator.faults` lists them all)."""
        return self.core.fault(kind, self._now(), app=app, connection=connection, **details)

    async def wait_until(self, found: Callable[[], T], *, timeout: float = 10.0, what: str = "it") -> T:
        """Wait until `found()` is true, and return what it gave.

        Raises:
            WaitedTooLongError: it wasn't within `timeout` seconds (not scaled).
        """
        try:
            async with asyncio.timeout(timeout):
                while not (value := found()):
                    if self._change is None:
                        self._change = asyncio.get_running_loop().create_future()
                    await asyncio.shield(self._change)
                return value
        except TimeoutError as error:
            raise WaitedTooLongError(f"waited {timeout} s for {what}, in vain") from error

    async def wait_for_call(
        self,
        method: str,
        *,
        app: App = None,
        where: Callable[[ApiCall], bool] = lambda call: True,
        count: int = 1,
        timeout: float = 10.0,
    ) -> ApiCall:
        """The call of that method that makes `count` of them, past ones included."""
        name = None if app is None else self.core.side(app).app.app_id

        def found() -> ApiCall | None:
            calls = [call for call in self.ledger.calls_of(method, app=name) if where(call)]
            return calls[count - 1] if len(calls) >= count else None

        call = await self.wait_until(found, timeout=timeout, what=f"a call of {method}")
        assert call is not None
        return call

    async def wait_for_ack(self, entry: LedgerEntry, *, timeout: float = 10.0) -> LedgerEntry:
        """The entry, acknowledged in time."""
        await self.wait_until(lambda: entry.acknowledged, timeout=timeout, what=f"the ack of {entry.name}")
        return entry

    async def wait_for_post(self, entry: LedgerEntry, *, count: int = 1, timeout: float = 10.0) -> Any:
        """The body of that entry's post number `count` to its `response_url`."""
        what = f"a post to the response_url of {entry.name}"
        await self.wait_until(lambda: len(entry.posts) >= count, timeout=timeout, what=what)
        return entry.posts[count - 1].body

    async def wait_for_answer(self, entry: LedgerEntry, *, timeout: float = 10.0) -> Any:
        """What the person is answered: the payload of the acknowledgement, else the first post to its URL."""
        await self.wait_until(
            lambda: entry.response or entry.posts, timeout=timeout, what=f"an answer to {entry.name}"
        )
        return entry.response or entry.posts[0].body

    async def wait_until_ready(self, count: int = 1, *, app: App = None, timeout: float = 10.0) -> None:
        """At least `count` connections of the app are READY."""
        spans = self.core.side(app).ready_spans
        await self.wait_until(lambda: spans.count >= count, timeout=timeout, what=f"{count} READY connections")

    def reset(self) -> None:
        """Begin a new ledger and forget all faults and envelopes under way; connections stay."""
        self.core.faults.forget()
        self.ledger.forget(self._now())
        for side in self.core.sides.values():
            side.deliveries.forget()
        for workspace in self.workspaces.values():
            workspace.forget()
        self.response_urls.forget()
        self._submissions.clear()
        for batch in self.batches.values():
            batch.count = batch.sent
        self.batches.clear()

    def _of(self, app: App) -> Payloads:
        return self._payloads[self.core.side(app).app.app_id]

    def _workspace(self, app: App) -> Workspace:
        return self.workspaces[self.core.side(app).app.app_id]

    def _view(self, app: App, view_id: str | None, callback_id: str | None) -> dict[str, Any]:
        workspace = self._workspace(app)
        self._take_answers_to_submissions()
        view = workspace.find_view(view_id=view_id, callback_id=callback_id)
        if view is not None:
            return view
        if view_id is not None:
            raise EmulatorError(f"no view {view_id!r} was opened")
        made_up = {"type": "modal", "callback_id": callback_id or "view", "blocks": []}
        return workspace.keep_view(made_up, self._wall())

    def _take_answers_to_submissions(self) -> None:
        """What the app answered to a submission may have changed its view, or put another on top of it."""
        waiting, self._submissions = self._submissions, []
        for entry, view in waiting:
            if not entry.acks:
                self._submissions.append((entry, view))
                continue
            answer = entry.acks[0].payload
            if isinstance(answer, dict) and isinstance(given := answer.get("view"), dict):
                workspace = self.workspaces[entry.app]
                if answer.get("response_action") == "update":
                    workspace.keep_view(given, self._wall(), view_id=view["id"])
                elif answer.get("response_action") == "push":
                    workspace.keep_view(given, self._wall(), below=view)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _wall(self) -> float:
        return self.core.context.wall(self._now())

    def _changed(self) -> None:
        if self._change is not None:
            change, self._change = self._change, None
            asyncio.get_running_loop().call_later(0.001, _wake, change)


def _wake(change: asyncio.Future[None]) -> None:
    if not change.done():
        change.set_result(None)

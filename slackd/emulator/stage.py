"""Where people act: the workspaces of an emulated Slack, its apps' surfaces, and the way out to the apps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from slackd.emulator.answers import Answers
from slackd.emulator.app_surfaces import AppSurfaces
from slackd.emulator.conversation import Conversation
from slackd.emulator.core import SlackCore
from slackd.emulator.errors import EmulatorError
from slackd.emulator.files import EmulatedFile
from slackd.emulator.ledger import NOT_SENT, LedgerEntry
from slackd.emulator.payloads import Payloads, PlayedEvent
from slackd.emulator.response_urls import ResponseUrls
from slackd.emulator.settings import EmulatedApp
from slackd.emulator.workspace import Workspace

Json = dict[str, Any]
App = str | EmulatedApp | None


class Stage:
    """What everything that people do needs.

    Args:
        clock: reads the monotonic clock.

    Attributes:
        base_url: `http://HOST:PORT` or `https://HOST:PORT`.
        workspaces: the workspace of each app, by the app's id; apps of one team share theirs.
        surfaces: what each app has opened, by its id.
        step_tokens: the tokens of custom steps, with the app and the `function_execution_id` they are good for.
    """

    def __init__(self, core: SlackCore, base_url: str, clock: Callable[[], float]) -> None:
        self.core = core
        self._now = clock
        self.base_url = base_url
        ids = core.context.ids
        apps = [side.app for side in core.sides.values()]
        teams = {
            team: Workspace.of([app for app in apps if app.team_id == team], ids)
            for team in dict.fromkeys(app.team_id for app in apps)
        }
        self.workspaces = {app.app_id: teams[app.team_id] for app in apps}
        self.surfaces = {app.app_id: AppSurfaces(app, ids) for app in apps}
        self.step_tokens: dict[str, tuple[EmulatedApp, str]] = {}
        self.answers = {app.app_id: self._answers_of(app) for app in apps}
        self.response_urls = ResponseUrls(core.context, core.ledger, self.answers)
        self._payloads = {app.app_id: Payloads(app, ids, self.workspaces[app.app_id]) for app in apps}
        for payloads in self._payloads.values():
            payloads.response_base = base_url

    def _answers_of(self, app: EmulatedApp) -> Answers:
        def notify(event: Json) -> None:
            self.app_did(app, event)

        answers = Answers(
            self.core.context,
            self.workspaces[app.app_id],
            self.surfaces[app.app_id],
            self.core.ledger,
            notify,
        )
        self.core.side(app).deliveries.answered = answers.acknowledged
        return answers

    def app_did(self, app: EmulatedApp, event: Mapping[str, Any]) -> None:
        """An app has done something; if it hears itself, it comes back to it as an event."""
        if app.hears_itself:
            self.send_event(event, app=app)

    def send(self, played: PlayedEvent, *, app: App = None) -> LedgerEntry:
        """Send anything that `Payloads` builds.

        Returns:
            What the ledger says of it.
        """
        side, now = self.core.side(app), self._now()
        payload = played.payload
        entry = self._entry(played, app)
        self._admit(entry)
        self._hand_triggers(entry, payload, now)
        self._begin_step(entry, payload)
        urls = [payload.get("response_url")]
        urls += [each["response_url"] for each in payload.get("response_urls", ()) if isinstance(each, dict)]
        for url in urls:
            if url is not None:
                self.response_urls.issue(url.removeprefix(self.base_url), entry, now)
        side.deliveries.begin(entry, now)
        self.core.on_change()
        return entry

    def send_subscribed(self, played: PlayedEvent, event: str, *, app: App = None) -> LedgerEntry:
        """Send an event, if the app is subscribed to it (`message.channels`, as in its manifest).

        Returns:
            What the ledger says of it; its failure is `not_sent` if the app isn't.
        """
        subscribed = self._app(app).subscribes(event)
        return self.send(played, app=app) if subscribed else self.not_sent(played, app=app)

    def not_sent(self, played: PlayedEvent, *, app: App = None) -> LedgerEntry:
        """What was done, but no app is sent anything of."""
        entry = self._entry(played, app)
        entry.failure = NOT_SENT
        self.core.on_change()
        return entry

    def _entry(self, played: PlayedEvent, app: App) -> LedgerEntry:
        payload = played.payload
        entry = LedgerEntry(
            key=played.key,
            app=self._app(app).app_id,
            type=played.type,
            name=played.name,
            at=self._now(),
            payload=played.text,
            redelivers=played.type == "events_api",
            accepts_response_payload=played.accepts_response_payload,
            trigger_id=payload.get("trigger_id"),
            response_url=payload.get("response_url"),
        )
        entry.user, entry.channel, entry.message_ts = _whereabouts(payload)
        return entry

    def _admit(self, entry: LedgerEntry) -> None:
        """Whoever does something is in the workspace, and so is the place where they do it."""
        workspace, bot = self.workspaces[entry.app], self.core.side(entry.app).app.bot_user_id
        if entry.user is not None and entry.user[:1] in ("U", "W"):
            workspace.person(entry.user)
        if entry.channel is not None and entry.channel[:1] in ("C", "G", "D"):
            workspace.place(entry.channel, entry.user or bot, bot)

    def _hand_triggers(self, entry: LedgerEntry, payload: Mapping[str, Any], now: float) -> None:
        until = self.core.context.later(now, self.core.settings.trigger_lifetime)
        interactivity = payload.get("interactivity")
        pointer = interactivity.get("interactivity_pointer") if isinstance(interactivity, dict) else None
        for trigger in (entry.trigger_id, pointer):
            if isinstance(trigger, str):
                self.surfaces[entry.app].triggers[trigger] = (until, entry.user or "")

    def _begin_step(self, entry: LedgerEntry, payload: Mapping[str, Any]) -> None:
        """A custom step is running from now on, and its token is good."""
        event = payload.get("event")
        if not isinstance(event, dict) or event.get("type") != "function_executed":
            return
        execution_id, function = str(event.get("function_execution_id")), event.get("function")
        token = str(event.get("bot_access_token", ""))
        app = self._app(entry.app)
        if token not in ("", app.bot_token):
            self.step_tokens[token] = (app, execution_id)
        self.surfaces[app.app_id].executions[execution_id] = {
            "execution_id": execution_id,
            "callback_id": str(function.get("callback_id")) if isinstance(function, dict) else "",
            "inputs": dict(event.get("inputs") or {}),
            "token": token,
            "status": "running",
            "key": entry.key,
        }

    def send_event(self, event: Mapping[str, Any], *, app: App = None) -> LedgerEntry:
        """Any event, as given: `{"type": "reaction_added", ...}`."""
        return self.send(self._of(app).event(event, self._wall()), app=app)

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

    def workspace(self, app: App = None) -> Workspace:
        """The workspace that the app is installed in."""
        return self.workspaces[self._app(app).app_id]

    def surfaces_of(self, app: App = None) -> AppSurfaces:
        """What the app has opened."""
        return self.surfaces[self._app(app).app_id]

    def file(self, file_id: str) -> EmulatedFile | None:
        """The file of that id, in whichever workspace."""
        found = (workspace.files.get(file_id) for workspace in self.workspaces.values())
        return next((file for file in found if file is not None), None)

    def add_channel(
        self,
        name: str,
        *,
        channel: str | None = None,
        private: bool = False,
        members: list[str] | None = None,
        app: App = None,
    ) -> Json:
        """A new channel (`channel` is its id), with everybody in it unless `members` says who.

        Raises:
            EmulatorError: there is one of that name or id.
        """
        workspace = self.workspace(app)
        if channel in workspace.conversations or any(
            each.name == name for each in workspace.conversations.values()
        ):
            raise EmulatorError(f"there is a channel {name} ({channel}) already")
        made = workspace.add_conversation(
            channel, name, kind="private" if private else "channel", members=members
        )
        self.core.on_change()
        return made.described(workspace.team_id, self._app(app).bot_user_id)

    def add_person(
        self, name: str, *, user: str | None = None, real_name: str = "", title: str = "", app: App = None
    ) -> Json:
        """A new person (`user` is their id), who is in all public channels.

        Raises:
            EmulatorError: there is one of that id.
        """
        workspace = self.workspace(app)
        if user in workspace.people:
            raise EmulatorError(f"there is a person {user} already")
        person = workspace.add_person(user, name=name, real_name=real_name, title=title)
        self.core.on_change()
        return person.described(workspace.team_id)

    def _app(self, app: App) -> EmulatedApp:
        return self.core.side(app).app

    def _of(self, app: App) -> Payloads:
        return self._payloads[self._app(app).app_id]

    def _place(self, channel: str, user: str, app: App) -> Conversation:
        """Where somebody does something that the app hears of.

        Raises:
            EmulatorError: the app is not in that conversation.
        """
        found = self._app(app)
        workspace = self.workspace(app)
        workspace.person(user)
        conversation = workspace.place(channel, user, found.bot_user_id)
        if found.bot_user_id not in conversation.members:
            raise EmulatorError(f"{found.name} is not in {conversation.name} and hears nothing of it")
        if conversation.open_to_all:
            conversation.members.setdefault(user)
        return conversation

    def _message(self, channel: str, ts: str, app: App) -> tuple[Conversation, Json]:
        """A message that stands somewhere.

        Raises:
            EmulatorError: there is none with that timestamp.
        """
        conversation = self.workspace(app).conversations.get(channel)
        message = conversation.messages.get(ts) if conversation is not None else None
        if conversation is None or message is None:
            raise EmulatorError(f"there is no message {ts} in {channel}")
        return conversation, message

    def _wall(self) -> float:
        return self.core.context.wall(self._now())


def _whereabouts(payload: Mapping[str, Any]) -> tuple[str | None, str | None, str | None]:
    """Who did it, where, and in which message."""
    inner = payload.get("event")
    event: Mapping[str, Any] = inner if isinstance(inner, dict) else payload
    container = payload.get("container")
    ts = event.get("message_ts", event.get("ts"))
    if isinstance(container, dict):
        ts = container.get("message_ts")
    user, channel = event.get("user", event.get("user_id")), event.get("channel", event.get("channel_id"))
    return _id(user), _id(channel), _id(ts)


def _id(value: object) -> str | None:
    if isinstance(value, dict):
        value = value.get("id")
    return value if isinstance(value, str) else None

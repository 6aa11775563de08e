"""What people say and do in conversations: messages, reactions, files, threads with an assistant, steps."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from slackd.emulator.conversation import DEFAULT_CHANNEL, Conversation, add_reaction, remove_reaction
from slackd.emulator.errors import EmulatorError
from slackd.emulator.files import EmulatedFile
from slackd.emulator.ledger import NOT_SENT, LedgerEntry
from slackd.emulator.methods.chat import changed_event, deleted_event
from slackd.emulator.methods.reactions import reaction_event
from slackd.emulator.people import DEFAULT_USER
from slackd.emulator.stage import App, Json, Stage

_SUBSCRIPTIONS = {
    "channel": "message.channels",
    "private": "message.groups",
    "im": "message.im",
    "mpim": "message.mpim",
}


class Talking(Stage):
    """Everything happens at once, and is returned as its ledger entry.

    The entry of what the app is not subscribed to has the failure `not_sent`.
    """

    def post_message(
        self,
        text: str,
        *,
        channel: str = DEFAULT_CHANNEL,
        user: str = DEFAULT_USER,
        thread_ts: str | None = None,
        blocks: list[Json] | None = None,
        app: App = None,
    ) -> LedgerEntry:
        """A person posts a message; if it names the app's bot, `app_mention` comes beside it."""
        conversation = self._place(channel, user, app)
        message = self._of(app).new_message(text, self._wall(), user=user, thread_ts=thread_ts, blocks=blocks)
        return self._post(conversation, message, app)

    def mention(
        self,
        text: str,
        *,
        channel: str = DEFAULT_CHANNEL,
        user: str = DEFAULT_USER,
        thread_ts: str | None = None,
        app: App = None,
    ) -> LedgerEntry:
        """A person mentions the app (`<@BOT>` in front if missing); the entry is that of `app_mention`.

        The event `message` comes beside it, if the app is subscribed to it.

        Raises:
            EmulatorError: It is a direct message, which makes no such event ("app_mention").
        """
        conversation = self._place(channel, user, app)
        if conversation.kind == "im":
            raise EmulatorError("a direct message makes no app_mention: post it as a message")
        bot = self._app(app).bot_user_id
        if f"<@{bot}>" not in text:
            text = f"<@{bot}> {text}"
        message = self._of(app).new_message(text, self._wall(), user=user, thread_ts=thread_ts)
        conversation.add(message)
        mentioned = self._mentioned(conversation, message, app)
        self._message_posted(conversation, message, app)
        return mentioned

    def _mentioned(self, conversation: Conversation, message: Json, app: App) -> LedgerEntry:
        return self.send(self._of(app).app_mentioned(message, conversation, self._wall()), app=app)

    def _post(self, conversation: Conversation, message: Json, app: App) -> LedgerEntry:
        conversation.add(message)
        named = f"<@{self._app(app).bot_user_id}>" in message["text"] and conversation.kind != "im"
        if named and self._app(app).subscribes("app_mention"):
            mentioned = self._mentioned(conversation, message, app)
            posted = self._message_posted(conversation, message, app)
            return mentioned if posted.failure == NOT_SENT else posted
        return self._message_posted(conversation, message, app)

    def _message_posted(self, conversation: Conversation, message: Json, app: App) -> LedgerEntry:
        posted = self._of(app).message_posted(message, conversation, self._wall())
        return self.send_subscribed(posted, _SUBSCRIPTIONS[conversation.kind], app=app)

    def _if_subscribed(self, event: Json, name: str, app: App) -> LedgerEntry:
        return self.send_subscribed(self._of(app).event(event, self._wall()), name, app=app)

    def edit_message(
        self, text: str, ts: str, *, channel: str = DEFAULT_CHANNEL, user: str = DEFAULT_USER, app: App = None
    ) -> LedgerEntry:
        """A person edits their own message.

        Raises:
            EmulatorError: There is no such message, or it is somebody else's.
        """
        conversation, message = self._own_message(channel, ts, user, app)
        before = dict(message)
        edited_ts = self.core.context.ids.ts(self._wall())
        written = self._of(app).new_message(text, self._wall(), user=user)
        message |= {"text": text, "blocks": written["blocks"], "edited": {"user": user, "ts": edited_ts}}
        changed = changed_event(conversation, message, before, edited_ts)
        return self._if_subscribed(changed, _SUBSCRIPTIONS[conversation.kind], app)

    def delete_message(
        self, ts: str, *, channel: str = DEFAULT_CHANNEL, user: str = DEFAULT_USER, app: App = None
    ) -> LedgerEntry:
        """A person deletes their own message.

        Raises:
            EmulatorError: There is no such message, or it is somebody else's.
        """
        conversation, message = self._own_message(channel, ts, user, app)
        conversation.remove(ts)
        now = self.core.context.ids.ts(self._wall())
        deleted = deleted_event(conversation, message, now)
        return self._if_subscribed(deleted, _SUBSCRIPTIONS[conversation.kind], app)

    def _own_message(self, channel: str, ts: str, user: str, app: App) -> tuple[Conversation, Json]:
        conversation, message = self._message(channel, ts, app)
        if message.get("user") != user:
            raise EmulatorError(f"the message {ts} is not {user}'s, but {message.get('user')}'s")
        return conversation, message

    def react(
        self,
        reaction: str,
        item_ts: str,
        *,
        channel: str = DEFAULT_CHANNEL,
        user: str = DEFAULT_USER,
        app: App = None,
    ) -> LedgerEntry:
        """A person reacts to a message.

        Raises:
            EmulatorError: There is no such message, or the person has reacted so already.
        """
        conversation, message = self._message(channel, item_ts, app)
        self.workspace(app).person(user)
        if not add_reaction(message, reaction, user):
            raise EmulatorError(f"{user} has reacted with {reaction} already")
        event = reaction_event("reaction_added", user, reaction, conversation.id, message)
        return self._if_subscribed(event, "reaction_added", app)

    def unreact(
        self,
        reaction: str,
        item_ts: str,
        *,
        channel: str = DEFAULT_CHANNEL,
        user: str = DEFAULT_USER,
        app: App = None,
    ) -> LedgerEntry:
        """A person takes a reaction back.

        Raises:
            EmulatorError: There is no such message, or the person has not reacted so.
        """
        conversation, message = self._message(channel, item_ts, app)
        if not remove_reaction(message, reaction, user):
            raise EmulatorError(f"{user} has not reacted with {reaction}")
        event = reaction_event("reaction_removed", user, reaction, conversation.id, message)
        return self._if_subscribed(event, "reaction_removed", app)

    def join_channel(self, *, channel: str = DEFAULT_CHANNEL, user: str, app: App = None) -> LedgerEntry:
        """A person joins a channel."""
        workspace = self.workspace(app)
        conversation = workspace.place(channel, user, self._app(app).bot_user_id)
        workspace.person(user)
        conversation.members.setdefault(user)
        joined = self._of(app).joined_channel(self._wall(), user=user, conversation=conversation)
        return self.send_subscribed(joined, "member_joined_channel", app=app)

    def leave_channel(self, *, channel: str = DEFAULT_CHANNEL, user: str, app: App = None) -> LedgerEntry:
        """A person leaves a channel.

        Raises:
            EmulatorError: The person isn't in that channel.
        """
        conversation = self.workspace(app).conversations.get(channel)
        if conversation is None or user not in conversation.members:
            raise EmulatorError(f"{user} is not in {channel}")
        del conversation.members[user]
        left = self._of(app).left_channel(self._wall(), user=user, conversation=conversation)
        return self.send_subscribed(left, "member_left_channel", app=app)

    def open_home(self, *, user: str = DEFAULT_USER, tab: str = "home", app: App = None) -> LedgerEntry:
        """A person opens the app's Home tab, or with `tab="messages"` its messages.

        Raises:
            EmulatorError: `tab` is neither.
        """
        if tab not in ("home", "messages"):
            raise EmulatorError(f"tab= must be home or messages, not {tab!r}")
        channel = self.direct_message(user, app=app)
        surfaces = self.surfaces_of(app)
        view = surfaces.views.get(surfaces.homes.get(user, "")) if tab == "home" else None
        opened = self._of(app).home_opened(self._wall(), user=user, channel=channel, tab=tab, view=view)
        return self.send_subscribed(opened, "app_home_opened", app=app)

    def direct_message(self, user: str = DEFAULT_USER, *, app: App = None) -> str:
        """The id of the direct message that this person has with the app's bot."""
        workspace = self.workspace(app)
        workspace.person(user)
        return workspace.direct(self._app(app).bot_user_id, user)[0].id

    def share_file(
        self,
        name: str,
        content: str = "",
        *,
        comment: str = "",
        channel: str = DEFAULT_CHANNEL,
        user: str = DEFAULT_USER,
        thread_ts: str | None = None,
        app: App = None,
    ) -> LedgerEntry:
        """A person shares a file: the entry is that of `file_shared`; the message comes beside it."""
        conversation = self._place(channel, user, app)
        workspace = self.workspace(app)
        message = self._of(app).new_message(comment, self._wall(), user=user, thread_ts=thread_ts)
        file = EmulatedFile(
            id=self.core.context.ids.slack_id("F"),
            name=name,
            user=user,
            created=int(self._wall()),
            content=content.encode(),
            completed=True,
            is_public=conversation.open_to_all,
            shares={conversation.id: [message["ts"]]},
        )
        workspace.files[file.id] = file
        described = file.described(workspace.team_id, workspace.team_domain, self.base_url)
        message |= {"subtype": "file_share", "files": [described], "upload": False}
        if not comment:
            message.pop("blocks")
        self._post(conversation, message, app)
        shared = self._of(app).file_shared(self._wall(), file_id=file.id, user=user, channel=conversation.id)
        return self.send_subscribed(shared, "file_shared", app=app)

    def run_step(
        self,
        callback_id: str,
        inputs: Mapping[str, Any] | None = None,
        *,
        app: App = None,
    ) -> LedgerEntry:
        """A workflow comes to a custom step; `AppSurfaces.executions` holds what the app makes of it."""
        token = f"xwfp-{secrets.token_hex(12)}"
        return self.send(
            self._of(app).function_executed(callback_id, inputs or {}, self._wall(), token=token), app=app
        )

    def start_assistant_thread(
        self,
        *,
        user: str = DEFAULT_USER,
        channel: str = DEFAULT_CHANNEL,
        app: App = None,
    ) -> LedgerEntry:
        """A person opens the assistant while they look at `channel`: `assistant_thread_started`.

        The entry's `channel` and `message_ts` are the thread; what the person writes there is
        `post_message(text, channel=…, thread_ts=…)`.
        """
        found = self._app(app)
        direct = self.workspace(app).conversations[self.direct_message(user, app=app)]
        root: Json = {
            "type": "message",
            "subtype": "assistant_app_thread",
            "user": found.bot_user_id,
            "text": "New Assistant Thread",
            "ts": self.core.context.ids.ts(self._wall()),
            "bot_id": found.bot_id,
            "app_id": found.app_id,
            "assistant_app_thread": {"title": "New Assistant Thread", "title_blocks": []},
        }
        root["thread_ts"] = root["ts"]
        direct.add(root)
        return self._assistant("assistant_thread_started", user, direct.id, root["ts"], channel, app)

    def change_assistant_context(
        self, thread_ts: str, *, user: str = DEFAULT_USER, channel: str = DEFAULT_CHANNEL, app: App = None
    ) -> LedgerEntry:
        """A person with the assistant open looks at another channel: `assistant_thread_context_changed`."""
        direct = self.direct_message(user, app=app)
        self._message(direct, thread_ts, app)
        return self._assistant("assistant_thread_context_changed", user, direct, thread_ts, channel, app)

    def _assistant(
        self, kind: str, user: str, direct: str, thread_ts: str, channel: str, app: App
    ) -> LedgerEntry:
        context = {"channel_id": channel, "team_id": self._app(app).team_id, "enterprise_id": None}
        thread = self._of(app).assistant_thread(
            kind, self._wall(), user=user, channel=direct, thread_ts=thread_ts, context=context
        )
        entry = self.send(thread, app=app)
        entry.user, entry.channel, entry.message_ts = user, direct, thread_ts
        return entry

    def press_stop(
        self, ts: str, *, channel: str = DEFAULT_CHANNEL, user: str = DEFAULT_USER, app: App = None
    ) -> LedgerEntry:
        """A person stops a message that the app is streaming: `agent_session_stopped`.

        Raises:
            EmulatorError: There is no such message, or nobody streams it.
        """
        conversation, message = self._message(channel, ts, app)
        if message.get("streaming_state") != "in_progress":
            raise EmulatorError(f"the message {ts} is not being streamed")
        message["streaming_state"] = "stopped"
        event = {
            "type": "agent_session_stopped",
            "user": user,
            "channel": conversation.id,
            "thread_ts": message.get("thread_ts", ts),
            "streaming_message_ts": [ts],
        }
        return self.send_event(event, app=app)

    def rate_limit_events(self, *, app: App = None) -> LedgerEntry:
        """Slack says `app_rate_limited`: an envelope without an inner event.

        Returns:
            What the ledger says of it.
        """
        return self.send(self._of(app).app_rate_limited(self._wall()), app=app)

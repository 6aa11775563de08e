"""A workspace that several apps may be installed in: its people, conversations, files and user groups."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs

from slackd.emulator.conversation import DEFAULT_CHANNEL, Conversation, Kind
from slackd.emulator.files import EmulatedFile
from slackd.emulator.ids import IdSource
from slackd.emulator.people import Person, bot_person, default_people, name_of
from slackd.emulator.settings import EmulatedApp

Json = dict[str, Any]

_KINDS: dict[str, Kind] = {"D": "im", "G": "private"}


@attrs.define
class Workspace:
    """One team.

    Attributes:
        apps: those installed in it.
        people: by id, bots among them.
        conversations: by id.
        deleted_files: the ids of files that were there once.
        scheduled: messages to be posted later, by `scheduled_message_id`, each with its conversation and time.
    """

    team_id: str
    team_domain: str
    ids: IdSource
    apps: list[EmulatedApp] = attrs.field(factory=list)
    people: dict[str, Person] = attrs.field(factory=dict)
    conversations: dict[str, Conversation] = attrs.field(factory=dict)
    files: dict[str, EmulatedFile] = attrs.field(factory=dict)
    user_groups: dict[str, Json] = attrs.field(factory=dict)
    scheduled: dict[str, Json] = attrs.field(factory=dict)
    deleted_files: set[str] = attrs.field(factory=set)

    @classmethod
    def of(cls, apps: Iterable[EmulatedApp], ids: IdSource) -> Workspace:
        """The workspace of apps of the same team, with the people and channels that are always there."""
        installed = list(apps)
        workspace = cls(installed[0].team_id, installed[0].team_domain, ids, installed)
        workspace.furnish()
        return workspace

    def furnish(self) -> None:
        """Begin with the default people and channels, and nothing said."""
        for kept in (self.people, self.conversations, self.files, self.user_groups, self.scheduled):
            kept.clear()
        self.deleted_files.clear()
        for person in (*default_people(), *map(bot_person, self.apps)):
            self.people[person.id] = person
        for channel_id, name in (
            (DEFAULT_CHANNEL, "general"),
            ("C0RANDOM001", "random"),
            ("C0DEPLOYS01", "deploys"),
        ):
            self.add_conversation(channel_id, name, is_general=name == "general")

    def add_person(self, user_id: str | None = None, **about: Any) -> Person:
        """Somebody joins the workspace, and its public channels.

        Returns:
            The person.
        """
        user_id = user_id or self.ids.slack_id("U")
        person = Person(id=user_id, **{"name": name_of(user_id), **about})
        self.people[user_id] = person
        for conversation in self.conversations.values():
            if conversation.open_to_all:
                conversation.members.setdefault(user_id)
        return person

    def add_conversation(
        self,
        conversation_id: str | None = None,
        name: str | None = None,
        *,
        kind: Kind | None = None,
        members: Iterable[str] | None = None,
        **about: Any,
    ) -> Conversation:
        """A new conversation; without `members`, everybody and every bot is in it."""
        if conversation_id is None:
            conversation_id = self.ids.slack_id({"im": "D", "mpim": "G"}.get(kind or "", "C"))
        kind = kind or _KINDS.get(conversation_id[:1], "channel")
        conversation = Conversation(
            id=conversation_id,
            name=name or name_of(conversation_id),
            kind=kind,
            members=dict.fromkeys(self.people if members is None else members),
            **about,
        )
        self.conversations[conversation_id] = conversation
        return conversation

    def person(self, user_id: str) -> Person:
        """Who has this id; somebody unknown joins, since whoever does something in a test is there."""
        return self.people.get(user_id) or self.add_person(user_id)

    def place(self, channel_id: str, user: str, bot: str) -> Conversation:
        """Where a person does something; it comes to be if it was unknown (a `D…` is theirs with the bot)."""
        found = self.conversations.get(channel_id)
        if found is None:
            self.person(user)
            members = (user, bot) if channel_id[:1] == "D" else None
            found = self.add_conversation(channel_id, members=members)
        return found

    def direct(self, *users: str) -> tuple[Conversation, bool]:
        """The direct message of these people, and whether it was there before."""
        members = dict.fromkeys(users)
        kind: Kind = "im" if len(members) <= 2 else "mpim"
        for conversation in self.conversations.values():
            if conversation.kind == kind and conversation.members.keys() == members.keys():
                return conversation, True
        name = "" if kind == "im" else f"mpdm-{'--'.join(self.person(user).name for user in members)}-1"
        return self.add_conversation(name=name or None, kind=kind, members=members), False

    def find_conversation(self, reference: str, bot: str) -> Conversation | None:
        """What an app means by `channel`: an id, a user's id (their direct message), `#name` or `name`.

        A conversation that the bot can't see is not found.
        """
        if reference in self.people:
            return self.direct(bot, reference)[0]
        found = self.conversations.get(reference)
        if found is None:
            name = reference.removeprefix("#")
            named = (each for each in self.conversations.values() if each.kind in ("channel", "private"))
            found = next((each for each in named if each.name == name), None)
        if found is None or not (found.open_to_all or bot in found.members):
            return None
        return found

    def visible(self, bot: str) -> list[Conversation]:
        """The conversations that this bot can see."""
        return [
            conversation
            for conversation in self.conversations.values()
            if conversation.open_to_all or bot in conversation.members
        ]

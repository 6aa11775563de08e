"""One call of a Web API method: its arguments, and what they name in the workspace."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NoReturn

import attrs

from slackd.emulator.app_surfaces import AppSurfaces
from slackd.emulator.context import EmulatorContext
from slackd.emulator.conversation import Conversation
from slackd.emulator.people import Person
from slackd.emulator.settings import EmulatedApp
from slackd.emulator.workspace import Workspace
from slackd.slack_server.errors import MethodError

Json = dict[str, Any]
Method = Callable[["MethodCall"], Json]

_TRUE = frozenset({"1", "true"})
LARGEST_PAGE: Final = 1_000
"""Items that one call lists ("Pagination")."""


@attrs.frozen(kw_only=True)
class MethodCall:
    """A call that was let in.

    Attributes:
        now: the reading of the emulator's clock.
        surfaces: what the calling app has opened.
        base_url: of this Slack, for the URLs of files.
        notify: an event that the call makes; it goes to the app if it hears itself.
    """

    app: EmulatedApp
    args: Mapping[str, Any]
    now: float
    context: EmulatorContext
    workspace: Workspace
    surfaces: AppSurfaces
    base_url: str
    notify: Callable[[Json], None]

    @property
    def wall(self) -> float:
        """The wall-clock time, in seconds since the epoch."""
        return self.context.wall(self.now)

    @property
    def bot(self) -> str:
        """The id of the app's bot user."""
        return self.app.bot_user_id

    @property
    def lenient(self) -> bool:
        """Whether the settings bring the old leniency back."""
        return self.context.settings.lenient

    def required(self, name: str, error: str = "invalid_arguments") -> str:
        """An argument that has to be there.

        Raises:
            MethodError: it isn't.
        """
        value = self.args.get(name)
        if value in (None, ""):
            refuse(error, f"missing required field: {name}")
        return str(value)

    def text(self, name: str, default: str = "") -> str:
        """An argument, or the default where it is missing."""
        value = self.args.get(name)
        return default if value is None else str(value)

    def flag(self, name: str, default: bool = False) -> bool:
        """A yes or no."""
        value = self.args.get(name)
        return default if value is None else str(value).lower() in _TRUE

    def number(self, name: str, default: float, error: str = "invalid_arguments") -> float:
        """A number.

        Raises:
            MethodError: it is something else.
        """
        try:
            return float(self.args.get(name) or default)
        except (TypeError, ValueError):
            refuse(error, f"must provide a number [json-pointer:/{name}]")

    def names(self, name: str) -> list[str]:
        """A list of ids: comma-separated, or a JSON array."""
        value = self.args.get(name)
        several = value if isinstance(value, list) else str(value or "").split(",")
        return [word for each in several if (word := str(each).strip())]

    def conversation(self, name: str = "channel", error: str = "channel_not_found") -> Conversation:
        """The conversation that an argument names.

        Raises:
            MethodError: there is none that the app can see.
        """
        reference = self.required(name, error)
        found = self.workspace.find_conversation(reference, self.bot)
        if found is None and self.lenient:
            found = self.workspace.place(reference, self.bot, self.bot)
        if found is None:
            raise MethodError(error)
        return found

    def joined_conversation(self, name: str = "channel") -> Conversation:
        """The same, and the app is in it.

        Raises:
            MethodError: `channel_not_found`, `not_in_channel`, `is_archived`.
        """
        found = self.conversation(name)
        if found.is_archived:
            raise MethodError("is_archived")
        if self.bot not in found.members:
            raise MethodError("not_in_channel")
        return found

    def message(self, conversation: Conversation, name: str = "ts", error: str = "message_not_found") -> Json:
        """The message with that timestamp.

        Raises:
            MethodError: there is none.
        """
        found = conversation.messages.get(self.required(name, error))
        if found is None:
            raise MethodError(error)
        return found

    def person(self, name: str = "user", error: str = "user_not_found") -> Person:
        """Who is named.

        Raises:
            MethodError: there is nobody of that id.
        """
        user_id = self.required(name, error)
        found = self.workspace.people.get(user_id)
        if found is None and self.lenient:
            found = self.workspace.add_person(user_id)
        if found is None:
            raise MethodError(error)
        return found

    def page(
        self, items: Sequence[Json] | Sequence[str], *, limit_error: str | None = None
    ) -> tuple[list[Any], Json]:
        """As many as `limit` from `cursor` on, and the `response_metadata` that says where the rest begins.

        Args:
            limit_error: of methods that refuse a limit which is no number from 1 to 1000.

        Raises:
            MethodError: the cursor is none of ours, or the limit is out of bounds.
        """
        wanted = int(self.number("limit", 100, limit_error or "invalid_arguments"))
        limit = max(1, min(wanted, LARGEST_PAGE))
        if limit_error is not None and wanted != limit:
            raise MethodError(limit_error)
        begin = _position(self.text("cursor"))
        rest = len(items) > begin + limit
        following = base64.b64encode(f"next:{begin + limit}".encode()).decode() if rest else ""
        return list(items[begin : begin + limit]), {"next_cursor": following}


def refuse(error: str, *messages: str, **more: Any) -> NoReturn:
    """Answer with that error, and what is wrong in words.

    Raises:
        MethodError: always.
    """
    raise MethodError(
        error, response_metadata={"messages": [f"[ERROR] {message}" for message in messages]}, **more
    )


def _position(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        words = base64.b64decode(cursor, validate=True).decode()
        return int(words.removeprefix("next:"))
    except (ValueError, binascii.Error):
        raise MethodError("invalid_cursor") from None

"""What a plugin connection needs of the daemon; `PluginHost` is it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from slackd.broker.plugins.events import (
    Answered,
    CallAsked,
    Extended,
    Initialize,
    KeptAnswer,
    Leaving,
    Nacked,
    PostAsked,
    Unordered,
)
from slackd.broker.plugins.peer_group import PeerGroup
from slackd.broker.plugins.transfers import TransferAsked
from slackd.config import PluginConfig

if TYPE_CHECKING:
    from slackd.broker.plugins.connection import PluginConnection


class Host(Protocol):
    """What a connection needs of the daemon."""

    def connected(self, connection: PluginConnection) -> None:
        """Somebody connected, and the kernel has said who."""

    def group_of(self, connection: PluginConnection) -> PeerGroup:
        """The connections of its plugin, or of its user before that is known."""

    def group_of_user(self, connection: PluginConnection) -> PeerGroup:
        """The connections of its user that are no plugin's yet."""

    def plugin(self, name: str) -> PluginConfig | None:
        """The plugin of this name."""

    def identify(self, connection: PluginConnection, plugin: PluginConfig, said: Initialize) -> None:
        """Find out whether it may be that plugin: `identified` is called, later."""

    def admit(self, connection: PluginConnection, said: Initialize) -> tuple[int, str] | None:
        """Begin a session; returns None, and later `opened` is called, or why not (code, message)."""

    def answered(self, connection: PluginConnection, answers: Sequence[Answered]) -> int:
        """Deliveries are handled; returns how many of the answers count."""

    def answered_and_kept(self, connection: PluginConnection, answer: KeptAnswer) -> None:
        """An answer is given now, and its delivery worked on; `answer_kept` says what came of it."""

    def nacked(self, connection: PluginConnection, nack: Nacked) -> None:
        """A delivery could not be handled."""

    def unordered(self, connection: PluginConnection, unordered: Unordered) -> None:
        """A delivery leaves its place in the order."""

    def leaving(self, connection: PluginConnection, leaving: Leaving) -> None:
        """A session begins nothing more."""

    def extended(self, connection: PluginConnection, extended: Extended) -> None:
        """A delivery is still worked on."""

    def call_asked(self, connection: PluginConnection, asked: CallAsked | PostAsked | TransferAsked) -> None:
        """A Web API call, a post to a `response_url`, or a piece of a file; answer with `send_result` or
        `send_failure`."""

    def paused(self, connection: PluginConnection, paused: bool) -> None:
        """The plugin doesn't read, or reads again."""

    def disconnected(self, connection: PluginConnection) -> None:
        """The connection ended."""

"""What a plugin under development lives in: an emulated Slack with a slackd, or a real app's slackd."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from slackd.local.prompt import Act
from slackd.local.traffic import TrafficLine


class World(Protocol):
    """What `DevSession` needs of it."""

    @property
    def environment(self) -> Mapping[str, str]:
        """What the program needs to find slackd."""

    @property
    def page(self) -> str:
        """The URL of a page on which everything can be seen and done; "" where there is none."""

    async def declare(self, name: str, declaration: str) -> Sequence[TrafficLine]:
        """The plugin's file has this text now; returns what there is to say about it.

        Raises:
            SlackdError: It can't be used.
        """

    async def wait_for_session(self, name: str) -> None:
        """Wait until the program is connected.

        Raises:
            SlackdError: It takes too long.
        """

    async def settle(self) -> None:
        """Wait, for some seconds at most, until nothing is under way."""

    def news(self) -> Sequence[TrafficLine]:
        """What has passed since the last call."""

    def play(self, act: Act) -> None:
        """Do what a person does.

        Raises:
            SlackdError: It can't be done here.
        """

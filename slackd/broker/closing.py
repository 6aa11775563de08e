"""Which connections close, or are gone, as their connectors tell: what came over them waits less. Pure."""

import attrs

from slackd.link.messages import Closing

REMEMBERED = 256
"""Connections of one link that are remembered; a connector tells them again after every new link."""


class ClosingConnections:
    """What was told, by link and connection."""

    def __init__(self) -> None:
        self._told: dict[int, dict[str, Closing]] = {}

    def note(self, link: int, closing: Closing) -> None:
        """A connector told; nothing of what it told before is taken back."""
        told = self._told.setdefault(link, {})
        before = told.pop(closing.connection, closing)
        told[closing.connection] = attrs.evolve(
            closing, everything=closing.everything or before.everything, mute=closing.mute or before.mute
        )
        if len(told) > REMEMBERED:
            del told[next(iter(told))]

    def of(self, link: int, connection: str) -> Closing | None:
        """What was told of a connection; None for one that stays."""
        return self._told.get(link, {}).get(connection)

    def forget(self, link: int) -> None:
        """The link is gone."""
        self._told.pop(link, None)

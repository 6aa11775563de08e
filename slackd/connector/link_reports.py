"""What a connector reports to the broker of connections and acknowledgements: now, or when it is back. Pure."""

import itertools
from collections import deque
from collections.abc import Iterable
from typing import Final

from slackd.connector.transport import ConnectionChange
from slackd.link import SendToBroker
from slackd.link.messages import Acknowledged, AppTrouble, Changed, Trouble

KEPT: Final = 10_000
"""Changes, and latencies of an app, that are kept for a broker that is away; the oldest go first."""


class LinkReports:
    """Reports to the broker through `send`, which is None while there is no link."""

    def __init__(self, apps: Iterable[str], troubles: Iterable[AppTrouble]) -> None:
        """`troubles` are those from the start."""
        self.send: SendToBroker | None = None
        self.troubles = {trouble.app: trouble for trouble in troubles}
        self._numbers = itertools.count(1)
        self._changes: deque[Changed] = deque(maxlen=KEPT)
        self._recovered: set[str] = set()
        self._latencies: dict[str, deque[float]] = {name: deque(maxlen=KEPT) for name in apps}
        self._unsendable = dict.fromkeys(self._latencies, 0)

    def catch_up(self) -> None:
        """After the Hello of a new link, which has the troubles: what changed while there was none."""
        if self.send is None:
            return
        while self._changes:
            self.send(self._changes.popleft())
        for name in self._recovered - self.troubles.keys():
            self.send(Trouble(AppTrouble(name, "", "")))
        self._recovered.clear()

    def connection_changed(self, change: ConnectionChange) -> None:
        """A connection entered another state."""
        changed = Changed(next(self._numbers), change.state, change.cause, change.at, change.unconfirmed_until)
        if self.send is not None:
            self.send(changed)
        else:
            self._changes.append(changed)

    def trouble_changed(self, trouble: AppTrouble) -> None:
        """An app fell into trouble, or (reason "") came out of it."""
        if trouble.reason:
            self.troubles[trouble.app] = trouble
        else:
            self.troubles.pop(trouble.app, None)
        if self.send is not None:
            self.send(Trouble(trouble))
        elif not trouble.reason:
            self._recovered.add(trouble.app)

    def acknowledged(self, app: str, seconds: Iterable[float]) -> None:
        """Acknowledgements went out, so long after the receipt."""
        self._latencies[app].extend(seconds)

    def unsendable(self, app: str) -> None:
        """Something was settled too late for its connection."""
        self._unsendable[app] += 1

    def report_acknowledgements(self) -> None:
        """Report what was acknowledged since the last time."""
        if self.send is None:
            return
        for app, seconds in self._latencies.items():
            if seconds or self._unsendable[app]:
                self.send(Acknowledged(app, tuple(seconds), self._unsendable[app]))
                seconds.clear()
                self._unsendable[app] = 0

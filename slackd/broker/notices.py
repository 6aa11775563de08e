"""What the broker says in the log at most once a minute: envelopes that came twice, keys that hold others up,
what the journal's limits took from plugins.

Pure: it is asked at every look, with the time, and returns the lines that are due. Times are monotonic seconds.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from slackd.broker.dispatch.held_up import HeldUp
from slackd.config import OrderBy, PluginConfig
from slackd.slotted import frozen

EVERY: Final = 60.0
"""Seconds between two lines about the same app, or the same plugin."""
AWAY_AFTER: Final = 30.0
"""Seconds without a session after which a plugin is away; one that restarts is back by then."""


@frozen
class RegularNotice:
    """A line for the log.

    Attributes:
        event: Its name in the log's fields.
        about: What the subject is: "app" or "plugin".
        subject: Its name.
        text: The line.
        level: Of the line, as `logging` has it.
    """

    event: str
    about: str
    subject: str
    text: str
    level: int = logging.WARNING


@frozen
class PluginPresence:
    """Whether a plugin is there.

    Attributes:
        absent_for: Seconds without a session; 0 while there is one.
    """

    plugin: str
    absent_for: float


class RegularNotices:
    """Remembers what was said when."""

    def __init__(self) -> None:
        self._said: dict[tuple[str, str], float] = {}
        self._counted: dict[str, int] = {}
        self._refused: dict[str, int] = {}
        self._foreign: dict[str, int] = {}
        self._cut: dict[str, Counter[str]] = {}
        self._dropped: dict[str, tuple[int, int]] = {}
        self._away: dict[str, float] = {}

    def duplicates(self, counts: Mapping[tuple[str, str], int], now: float) -> list[RegularNotice]:
        """One line for each app of which envelopes came again.

        Args:
            counts: Duplicates since the start, by app and type of envelope.
            now: Seconds on the monotonic clock.
        """
        by_app: dict[str, int] = {}
        for (app, _), count in counts.items():
            by_app[app] = by_app.get(app, 0) + count
        found = []
        for app, count in by_app.items():
            again = count - self._counted.get(app, 0)
            if again and self._is_due("duplicates", app, now):
                self._counted[app] = count
                what = "1 envelope" if again == 1 else f"{again} envelopes"
                text = (
                    f"{app}: {what} came again; acknowledged as the first time, delivered once "
                    "(slackctl tail --what duplicate shows them)"
                )
                found.append(RegularNotice("duplicates", "app", app, text))
        return found

    def presence(self, plugins: Iterable[PluginPresence]) -> list[RegularNotice]:
        """One line when a plugin has been away for `AWAY_AFTER` seconds, and one when it is back."""
        found = []
        for each in plugins:
            name, away = each.plugin, self._away.get(each.plugin)
            if each.absent_for >= AWAY_AFTER:
                if away is None:
                    text = f"{name}: no session for {each.absent_for:.0f} s; its deliveries wait"
                    found.append(RegularNotice("plugin-away", "plugin", name, text))
                self._away[name] = each.absent_for
            elif away is not None and each.absent_for == 0:
                del self._away[name]
                text = f"{name}: back after {away:.0f} s"
                found.append(RegularNotice("plugin-back", "plugin", name, text))
        return found

    def foreign(self, counts: Mapping[str, int], now: float) -> list[RegularNotice]:
        """One line for each app that shares its app-level token with another program.

        Args:
            counts: Connections of others, by app.
            now: Seconds on the monotonic clock.
        """
        found = []
        for app, count in counts.items():
            if count > self._foreign.get(app, 0) and self._is_due("foreign", app, now):
                text = (
                    f"{app}: {count} connections of another program on the same app-level token get a share of "
                    "its envelopes; stop that program, or give it a token of an app of its own"
                )
                found.append(RegularNotice("foreign", "app", app, text))
                self._foreign[app] = count
            elif not count:
                self._foreign.pop(app, None)
        return found

    def refused(self, counts: Mapping[str, int], now: float) -> list[RegularNotice]:
        """One line for each app whose envelopes could not be journaled.

        Args:
            counts: Of those envelopes since the start, by app.
            now: Seconds on the monotonic clock.
        """
        found = []
        for app, count in counts.items():
            more = count - self._refused.get(app, 0)
            if more and self._is_due("refused", app, now):
                self._refused[app] = count
                text = (
                    f"{app}: {more} envelopes could not be journaled and are not acknowledged; "
                    "Slack sends events again"
                )
                found.append(RegularNotice("journal-refused", "app", app, text, logging.ERROR))
        return found

    def held_up(self, plugin: PluginConfig, keys: Iterable[HeldUp], now: float) -> list[RegularNotice]:
        """One line for a plugin of which one key has held up others for long."""
        worst = max(keys, key=lambda each: each.seconds, default=None)
        if worst is None or not self._is_due("held-up", plugin.name, now):
            return []
        return [
            RegularNotice(
                "key-held-up", "plugin", plugin.name, f"{plugin.name}: {words(worst)}; {hint(plugin)}"
            )
        ]

    def dead_lettered(self, plugin: str, reasons: Iterable[str]) -> None:
        """The journal's limits made dead letters of a plugin's deliveries, for these reasons."""
        self._cut.setdefault(plugin, Counter()).update(reasons)

    def dropped(self, plugin: str, letters: int, size: int) -> None:
        """The journal's limits dropped so many dead letters, of so many bytes."""
        before = self._dropped.get(plugin, (0, 0))
        self._dropped[plugin] = before[0] + letters, before[1] + size

    def limits(self, now: float) -> list[RegularNotice]:
        """One line for each plugin that the journal's limits took something from."""
        found = []
        for plugin in [each for each in self._cut if self._is_due("backlog", each, now)]:
            reasons = self._cut.pop(plugin)
            why = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
            text = (
                f"{plugin}: {reasons.total()} deliveries became dead letters ({why}); "
                "see slackctl deadletters list"
            )
            found.append(RegularNotice("backlog-dead_lettered", "plugin", plugin, text, logging.ERROR))
        for plugin in [each for each in self._dropped if self._is_due("dropped", each, now)]:
            letters, size = self._dropped.pop(plugin)
            text = (
                f"{plugin or 'envelopes that nobody could read'}: the {letters} oldest dead letters "
                f"({size:,} bytes) are gone, since dead letters reached max_bytes; retry or discard them in "
                "time (slackctl deadletters)"
            )
            found.append(RegularNotice("dead-letters-dropped", "plugin", plugin, text, logging.ERROR))
        return found

    def _is_due(self, kind: str, subject: str, now: float) -> bool:
        last = self._said.get((kind, subject))
        if last is not None and now - last < EVERY:
            return False
        self._said[kind, subject] = now
        return True


def words(held_up: HeldUp) -> str:
    """What is held up, and for how long."""
    waiting = "1 delivery" if held_up.waiting == 1 else f"{held_up.waiting} deliveries"
    return (
        f"delivery {held_up.delivery} has held up {waiting} of its {held_up.place} for {held_up.seconds:.0f} s"
    )


def hint(plugin: PluginConfig) -> str:
    """What its operator can do about it."""
    order = "thread" if plugin.delivery.order_by is OrderBy.CHANNEL else "none"
    return f'order_by = "{order}" under [delivery] of {plugin.file} lets the others pass'

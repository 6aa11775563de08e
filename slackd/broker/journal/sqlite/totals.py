"""What the writer keeps in memory of the journal, so that nothing is ever counted: ids and backlogs.

The figures change with the writes of a transaction and are saved by the same transaction; after a rollback they
are loaded again. Both cost O(plugins). Beside them stand the newest open deliveries to which nothing happened,
so that the usual close reads no row; after a rollback none are known.
"""

import sqlite3

from slackd.broker.journal.sqlite.rows import NUMBER, TEXT, WHOLE, DamagedRowError, checked, within_reach
from slackd.broker.journal.sqlite.schema import PERIOD
from slackd.slotted import define

UNTOUCHED = 16_384
"""Open deliveries that are remembered at most."""


_SAVED = "SELECT name, value FROM tally WHERE name IN ('envelope_bytes', 'last_delivery')"


@define
class PluginFigures:
    """A plugin's number in the tables, and its backlog."""

    number: int
    name: str
    deliveries: int = 0
    bytes: int = 0
    dead: int = 0


class Totals:
    """Ids given out, plugins by name and number, bytes of all envelopes. Made of what the tables hold: raises
    `DamagedRowError` where that makes no sense.

    Attributes:
        last_envelope, last_delivery: The highest ids given out.
        envelope_bytes: Bytes of the text of all envelopes.
        period_begins, period_ends: Between them the newest envelope was received (UNIX seconds).
        untouched: Envelope, plugin and bytes of deliveries that came with their envelope and are open at their
            first attempt: what the row surely says. Whoever changes such a row takes it out.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        newest = connection.execute(
            "SELECT id, last_delivery, received_at FROM envelope ORDER BY id DESC LIMIT 1"
        ).fetchone()
        if newest is not None:
            within_reach(checked(newest, (WHOLE, WHOLE, NUMBER), "envelope"), "envelope")
        saved = dict(
            within_reach(checked(row, (TEXT, WHOLE), "totals"), "totals")
            for row in connection.execute(_SAVED).fetchall()
        )
        self.last_envelope: int = newest[0] if newest else 0
        self.last_delivery: int = max(newest[1] if newest else 0, saved.get("last_delivery", 0))
        self.envelope_bytes: int = saved.get("envelope_bytes", 0)
        self._period: int | None = None
        self.period_begins = self.period_ends = 0.0
        if newest:
            self._set_period(int(newest[2] // PERIOD))
        self._by_name: dict[str, PluginFigures] = {}
        self._by_number: dict[int, PluginFigures] = {}
        for row in connection.execute("SELECT number, name, deliveries, bytes, dead FROM plugin"):
            checked(row, (WHOLE, TEXT, WHOLE, WHOLE, WHOLE), "plugin")
            self._know(PluginFigures(*within_reach(row, "plugin")))
        self.untouched: dict[int, tuple[int, int, int]] = {}
        self._touched: set[int] = set()
        self._saved = (self.envelope_bytes, saved.get("last_delivery", 0))
        self._last_delivery_needs_saving = False

    def plugins(self) -> list[PluginFigures]:
        """Every plugin that the journal has heard of."""
        return list(self._by_number.values())

    def number_of(self, connection: sqlite3.Cursor, name: str) -> int:
        """The plugin's number; a new plugin gets one."""
        known = self._by_name.get(name)
        if known is not None:
            return known.number
        number = max(self._by_number, default=0) + 1
        connection.execute("INSERT INTO plugin (number, name) VALUES (?, ?)", (number, name))
        self._know(PluginFigures(number, name))
        return number

    def name_of(self, number: int) -> str:
        """The plugin's name.

        Raises:
            DamagedRowError: A row names a number that no plugin has.
        """
        return self._of(number).name

    def backlog(self, number: int, deliveries: int, size: int) -> None:
        """So many deliveries more (or fewer), of so many bytes in all.

        Raises:
            DamagedRowError: No plugin has this number.
        """
        figures = self._of(number)
        figures.deliveries += deliveries
        figures.bytes += size
        self._touched.add(number)

    def remember_untouched(self, delivery: int, envelope: int, number: int, size: int) -> None:
        """The row of a delivery that is being opened with its envelope."""
        if len(self.untouched) >= UNTOUCHED:
            self.untouched.clear()
        self.untouched[delivery] = (envelope, number, size)

    def dead(self, number: int, letters: int) -> None:
        """So many dead letters more (or fewer).

        Raises:
            DamagedRowError: No plugin has this number.
        """
        self._of(number).dead += letters
        self._touched.add(number)

    def next_delivery(self) -> int:
        """An id for a delivery whose envelope is already in the table."""
        self.last_delivery += 1
        self._last_delivery_needs_saving = True
        return self.last_delivery

    def count_deliveries_from(self, base: int) -> None:
        """Give out ids above this one alone. It needs no row: the next opening has a base of its own."""
        self.last_delivery = max(self.last_delivery, base)

    def enter_period(self, cursor: sqlite3.Cursor, received_at: float, envelope: int) -> None:
        """Note that this envelope, the newest, was received then."""
        period = int(received_at // PERIOD)
        if self._period is not None:
            cursor.execute("UPDATE period SET last_envelope = ? WHERE number = ?", (envelope - 1, self._period))
        cursor.execute(
            "INSERT INTO period (number, first_envelope) VALUES (?, ?) "
            "ON CONFLICT (number) DO UPDATE SET last_envelope = NULL",
            (period, envelope),
        )
        self._set_period(period)

    def save(self, cursor: sqlite3.Cursor) -> None:
        """Write what changed into the transaction that changed it."""
        for number in self._touched:
            figures = self._by_number[number]
            cursor.execute(
                "UPDATE plugin SET deliveries = ?, bytes = ?, dead = ? WHERE number = ?",
                (figures.deliveries, figures.bytes, figures.dead, number),
            )
        self._touched.clear()
        saved = (
            self.envelope_bytes,
            self.last_delivery if self._last_delivery_needs_saving else self._saved[1],
        )
        if saved != self._saved:
            cursor.execute(
                "INSERT OR REPLACE INTO tally (name, value) VALUES ('envelope_bytes', ?), ('last_delivery', ?)",
                saved,
            )
            self._saved = saved
        self._last_delivery_needs_saving = False

    def _set_period(self, period: int) -> None:
        self._period = period
        self.period_begins, self.period_ends = period * PERIOD, (period + 1) * PERIOD

    def _of(self, number: int) -> PluginFigures:
        try:
            return self._by_number[number]
        except KeyError as error:
            raise DamagedRowError(f"a row names plugin {number}, which table plugin does not have") from error

    def _know(self, figures: PluginFigures) -> None:
        self._by_name[figures.name] = figures
        self._by_number[figures.number] = figures

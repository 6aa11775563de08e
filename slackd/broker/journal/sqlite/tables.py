"""What each table's rows look like, for whoever reads them without trusting them: the check and the rescue."""

import sqlite3
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Final

import attrs

from slackd.broker.journal.sqlite.rows import (
    BYTES,
    MAYBE_NUMBER,
    MAYBE_TEXT,
    NUMBER,
    TEXT,
    WHOLE,
    DamagedRowError,
    Kinds,
    checked,
    member,
    within_reach,
)
from slackd.broker.journal.writes import AnswerState, DeadReason, Lane
from slackd.slotted import frozen

_Enums = Mapping[str, Callable[[Any], Enum]]


@frozen
class TableSpec:
    """A table whose rows mean something by themselves.

    Attributes:
        name: In the file.
        called: In words.
        columns: All of them, the key first.
        kinds: What each may hold.
        keys: How many of the columns are the key.
        by_number: The key is a whole number, by which rows can be looked for one by one.
        enums: Columns whose values stand for members.
        index: One that has all the columns, too; "" if there is none.
        by_values: No other table's rows, and no index's entries, have as many values of the same types.
    """

    name: str
    called: str
    columns: tuple[str, ...]
    kinds: Kinds
    keys: int = 1
    by_number: bool = True
    enums: _Enums = attrs.field(factory=dict)
    index: str = ""
    by_values: bool = True

    @property
    def listed(self) -> str:
        """The columns as SQL."""
        return ", ".join(f'"{column}"' for column in self.columns)

    def checked(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        """The row, if it is one that slackd could have written.

        Raises:
            DamagedRowError: It isn't.
        """
        within_reach(checked(row, self.kinds, self.name), self.name)
        for column, kind in self.enums.items():
            member(kind, row[self.columns.index(column)], self.name)
        return row

    def is_good(self, row: tuple[Any, ...]) -> bool:
        """Whether `checked` accepts it."""
        try:
            self.checked(row)
        except DamagedRowError:
            return False
        return True


TABLES: Final = (
    TableSpec("plugin", "plugins", ("number", "name"), (WHOLE, TEXT), index="sqlite_autoindex_plugin_1"),
    TableSpec(
        "envelope",
        "envelopes",
        (
            *("id", "app", "envelope_id", "type", "received_at", "answer", "response", "response_url", "bytes"),
            *("first_delivery", "last_delivery", "text"),
        ),
        (WHOLE, TEXT, TEXT, TEXT, NUMBER, WHOLE, MAYBE_TEXT, TEXT, WHOLE, WHOLE, WHOLE, TEXT),
        enums={"answer": AnswerState},
    ),
    TableSpec(
        "open_delivery",
        "open deliveries",
        (
            *("id", "envelope", "plugin", "lane", "key", "attempt", "not_before", "expires_at", "respond_by"),
            *("bytes", "again", "last_error"),
        ),
        (
            *(WHOLE, WHOLE, WHOLE, WHOLE, TEXT, WHOLE, NUMBER, MAYBE_NUMBER, MAYBE_NUMBER),
            *(WHOLE, WHOLE, MAYBE_TEXT),
        ),
        enums={"lane": Lane},
    ),
    TableSpec(
        "dead_letter",
        "dead letters",
        (
            *("delivery", "envelope", "plugin", "lane", "key", "reason", "error", "attempts", "died_at"),
            "again",
        ),
        (WHOLE, WHOLE, WHOLE, WHOLE, TEXT, TEXT, TEXT, WHOLE, NUMBER, WHOLE),
        enums={"lane": Lane, "reason": DeadReason},
    ),
    TableSpec(
        "late_answer",
        "late answers",
        ("delivery", "envelope", "plugin", "app", "response_url", "response"),
        (WHOLE, WHOLE, TEXT, TEXT, TEXT, TEXT),
    ),
    TableSpec("dedupe", "dedupe keys", ("key", "envelope", "at"), (BYTES, WHOLE, WHOLE), by_number=False),
    TableSpec(
        "session",
        "sessions",
        ("plugin", "session"),
        (TEXT, TEXT),
        keys=2,
        by_number=False,
        by_values=False,
    ),
    TableSpec(
        "gap",
        "gaps",
        ("app", "start", "end", "reason"),
        (TEXT, NUMBER, MAYBE_NUMBER, TEXT),
        keys=2,
        by_number=False,
    ),
    TableSpec(
        "ghost",
        "unconfirmed connections",
        ("app", "connection", "until"),
        (TEXT, TEXT, NUMBER),
        keys=2,
        by_number=False,
    ),
    TableSpec("seen_ready", "READY records", ("app", "at"), (TEXT, NUMBER), by_number=False, by_values=False),
)


def count(connection: sqlite3.Connection) -> dict[str, int]:
    """How many rows there are of what an operator counts.

    Raises:
        sqlite3.Error: As SQLite says.
    """
    return {
        spec.called: connection.execute(f"SELECT count(*) FROM {spec.name}").fetchone()[0]
        for spec in TABLES
        if spec.name in ("envelope", "open_delivery", "dead_letter")
    }

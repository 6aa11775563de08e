"""The embedded engine of the journal, the default: SQLite in a folder of this host."""

from slackd.broker.journal.engines import StorageEngine
from slackd.broker.journal.sqlite.journal import SqliteEngine

ENGINE: StorageEngine = SqliteEngine()

"""A consistent copy of the running journal, streamed to whoever asks."""

import contextlib
import logging

from slackd.broker.control import requests
from slackd.broker.control.context import ControlContext
from slackd.broker.control.http import HttpRequest
from slackd.broker.journal import BackupSource
from slackd.errors import JournalError

log = logging.getLogger(__name__)


async def backup(broker: ControlContext, request: HttpRequest) -> None:
    """The copy's bytes: a file that a broker can open as its journal. It is complete only if the response
    ends as HTTP says it must: what breaks off in the middle is no backup.

    Raises:
        JournalError: No copy can be made (no room for it, or the engine makes none).
    """
    if not isinstance(broker.journal, BackupSource):
        raise JournalError(
            "this journal's engine makes no backups by itself",
            hint="use the tools of the database it is kept in",
        )
    async with contextlib.aclosing(broker.journal.backup()) as chunks:
        # Before the first byte an error is an answer; after it, only a broken connection can say so.
        first = await anext(chunks, b"")
        log.info("%s takes a backup of the journal", requests.who(request), extra={"event": "backup"})
        await request.begin_stream("application/octet-stream")
        await request.write(first)
        try:
            async for chunk in chunks:
                await request.write(chunk)
        except JournalError as error:
            log.error("a backup broke off: %s", error, extra={"event": "backup-failed"})
            request.abort()

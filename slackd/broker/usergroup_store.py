"""Who was in which user group, kept in a file: a broker that is started again need not refuse everybody first.

The file stands beside the journal, readable by the broker's user alone. What is in it ages as in memory: after
`FRESH_FOR` seconds nobody of it may. A file that can't be read, or whose times lie in the future, is none.
"""

import json
import logging
import os
from pathlib import Path
from typing import Final

from slackd.broker.access import FRESH_FOR, GroupMembers
from slackd.broker.instant import Instant

log: Final = logging.getLogger(__name__)

FILE_NAME: Final = "usergroups.json"
_LARGEST: Final = 64 << 20
"""Bytes of the file that are read."""


def encode(members: GroupMembers, now: Instant) -> str:
    """Return what is known and fresh, with UNIX times, as the file has it."""
    found = [
        {"app": app, "usergroup": usergroup, "at": now.to_unix(at), "users": sorted(users)}
        for (app, usergroup), (users, at) in members.known(now.monotonic)
    ]
    return json.dumps(found)


def decode(text: str, members: GroupMembers, now: Instant) -> None:
    """Take over what the file has and what is fresh still.

    Raises:
        ValueError: It is no such file.
    """
    try:
        for each in json.loads(text):
            age = now.unix - float(each["at"])
            users = [str(user) for user in each["users"]]
            if 0 <= age < FRESH_FOR:
                members.put((str(each["app"]), str(each["usergroup"])), users, now.monotonic - age)
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"not a file of user groups: {error!r}") from error


def load(folder: Path, members: GroupMembers, now: Instant) -> None:
    """Read the file, if there is one that can be read."""
    file = folder / FILE_NAME
    try:
        if file.stat().st_size <= _LARGEST:
            decode(file.read_text("utf-8"), members, now)
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        log.warning("%s is left aside: %s", file, error, extra={"event": "usergroups-unread"})


def save(folder: Path, members: GroupMembers, now: Instant) -> None:
    """Write the file anew; a disk that can't take it is said in the log, and costs nothing else."""
    file, text = folder / FILE_NAME, encode(members, now)
    try:
        descriptor = os.open(f"{file}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="utf-8") as written:
            written.write(text)
        os.replace(f"{file}.new", file)
    except OSError as error:
        log.warning("%s can't be written: %s", file, error, extra={"event": "usergroups-unwritten"})

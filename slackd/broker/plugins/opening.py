"""Connections that have no session yet: how many one user may have, and who makes room. Pure.

They are counted apart from sessions, and a user's apart from another's: whoever only connects keeps nobody out
but itself.
"""

from collections.abc import Iterator
from typing import Generic, TypeVar

Connection = TypeVar("Connection")


class OpeningConnections(Generic[Connection]):
    """All of them, by user, the oldest first.

    Args:
        per_user: Connections that one user may have.
        in_all: Connections that all users may have together.
    """

    def __init__(self, per_user: int, in_all: int) -> None:
        self._per_user, self._in_all = per_user, in_all
        self._by_user: dict[int, dict[Connection, None]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, uid: int, connection: Connection) -> Connection | None:
        """Count one more.

        Returns:
            The connection to close for it: the oldest of this user, or of the user who has the most; None as
            long as there is room.
        """
        mine = self._by_user.setdefault(uid, {})
        mine[connection] = None
        self._count += 1
        if len(mine) > self._per_user:
            return self._take_oldest(uid)
        return self._take_oldest(self._greediest()) if self._count > self._in_all else None

    def is_crowded(self, uid: int, fair: int, crowd: int) -> bool:
        """Whether this user has had its fair share of connections, while those of others are a crowd."""
        mine = len(self._by_user.get(uid, ()))
        return mine >= fair and self._count - mine >= crowd

    def discard(self, uid: int, connection: Connection) -> None:
        """It has a session, or is gone."""
        mine = self._by_user.get(uid)
        if mine is None or connection not in mine:
            return
        del mine[connection]
        self._count -= 1
        if not mine:
            del self._by_user[uid]

    def take(self, part: float) -> Iterator[Connection]:
        """Take this part of all, at least one: always the oldest of the user who has the most."""
        for _ in range(min(self._count, max(1, int(self._count * part)))):
            yield self._take_oldest(self._greediest())

    def _greediest(self) -> int:
        return max(self._by_user, key=lambda uid: len(self._by_user[uid]))

    def _take_oldest(self, uid: int) -> Connection:
        oldest = next(iter(self._by_user[uid]))
        self.discard(uid, oldest)
        return oldest

"""How many bytes wait in memory for whom, and who has most of them. Pure."""

from collections.abc import Iterator
from typing import Generic, TypeVar

Member = TypeVar("Member")


class HeldBytes(Generic[Member]):
    """Bytes that wait in memory for or from connections, the one that has had some for longest first.

    Args:
        limit: Bytes in all that may wait.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._bytes: dict[Member, int] = {}
        self._total = 0

    def __iter__(self) -> Iterator[Member]:
        return iter(list(self._bytes))

    def hold(self, member: Member, size: int) -> None:
        """So many bytes wait for or from this connection now; 0 for none."""
        self._total += size - self._bytes.get(member, 0)
        if size:
            self._bytes[member] = size
        else:
            self._bytes.pop(member, None)

    @property
    def room(self) -> int:
        """Bytes that may still come to wait; less than 0 when too many do."""
        return self._limit - self._total

    @property
    def exceeded(self) -> bool:
        """More wait than may."""
        return self._total > self._limit

    @property
    def oldest(self) -> Member | None:
        """The connection that has had some for longest."""
        return next(iter(self._bytes), None)

    @property
    def greatest(self) -> Member | None:
        """The connection that has most."""
        return max(self._bytes, key=self._bytes.__getitem__, default=None)

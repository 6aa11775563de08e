"""`frozen`, for values that are made for every envelope.

For the type checker it is `attrs.frozen`: whoever assigns to a member of a value fails in CI. At run time the
class is slotted and hashable, but nothing guards its members, since the guard is paid for at every creation:
attrs sets each member of a frozen class by a call, and takes two to three times as long (0.71 µs against 0.20
for nine members). Whatever is not made for every envelope is `attrs.frozen`.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attrs import frozen
else:
    from functools import partial

    import attrs

    frozen = partial(attrs.define, unsafe_hash=True)

__all__ = ["frozen"]

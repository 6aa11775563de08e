"""`frozen`: values for code that must do with the standard library and makes some for every envelope.

To the type checker they are frozen dataclasses: whoever assigns to a member fails in CI. At run time nothing
guards the members, since the guard is paid for at every creation: a call for each of them. (Where attrs is at
hand, `slackd.slotted` makes the same.)
"""

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(cls: type[T]) -> type[T]:
    """A slotted dataclass with `==` and a hash."""
    return dataclass(slots=True, unsafe_hash=True)(cls)

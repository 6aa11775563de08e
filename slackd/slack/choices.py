"""What a person chose or typed in an element of a message, a view or a legacy attachment, as strings.

Slack has a member of its own for each sort of element ("Block elements", `block_actions` payloads; the same
members stand in a view's `state`).
"""

from collections.abc import Mapping
from typing import Any, Final

_SINGLE: Final = (
    "value",
    "selected_option",
    "selected_user",
    "selected_conversation",
    "selected_channel",
    "selected_date",
    "selected_time",
    "selected_date_time",
)
_SEVERAL: Final = (
    "selected_options",
    "selected_users",
    "selected_conversations",
    "selected_channels",
)


def chosen_values(element: Mapping[str, Any]) -> tuple[str, ...]:
    """The values of an element's choice: one for most elements, any number for multi selects and checkboxes.

    Args:
        element: An action of a `block_actions` payload, or an element of a view's `state`.

    Returns:
        Values of options, ids of users and channels, dates (`2026-11-28`), times (`09:30`), and UNIX seconds
        of a date with its time; () where nothing is chosen.
    """
    for name in _SINGLE:
        if text := _value(element.get(name)):
            return (text,)
    for name in _SEVERAL:
        chosen = element.get(name)
        if isinstance(chosen, list) and chosen:
            return tuple(text for each in chosen if (text := _value(each)))
    return ()


def _value(chosen: Any) -> str:
    if isinstance(chosen, str):
        return chosen
    if isinstance(chosen, int) and not isinstance(chosen, bool):
        return str(chosen)
    if isinstance(chosen, dict):
        value = chosen.get("value")
        return value if isinstance(value, str) else ""
    return ""

"""What a person chooses or types in an element, as it stands in `actions` and in `state`
(source: the reference's page of each element).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import attrs

from slackd.emulator.conversation import DEFAULT_CHANNEL
from slackd.emulator.errors import EmulatorError

Json = dict[str, Any]

CHOSEN: Final = {
    "channels_select": "selected_channel",
    "checkboxes": "selected_options",
    "conversations_select": "selected_conversation",
    "datepicker": "selected_date",
    "datetimepicker": "selected_date_time",
    "email_text_input": "value",
    "external_select": "selected_option",
    "file_input": "files",
    "multi_channels_select": "selected_channels",
    "multi_conversations_select": "selected_conversations",
    "multi_external_select": "selected_options",
    "multi_static_select": "selected_options",
    "multi_users_select": "selected_users",
    "number_input": "value",
    "overflow": "selected_option",
    "plain_text_input": "value",
    "radio_buttons": "selected_option",
    "rich_text_input": "rich_text_value",
    "static_select": "selected_option",
    "timepicker": "selected_time",
    "url_text_input": "value",
    "users_select": "selected_user",
}
"""The field that holds what was chosen, by the type of the element."""

SHORTEST_QUERY: Final = 3
"""Characters typed before a menu asks the app for options, if it has no `min_query_length` ("Select menu")."""

_ECHOED: Final = ("type", "action_id", "value", "text", "style")
_OPTION: Final = frozenset({"selected_option", "selected_options"})


@attrs.frozen
class FoundElement:
    """An interactive element that somebody can see.

    Attributes:
        element: as the app made it.
        block: the block it stands in.
    """

    element: Mapping[str, Any]
    block: Mapping[str, Any]

    @property
    def action_id(self) -> str:
        """The element's `action_id`."""
        return str(self.element["action_id"])

    @property
    def block_id(self) -> str:
        """The block's `block_id`."""
        return str(self.block.get("block_id") or "block")

    @property
    def is_silent(self) -> bool:
        """Whether the app hears of a choice only when the view is submitted ("Input block")."""
        return self.block.get("type") == "input" and not self.block.get("dispatch_action")


@attrs.frozen(kw_only=True)
class Shown:
    """An element, and where somebody sees it.

    Attributes:
        message: the message it stands in, or None.
        view: the modal or Home tab it stands in, or None.
        ephemeral: whether only one person sees the message.
    """

    found: FoundElement
    message: Json | None = None
    view: Json | None = None
    channel: str = DEFAULT_CHANNEL
    ephemeral: bool = False

    @property
    def blocks(self) -> Any:
        """All blocks of what it stands in."""
        return (self.view or self.message or {}).get("blocks")

    @property
    def place(self) -> str:
        """The view's id, or the message's `ts`."""
        return str(self.view["id"] if self.view else (self.message or {}).get("ts"))


def elements_of(blocks: Any) -> Iterator[FoundElement]:
    """The interactive elements of blocks."""
    if not isinstance(blocks, list):
        return
    for block in blocks:
        if not isinstance(block, dict):
            continue
        several = block.get("elements")
        single = [block.get("accessory"), block.get("element")]
        for element in (*(several if isinstance(several, list) else ()), *single):
            if isinstance(element, dict) and element.get("action_id"):
                yield FoundElement(element, block)


def action_for(found: FoundElement, value: Any) -> Json:
    """The action that a click on the element, or the choice of `value` in it, makes.

    Raises:
        EmulatorError: nobody can choose that there.
    """
    echoed = {name: found.element[name] for name in _ECHOED if name in found.element}
    action: Json = {**echoed, "block_id": found.block_id}
    field = CHOSEN.get(str(found.element.get("type")))
    if field is None:
        return action if value is None else {**action, "value": value}
    if field == "value":
        return {**action, "value": value}
    if value is None:
        return action
    return {**action, field: _chosen(found.element, field, value)}


def state_of(blocks: Any, values: Mapping[str, Mapping[str, Any]]) -> Json:
    """The `state.values` of blocks: what was typed or chosen, over what they begin with.

    Args:
        values: by `block_id` and `action_id`; an object is taken as it is, anything else is chosen.

    Raises:
        EmulatorError: Something is chosen that the element doesn't offer.
    """
    state: Json = {block: dict(given) for block, given in values.items() if isinstance(given, Mapping)}
    for found in elements_of(blocks):
        kind = str(found.element.get("type"))
        if kind not in CHOSEN or kind == "overflow":
            continue
        given = state.get(found.block_id, {}).get(found.action_id)
        if isinstance(given, Mapping) and (CHOSEN[kind] in given or given.get("type") == kind):
            state[found.block_id][found.action_id] = {"type": kind, **given}
            continue
        field = CHOSEN[kind]
        value = _initial(found.element, field) if given is None else _chosen(found.element, field, given)
        state.setdefault(found.block_id, {})[found.action_id] = {"type": kind, field: value}
    return state


def _initial(element: Mapping[str, Any], field: str) -> Any:
    name = field.replace("selected", "initial") if field.startswith("selected") else "initial_value"
    empty: Any = [] if field.endswith("s") and field.startswith("selected") else None
    return element.get(name, empty)


def _chosen(element: Mapping[str, Any], field: str, value: Any) -> Any:
    if field not in _OPTION:
        return value
    groups = element.get("option_groups") or [{"options": element.get("options") or []}]
    known = {option["value"]: option for group in groups for option in group["options"] if "value" in option}
    wanted = value if field == "selected_options" else [value]
    if not isinstance(wanted, list):
        raise EmulatorError(f"{element['action_id']}: several are chosen here, as a list, not {value!r}")
    options = [each if isinstance(each, dict) else known.get(each) for each in wanted]
    if None in options:
        if element.get("type", "").endswith("external_select"):
            options = [each if isinstance(each, dict) else _option(str(each)) for each in wanted]
        else:
            raise EmulatorError(f"{element['action_id']} has no option {value!r}; there are {list(known)}")
    return options if field == "selected_options" else options[0]


def _option(value: str) -> Json:
    return {"text": {"type": "plain_text", "text": value}, "value": value}


def unfit_inputs(blocks: Any, state: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """What keeps Slack's own client from submitting a view: inputs that are neither filled nor `optional`, and
    texts of the wrong length ("Input block", "Plain-text input element")."""
    for block in blocks if isinstance(blocks, list) else ():
        if not isinstance(block, dict) or block.get("type") != "input":
            continue
        element = block.get("element") or {}
        field = CHOSEN.get(str(element.get("type")))
        block_id = block.get("block_id")
        value = state.get(str(block_id), {}).get(str(element.get("action_id")), {}).get(field or "")
        if field is None or not element.get("action_id"):
            continue
        if value in (None, "", [], {}):
            if not block.get("optional"):
                yield f"the input {block_id!r} is empty and not optional"
        elif isinstance(value, str) and not _fits(value, element):
            least, most = element.get("min_length", 0), element.get("max_length", "any number of")
            yield f"the input {block_id!r} takes from {least} to {most} characters"


def _fits(value: str, element: Mapping[str, Any]) -> bool:
    return bool(element.get("min_length", 0) <= len(value) <= element.get("max_length", len(value)))

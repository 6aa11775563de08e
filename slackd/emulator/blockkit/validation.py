"""Whether blocks and views are as Slack takes them, and if not, what Slack says of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import attrs

from slackd.emulator.blockkit.consistency import of_all_blocks, of_block, of_element
from slackd.emulator.blockkit.fields import Field
from slackd.emulator.blockkit.schema import (
    BLOCKS,
    ELEMENTS,
    MOST_BLOCKS,
    OBJECTS,
    ONLY_IN,
    PLACES,
    Table,
)

LONGEST_ID: Final = 255
LARGEST_VIEW: Final = 250_000
"""Bytes of a view as JSON ("views.open", `view_too_large`)."""

_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "text": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "object": (dict,),
    "list": (list,),
}
_NAMES: Final = {
    "text": "a string",
    "boolean": "a boolean",
    "integer": "an integer",
    "number": "a number",
    "object": "an object",
    "list": "an array",
}


@attrs.frozen
class BlockViolation:
    """One thing that is wrong, and where."""

    message: str
    pointer: str

    def __str__(self) -> str:
        return f"{self.message} [json-pointer:{self.pointer}]"


def check_blocks(blocks: object, surface: str = "message", pointer: str = "/blocks") -> list[BlockViolation]:
    """What is wrong with the blocks of a `message`, `modal` or `home`; empty if Slack takes them."""
    return list(_blocks(blocks, surface, pointer))


def check_view(view: object, kind: str | None = None) -> list[BlockViolation]:
    """What is wrong with a view (of that kind, `modal` or `home`); empty if Slack takes it."""
    return list(_view(view, kind))


def check_options(answer: object) -> list[BlockViolation]:
    """What is wrong with what an app answers to a menu ("Select menu element"); empty if Slack takes it."""
    if not isinstance(answer, dict):
        return [BlockViolation("must provide an object", "")]
    violations = list(_table(answer, OBJECTS["suggestions"], ""))
    if ("options" in answer) is ("option_groups" in answer):
        violations.append(BlockViolation("must provide one of: options or option_groups", ""))
    return violations


def is_too_large(view: object) -> bool:
    """Whether that view is larger than Slack takes."""
    return len(json.dumps(view)) > LARGEST_VIEW


def _view(view: object, kind: str | None) -> Iterator[BlockViolation]:
    if not isinstance(view, dict):
        yield BlockViolation("must provide an object", "/view")
        return
    given = view.get("type")
    if given not in ("modal", "home") or kind not in (None, given):
        expected = kind or "modal"
        yield BlockViolation(f'must be a valid enum value: "{expected}"', "/view/type")
        return
    yield from _table(view, OBJECTS["home" if given == "home" else "view"], "/view")
    if "blocks" not in view:
        yield BlockViolation("missing required field: blocks", "/view")
        return
    yield from _blocks(view["blocks"], given, "/view/blocks")
    if given == "modal" and "submit" not in view and _has_inputs(view["blocks"]):
        yield BlockViolation(
            "`submit` is required in the view when an input block is within the blocks array", "/view"
        )
    if is_too_large(view):
        yield BlockViolation(f"the view must be less than {LARGEST_VIEW + 1} bytes", "/view")


def _has_inputs(blocks: object) -> bool:
    return isinstance(blocks, list) and any(
        isinstance(block, dict) and block.get("type") == "input" for block in blocks
    )


def _blocks(blocks: object, surface: str, pointer: str) -> Iterator[BlockViolation]:
    if not isinstance(blocks, list):
        yield BlockViolation("must provide an array", pointer)
        return
    if len(blocks) > MOST_BLOCKS[surface]:
        yield BlockViolation(f"no more than {MOST_BLOCKS[surface]} items allowed", pointer)
    seen: set[str] = set()
    for number, block in enumerate(blocks):
        place = f"{pointer}/{number}"
        if not isinstance(block, dict):
            yield BlockViolation("must provide an object", place)
            continue
        kind = block.get("type")
        if kind is None:
            yield BlockViolation("missing required field: type", place)
        elif kind not in BLOCKS or surface not in ONLY_IN.get(kind, (surface,)):
            yield BlockViolation(f"unsupported type: {kind}", f"{place}/type")
        else:
            yield from _table(block, BLOCKS[kind], place)
            yield from _ids(block, "block_id", seen, place)
            yield from _found(of_block(block, kind), place)
            yield from _action_ids(block, place)
    yield from _found(of_all_blocks(blocks), pointer)


def _found(faults: Iterator[tuple[str, str]], place: str) -> Iterator[BlockViolation]:
    return (BlockViolation(message, f"{place}{where}") for message, where in faults)


def _action_ids(block: Mapping[str, Any], place: str) -> Iterator[BlockViolation]:
    actions: set[str] = set()
    for name in ("elements", "accessory", "element"):
        inner = block.get(name)
        several = inner if isinstance(inner, list) else [inner]
        for number, element in enumerate(several):
            if isinstance(element, dict):
                where = f"{place}/{name}/{number}" if isinstance(inner, list) else f"{place}/{name}"
                yield from _ids(element, "action_id", actions, where)


def _ids(holder: Mapping[str, Any], name: str, seen: set[str], place: str) -> Iterator[BlockViolation]:
    given = holder.get(name)
    if given is None:
        return
    if not isinstance(given, str):
        yield BlockViolation("must provide a string", f"{place}/{name}")
    elif len(given) > LONGEST_ID:
        yield BlockViolation(f"must be less than {LONGEST_ID + 1} characters", f"{place}/{name}")
    elif given in seen:
        yield BlockViolation(f"`{name}` {given} already exists", f"{place}/{name}")
    elif given:
        seen.add(given)


def _table(given: Mapping[str, Any], table: Table, place: str) -> Iterator[BlockViolation]:
    for name, field in table.items():
        value = given.get(name)
        if value is None:
            if field.required:
                yield BlockViolation(f"missing required field: {name}", place)
        else:
            yield from _value(value, field, f"{place}/{name}")


def _value(value: object, field: Field, place: str) -> Iterator[BlockViolation]:
    if field.base == "any":
        return
    fits = isinstance(value, _TYPES[field.base]) and (field.base == "boolean") is isinstance(value, bool)
    if not fits:
        yield BlockViolation(f"must provide {_NAMES[field.base]}", place)
    elif isinstance(value, str):
        yield from _text(value, field, place)
    elif isinstance(value, dict):
        yield from _object(value, field, place)
    elif isinstance(value, list):
        yield from _list(value, field, place)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        if field.least is not None and value < field.least:
            yield BlockViolation(f"must be greater than or equal to {field.least:g}", place)
        if field.most is not None and value > field.most:
            yield BlockViolation(f"must be less than or equal to {field.most:g}", place)


def _text(value: str, field: Field, place: str) -> Iterator[BlockViolation]:
    yield from _length(value, field, place)
    if field.values is not None and value not in field.values:
        allowed = ", ".join(f'"{each}"' for each in field.values)
        yield BlockViolation(f"must be a valid enum value: {allowed}", place)
    if field.pattern is not None and not re.fullmatch(field.pattern, value):
        yield BlockViolation(f"must match the format {field.pattern}", place)


def _length(value: str, field: Field, place: str) -> Iterator[BlockViolation]:
    if field.least is not None and len(value) < field.least:
        yield BlockViolation(f"must be more than {field.least - 1:g} characters", place)
    if field.most is not None and len(value) > field.most:
        yield BlockViolation(f"must be less than {field.most + 1:g} characters", place)


def _object(value: Mapping[str, Any], field: Field, place: str) -> Iterator[BlockViolation]:
    if field.of is None:
        return
    if field.of == "text_object":
        yield from _text_object(value, field, place)
    elif field.of.startswith("elements:"):
        yield from _element(value, field.of.removeprefix("elements:"), place)
    else:
        yield from _table(value, OBJECTS[field.of], place)


def _text_object(value: Mapping[str, Any], field: Field, place: str) -> Iterator[BlockViolation]:
    allowed = (field.text_type,) if field.text_type else ("plain_text", "mrkdwn")
    if value.get("type") not in allowed:
        shown = ", ".join(f'"{each}"' for each in allowed)
        yield BlockViolation(f"must be a valid enum value: {shown}", f"{place}/type")
    alien = "verbatim" if value.get("type") == "plain_text" else "emoji"
    if alien in value:
        yield BlockViolation(f"invalid additional property: {alien}", place)
    words = value.get("text")
    if not isinstance(words, str):
        yield BlockViolation("missing required field: text", place)
        return
    yield from _length(words, field, f"{place}/text")


def _list(value: Sequence[object], field: Field, place: str) -> Iterator[BlockViolation]:
    if field.least is not None and len(value) < field.least:
        yield BlockViolation(f"must have at least {field.least:g} items", place)
    if field.most is not None and len(value) > field.most:
        yield BlockViolation(f"no more than {field.most:g} items allowed", place)
    if field.of is None:
        return
    for number, item in enumerate(value):
        where = f"{place}/{number}"
        if field.of == "text":
            yield from _value(item, Field("text", values=field.values), where)
        elif not isinstance(item, dict):
            yield BlockViolation("must provide an object", where)
        elif field.of == "section_field":
            yield from _text_object(item, Field("object", least=1, most=2000), where)
        elif field.of.startswith("elements:"):
            yield from _element(item, field.of.removeprefix("elements:"), where)
        else:
            yield from _table(item, OBJECTS[field.of], where)


def _element(element: Mapping[str, Any], place_name: str, place: str) -> Iterator[BlockViolation]:
    kind = element.get("type")
    if kind is None:
        yield BlockViolation("missing required field: type", place)
    elif place_name == "context" and kind in ("plain_text", "mrkdwn"):
        yield from _text_object(element, Field("object", least=1, most=3000), place)
    elif kind not in PLACES[place_name]:
        yield BlockViolation(f"unsupported type: {kind}", f"{place}/type")
    else:
        yield from _table(element, ELEMENTS[kind], place)
        yield from _found(of_element(element, kind), place)

"""What the fields of a block, an element, or a whole list of blocks must be to each other.

The tables (`schema`) say what each field may hold; here is what the reference's pages say beyond that: one of
two fields, a choice among the options, one element that has the focus. Each fault is its words, and where
it is below the block or element.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

Faults = Iterator[tuple[str, str]]

MOST_MARKDOWN_IN_ALL: Final = 12_000
"""Characters of all markdown blocks of one payload ("Markdown block")."""
MOST_CELLS: Final = 20
"""Cells of a row ("Table block")."""


def of_all_blocks(blocks: Sequence[object]) -> Faults:
    """What is wrong with the blocks as a whole."""
    given = [block for block in blocks if isinstance(block, dict)]
    markdown = (block.get("text") for block in given if block.get("type") == "markdown")
    if sum(len(words) for words in markdown if isinstance(words, str)) > MOST_MARKDOWN_IN_ALL:
        yield f"must be less than {MOST_MARKDOWN_IN_ALL + 1} characters in all markdown blocks", ""
    focused = [
        element for block in given for element in _elements_of(block) if element.get("focus_on_load") is True
    ]
    if len(focused) > 1:
        yield "only one element can have focus_on_load set to true", ""


def _elements_of(block: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    several = block.get("elements")
    listed = several if isinstance(several, list) else []
    for element in (*listed, block.get("accessory"), block.get("element")):
        if isinstance(element, dict):
            yield element


def of_block(block: Mapping[str, Any], kind: str) -> Faults:
    """What is wrong with a block of that kind, apart from each field for itself."""
    match kind:
        case "section" if not block.get("text") and not block.get("fields"):
            yield "missing required field: text or fields", ""
        case "image":
            yield from _image(block)
        case "card" if not any(block.get(name) for name in ("hero_image", "title", "actions", "body")):
            yield "missing required field: hero_image, title, actions or body", ""
        case "table":
            yield from _rows(block.get("rows"))


def _image(image: Mapping[str, Any]) -> Faults:
    if not image.get("image_url") and not image.get("slack_file"):
        yield "missing required field: image_url or slack_file", ""


def _rows(rows: object) -> Faults:
    for number, row in enumerate(rows if isinstance(rows, list) else ()):
        if not isinstance(row, list):
            yield "must provide an array", f"/rows/{number}"
        elif len(row) > MOST_CELLS:
            yield f"no more than {MOST_CELLS} items allowed", f"/rows/{number}"


def of_element(element: Mapping[str, Any], kind: str) -> Faults:
    """What is wrong with an element of that kind, apart from each field for itself."""
    match kind:
        case "static_select" | "multi_static_select":
            if bool(element.get("options")) is bool(element.get("option_groups")):
                yield "must provide one of: options or option_groups", ""
            yield from _initial(element)
        case "checkboxes" | "radio_buttons":
            yield from _initial(element)
        case "image":
            yield from _image(element)
        case "plain_text_input":
            yield from _ordered(element, "min_length", "max_length")
        case "number_input":
            yield from _ordered(element, "min_value", "max_value")


def _initial(element: Mapping[str, Any]) -> Faults:
    """An option that is chosen at first "exactly matches one of the options"."""
    groups = element.get("option_groups") or [{"options": element.get("options")}]
    offered = [
        option
        for group in groups
        if isinstance(group, dict) and isinstance(group.get("options"), list)
        for option in group["options"]
    ]
    if (chosen := element.get("initial_option")) is not None and chosen not in offered:
        yield "must match one of the options", "/initial_option"
    several = element.get("initial_options")
    for number, option in enumerate(several if isinstance(several, list) else ()):
        if option not in offered:
            yield "must match one of the options", f"/initial_options/{number}"


def _ordered(element: Mapping[str, Any], least: str, most: str) -> Faults:
    try:
        low, high = float(element[least]), float(element[most])
    except (KeyError, TypeError, ValueError):
        return
    if low > high:
        yield f"must be less than or equal to {most}", f"/{least}"

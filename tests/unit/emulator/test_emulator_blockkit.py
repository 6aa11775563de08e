"""Blocks and views are refused where Slack refuses them, in Slack's words and with the place."""

from __future__ import annotations

from typing import Any

import pytest
from slack_sdk.models import blocks as models
from slack_sdk.models.blocks import block_elements

from slackd.emulator.blockkit import check_blocks, check_view
from slackd.emulator.blockkit.schema import BLOCKS, ELEMENTS, PLACES


def plain(words: str = "x") -> dict[str, str]:
    return {"type": "plain_text", "text": words}


def section(**more: Any) -> dict[str, Any]:
    return {"type": "section", "text": plain(), **more}


def actions(*elements: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "actions", "elements": list(elements), **more}


def button(**more: Any) -> dict[str, Any]:
    return {"type": "button", "action_id": "a", "text": plain(), **more}


def select(**more: Any) -> dict[str, Any]:
    options = [{"text": plain("One"), "value": "1"}]
    return {"type": "static_select", "action_id": "s", "options": options, **more}


def modal(*blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "modal", "title": plain("Ask"), "blocks": list(blocks), **more}


def input_of(element: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "input", "label": plain("Say"), "element": element, **more}


TEXT_INPUT = {"type": "plain_text_input", "action_id": "t"}

GOOD: list[list[dict[str, Any]]] = [
    [section()],
    [section(text={"type": "mrkdwn", "text": "*x*"}, accessory=button(style="primary", value="1"))],
    [section(fields=[plain("a"), {"type": "mrkdwn", "text": "b"}])],
    [actions(button(), select(action_id="b"), {"type": "datepicker", "initial_date": "2026-11-28"})],
    [{"type": "context", "elements": [plain(), {"type": "image", "image_url": "/a.png", "alt_text": "a"}]}],
    [{"type": "header", "text": plain()}, {"type": "divider"}, {"type": "markdown", "text": "# x"}],
    [input_of({**TEXT_INPUT, "min_length": 1, "max_length": 3000}, optional=True)],
    [{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": []}]}],
    [actions(button(confirm={"title": plain(), "text": plain(), "confirm": plain(), "deny": plain()}))],
]

BAD: list[tuple[Any, str, str]] = [
    ("no list", "must provide an array", "/blocks"),
    (["no object"], "must provide an object", "/blocks/0"),
    ([{}], "missing required field: type", "/blocks/0"),
    ([{"type": "carrousel"}], "unsupported type: carrousel", "/blocks/0/type"),
    ([{"type": "section"}], "missing required field: text or fields", "/blocks/0"),
    ([section()] * 51, "no more than 50 items allowed", "/blocks"),
    ([section(text=plain(""))], "must be more than 0 characters", "/blocks/0/text/text"),
    ([section(text=plain("x" * 3001))], "must be less than 3001 characters", "/blocks/0/text/text"),
    ([section(text={"type": "markdown", "text": "x"})], "must be a valid enum value", "/blocks/0/text/type"),
    ([section(text="words")], "must provide an object", "/blocks/0/text"),
    ([section(fields=[plain()] * 11)], "no more than 10 items allowed", "/blocks/0/fields"),
    ([section(accessory={**TEXT_INPUT})], "unsupported type: plain_text_input", "/blocks/0/accessory/type"),
    ([section(block_id="b"), section(block_id="b")], "already exists", "/blocks/1/block_id"),
    ([section(block_id="b" * 256)], "must be less than 256 characters", "/blocks/0/block_id"),
    ([actions()], "must have at least 1 items", "/blocks/0/elements"),
    ([actions(*[button(action_id=str(n)) for n in range(26)])], "no more than 25 items", "/blocks/0/elements"),
    ([actions(button(), button())], "`action_id` a already exists", "/blocks/0/elements/1/action_id"),
    ([actions(button(text=plain("x" * 76)))], "must be less than 76 characters", "/0/elements/0/text/text"),
    ([actions(button(style="green"))], "must be a valid enum value", "/blocks/0/elements/0/style"),
    ([actions(button(value=7))], "must provide a string", "/blocks/0/elements/0/value"),
    ([actions({"type": "static_select"})], "options or option_groups", "/blocks/0/elements/0"),
    ([actions(select(options=[{"text": plain()}]))], "missing required field: value", "/options/0"),
    ([actions({"type": "datepicker", "initial_date": "28.11."})], "must match", "/elements/0/initial_date"),
    ([actions({"type": "overflow", "options": []})], "must have at least 1", "/elements/0/options"),
    ([{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}], "enum value", "/blocks/0/text/type"),
    ([{"type": "image", "alt_text": "x"}], "image_url or slack_file", "/blocks/0"),
    ([input_of(button())], "unsupported type: button", "/blocks/0/element/type"),
    ([input_of({"type": "number_input"})], "is_decimal_allowed", "/blocks/0/element"),
    ([input_of(TEXT_INPUT, optional="yes")], "must provide a boolean", "/blocks/0/optional"),
    ([{"type": "context", "elements": [button()]}], "unsupported type: button", "/0/elements/0/type"),
]

BAD_VIEWS: list[tuple[Any, str]] = [
    (None, "must provide an object"),
    ({"type": "dialog"}, "must be a valid enum value"),
    ({"type": "modal", "title": plain()}, "missing required field: blocks"),
    ({"type": "modal", "blocks": []}, "missing required field: title"),
    (modal(title=plain("x" * 25)), "must be less than 25 characters"),
    (modal(input_of(TEXT_INPUT)), "`submit` is required"),
    (modal(private_metadata="x" * 3001), "must be less than 3001 characters"),
    (modal(*[section()] * 101), "no more than 100 items allowed"),
    (modal({"type": "markdown", "text": "x"}), "unsupported type: markdown"),
    (modal(callback_id=7), "must provide a string"),
]


@pytest.mark.parametrize("blocks", GOOD)
def test_what_slack_takes_is_taken(blocks: list[dict[str, Any]]) -> None:
    assert check_blocks(blocks) == []


@pytest.mark.parametrize(("blocks", "words", "pointer"), BAD)
def test_what_slack_refuses_is_refused_at_its_place(blocks: Any, words: str, pointer: str) -> None:
    violations = check_blocks(blocks)
    assert any(words in each.message and each.pointer.endswith(pointer) for each in violations), violations


@pytest.mark.parametrize(("view", "words"), BAD_VIEWS)
def test_views_are_refused(view: Any, words: str) -> None:
    assert any(words in str(each) for each in check_view(view))


def test_a_modal_and_a_home_tab_are_taken() -> None:
    assert check_view(modal(input_of(TEXT_INPUT), submit=plain("Send"))) == []
    assert check_view({"type": "home", "blocks": [section()] * 100}) == []
    assert check_view({"type": "home", "blocks": []}, "modal") != []


def types_of(module: Any, kind: type) -> set[str]:
    """The types of all classes of that kind."""
    classes = [each for each in vars(module).values() if isinstance(each, type) and issubclass(each, kind)]
    found: set[Any] = {vars(each).get("type") for each in classes}
    return {each for each in found if isinstance(each, str)}


def test_every_block_and_element_of_the_sdk_is_in_the_tables() -> None:
    assert len(types_of(models, models.Block)) > 15
    assert types_of(models, models.Block) <= BLOCKS.keys()
    assert types_of(block_elements, block_elements.InteractiveElement) <= ELEMENTS.keys()
    assert set().union(*PLACES.values()) <= ELEMENTS.keys()

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


def rich(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rich_text", "elements": list(elements)}


def line(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rich_text_section", "elements": list(elements)}


def option(value: str, **more: Any) -> dict[str, Any]:
    return {"text": plain(value), "value": value, **more}


def boxes(**more: Any) -> dict[str, Any]:
    return {"type": "checkboxes", "action_id": "c", "options": [option("1"), option("2")], **more}


def mrkdwn(words: str = "x", **more: Any) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": words, **more}


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
    [
        actions(
            boxes(options=[option("1", text=mrkdwn("*1*"))], initial_options=[option("1", text=mrkdwn("*1*"))])
        )
    ],
    [actions(select(initial_option=option("1", text=plain("One"))))],
    [actions({"type": "overflow", "options": [option("1", url="https://example.com")]})],
    [actions({"type": "conversations_select", "filter": {"include": ["im", "public"]}})],
    [section(text=mrkdwn(verbatim=True)), section(text={**plain(), "emoji": True})],
    [
        rich(
            line({"type": "text", "text": "a", "style": {"bold": True}}, {"type": "user", "user_id": "U1"}),
            {
                "type": "rich_text_list",
                "style": "bullet",
                "elements": [line({"type": "emoji", "name": "eyes"})],
            },
            {"type": "rich_text_quote", "elements": [{"type": "link", "url": "https://example.com"}]},
            {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "x"}], "border": 0},
        )
    ],
    [
        {
            "type": "card",
            "title": mrkdwn(),
            "hero_image": {"type": "image", "image_url": "/a.png", "alt_text": "a"},
        }
    ],
    [{"type": "table", "rows": [[{"type": "raw_text", "text": "x"}] * 20]}],
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
    ([section(text=mrkdwn(emoji=True))], "invalid additional property: emoji", "/blocks/0/text"),
    ([section(text={**plain(), "verbatim": True})], "invalid additional property: verbatim", "/blocks/0/text"),
    ([actions(select(options=[option("1", text=mrkdwn())]))], "must be a valid enum value", "/0/text/type"),
    ([actions({"type": "overflow", "options": [option("1", text=mrkdwn())]})], "enum value", "/0/text/type"),
    (
        [actions(select(option_groups=[{"label": plain(), "options": [option("1")]}]))],
        "options or",
        "/elements/0",
    ),
    ([actions(select(initial_option=option("2")))], "must match one of the options", "/initial_option"),
    ([actions(boxes(initial_options=[option("1"), option("3")]))], "must match one", "/initial_options/1"),
    ([actions({"type": "conversations_select", "filter": {"include": ["dm"]}})], "enum value", "/include/0"),
    ([actions({"type": "conversations_select", "filter": {"include": []}})], "at least 1", "/filter/include"),
    ([input_of({**TEXT_INPUT, "min_length": 5, "max_length": 4})], "less than or equal", "/element/min_length"),
    (
        [input_of({**TEXT_INPUT, "dispatch_action_config": {"trigger_actions_on": ["on_click"]}})],
        "enum value",
        "/trigger_actions_on/0",
    ),
    (
        [input_of({**TEXT_INPUT, "focus_on_load": True}), actions(select(focus_on_load=True))],
        "only one element",
        "/blocks",
    ),
    ([{"type": "markdown", "text": "x" * 7_000}] * 2, "must be less than 12001 characters", "/blocks"),
    ([rich({"type": "text", "text": "x"})], "unsupported type: text", "/blocks/0/elements/0/type"),
    ([rich(line({"type": "bold"}))], "unsupported type: bold", "/elements/0/elements/0/type"),
    ([rich(line({"type": "text"}))], "missing required field: text", "/elements/0/elements/0"),
    ([rich(line({"type": "text", "text": ""}))], "must be more than 0 characters", "/elements/0/text"),
    ([rich(line({"type": "link", "text": "x"}))], "missing required field: url", "/elements/0/elements/0"),
    ([rich({"type": "rich_text_list", "elements": []})], "missing required field: style", "/elements/0"),
    (
        [rich({"type": "rich_text_list", "style": "bullet", "elements": [{"type": "text", "text": "x"}]})],
        "unsupported type: text",
        "/elements/0/elements/0/type",
    ),
    ([{"type": "card", "subtitle": mrkdwn()}], "hero_image, title, actions or body", "/blocks/0"),
    ([{"type": "carousel", "elements": [{"type": "card", "title": mrkdwn("x" * 151)}]}], "151", "/title/text"),
    ([{"type": "alert", "text": plain(), "level": "fatal"}], "enum value", "/blocks/0/level"),
    ([{"type": "table", "rows": [[{}] * 21]}], "no more than 20 items", "/rows/0"),
    (
        [{"type": "context_actions", "elements": [{"type": "feedback_buttons"}]}],
        "missing required field: positive_button",
        "/elements/0",
    ),
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

"""The tables of Block Kit (source: the reference's pages of each block, element and composition object).

What isn't in a table isn't looked at: a field that Slack adds tomorrow passes.
"""

from __future__ import annotations

from typing import Final

from slackd.emulator.blockkit.fields import (
    ANYTHING,
    BOOLEAN,
    Field,
    a_list,
    an_object,
    formatted,
    matching,
    needed,
    one_of,
    plain,
    text,
    whole,
)

Table = dict[str, Field]

_DATE: Final = r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
_TIME: Final = r"([01]\d|2[0-3]):[0-5]\d"
_URL: Final = r"(?i)[a-z][a-z0-9+.-]*:\S+"

MOST_BLOCKS: Final = {"message": 50, "modal": 100, "home": 100}

_CARD: Final[Table] = {
    "hero_image": an_object("elements:image"),
    "icon": an_object("elements:image"),
    "title": formatted(150),
    "subtitle": formatted(150),
    "body": formatted(200),
    "actions": a_list("elements:card", least=0),
}

BLOCKS: Final[dict[str, Table]] = {
    "actions": {"elements": a_list("elements:actions", most=25, required=True)},
    "alert": {
        "text": Field("object", "text_object", required=True),
        "level": one_of("default", "info", "warning", "error", "success"),
    },
    "auth_provider": {},
    "call": {"call_id": needed()},
    "card": _CARD,
    "carousel": {"elements": a_list("card", most=10, required=True)},
    "container": {},
    "context": {"elements": a_list("elements:context", most=10, required=True)},
    "context_actions": {"elements": a_list("elements:context_actions", most=5, required=True)},
    "divider": {},
    "file": {"external_id": needed(), "source": one_of("remote", required=True)},
    "header": {"text": plain(150, required=True)},
    "image": {
        "alt_text": Field("text", required=True, most=2000),
        "image_url": text(3000),
        "title": plain(2000),
        "slack_file": ANYTHING,
    },
    "input": {
        "label": plain(2000, required=True),
        "element": an_object("elements:input", required=True),
        "hint": plain(2000),
        "optional": BOOLEAN,
        "dispatch_action": BOOLEAN,
    },
    "markdown": {"text": needed(12_000)},
    "plan": {"title": ANYTHING, "tasks": a_list(None, least=0)},
    "rich_text": {"elements": a_list("elements:rich_text", required=True)},
    "section": {
        "text": formatted(3000),
        "fields": a_list("section_field", most=10),
        "accessory": an_object("elements:section"),
        "expand": BOOLEAN,
    },
    "table": {"rows": a_list(None, most=100, required=True), "column_settings": a_list(None, least=0, most=20)},
    "task_card": {
        "task_id": needed(),
        "title": needed(),
        "status": one_of("pending", "in_progress", "complete", "error"),
    },
    "video": {
        "alt_text": needed(),
        "title": plain(200, required=True),
        "thumbnail_url": matching(_URL, required=True),
        "video_url": matching(_URL, required=True),
        "author_name": text(50),
        "description": plain(200),
        "provider_name": text(),
        "title_url": matching(_URL),
    },
}
"""What each block holds besides `type` and `block_id`."""

_MENU: Final[Table] = {"placeholder": plain(150), "focus_on_load": BOOLEAN, "confirm": an_object("confirm")}
_MULTI: Final[Table] = {**_MENU, "max_selected_items": whole(1)}
_OPTIONS: Final[Table] = {
    "options": a_list("plain_option", most=100),
    "option_groups": a_list("option_group", most=100),
}
_TYPED: Final[Table] = {
    "placeholder": plain(150),
    "initial_value": text(),
    "focus_on_load": BOOLEAN,
    "dispatch_action_config": an_object("dispatch_action_config"),
}
_CONVERSATIONS: Final[Table] = {
    "default_to_current_conversation": BOOLEAN,
    "filter": an_object("filter"),
}

_RICH_TEXT: Final[dict[str, Table]] = {
    "broadcast": {"range": one_of("here", "channel", "everyone", required=True)},
    "channel": {"channel_id": needed()},
    "color": {"value": needed()},
    "date": {"timestamp": Field("integer", required=True), "format": needed(), "fallback": text()},
    "emoji": {"name": needed()},
    "link": {"url": needed(), "text": text(least=1)},
    "rich_text_list": {
        "style": one_of("bullet", "ordered", required=True),
        "elements": a_list("elements:rich_text_list", least=0, required=True),
        "indent": whole(0, 8),
        "offset": whole(0),
    },
    "rich_text_preformatted": {"elements": a_list("elements:rich_text_inline", least=0, required=True)},
    "rich_text_quote": {"elements": a_list("elements:rich_text_inline", least=0, required=True)},
    "rich_text_section": {"elements": a_list("elements:rich_text_inline", least=0, required=True)},
    "team": {"team_id": needed()},
    "text": {"text": needed()},
    "user": {"user_id": needed()},
    "usergroup": {"usergroup_id": needed()},
}
"""What each element of rich text holds ("Rich text block")."""

ELEMENTS: Final[dict[str, Table]] = {
    **_RICH_TEXT,
    "button": {
        "text": plain(75, required=True),
        "url": text(3000),
        "value": text(2000),
        "style": one_of("primary", "danger"),
        "confirm": an_object("confirm"),
        "accessibility_label": text(75),
    },
    "channels_select": {**_MENU, "initial_channel": text(), "response_url_enabled": BOOLEAN},
    "checkboxes": {
        "options": a_list("option", most=10, required=True),
        "initial_options": a_list("option"),
        "confirm": an_object("confirm"),
        "focus_on_load": BOOLEAN,
    },
    "conversations_select": {
        **_MENU,
        **_CONVERSATIONS,
        "initial_conversation": text(),
        "response_url_enabled": BOOLEAN,
    },
    "datepicker": {**_MENU, "initial_date": matching(_DATE)},
    "datetimepicker": {
        "initial_date_time": whole(1_000_000_000, 9_999_999_999),
        "confirm": an_object("confirm"),
        "focus_on_load": BOOLEAN,
    },
    "email_text_input": _TYPED,
    "external_select": {**_MENU, "min_query_length": whole(0), "initial_option": an_object("plain_option")},
    "feedback_buttons": {
        "positive_button": an_object("feedback_button", required=True),
        "negative_button": an_object("feedback_button", required=True),
    },
    "file_input": {"filetypes": a_list(None), "max_files": whole(1, 10)},
    "icon_button": {"icon": needed(), "text": plain(75, required=True)},
    "image": {"alt_text": Field("text", required=True, most=2000), "image_url": text(3000)},
    "multi_channels_select": {**_MULTI, "initial_channels": a_list(None)},
    "multi_conversations_select": {**_MULTI, **_CONVERSATIONS, "initial_conversations": a_list(None)},
    "multi_external_select": {
        **_MULTI,
        "min_query_length": whole(0),
        "initial_options": a_list("plain_option", most=100),
    },
    "multi_static_select": {**_MULTI, **_OPTIONS, "initial_options": a_list("plain_option", most=100)},
    "multi_users_select": {**_MULTI, "initial_users": a_list(None)},
    "number_input": {
        **_TYPED,
        "is_decimal_allowed": Field("boolean", required=True),
        "min_value": text(),
        "max_value": text(),
    },
    "overflow": {"options": a_list("overflow_option", most=5, required=True), "confirm": an_object("confirm")},
    "plain_text_input": {
        **_TYPED,
        "initial_value": text(3000),
        "multiline": BOOLEAN,
        "min_length": whole(0, 3000),
        "max_length": whole(1, 3000),
    },
    "radio_buttons": {
        "options": a_list("option", most=10, required=True),
        "initial_option": an_object("option"),
        "confirm": an_object("confirm"),
        "focus_on_load": BOOLEAN,
    },
    "rich_text_input": {"placeholder": plain(150), "initial_value": ANYTHING, "focus_on_load": BOOLEAN},
    "static_select": {**_MENU, **_OPTIONS, "initial_option": an_object("plain_option")},
    "timepicker": {**_MENU, "initial_time": matching(_TIME), "timezone": text()},
    "url_text_input": _TYPED,
    "users_select": {**_MENU, "initial_user": text()},
    "workflow_button": {
        "text": plain(75, required=True),
        "workflow": an_object("workflow", required=True),
        "style": one_of("primary", "danger"),
    },
}
"""What each element holds besides `type` and `action_id`."""

_MENUS: Final = frozenset(
    {f"{many}{kind}_select" for many in ("", "multi_") for kind in ("channels", "conversations", "external")}
    | {"multi_static_select", "static_select", "multi_users_select", "users_select"}
)
_RICH_TEXT_BLOCKS: Final = frozenset(
    {"rich_text_list", "rich_text_preformatted", "rich_text_quote", "rich_text_section"}
)
_CHOICES: Final = frozenset({"checkboxes", "datepicker", "radio_buttons", "timepicker"})

PLACES: Final[dict[str, frozenset[str]]] = {
    "actions": _MENUS
    | _CHOICES
    | {"button", "datetimepicker", "overflow", "rich_text_input", "workflow_button"}
    | {"feedback_buttons", "icon_button"},
    "card": frozenset({"button"}),
    "context": frozenset({"image"}),
    "image": frozenset({"image"}),
    "context_actions": frozenset({"feedback_buttons", "icon_button"}),
    "input": _MENUS
    | _CHOICES
    | {"datetimepicker", "email_text_input", "file_input", "number_input", "plain_text_input"}
    | {"rich_text_input", "url_text_input"},
    "rich_text": _RICH_TEXT_BLOCKS,
    "rich_text_inline": frozenset(_RICH_TEXT) - _RICH_TEXT_BLOCKS,
    "rich_text_list": frozenset({"rich_text_section"}),
    "section": _MENUS | _CHOICES | {"button", "image", "overflow", "workflow_button"},
}
"""Which elements stand in which block."""

ONLY_IN: Final[dict[str, frozenset[str]]] = {
    "file": frozenset({"message"}),
    "call": frozenset({"message"}),
    "markdown": frozenset({"message"}),
    "table": frozenset({"message"}),
    "task_card": frozenset({"message"}),
    "plan": frozenset({"message"}),
}
"""Blocks that don't stand on every surface."""

_OPTION: Final[Table] = {"value": Field("text", required=True, most=150)}

OBJECTS: Final[dict[str, Table]] = {
    "confirm": {
        "title": plain(100, required=True),
        "text": formatted(300, required=True),
        "confirm": plain(30, required=True),
        "deny": plain(30, required=True),
        "style": one_of("primary", "danger"),
    },
    "card": _CARD,
    "dispatch_action_config": {
        "trigger_actions_on": Field(
            "list", "text", least=1, values=("on_enter_pressed", "on_character_entered")
        )
    },
    "feedback_button": {
        "text": plain(75, required=True),
        "value": text(2000, required=True),
        "accessibility_label": text(75),
    },
    "filter": {
        "include": Field("list", "text", least=1, values=("im", "mpim", "private", "public")),
        "exclude_external_shared_channels": BOOLEAN,
        "exclude_bot_users": BOOLEAN,
    },
    "option": {**_OPTION, "text": formatted(75, required=True), "description": formatted(75)},
    "option_group": {
        "label": plain(75, required=True),
        "options": a_list("plain_option", most=100, required=True),
    },
    "overflow_option": {
        **_OPTION,
        "text": plain(75, required=True),
        "description": plain(75),
        "url": text(3000),
    },
    "plain_option": {**_OPTION, "text": plain(75, required=True), "description": plain(75)},
    "suggestions": {
        "options": a_list("plain_option", least=0, most=100),
        "option_groups": a_list("option_group", least=0, most=100),
    },
    "trigger": {"url": needed()},
    "workflow": {"trigger": an_object("trigger", required=True)},
    "view": {
        "title": plain(24, required=True),
        "submit": plain(24),
        "close": plain(24),
        "private_metadata": text(3000),
        "callback_id": text(255),
        "external_id": text(255),
        "clear_on_close": BOOLEAN,
        "notify_on_close": BOOLEAN,
        "submit_disabled": BOOLEAN,
    },
    "home": {
        "private_metadata": text(3000),
        "callback_id": text(255),
        "external_id": text(255),
    },
}
"""Composition objects, and the views around the blocks."""

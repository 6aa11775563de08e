"""Every method that an SDK calls is emulated, or answers with an error, and the documents say which."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
from slack_sdk import WebClient

from slackd.emulator.method_names import METHODS
from slackd.emulator.method_table import PAGE, page
from slackd.emulator.methods.registry import EMULATED
from slackd.emulator.methods.scopes import missing_scope

ROOT = Path(__file__).parents[3]
OF_THE_SDK = set(re.findall(r'self\.api_call\(\s*"([\w.]+)"', inspect.getsource(WebClient)))


def test_every_method_of_the_newest_sdk_is_known() -> None:
    assert len(OF_THE_SDK) > 250
    assert set() == OF_THE_SDK - METHODS


@pytest.mark.parametrize("method", sorted(METHODS))
def test_each_is_emulated_or_marked(method: str) -> None:
    family, _, short = method.partition(".")
    row = next(line for line in page().splitlines() if line.startswith(f"| `{family}` |"))
    _, _, emulated, missing, _ = row.split("|")
    assert f"`{short}`" in (emulated if method in EMULATED else missing).split()


def test_the_table_in_the_documents_is_up_to_date() -> None:
    assert (ROOT / PAGE).read_text() == page(), "python -m slackd.emulator.method_table"


@pytest.mark.parametrize(
    "method",
    [
        *("users.info", "users.profile.get", "conversations.info", "conversations.list", "conversations.open"),
        *("files.info", "files.getUploadURLExternal", "files.completeUploadExternal", "pins.list"),
        *("usergroups.list", "functions.completeSuccess", "functions.completeError"),
        *("views.open", "views.push", "views.update", "views.publish"),
        *("chat.scheduleMessage", "chat.startStream", "chat.appendStream", "chat.stopStream"),
    ],
)
def test_what_apps_use_most_is_emulated(method: str) -> None:
    assert method in EMULATED


def test_one_scope_of_several_is_enough() -> None:
    assert missing_scope("conversations.history", ["im:history"]) is None
    assert missing_scope("chat.postMessage", ["im:history"]) == "chat:write"
    assert missing_scope("views.open", []) is None

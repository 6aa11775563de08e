"""Whatever stands in the files: a configuration comes of it, or every problem with it, and nothing else."""

import tempfile
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from slackd.config import InvalidConfig, Problem
from tests.unit.config.config_folder import ConfigFolder

KEYS = st.sampled_from(
    [
        *("apps", "main", "app_token", "bot_token", "transport", "connections", "api_url", "proxy", "ca_file"),
        *("stall_timeout", "unclaimed_command", "journal", "directory", "max_age", "max_bytes"),
        *("dead_letter_age", "plugins", "socket", "answer_deadline", "grace", "absent_after", "control", "log"),
        *("level", "link", "user", "users", "group", "subscribe", "type", "event", "channel", "command"),
        *("callback_id", "action_id", "shortcut", "app", "ignore_self", "respond", "absent", "allow"),
        *("delivery", "order_by", "window", "ack_timeout", "max_attempts", "backoff", "initial", "max"),
        *("expire", "gaps", "slack", "methods"),
    ]
)
SCALARS = st.one_of(
    st.booleans(), st.integers(), st.floats(), st.text(max_size=12), st.dates(), st.times(), st.datetimes(),
    st.sampled_from(["events_api", "slash_commands", "interactive", "env:A", "1s", "1GiB", "/a", "a\0b", "http://["]),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)
TABLES = st.dictionaries(KEYS | st.text(max_size=8), VALUES, max_size=6)


def as_toml(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return (
                '"' + "".join(f"\\U{ord(sign):08x}" for sign in value if not "\ud800" <= sign <= "\udfff") + '"'
            )
        case datetime() | date() | time():
            return value.isoformat()
        case list():
            return "[" + ", ".join(map(as_toml, value)) + "]"
        case dict():
            return "{" + ", ".join(f"{as_toml(key)} = {as_toml(item)}" for key, item in value.items()) + "}"
        case _:
            return str(value)


def as_document(table: dict[str, Any]) -> str:
    return "".join(f"{as_toml(key)} = {as_toml(value)}\n" for key, value in table.items())


def loads_or_tells(daemon: str | bytes, plugin: str | bytes) -> None:
    with tempfile.TemporaryDirectory() as path:
        folder = ConfigFolder(Path(path))
        folder.write("slackd.toml", daemon)
        folder.write("plugins.d/a.toml", plugin)
        problems: tuple[Problem, ...] = ()
        try:
            folder.load()
        except InvalidConfig as error:
            problems = error.problems
            assert problems
    for problem in problems:
        assert "\n" not in str(problem)
        assert problem.found
        assert problem.expected


@given(TABLES, TABLES)
@settings(max_examples=200)
def test_any_values_at_any_keys(daemon: dict[str, Any], plugin: dict[str, Any]) -> None:
    loads_or_tells(as_document(daemon), as_document(plugin))


SECTIONS = st.fixed_dictionaries(
    {},
    optional={
        "apps": st.dictionaries(st.text(max_size=4), TABLES, max_size=2),
        "journal": TABLES, "plugins": TABLES, "control": TABLES, "log": TABLES, "link": TABLES,
    },
)  # fmt: skip
PLUGIN_SECTIONS = st.fixed_dictionaries(
    {},
    optional={
        "user": VALUES, "users": VALUES, "group": VALUES, "developers": VALUES | TABLES,
        "subscribe": st.lists(TABLES, max_size=3), "delivery": TABLES, "slack": TABLES,
    },
)  # fmt: skip


@given(SECTIONS, PLUGIN_SECTIONS)
@settings(max_examples=200)
def test_any_values_in_the_right_sections(daemon: dict[str, Any], plugin: dict[str, Any]) -> None:
    loads_or_tells(as_document(daemon), as_document(plugin))


@given(st.binary(max_size=200), st.text(max_size=200))
def test_any_bytes(daemon: bytes, plugin: str) -> None:
    loads_or_tells(daemon, plugin.encode("utf-8", "replace"))

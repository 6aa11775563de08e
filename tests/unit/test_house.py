"""The walls of the house: who may import whom, and what must stay pure."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import slackd

HOUSE = Path(slackd.__file__).parent
STANDARD = set(sys.stdlib_module_names)
NOT_PURE = {"asyncio", "socket", "aiohttp", "threading", "subprocess", "sqlite3", "time", "select"}

PURE = [
    "envelope.py",
    "jsonrpc.py",
    "broker/late_answers.py",
    "broker/pending_acks.py",
    "broker/pending_acks.py",
    "broker/core.py",
    "broker/ready_intervals.py",
    "broker/connection_registry.py",
    "broker/fallback_responses.py",
    "broker/unsent_answers.py",
    "broker/ingest.py",
    "broker/parsing.py",
    "broker/dispatch/subscriptions.py",
    "broker/dispatch/lane_queue.py",
    "broker/dispatch/dispatcher.py",
    "broker/dispatch/retry.py",
    "broker/dispatch/sessions.py",
    "broker/plugins/protocol.py",
    "connector/closing_notices.py",
    "connector/ack_deadlines.py",
    "connector/unacknowledged.py",
    "connector/socketmode/reconnect.py",
    "connector/socketmode/lifecycle.py",
    "connector/socketmode/connection_budget.py",
    "connector/socketmode/pool.py",
    "connector/socketmode/protocol.py",
    "connector/socketmode/reconnect.py",
    "connector/socketmode/draining.py",
    "connector/socketmode/rotation.py",
    "connector/socketmode/liveness.py",
    "plugin/session.py",
]


def imports_of(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module


def imports_below(folder: str) -> set[str]:
    return {name for file in (HOUSE / folder).rglob("*.py") for name in imports_of(file)}


def of(names: set[str], package: str) -> set[str]:
    return {name for name in names if name == package or name.startswith(f"{package}.")}


def test_the_wings_never_import_each_other() -> None:
    assert not of(imports_below("connector"), "slackd.broker")
    assert not of(imports_below("broker"), "slackd.connector")


@pytest.mark.parametrize("folder", ["broker", "connector", "link", "config", "plugin", "emulator", "systemd"])
def test_nothing_below_the_command_line_imports_it(folder: str) -> None:
    assert not of(imports_below(folder), "slackd.cli")


@pytest.mark.parametrize("folder", ["broker", "connector", "link", "config", "systemd", "plugin"])
def test_the_daemon_knows_nothing_of_the_emulator(folder: str) -> None:
    assert not of(imports_below(folder), "slackd.emulator")


def test_what_a_plugin_imports_is_the_standard_library_and_three_modules_of_ours() -> None:
    names = (
        imports_below("plugin") | set(imports_of(HOUSE / "jsonrpc.py")) | set(imports_of(HOUSE / "__init__.py"))
    )
    ours = {name for name in names if name.split(".")[0] == "slackd"}
    assert all(name in ("slackd", "slackd.jsonrpc") or name.startswith("slackd.plugin") for name in ours)
    assert {name.split(".")[0] for name in names - ours} <= STANDARD


@pytest.mark.parametrize("file", PURE)
def test_what_decides_has_no_clock_no_socket_and_no_event_loop(file: str) -> None:
    assert not {name.split(".")[0] for name in imports_of(HOUSE / file)} & NOT_PURE


def test_only_the_journal_speaks_sqlite() -> None:
    speakers = {
        file.relative_to(HOUSE).parts[:2] for file in HOUSE.rglob("*.py") if "sqlite3" in set(imports_of(file))
    }
    assert speakers == {("broker", "journal")}


def test_no_rich_table_in_the_daemon() -> None:
    for folder in ("broker", "connector", "link", "config", "systemd", "plugin"):
        assert not of(imports_below(folder), "rich")

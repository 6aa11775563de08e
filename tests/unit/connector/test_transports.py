"""A transport is a folder and a line in a table: nothing else in a connector knows one of them."""

import ast
from pathlib import Path

import slackd.connector
from slackd.connector.transports import TRANSPORTS, first_number_at

ROOM = Path(slackd.connector.__file__).parent
FOLDERS = {folder.name for folder in ROOM.iterdir() if (folder / "__init__.py").exists()}


def imported(file: Path) -> set[str]:
    return {
        node.module
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module is not None
    }


def test_only_the_table_knows_a_transport() -> None:
    folders = tuple(f"slackd.connector.{name}" for name in FOLDERS)
    knowing = {file.name for file in ROOM.glob("*.py") if any(n.startswith(folders) for n in imported(file))}
    assert knowing == {"transports.py"}


def test_no_transport_knows_another() -> None:
    for name in FOLDERS:
        others = tuple(f"slackd.connector.{other}" for other in FOLDERS - {name})
        if others:
            for file in (ROOM / name).rglob("*.py"):
                assert not [module for module in imported(file) if module.startswith(others)]


def test_the_interface_has_no_word_of_socket_mode() -> None:
    text = (ROOM / "transport.py").read_text().lower()
    assert not [word for word in ("socket", "websocket", "20_480", "ten ", "phase ") if word in text]
    assert "socketmode" in TRANSPORTS


def test_no_name_of_a_connection_comes_back_in_a_process_that_begins_within_a_second() -> None:
    assert first_number_at(1_764_000_000.6) > first_number_at(1_764_000_000.2)

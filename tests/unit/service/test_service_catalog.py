"""`journalctl -x` without holes: what an entry of the catalog names, each line of its event says."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import slackd
from slackd.systemd.logs import FIELDS
from slackd.systemd.messages import MESSAGE_IDS

PACKAGE = Path(slackd.__file__).parent
CATALOG = (PACKAGE.parent / "systemd" / "slackd.catalog").read_text()


def entries() -> dict[str, set[str]]:
    """By message id, the fields that its entry names."""
    parts = re.split(r"(?m)^-- ([0-9a-f]{32})\n", CATALOG)[1:]
    return {
        id_: set(re.findall(r"@([A-Z_]+)@", text)) for id_, text in zip(parts[::2], parts[1::2], strict=True)
    }


def logged() -> Iterator[tuple[str, str, set[str]]]:
    """Each `extra={"event": "NAME", …}` of the package: where, the event, and the fields beside it."""
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.Dict):
                continue
            keys = [key.value if isinstance(key, ast.Constant) else None for key in node.keys]
            if "event" not in keys:
                continue
            event = node.values[keys.index("event")]
            if isinstance(event, ast.Constant):
                where = f"{file.relative_to(PACKAGE)}:{node.lineno}"
                yield (
                    where,
                    str(event.value),
                    {str(key) for key in keys if key} | ({"*"} if None in keys else set()),
                )


def test_entries_name_fields_that_records_have() -> None:
    known = {f"SLACKD_{name.upper()}" for name in FIELDS}
    assert {field for fields in entries().values() for field in fields} <= known


def test_every_line_says_what_its_entry_names() -> None:
    explained = entries()
    holes = [
        f"{where}: {event} says nothing of {field}"
        for where, event, given in logged()
        for field in sorted(explained.get(MESSAGE_IDS.get(event, ""), set()))
        if "*" not in given and field.removeprefix("SLACKD_").lower() not in given
    ]
    assert not holes


def test_every_warning_with_an_id_of_its_own_name_is_explained() -> None:
    """An id that has a name in message_ids stands for an entry, and the other way round."""
    assert set(explained := entries()) <= set(MESSAGE_IDS.values())
    assert explained

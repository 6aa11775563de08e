"""docs/schemas: the protocol's JSON Schema, against the document's own examples and what must not pass."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

DOCS = Path(__file__).parents[3] / "docs"
SCHEMA = json.loads((DOCS / "schemas/plugin-protocol-1.schema.json").read_text(encoding="utf-8"))
DOCUMENT = (DOCS / "protocol.md").read_text(encoding="utf-8")
LINES = [json.loads(line) for line in re.findall(r'^(?:[→←] )?(\{"jsonrpc".*\})$', DOCUMENT, re.MULTILINE)]
METHODS = set(re.findall(r"^\| \[`([\w.]+)`\]", DOCUMENT, re.MULTILINE))


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("line", LINES, ids=lambda line: str(line.get("method", line.get("id"))))
def test_every_example_of_the_document_fits(line: dict[str, Any]) -> None:
    jsonschema.validate(line, SCHEMA)


def test_every_method_of_the_document_has_its_part() -> None:
    assert set(SCHEMA["$defs"]) >= METHODS
    assert METHODS


@pytest.mark.parametrize(
    "line",
    [
        {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {"protocol": 2, "plugin": "x"}},
        {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {"protocol": 1}},
        {"jsonrpc": "2.0", "id": None, "method": "slack.call", "params": {"method": "x"}},
        {"jsonrpc": "2.0", "id": 1, "method": "extend", "params": {"id": "4711.1"}},
        {"jsonrpc": "2.0", "method": "extend", "params": {"id": "4711"}},
        {"jsonrpc": "2.0", "id": 1, "result": {}, "error": {"code": 1, "message": "x"}},
        {"jsonrpc": "2.0", "id": 1, "method": "slack.download", "params": {}},
        {"id": 1, "result": {}},
    ],
)
def test_what_slackd_refuses_does_not_fit(line: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(line, SCHEMA)


def test_the_results_have_their_parts() -> None:
    initialized = next(line["result"] for line in LINES if "server" in line.get("result", {}))
    jsonschema.validate(initialized, {"$ref": "#/$defs/initialized", "$defs": SCHEMA["$defs"]})

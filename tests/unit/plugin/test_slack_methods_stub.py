"""Slack's methods as type checkers see them are those of slack_sdk, by the names that Slack gives them."""

import ast
import importlib.util
from pathlib import Path

import pytest
import slack_sdk.version

ROOT = Path(__file__).parents[3]
STUB = ROOT / "slackd" / "plugin" / "slack_methods.pyi"
GENERATOR = ROOT / "packaging" / "sdk" / "slack_methods.py"


def methods(text: str) -> dict[str, list[str]]:
    """Each method's arguments."""
    (stub,) = [each for each in ast.parse(text).body if isinstance(each, ast.ClassDef)]
    found = [each for each in stub.body if isinstance(each, ast.AsyncFunctionDef)]
    return {each.name: [argument.arg for argument in each.args.kwonlyargs] for each in found}


def test_every_method_takes_the_app_and_an_id_of_the_call() -> None:
    known = methods(STUB.read_text())
    assert len(known) > 200
    assert all({"app", "call_id"} <= set(arguments) for arguments in known.values())
    assert {"channel", "text", "thread_ts", "blocks"} <= set(known["chat_postMessage"])
    assert not any("token" in arguments for arguments in known.values())


def test_it_is_what_the_generator_writes() -> None:
    text = STUB.read_text()
    if f"slack_sdk {slack_sdk.version.__version__} " not in text:
        pytest.skip("generated from another release of slack_sdk")
    spec = importlib.util.spec_from_file_location("generator_of_slack_methods", GENERATOR)
    assert spec is not None
    assert spec.loader is not None
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    assert methods(generator.stub()) == methods(text)

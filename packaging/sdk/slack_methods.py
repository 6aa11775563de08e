"""Writes slackd/plugin/slack_methods.pyi: Slack's methods and their arguments, as slack_sdk knows them.

    python packaging/sdk/slack_methods.py

Only type checkers and editors read the result: the SDK itself needs the standard library alone.
"""

import collections.abc
import inspect
import re
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import slack_sdk.version
from slack_sdk.web.async_client import AsyncWebClient

STUB: Final = Path(__file__).parents[2] / "slackd" / "plugin" / "slack_methods.pyi"
HEAD: Final = '''"""Slack's methods by their own names, with `_` for each dot, and their arguments.

Generated from slack_sdk {version} by packaging/sdk/slack_methods.py.
"""

from collections.abc import Mapping, Sequence
from typing import Any

class SlackMethods:
'''
_CALLED: Final = re.compile(r'api_call\(\s*"([A-Za-z0-9.]+)"')
_PLAIN: Final = {str: "str", int: "int", float: "float", bool: "bool", type(None): "None", Any: "Any"}
_OURS: Final = frozenset({"self", "kwargs", "token", "app", "call_id"})


def stub() -> str:
    """The whole file."""
    methods = "".join(_methods())
    return HEAD.format(version=slack_sdk.version.__version__) + methods


def _methods() -> Iterator[str]:
    for name, function in sorted(inspect.getmembers(AsyncWebClient, inspect.iscoroutinefunction)):
        called = _CALLED.search(inspect.getsource(function))
        if called is None or called[1] != name.replace("_", ".") or "_" not in name:
            continue
        yield f"    async def {name}(\n        self,\n        *,\n"
        for parameter in inspect.signature(function).parameters.values():
            if parameter.name not in _OURS:
                yield f"        {parameter.name}: {_argument(parameter)},\n"
        yield "        app: str | None = None,\n        call_id: str | None = None,\n        **more: Any,\n"
        yield "    ) -> dict[str, Any]: ...\n"


def _argument(parameter: inspect.Parameter) -> str:
    written = _written(parameter.annotation)
    if parameter.default is parameter.empty:
        return written
    return written if parameter.default is None and written == "None" else f"{_with_none(written)} = ..."


def _with_none(written: str) -> str:
    return written if written in ("Any", "None") or written.endswith("| None") else f"{written} | None"


def _written(annotation: Any) -> str:
    """A type in the words of the standard library; slack_sdk's own are objects in JSON."""
    if annotation in (inspect.Parameter.empty, Any):
        return "Any"
    if isinstance(annotation, type) and annotation in _PLAIN:
        return _PLAIN[annotation]
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return " | ".join(dict.fromkeys(sorted((_written(each) for each in inner), key=_none_last)))
    if origin in (list, collections.abc.Sequence, tuple):
        return f"Sequence[{_written(inner[0])}]" if inner else "Sequence[Any]"
    return "Mapping[str, Any]"


def _none_last(written: str) -> tuple[bool, str]:
    return written == "None", written


if __name__ == "__main__":
    STUB.write_text(stub(), encoding="utf-8")

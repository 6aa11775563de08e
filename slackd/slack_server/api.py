"""The front of the Web API: a call as HTTP brings it, and an answer as Slack gives it ("Using the Web API")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

from slackd import jsonrpc
from slackd.slotted import frozen

_JSON_ARGUMENTS: Final = frozenset(
    {
        "attachments",
        "blocks",
        "chunks",
        "files",
        "metadata",
        "options",
        "outputs",
        "profile",
        "prompts",
        "unfurls",
        "user_auth_blocks",
        "view",
    }
)


@frozen(kw_only=True)
class ApiRequest:
    """One call, as HTTP brought it.

    Attributes:
        post: whether it was a POST.
        bearer: the token in the Authorization header.
        args: the arguments, from form or JSON, the token among them if it was sent so; of a file its name.
        files: the names of arguments that were files in a form.
        host: how the client calls this server (`NAME:PORT`).
        error: set when the body could not be read (`invalid_json`, ...).
    """

    method: str
    post: bool
    bearer: str | None
    args: dict[str, Any]
    host: str
    files: tuple[str, ...] = ()
    error: str | None = None

    @property
    def token(self) -> str | None:
        """The token, wherever it stands."""
        return self.bearer or self.args.get("token")

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments without the token."""
        return {name: value for name, value in self.args.items() if name != "token"}


@frozen(kw_only=True)
class ApiAnswer:
    """What Slack answers.

    Attributes:
        raw: a body in place of `body`, as text.
        delay: seconds until it goes out.
        hang: it never goes out.
    """

    status: int = 200
    headers: Mapping[str, str] = attrs.field(factory=dict)
    body: Mapping[str, Any] = attrs.field(factory=dict)
    raw: str | None = None
    delay: float = 0.0
    hang: bool = False


def parse_json(body: bytes) -> tuple[dict[str, Any], str | None]:
    """The arguments of a JSON body, and Slack's word for what is wrong with it.

    A token in a JSON body doesn't count. Blocks and the like may be texts in it, too: so slack_sdk sends those
    that it is given as texts.
    """
    try:
        value = jsonrpc.parse((body or b"{}").decode())
    except (ValueError, RecursionError):
        return {}, "invalid_json"
    if not isinstance(value, dict):
        return {}, "json_not_object"
    value.pop("token", None)
    return parse_nested(value), None


def parse_nested(args: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments; those that are JSON texts by Slack's reference are parsed, if they can be."""
    parsed: dict[str, Any] = {}
    for name, value in args.items():
        parsed[name] = value
        if name in _JSON_ARGUMENTS and isinstance(value, str):
            try:
                parsed[name] = jsonrpc.parse(value)
            except (ValueError, RecursionError):
                continue
    return parsed

"""The token that comes with a workflow's step is taken out of the envelope before anybody else reads it. Pure.

A step's token must not reach the broker or a plugin (promise P6). Nobody keeps it: every call of an app is made
with its bot token, a step's too. Each of the two connectors sees some of the envelopes, so a kept token would
be used by chance; and Slack may revoke it while the bot token works (seen in the field).
"""

import json
import re
from typing import Any, Final

import attrs

from slackd.slotted import frozen


@frozen
class FunctionToken:
    """The token of one step, good for that step's calls alone.

    Attributes:
        token: The secret; never shown.
        execution: `function_execution_id` of the function, "" if the text names none.
    """

    token: str = attrs.field(repr=False)
    execution: str = ""


_TOKEN_NAME: Final = '"bot_access_token"'
_TOKEN_MEMBER: Final = re.compile(r'("bot_access_token"\s*:\s*)"((?:[^"\\]|\\.)*)"')


def blank_function_token(text: str) -> tuple[str, FunctionToken | None]:
    """Take `bot_access_token` out of an envelope's text ("function_executed", "Handling user interaction").

    The text is otherwise as it was. Where it can be parsed, only the member that Slack itself put there is
    blanked (and whatever has the same secret in it); where it can't, every member of that name.

    Returns:
        The text without it, and the token; None if there is none.
    """
    if _TOKEN_NAME not in text:
        return text, None
    try:
        found = _function_token(json.loads(text))
    except (ValueError, RecursionError):
        return _TOKEN_MEMBER.sub(r'\1""', text), None
    if found is None:
        return text, None

    def blank(member: re.Match[str]) -> str:
        same = json.loads(f'"{member[2]}"') == found.token
        return f'{member[1]}""' if same else member[0]

    return _TOKEN_MEMBER.sub(blank, text), found


def _function_token(envelope: Any) -> FunctionToken | None:
    payload = envelope.get("payload") if isinstance(envelope, dict) else None
    if not isinstance(payload, dict):
        return None
    for holder in (payload.get("event"), payload):
        if isinstance(holder, dict) and isinstance(holder.get("bot_access_token"), str):
            token: str = holder["bot_access_token"]
            function_data = holder.get("function_data")
            execution = holder.get("function_execution_id")
            if execution is None and isinstance(function_data, dict):
                execution = function_data.get("execution_id")
            return FunctionToken(token, execution if isinstance(execution, str) else "") if token else None
    return None

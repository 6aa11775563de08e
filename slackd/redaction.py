"""Blanks what must never be read by chance: tokens, passwords in URLs, one-use tickets, response URLs.

The last line of defence for logs, errors and reports, not the first: secrets live in a type of their own in the
connector and should never come here. The kinds of token are those of Slack's page "Tokens".
"""

import re
from typing import Final

_TOKEN: Final = re.compile(r"(xapp|xwfp|xox[a-z](?:\.xox[a-z])?)-[A-Za-z0-9._%-]+", re.IGNORECASE)
_PASSWORD: Final = re.compile(r"(://)[^/\s@\"']+@")
_TICKET: Final = re.compile(r"([?&]ticket=)[^&\s\"']+")
_RESPONSE_URL: Final = re.compile(r"(hooks\.slack\.com/[a-z_-]+/)[^\s\"'<>]+")


def without_secrets(text: str) -> str:
    """The text with every secret in it replaced by `***`."""
    text = _TOKEN.sub(r"\1-***", text)
    text = _PASSWORD.sub(r"\1***@", text)
    text = _TICKET.sub(r"\1***", text)
    return _RESPONSE_URL.sub(r"\1***", text)


def holds_token(text: str) -> bool:
    """Whether something in the text looks like one of Slack's tokens."""
    return _TOKEN.search(text) is not None

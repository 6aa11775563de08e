"""A text as Slack turns it into blocks: mentions, links, emoji and simple styles become elements of their own
(source: the reference's "Rich text block" and "Formatting text for app surfaces").
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any, Final

Json = dict[str, Any]

_STYLES: Final = {"*": "bold", "_": "italic", "~": "strike", "`": "code"}
_TOKEN: Final = re.compile(
    r"<@(?P<user>[UW]\w+)(?:\|[^>]*)?>"
    r"|<\#(?P<channel>[CG]\w+)(?:\|[^>]*)?>"
    r"|<!(?P<broadcast>here|channel|everyone)(?:\|[^>]*)?>"
    r"|<!subteam\^(?P<usergroup>\w+)(?:\|[^>]*)?>"
    r"|<(?P<link>(?:https?|mailto|tel):[^|>]+)(?:\|(?P<label>[^>]*))?>"
    r"|:(?P<emoji>[a-z0-9_+'-]+):"
    r"|(?<!\w)(?P<mark>[*_~`])(?P<styled>[^\s*_~`](?:[^\n*_~`]*[^\s*_~`])?)(?P=mark)(?!\w)"
)


def mrkdwn_of(markdown: str) -> str:
    """Markdown in Slack's own marks, as far as they differ: bold, strike and links."""
    marked = re.sub(r"\*\*(?=\S)(.+?)(?<=\S)\*\*", r"*\1*", markdown)
    marked = re.sub(r"~~(?=\S)(.+?)(?<=\S)~~", r"~\1~", marked)
    return re.sub(r"\[([^\]\n]+)\]\(([a-z]+:[^)\s]+)\)", r"<\2|\1>", marked)


def rich_text_block(text: str, block_id: str) -> Json:
    """The block that stands in a message posted as text alone."""
    section = {"type": "rich_text_section", "elements": list(_elements(text))}
    return {"type": "rich_text", "block_id": block_id, "elements": [section]}


def _elements(text: str) -> Iterator[Json]:
    position = 0
    for found in _TOKEN.finditer(text):
        if found.start() > position:
            yield _text(text[position : found.start()])
        yield _element(found)
        position = found.end()
    if position < len(text) or not text:
        yield _text(text[position:])


def _element(found: re.Match[str]) -> Json:
    given = {name: value for name, value in found.groupdict().items() if value is not None}
    match given:
        case {"user": user}:
            return {"type": "user", "user_id": user}
        case {"channel": channel}:
            return {"type": "channel", "channel_id": channel}
        case {"broadcast": reach}:
            return {"type": "broadcast", "range": reach}
        case {"usergroup": group}:
            return {"type": "usergroup", "usergroup_id": group}
        case {"link": url, "label": label}:
            return {"type": "link", "url": html.unescape(url), "text": html.unescape(label)}
        case {"link": url}:
            return {"type": "link", "url": html.unescape(url)}
        case {"emoji": name}:
            return {"type": "emoji", "name": name}
        case {"mark": mark, "styled": styled}:
            return {**_text(styled), "style": {_STYLES[mark]: True}}
    raise AssertionError(f"no element for {found.group()!r}")


def _text(text: str) -> Json:
    return {"type": "text", "text": html.unescape(text)}

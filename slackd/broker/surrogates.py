"""Lone surrogates, which a JSON escape can spell and neither UTF-8 nor the journal can hold: a `?` for each."""

from typing import Any


def as_unicode(text: str) -> str:
    """A text without lone surrogates."""
    return text if text.isascii() else text.encode(errors="replace").decode()


def all_unicode(value: Any) -> Any:
    """A parsed JSON value without lone surrogates, nested no deeper than `nesting.DEEPEST`."""
    if isinstance(value, str):
        return as_unicode(value)
    if isinstance(value, dict):
        return {as_unicode(key): all_unicode(each) for key, each in value.items()}
    return [all_unicode(each) for each in value] if isinstance(value, list) else value

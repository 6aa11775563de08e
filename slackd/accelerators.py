"""Libraries that make slackd faster where they are installed, and that it works the same without.

msgspec reads the JSON that Slack sends; what it refuses, Python's own parser looks at, and says why. It writes
what the gateway sends to apps. uvloop is the event loop of the broker, of the
connectors and of the gateway. With `SLACKD_PURE=1` in the environment neither is used.
"""

import asyncio
import importlib
import os
from collections.abc import Callable
from typing import Any

LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def _library(name: str) -> Any:
    """The library, or None where it is not installed or not wanted."""
    if os.environ.get("SLACKD_PURE", "") not in ("", "0"):
        return None
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def json_decoder() -> Callable[[str], Any] | None:
    """What reads a JSON text.

    Returns:
        The reader, which raises `ValueError` or `RecursionError` for a text that it does not read; None where
        msgspec is not installed.
    """
    msgspec = _library("msgspec")
    if msgspec is None:
        return None
    decode: Callable[[str], Any] = msgspec.json.Decoder().decode
    return decode


def json_encoder() -> Callable[[Any], bytes] | None:
    """What writes a value as a JSON text, or None where msgspec is not installed.

    It raises `ValueError`, `OverflowError` or `RecursionError` for a value that it does not write.
    """
    msgspec = _library("msgspec")
    if msgspec is None:
        return None
    encode: Callable[[Any], bytes] = msgspec.json.Encoder().encode
    return encode


def loop_factory() -> LoopFactory | None:
    """What makes an event loop, or None (asyncio's own) where uvloop is not installed."""
    uvloop = _library("uvloop")
    if uvloop is None:
        return None
    factory: LoopFactory = uvloop.new_event_loop
    return factory

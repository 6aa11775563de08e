"""Libraries that make slackd faster where they are installed, and that it works the same without.

msgspec reads the JSON that Slack sends; what it refuses, Python's own parser looks at, and says why. It writes
what the gateway sends to apps. uvloop is the event loop of the broker and of the gateway. With `SLACKD_PURE=1`
in the environment neither is used.
"""

import asyncio
import os
from collections.abc import Callable
from typing import Any

LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def _wanted() -> bool:
    return os.environ.get("SLACKD_PURE", "") in ("", "0")


def json_decoder() -> Callable[[str], Any] | None:
    """What reads a JSON text.

    Returns:
        The reader, which raises `ValueError` or `RecursionError` for a text that it does not read; None where
        msgspec is not installed.
    """
    if not _wanted():
        return None
    try:
        import msgspec
    except ImportError:
        return None
    decode: Callable[[str], Any] = msgspec.json.Decoder().decode
    return decode


def json_encoder() -> Callable[[Any], bytes] | None:
    """What writes a value as a JSON text, or None where msgspec is not installed.

    It raises `ValueError`, `OverflowError` or `RecursionError` for a value that it does not write.
    """
    if not _wanted():
        return None
    try:
        import msgspec
    except ImportError:
        return None
    encode: Callable[[Any], bytes] = msgspec.json.Encoder().encode
    return encode


def loop_factory() -> LoopFactory | None:
    """What makes an event loop, or None (asyncio's own) where uvloop is not installed."""
    if not _wanted():
        return None
    try:
        import uvloop
    except ImportError:
        return None
    factory: LoopFactory = uvloop.new_event_loop
    return factory

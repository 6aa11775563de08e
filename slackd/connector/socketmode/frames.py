"""A client's text frames as bytes (RFC 6455, 5.2 and 5.3). Pure."""

_FINAL_TEXT = 0x81
_MASKED = 0x80


def text_frame(payload: bytes, mask: bytes) -> bytes:
    """One unfragmented, masked text frame; `mask` is four bytes that nobody can foretell."""
    size = len(payload)
    if size < 126:
        head = bytes((_FINAL_TEXT, _MASKED | size))
    elif size < 1 << 16:
        head = bytes((_FINAL_TEXT, _MASKED | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((_FINAL_TEXT, _MASKED | 127)) + size.to_bytes(8, "big")
    key = int.from_bytes((mask * (size // 4 + 1))[:size], "little")
    return head + mask + (int.from_bytes(payload, "little") ^ key).to_bytes(size, "little")

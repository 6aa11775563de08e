"""`slack.upload` and `slack.download`: a file in pieces, one request each: nobody holds more than one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

from slackd.slack.limits import FILE_LIMIT
from slackd.slotted import frozen

LARGEST_PIECE: Final = 32_768
"""Bytes of a file in one request or result, before base64."""
_LONGEST_URL: Final = 4_096
_LONGEST_NAME: Final = 256


@frozen
class TransferAsked:
    """A transfer is to begin, or its next piece to go.

    Attributes:
        upload: The file goes to Slack; else it comes.
        transfer: The transfer that goes on; None for one that begins.
        url: Where the file is, or goes; "" for a transfer that goes on.
        length: Bytes of an upload, if its sender knows.
        content_type: Of an upload.
        data: The next piece of an upload, in base64.
        end: It was the upload's last piece.
        cancel: Nobody wants the rest.
        size: Bytes of the line.
    """

    id: int | str
    app: str | None
    upload: bool
    transfer: str | None
    url: str = ""
    length: int | None = None
    content_type: str = ""
    data: str = ""
    end: bool = False
    cancel: bool = False
    size: int = attrs.field(default=0, eq=False)


def read_transfer(id_: int | str, upload: bool, params: Mapping[str, Any], size: int) -> TransferAsked | str:
    """What a request for a transfer asks; or what is wrong with it, in words."""
    app, transfer, url = params.get("app"), params.get("transfer"), params.get("url", "")
    length, data = params.get("length"), params.get("data", "")
    if app is not None and not isinstance(app, str):
        return '"app" must be the name of an app'
    if transfer is not None and (not isinstance(transfer, str) or not 0 < len(transfer) <= _LONGEST_NAME):
        return '"transfer" must be what the first result said'
    if not isinstance(url, str) or len(url) > _LONGEST_URL or not url.isprintable():
        return f'"url" must be a URL of at most {_LONGEST_URL} characters'
    if (transfer is None) != bool(url):
        return 'either "url", to begin, or "transfer", to go on'
    if length is not None and (not isinstance(length, int) or isinstance(length, bool) or length < 0):
        return '"length" must be a number of bytes'
    if length is not None and length > FILE_LIMIT:
        return f'"length": {length} bytes, Slack takes files of up to {FILE_LIMIT}'
    if length == 0:
        return '"length": 0 bytes, Slack takes no empty file'
    if not isinstance(data, str) or len(data) > 4 * (LARGEST_PIECE // 3 + 1):
        return f'"data" must be base64 of at most {LARGEST_PIECE} bytes'
    content_type = params.get("content_type", "")
    if not isinstance(content_type, str) or len(content_type) > _LONGEST_NAME or not content_type.isprintable():
        return '"content_type" must be a media type'
    end, cancel = params.get("end") is True, params.get("cancel") is True
    return TransferAsked(id_, app, upload, transfer, url, length, content_type, data, end, cancel, size)

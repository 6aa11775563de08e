"""Files on their way between plugins and Slack: each transfer is one plugin's, and stays with one connector.

P6, the invariant kept here: a plugin moves files only where its file grants the method that they belong to. The
connector sees to it that they come from, and go to, Slack's file hosts alone.
"""

import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from slackd import jsonrpc
from slackd.broker.connector_calls import ConnectorCalls
from slackd.broker.grants import CallRefused, app_of, check_grant
from slackd.broker.plugins.transfers import TransferAsked
from slackd.config import PluginConfig
from slackd.link.messages import FILES, NOT_SENT, CallKind, Returned
from slackd.slack.limits import FILE_LIMIT
from slackd.slotted import define

MAX_TRANSFERS: Final = 16
"""Transfers of one plugin at a time."""
IDLE: Final = 120.0
"""Seconds without a piece after which a transfer is forgotten; its connector gave it up before."""
UPLOAD_GRANT: Final = "files.getUploadURLExternal"
DOWNLOAD_GRANT: Final = "files.info"
"""The method of the same scope, `files:read` ("Working with files")."""
_LAST_PIECE: Final = 120.0
"""Seconds in which Slack takes an upload, after its last piece."""
_PIECE: Final = 65.0


@define
class _OpenTransfer:
    plugin: str
    app: str
    link: int
    kind: CallKind
    used_at: float
    moved: int = 0


class FileTransfers:
    """Every transfer that is under way."""

    def __init__(
        self, calls: ConnectorCalls, apps: Iterable[str], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._calls, self._apps, self._clock = calls, tuple(apps), clock
        self._open: dict[str, _OpenTransfer] = {}

    async def for_plugin(self, plugin: PluginConfig, asked: TransferAsked) -> Mapping[str, Any]:
        """Begin a transfer, or move its next piece.

        Returns:
            What the connector says: of a beginning `transfer`, `status`, `length`; of a piece `data`, `end`,
            and with it `moved`, the bytes that have gone so far.

        Raises:
            CallRefused: It can't begin, or not go on.
        """
        if asked.transfer is None:
            return await self._begin(plugin, asked)
        transfer = self._open.get(asked.transfer)
        kind = _kind(asked)
        if transfer is None or transfer.plugin != plugin.name or transfer.kind is not kind:
            raise CallRefused(jsonrpc.INVALID_PARAMS, "no such transfer is under way: begin it again")
        transfer.used_at = self._clock()
        if transfer.moved > FILE_LIMIT:
            cancel = {"transfer": asked.transfer, "data": "", "end": False, "cancel": True}
            await self._move(transfer, asked.transfer, "", cancel, _PIECE)
            self._open.pop(asked.transfer, None)
            text = f"it goes on beyond {FILE_LIMIT} bytes, the most that a file of Slack's has"
            raise CallRefused(jsonrpc.INVALID_PARAMS, text)
        args = {"transfer": asked.transfer, "data": asked.data, "end": asked.end, "cancel": asked.cancel}
        timeout = _LAST_PIECE if asked.end else _PIECE
        body = await self._move(transfer, asked.transfer, "", args, timeout)
        transfer.moved += size_of(str(body.get("data", "")) if kind is CallKind.DOWNLOAD else asked.data)
        return {**body, "moved": transfer.moved}

    async def _begin(self, plugin: PluginConfig, asked: TransferAsked) -> Mapping[str, Any]:
        app = app_of(plugin, asked.app, self._apps)
        check_grant(plugin, UPLOAD_GRANT if asked.upload else DOWNLOAD_GRANT)
        self._forget_idle()
        if sum(each.plugin == plugin.name for each in self._open.values()) >= MAX_TRANSFERS:
            text = f"{MAX_TRANSFERS} transfers of {plugin.name} are under way already"
            raise CallRefused(jsonrpc.TOO_MANY_CALLS, text, {"retry_after": 1})
        link = await self._calls.link_that_can(app, FILES)
        if link is None:
            raise CallRefused(jsonrpc.SLACK_UNAVAILABLE, f"no connector is there that moves files for {app}")
        name = secrets.token_hex(16)
        transfer = _OpenTransfer(plugin.name, app, link, _kind(asked), self._clock())
        self._open[name] = transfer
        args = {"transfer": name, "length": asked.length, "content_type": asked.content_type}
        return {"transfer": name, **await self._move(transfer, name, asked.url, args, _PIECE)}

    async def _move(
        self, transfer: _OpenTransfer, name: str, url: str, args: Mapping[str, Any], timeout: float
    ) -> Mapping[str, Any]:
        goes_on = False
        try:
            returned = await self._calls.on_link(transfer.link, transfer.app, transfer.kind, url, args, timeout)
            goes_on = returned.body is not None and not returned.body.get("end")
        finally:
            if not goes_on:
                self._open.pop(name, None)
        return _body(returned)

    def _forget_idle(self) -> None:
        now = self._clock()
        for name in [name for name, each in self._open.items() if now - each.used_at > IDLE]:
            del self._open[name]


def size_of(data: str) -> int:
    """How many bytes this base64 has in it."""
    return len(data) // 4 * 3 - data[-2:].count("=")


def _kind(asked: TransferAsked) -> CallKind:
    return CallKind.UPLOAD if asked.upload else CallKind.DOWNLOAD


def _body(returned: Returned) -> Mapping[str, Any]:
    if returned.body is not None:
        return returned.body
    code = jsonrpc.SLACK_UNAVAILABLE if returned.status == NOT_SENT else jsonrpc.OUTCOME_UNKNOWN
    raise CallRefused(code, f"the transfer broke off: {returned.error}")

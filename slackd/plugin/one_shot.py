"""One call of the Web API from a script: connect, call, leave. Blocking, without an event loop."""

import base64
import os
import socket
from collections.abc import Mapping
from typing import Any, BinaryIO

from slackd import jsonrpc
from slackd.plugin.address import socket_path
from slackd.plugin.errors import CallFailed, PluginRefused, SlackError, TooLarge
from slackd.plugin.files import PIECE

_CHUNK = 65_536
_UPLOAD = "slack.upload"


class OneShot:
    """A connection for calls alone: it takes no deliveries, and doesn't count as the plugin's being there.

    Args:
        plugin: The plugin whose file grants the methods, and whose user this process runs as.
        path: The plugin socket; the usual places are looked at otherwise.
        timeout: Seconds to wait for slackd; None waits as long as Slack's rate limits last.

    Raises:
        OSError: slackd can't be reached.
        PluginRefused: This process may not be that plugin.
    """

    def __init__(self, plugin: str, *, path: str | None = None, timeout: float | None = None) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._lines = jsonrpc.LineReader(jsonrpc.MAX_LINE_TO_PLUGIN)
        self._number = 0
        try:
            self._socket.settimeout(timeout)
            self._socket.connect(socket_path(path, os.environ))
            hello = {"protocol": 1, "plugin": plugin, "window": 0}
            answer = self.request("initialize", hello)
            if isinstance(answer, jsonrpc.Failure):
                raise PluginRefused(answer.code, answer.message)
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> "OneShot":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def call(self, method: str, arguments: Mapping[str, Any], *, app: str | None = None) -> dict[str, Any]:
        """Call a Web API method, and return Slack's answer.

        Raises:
            SlackError: Slack said no.
            CallFailed: There is no answer of Slack's, and its `code` says why.
            OSError: slackd went away, or took longer than `timeout`.
        """
        params: dict[str, Any] = {"method": method, "args": dict(arguments)}
        answer = self.request("slack.call", params if app is None else {**params, "app": app})
        if isinstance(answer, jsonrpc.Failure):
            raise CallFailed(method, answer.code, answer.message, answer.data)
        response = dict(answer.result)
        if response.get("ok") is not True:
            raise SlackError(method, response)
        return response

    def upload(self, url: str, content: BinaryIO, *, length: int, app: str | None = None) -> None:
        """Send a file to the URL that `files.getUploadURLExternal` gave, a piece at a time.

        Raises:
            CallFailed: It broke off, or Slack didn't take it.
            OSError: slackd went away, or the file can't be read.
        """
        begun = self._move({"url": url, "length": length, **({"app": app} if app is not None else {})})
        transfer = begun.get("transfer")
        while piece := content.read(PIECE):
            self._move({"transfer": transfer, "data": base64.b64encode(piece).decode()})
        done = self._move({"transfer": transfer, "end": True})
        if done.get("status") != 200:
            words = f"Slack answered {done.get('status')}: {done.get('text', '')}"
            raise CallFailed(_UPLOAD, jsonrpc.SLACK_UNAVAILABLE, words, done)

    def _move(self, params: dict[str, Any]) -> dict[str, Any]:
        answer = self.request(_UPLOAD, params)
        if isinstance(answer, jsonrpc.Failure):
            raise CallFailed(_UPLOAD, answer.code, answer.message, answer.data)
        return dict(answer.result)

    def request(self, method: str, params: dict[str, Any]) -> jsonrpc.Result | jsonrpc.Failure:
        """Send a request of the protocol, and wait for its answer.

        Returns:
            slackd's answer.

        Raises:
            OSError: slackd went away, or took longer than `timeout`.
            NotJsonError: The params have no JSON text.
            TooLarge: They don't fit into a line.
        """
        self._number += 1
        line = jsonrpc.encode_request(self._number, method, params)
        if len(line) > jsonrpc.MAX_LINE_FROM_PLUGIN:
            raise TooLarge(f"{method}: {len(line)} bytes, slackd takes {jsonrpc.MAX_LINE_FROM_PLUGIN}")
        self._socket.sendall(line)
        while data := self._socket.recv(_CHUNK):
            for message in self._lines.receive(data):
                if isinstance(message, jsonrpc.Result | jsonrpc.Failure) and message.id in (self._number, None):
                    return message
        raise ConnectionResetError(f"slackd closed the connection before it answered {method}")

"""`slackctl call` and `slackctl post`: the Web API for shells and cron, under the grants of a plugin's file."""

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, NoReturn

import click

from slackd import jsonrpc
from slackd.cli.slackctl.options import Seconds
from slackd.plugin.address import socket_path
from slackd.plugin.errors import CallFailed, PluginRefused, SlackError, TooLarge
from slackd.plugin.one_shot import OneShot
from slackd.slack.limits import FILE_LIMIT

SLACK_SAID_NO: Final = 1
"""Exit status: Slack answered with an error."""
NOT_PERMITTED: Final = 2
"""Exit status: the caller may not be that plugin, its file does not grant the method, or nobody could make such
a call: a repetition would do no better."""
NOT_REACHED: Final = 3
"""Exit status: slackd, or Slack, can't be reached; nothing was done."""
UNKNOWN: Final = 4
"""Exit status: there is no answer of Slack's, and the call may have been made."""
_NOT_SO: Final = frozenset(
    {
        jsonrpc.METHOD_NOT_GRANTED,
        jsonrpc.UNKNOWN_APP,
        jsonrpc.UNKNOWN_PLUGIN,
        jsonrpc.NOT_PERMITTED,
        jsonrpc.INVALID_PARAMS,
        jsonrpc.INVALID_REQUEST,
        jsonrpc.METHOD_NOT_FOUND,
        jsonrpc.UNSUPPORTED_PROTOCOL,
        jsonrpc.LINE_TOO_LONG,
    }
)
_NOT_NOW: Final = frozenset(
    {
        jsonrpc.SLACK_UNAVAILABLE,
        jsonrpc.SHUTTING_DOWN,
        jsonrpc.TOO_MANY_SESSIONS,
        jsonrpc.TOO_MANY_CALLS,
        jsonrpc.RATE_LIMITED,
    }
)

_common = (
    click.option(
        "--as",
        "plugin",
        envvar="SLACKD_PLUGIN",
        required=True,
        metavar="PLUGIN",
        help="The plugin whose file grants the call, and whose user you are; else $SLACKD_PLUGIN.",
    ),
    click.option("--app", metavar="APP", help="Which app, where the plugin has several."),
    click.option("--plugins-socket", metavar="PATH", help="Where plugins connect; else the usual places."),
    click.option("--timeout", type=Seconds(0.1), default=60.0, show_default=True, metavar="SECONDS"),
    click.option("--json", "as_json", is_flag=True, help="Print Slack's whole answer."),
)


def _options(command: Any) -> Any:
    for option in reversed(_common):
        command = option(command)
    return command


@click.command()
@click.argument("method")
@click.argument("arguments", nargs=-1, metavar="[KEY=VALUE]…")
@_options
def call(
    method: str,
    arguments: tuple[str, ...],
    plugin: str,
    app: str | None,
    plugins_socket: str | None,
    timeout: float,
    as_json: bool,
) -> None:
    """Call METHOD of Slack's Web API: slackctl call --as deploybot chat.postMessage channel=C0123 text=hello

    KEY:=VALUE takes JSON (blocks:='[…]'), KEY=@FILE the text of a file.

    The exit status is 1 if Slack says no, 2 if it is not granted or can't be so, 3 without slackd or without a
    way to Slack, 4 if nobody knows.
    """
    given = _arguments(arguments)
    answer = _reached(
        plugin, plugins_socket, timeout, as_json, method, lambda shot: shot.call(method, given, app=app)
    )
    click.echo(json.dumps(answer, ensure_ascii=False, indent=None if as_json else 2))


@click.command()
@click.argument("channel")
@click.argument("text")
@click.option("--thread", metavar="TS", help="The message to answer.")
@click.option(
    "--file",
    "attached",
    type=click.Path(path_type=Path, exists=True, dir_okay=False, readable=True),
    help="A file that TEXT comes with; needs the grants files.getUploadURLExternal and "
    "files.completeUploadExternal.",
)
@_options
def post(
    channel: str,
    text: str,
    thread: str | None,
    attached: Path | None,
    plugin: str,
    app: str | None,
    plugins_socket: str | None,
    timeout: float,
    as_json: bool,
) -> None:
    """Post TEXT to CHANNEL, and print the message's timestamp, or the file's id. TEXT "-" is standard input.

    The exit status is that of slackctl call.
    """
    text = _standard_input() if text == "-" else _text(text)
    in_thread = {} if thread is None else {"thread_ts": thread}
    reached = partial(_reached, plugin, plugins_socket, timeout, as_json)
    if attached is not None:
        comment = {"channel_id": channel, **({"initial_comment": text} if text else {}), **in_thread}
        answer = reached("slack.upload", lambda shot: _post_file(shot, attached, comment, app))
        shown = answer["files"][0]["id"]
    else:
        given = {"channel": channel, "text": text, **in_thread}
        answer = reached("chat.postMessage", lambda shot: shot.call("chat.postMessage", given, app=app))
        shown = answer.get("ts", "")
    click.echo(json.dumps(answer, ensure_ascii=False) if as_json else shown)


def _standard_input() -> str:
    if sys.stdin is None:  # closed, as some that start programs leave it
        raise click.BadParameter('"-" is standard input, which is closed')
    return sys.stdin.buffer.read().decode("utf-8", "replace").rstrip("\r\n")


def _post_file(shot: OneShot, file: Path, comment: Mapping[str, Any], app: str | None) -> dict[str, Any]:
    """The three steps of "Working with files"."""
    try:
        content = file.open("rb")
    except OSError as error:
        raise click.BadParameter(f"{file} cannot be read: {error.strerror}") from None
    with content:
        length = os.fstat(content.fileno()).st_size
        if not 0 < length <= FILE_LIMIT:
            raise click.BadParameter(f"{file} has {length} bytes: Slack takes files of 1 to {FILE_LIMIT}")
        asked = {"filename": file.name, "length": length}
        place = shot.call("files.getUploadURLExternal", asked, app=app)
        shot.upload(place["upload_url"], content, length=length, app=app)
    files = [{"id": place["file_id"], "title": file.name}]
    return shot.call("files.completeUploadExternal", {"files": files, **comment}, app=app)


def _arguments(pairs: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        key = name.removesuffix(":")
        if not equals or not key:
            raise click.UsageError(f"{pair!r}: expected KEY=VALUE, or KEY:=JSON")
        if key in found:
            raise click.UsageError(f"{key} is given twice")
        if name != key:
            found[key] = _parsed(key, value)
        elif value.startswith("@"):
            found[key] = _read(key, value[1:])
        else:
            found[key] = _text(value)
    return found


def _parsed(key: str, value: str) -> Any:
    try:
        return json.loads(value, parse_constant=_refuse_constant)
    except ValueError as error:
        raise click.UsageError(f"{key}: {value!r} is not JSON: {error}") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"it knows no {name}")


def _read(key: str, file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise click.UsageError(f"{key}: {file}: byte {error.start + 1} is not UTF-8") from None
    except OSError as error:
        raise click.UsageError(f"{key}: {file} cannot be read: {error.strerror}") from None


def _text(value: str) -> str:
    """What a program printed in another encoding is posted all the same, with marks where it is no UTF-8."""
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _reached(
    plugin: str,
    path: str | None,
    timeout: float,
    as_json: bool,
    method: str,
    work: Callable[[OneShot], dict[str, Any]],
) -> dict[str, Any]:
    """Do some work over a connection to slackd; where it fails, say why and end with the status for that."""
    try:
        shot = OneShot(plugin, path=path or os.environ.get("SLACKD_PLUGINS_SOCKET"), timeout=timeout)
    except PluginRefused as error:
        _fail(str(error), NOT_REACHED if error.code in _NOT_NOW else NOT_PERMITTED)
    except OSError as error:
        place = socket_path(path, os.environ)
        _fail(f"slackd can't be reached at {place}: {error.strerror or error}; is it running?", NOT_REACHED)
    try:
        with shot:
            return work(shot)
    except SlackError as error:
        if as_json:
            click.echo(json.dumps(error.response, ensure_ascii=False))
        _fail(str(error), SLACK_SAID_NO)
    except CallFailed as error:
        _fail(str(error), _status_of(error.code))
    except TooLarge as error:
        _fail(f"{error}; slackctl post --file takes more", NOT_PERMITTED)
    except TimeoutError:
        _fail(f"{method}: no answer within {timeout:g} s; the call may have been made", UNKNOWN)
    except OSError as error:
        _fail(f"{method}: slackd went away ({error.strerror or error}); the call may have been made", UNKNOWN)


def _status_of(code: int) -> int:
    if code in _NOT_SO:
        return NOT_PERMITTED
    return NOT_REACHED if code in _NOT_NOW else UNKNOWN


def _fail(words: str, status: int) -> NoReturn:
    click.echo(f"slackctl: {words}", err=True)
    sys.exit(status)

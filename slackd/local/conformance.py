"""Does a program speak the plugin protocol? A slackd that knows its corners, and a list of what was found.

Nothing here knows what the program does: it gets what its `plugins.d` file subscribes to, and must answer it.
"""

import asyncio
import contextlib
import itertools
import json
import tomllib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import attrs

from slackd import jsonrpc
from slackd.local.configuration import check_declaration
from slackd.local.program import LocalStackError, Program, command_of
from slackd.local.project import declarations_of, read_declaration
from slackd.local.scripts import script_command, with_local_script
from slackd.slack.envelopes import COMMANDS, EVENTS, INTERACTIVE

PATIENCE: Final = 10.0
"""Seconds for a program to start, answer, or end."""
MANY: Final = 16
"""Deliveries that are in flight at once."""
BIG: Final = 1_000_000
"""Characters of a large text."""
LAST_LINES: Final = 10
"""How much is shown of what the program printed."""
ODD_TEXT: Final = 'ü € 😀 \u2028 "quoted" \\ \t end'


@attrs.frozen
class Finding:
    """One rule of the protocol, and whether the program keeps it."""

    rule: str
    passed: bool
    detail: str = ""


class _Peer:
    """The program's connection, as slackd sees it: what it sends is kept, its calls are answered."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._lines = jsonrpc.LineReader(jsonrpc.MAX_LINE_FROM_PLUGIN)
        self._changed = asyncio.Event()
        self.initialize: jsonrpc.Request | None = None
        self.answers: dict[str, jsonrpc.Result | jsonrpc.Failure] = {}
        self.calls: list[jsonrpc.Request] = []
        self.malformed = ""
        self.ended = False

    async def run(self) -> None:
        try:
            while data := await self._reader.read(65_536):
                for message in self._lines.receive(data):
                    self._take(message)
                self._changed.set()
        except ConnectionError:
            pass  # it went away while it was written to
        finally:
            self.ended = True
            self._changed.set()

    def _take(self, message: jsonrpc.Message) -> None:
        match message:
            case jsonrpc.Malformed(_, reason):
                self.malformed = reason
            case jsonrpc.Request(id_, "initialize", _):
                self.initialize = message
                granted = {"server": "slackd (conformance)", "apps": ["main"], "methods": ["*"]}
                windows = {"window": MANY, "deadline_window": MANY, "answer_deadline": 2.5}
                self.send(jsonrpc.encode_result(id_, {"protocol": 1, **granted, **windows, "later": {}}))
            case jsonrpc.Request(id_, _, _):
                self.calls.append(message)
                self.send(jsonrpc.encode_result(id_, {"ok": True, "ts": "1.2", "channel": "C1"}))
            case jsonrpc.Result(id_, _) | jsonrpc.Failure(id_):
                self.answers[str(id_)] = message

    def send(self, line: bytes) -> None:
        if not self.ended:
            self._writer.write(line)

    async def send_in_pieces(self, line: bytes) -> None:
        for start in range(0, len(line), max(1, len(line) // 7)):
            self.send(line[start : start + max(1, len(line) // 7)])
            with contextlib.suppress(ConnectionError):
                await self._writer.drain()
            await asyncio.sleep(0.01)

    async def wait_for(self, found: Callable[[], bool]) -> bool:
        try:
            async with asyncio.timeout(PATIENCE):
                while not found() and not self.ended:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return False
        return found()

    def close(self) -> None:
        self._writer.close()


def check_program(program: Path, declaration: Path | None) -> list[Finding]:
    """Run a program and look whether it keeps the protocol's rules.

    Args:
        program: The file to run.
        declaration: Its `plugins.d` file; the one `.toml` beside it if None.

    Returns:
        What it does wrong; nothing if it keeps them.

    Raises:
        LocalStackError: There is no such program or declaration.
        ConfigError: slackd could not use the declaration; it names every mistake.
    """
    command = command_of(program)
    file = declaration or _declaration_beside(program)
    text = read_declaration(file)
    check_declaration(file.stem, text)
    envelopes = envelopes_for(tomllib.loads(text))
    declared = with_local_script(text, program)
    return asyncio.run(_check(command, program.absolute().parent, file.stem, declared, envelopes))


def envelopes_for(declaration: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return an envelope of each kind that a plugin's file subscribes to, as Slack would send it."""
    found = [each for table in declaration.get("subscribe", ()) for each in _envelopes_of(table)]
    return found or [_event("app_mention")]


async def _check(
    command: Sequence[str], folder: Path, name: str, declared: str, envelopes: Sequence[dict[str, Any]]
) -> list[Finding]:
    with TemporaryDirectory(prefix="slackd-", dir="/tmp") as sockets:
        socket = Path(sockets) / "plugins.sock"
        output: list[str] = []
        script = script_command(name, declared, Path(sockets), str(socket))
        command, more = script or (command, {})
        process = Program(command, {"SLACKD_PLUGINS_SOCKET": str(socket), **more}, folder, output.append)
        async with _listening(socket) as peers:
            await process.start()
            try:
                return [each async for each in _findings(process, peers, name, envelopes, output)]
            finally:
                await process.stop()


@asynccontextmanager
async def _listening(socket: Path) -> AsyncIterator["asyncio.Queue[_Peer]"]:
    peers: asyncio.Queue[_Peer] = asyncio.Queue()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = _Peer(reader, writer)
        peers.put_nowait(peer)
        await peer.run()

    server = await asyncio.start_unix_server(serve, socket)
    try:
        yield peers
    finally:
        server.close()


async def _findings(
    process: Program,
    peers: "asyncio.Queue[_Peer]",
    name: str,
    envelopes: Sequence[dict[str, Any]],
    output: Sequence[str],
) -> AsyncIterator[Finding]:
    connects = "it connects, and says initialize first, with its name and protocol 1"
    found: list[_Peer] = []

    async def connecting() -> None:
        found.append(await peers.get())

    try:
        async with asyncio.timeout(3 * PATIENCE):
            connected = await process.runs_until(connecting())
    except TimeoutError:
        yield Finding(connects, False, _with_output("it never connected", output))
        return
    if not connected:
        await process.stop()
        yield Finding(connects, False, _with_output(f"it ended with status {process.status}", output))
        return
    (peer,) = found
    begun = await peer.wait_for(lambda: peer.initialize is not None or bool(peer.malformed))
    params = peer.initialize.params if peer.initialize is not None else {}
    said = (params.get("protocol"), params.get("plugin"))
    detail = (
        "" if said == (1, name) else f"it said protocol {said[0]!r} and plugin {said[1]!r}, not 1 and {name!r}"
    )
    yield Finding(connects, begun and said == (1, name), detail or peer.malformed)
    if peer.initialize is None:
        return
    ids = (f"{number}.1" for number in itertools.count(4711))
    for envelope in envelopes:
        yield await _is_answered(peer, next(ids), envelope, f"it answers {_words(envelope)}")
    many = [(next(ids), envelope) for _, envelope in zip(range(MANY), itertools.cycle(envelopes), strict=False)]
    for id_, envelope in many:
        peer.send(_delivery(id_, envelope))
    complete = await peer.wait_for(lambda: all(id_ in peer.answers for id_, _ in many))
    missing = [id_ for id_, _ in many if id_ not in peer.answers]
    yield Finding(f"it answers {MANY} deliveries that are in flight at once", complete, ", ".join(missing))
    peer.send(jsonrpc.encode_notification("later.than.you", {"new": True}))
    unknown = {**envelopes[0], "later": {"nested": [1]}}
    yield await _is_answered(peer, next(ids), unknown, "it ignores members and notifications it doesn't know")
    strange = {"envelope_id": "e", "type": "newer_type", "payload": {"type": "newer"}}
    yield await _is_answered(peer, next(ids), strange, "it answers an envelope of a type it doesn't know")
    created = _event("channel_created")
    created["payload"]["event"] |= {"channel": {"id": "C1", "name": "new"}, "user": {"id": "U1"}}
    objects = "it answers an event whose channel and user are objects, as in channel_created and user_change"
    yield await _is_answered(peer, next(ids), created, objects)
    odd = _with_text(envelopes[0], ODD_TEXT)
    yield await _is_answered(peer, next(ids), odd, "it reads text beyond ASCII")
    large = _with_text(envelopes[0], "x" * BIG)
    yield await _is_answered(peer, next(ids), large, "it reads a line of a megabyte")
    id_ = next(ids)
    await peer.send_in_pieces(_delivery(id_, envelopes[0]))
    whole = await peer.wait_for(lambda: id_ in peer.answers)
    yield Finding("it reads a line that comes in pieces", whole)
    yield Finding("it sends whole lines of JSON-RPC, and nothing else", not peer.malformed, peer.malformed)
    peer.close()
    yield await _comes_back(process, peers)


def _with_output(what: str, output: Sequence[str]) -> str:
    return "\n    ".join([f"{what}; it printed:" if output else what, *output[-LAST_LINES:]])


async def _is_answered(peer: _Peer, id_: str, envelope: dict[str, Any], rule: str) -> Finding:
    peer.send(_delivery(id_, envelope))
    answered = await peer.wait_for(lambda: id_ in peer.answers)
    if not answered:
        ended = "its connection ended" if peer.ended else f"no answer within {PATIENCE:g} s"
        return Finding(rule, False, peer.malformed or ended)
    answer = peer.answers[id_]
    if isinstance(answer, jsonrpc.Failure):
        return Finding(rule, False, f"it answered with an error: {answer.message}")
    if not isinstance(answer.result, dict):
        return Finding(rule, False, f"its result is {answer.result!r}, and no object")
    return Finding(rule, True)


async def _comes_back(process: Program, peers: "asyncio.Queue[_Peer]") -> Finding:
    rule = "when slackd goes, it ends (its unit starts it again) or connects again"
    try:
        async with asyncio.timeout(PATIENCE):
            await process.runs_until(peers.get())
    except TimeoutError:
        return Finding(rule, False, f"it did neither within {PATIENCE:g} s")
    return Finding(rule, True)


def _delivery(id_: str, envelope: dict[str, Any]) -> bytes:
    params = {"attempt": 1, "app": "main", "type": envelope["type"], "received_at": 1.5, "respond_by": None}
    return jsonrpc.encode_request(id_, "envelope", {**params, "envelope": envelope})


def _envelopes_of(table: Mapping[str, Any]) -> list[dict[str, Any]]:
    match table.get("type"):
        case "slash_commands":
            return [_command(name) for name in _names(table, "command", "/command")]
        case "interactive":
            return [_click(name) for name in _names(table, "action_id", "action")]
        case _:
            return [_event(name) for name in _names(table, "event", "app_mention")]


def _names(table: Mapping[str, Any], key: str, otherwise: str) -> list[str]:
    given = table.get(key, otherwise)
    return [str(each).replace("*", "any") for each in (given if isinstance(given, list) else [given])]


def _event(name: str) -> dict[str, Any]:
    kind = name.partition(".")[0]
    event = {"type": kind, "user": "U1", "channel": "C1", "text": "hello", "ts": "1700000000.000100"}
    payload = {"type": "event_callback", "event_id": "Ev1", "team_id": "T1", "event": event}
    return {"envelope_id": "e", "type": EVENTS, "accepts_response_payload": False, "payload": payload}


def _command(name: str) -> dict[str, Any]:
    payload = {"command": name, "text": "hello", "user_id": "U1", "channel_id": "C1", "trigger_id": "1.2.3"}
    return {"envelope_id": "e", "type": COMMANDS, "accepts_response_payload": True, "payload": payload}


def _click(action: str) -> dict[str, Any]:
    about = {"user": {"id": "U1"}, "channel": {"id": "C1"}, "trigger_id": "1.2.3"}
    actions = [{"type": "button", "action_id": action, "block_id": "b", "value": "v"}]
    payload = {"type": "block_actions", **about, "actions": actions}
    return {"envelope_id": "e", "type": INTERACTIVE, "accepts_response_payload": False, "payload": payload}


def _with_text(envelope: dict[str, Any], text: str) -> dict[str, Any]:
    copy: dict[str, Any] = json.loads(json.dumps(envelope))
    payload = copy["payload"]
    payload.get("event", payload)["text"] = text
    return copy


def _words(envelope: Mapping[str, Any]) -> str:
    payload = envelope["payload"]
    if envelope["type"] == COMMANDS:
        return f"the command {payload['command']}"
    if envelope["type"] == INTERACTIVE:
        return f"a click on {payload['actions'][0]['action_id']}"
    return f"the event {payload['event']['type']}"


def _declaration_beside(program: Path) -> Path:
    found = declarations_of(program.absolute())
    if len(found) != 1:
        raise LocalStackError(f"{program}: which plugins.d file is its own? Name it: --toml FILE")
    return found[0]

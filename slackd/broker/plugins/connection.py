"""One plugin connection: bytes between the socket and the session's protocol, and who may be at its end.

What it hears goes to a `Host`, which is the daemon; what the daemon has to say goes out by the methods here.

When a connection is read: as long as nothing speaks against it.

The line that hands a delivery to a plugin: the request `envelope`, around Slack's text as it was journaled.

There is one for every delivery, so that text is neither parsed nor printed again, and the rest is not printed
from a dictionary either.

What of a plugin connection comes into the log: as many lines as its plugin or user may have there.

The journal drops whatever a service says beyond a limit of its own (journald.conf, `RateLimitBurst=`), slackd's
other lines too: no plugin gets near it.
"""

import asyncio
import functools
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any, Protocol, cast

from slackd import __version__, jsonrpc
from slackd.broker.journal import StoredEnvelope
from slackd.broker.journal.writes import OpenDelivery
from slackd.broker.plugins.peer_credentials import Peer, peer_of
from slackd.broker.plugins.protocol import (
    PROTOCOL,
    Answered,
    CallAsked,
    Event,
    Extended,
    Initialize,
    Logged,
    Misanswered,
    Nacked,
    PostAsked,
    RejectedLine,
    SessionProtocol,
    Violation,
)
from slackd.broker.rate_limits import PluginQuota
from slackd.config import PluginConfig

log = logging.getLogger(__name__)

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 40}


def pass_on(said: Logged, plugin: str, standing: PluginQuota) -> None:
    """A plugin's own line."""
    suppressed = standing.said.admit(asyncio.get_running_loop().time())
    extra = {"event": "plugin-log", "plugin": plugin}
    if suppressed:
        log.warning("%s: %d more lines of this plugin were suppressed", plugin, suppressed, extra=extra)
    if suppressed is not None:
        log.log(LEVELS.get(said.level, logging.INFO), "%s: %s", plugin, said.message, extra=extra)


def note(standing: PluginQuota, level: int, event: str, text: str, *, plugin: str, uid: int) -> None:
    """A line about one of its connections."""
    suppressed = standing.notices.admit(asyncio.get_running_loop().time())
    extra = {"event": event, "plugin": plugin, "uid": uid}
    if suppressed:
        whose = f"plugin {plugin}" if plugin else f"uid {uid}"
        log.warning("%d more lines about connections of %s were suppressed", suppressed, whose, extra=extra)
    if suppressed is not None:
        log.log(level, "%s", text, extra=extra)


def encode_envelope(delivery: OpenDelivery, envelope: StoredEnvelope) -> bytes:
    """The whole line; the envelope's text is JSON without a raw line break in it."""
    attempt, respond_by = delivery.attempt, delivery.respond_by
    return (
        f'{{"jsonrpc":"2.0","id":"{delivery.id}.{attempt}","method":"envelope","params":{{"attempt":{attempt},'
        f'"app":{_quoted(envelope.app)},"type":{_quoted(envelope.type)},"received_at":{envelope.received_at!r},'
        f'"respond_by":{"null" if respond_by is None else repr(respond_by)},"envelope":{envelope.text}}}}}\n'
    ).encode()


@functools.lru_cache(maxsize=1024)
def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


class Unheard(Enum):
    """Why a connection is not read."""

    OPENING = "nobody knows yet whether it may be that plugin"
    GREEDY = "it asks and doesn't read the answers"
    OVERDRAWN = "its plugin has had its share of the loop"


class Hearing:
    """Reads a transport as long as there is no reason not to."""

    __slots__ = ("_reasons", "_transport")

    def __init__(self, transport: asyncio.ReadTransport) -> None:
        self._transport = transport
        self._reasons: set[Unheard] = set()

    def stop(self, reason: Unheard) -> None:
        """Read nothing more until this reason is gone, and every other one."""
        if not self._reasons:
            self._transport.pause_reading()
        self._reasons.add(reason)

    def resume(self, reason: Unheard) -> None:
        """This reason is gone."""
        if reason in self._reasons:
            self._reasons.remove(reason)
            if not self._reasons and not self._transport.is_closing():
                self._transport.resume_reading()


OPENING_PATIENCE = 10.0
"""Seconds in which a new connection must say `initialize`."""
UNSENT_LIMIT = 1 << 20
"""Bytes that may wait for a plugin that doesn't read, before it is handed nothing more."""
UNREAD_ANSWERS = 4 << 20
"""Bytes that may wait for a plugin that asks and doesn't read, before nothing more is read from it."""
CLOSING_PATIENCE = 2.0
"""Seconds in which a plugin may still read what was said before the door."""


class Host(Protocol):
    """What a connection needs of the daemon."""

    def arrived(self, connection: "PluginConnection") -> None:
        """Somebody connected, and the kernel has said who."""

    def standing(self, connection: "PluginConnection") -> PluginQuota:
        """What it shares with the other connections of its plugin, or of its user before that is known."""

    def plugin(self, name: str) -> PluginConfig | None:
        """The plugin of this name."""

    def identify(self, connection: "PluginConnection", plugin: PluginConfig, said: Initialize) -> None:
        """Find out whether it may be that plugin: `identified` is called, later."""

    def admit(self, connection: "PluginConnection", said: Initialize) -> tuple[int, str] | None:
        """Begin a session: None, and later `opened` is called; or why not (code, message)."""

    def is_held(self, connection: "PluginConnection", delivery: int, attempt: int) -> bool:
        """Whether an answer to this attempt counts."""

    def answered(self, connection: "PluginConnection", answers: Sequence[Answered]) -> None:
        """Deliveries are handled."""

    def nacked(self, connection: "PluginConnection", nack: Nacked) -> None:
        """A delivery could not be handled."""

    def extended(self, connection: "PluginConnection", extended: Extended) -> None:
        """A delivery is still worked on."""

    def call_asked(self, connection: "PluginConnection", asked: CallAsked | PostAsked) -> None:
        """A Web API call, or a post to a `response_url`; answer with `send_result` or `send_failure`."""

    def paused(self, connection: "PluginConnection", paused: bool) -> None:
        """The plugin doesn't read, or reads again."""

    def gone(self, connection: "PluginConnection") -> None:
        """The connection ended."""


class PluginConnection(asyncio.Protocol):
    """The daemon's end of one plugin connection.

    Attributes:
        plugin: The plugin it is, "" before `initialize` was accepted.
        session: The session's name, once it is admitted.
        named: The program chose that name itself.
        calls_only: Nothing is delivered to it, and it counts as no session.
        peer: The process at the other end.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._protocol = SessionProtocol(self._is_held)
        self._transport: asyncio.Transport | None = None
        self._opening: asyncio.TimerHandle | None = None
        self._later: asyncio.TimerHandle | None = None
        self._kept = b""
        self.plugin, self.session, self.named = "", "", False
        self.client, self.calls_only = "", False
        self.peer: Peer | None = None
        self.is_open = False
        self._unsent: list[bytes] = []
        self._calls = 0
        self._is_half_closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The kernel's word for who connected is taken at once."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=UNSENT_LIMIT)
        self._hearing = Hearing(self._transport)
        self.peer = peer_of(transport.get_extra_info("socket"))
        self._standing = self._host.standing(self)
        self._opening = asyncio.get_running_loop().call_later(OPENING_PATIENCE, self._too_slow)
        self._host.arrived(self)

    def data_received(self, data: bytes) -> None:
        """Bytes from the plugin."""
        if self._is_overdrawn():  # by another connection of its plugin, in this same turn of the loop
            self._kept = data
        else:
            self._listen(lambda: self._protocol.receive(data))

    def eof_received(self) -> bool:
        """The plugin says nothing more: it gets the results of its calls, then the connection ends."""
        self._is_half_closed = True
        self._end_if_done()
        return True

    def call_began(self) -> None:
        """A call of the plugin's is under way: its result is waited for."""
        self._calls += 1

    def call_ended(self) -> None:
        """A call of the plugin's is over."""
        self._calls -= 1
        self._end_if_done()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection ended, by whichever side."""
        self._transport, self._kept = None, b""
        self._cancel_opening()
        if self._later is not None:
            self._later.cancel()
        self._host.gone(self)

    def pause_writing(self) -> None:
        """The plugin doesn't read what it was sent."""
        self._host.paused(self, True)

    def resume_writing(self) -> None:
        """The plugin reads again."""
        self._host.paused(self, False)
        self._hearing.resume(Unheard.GREEDY)

    def identified(self, plugin: PluginConfig, said: Initialize, refusal: str) -> None:
        """Who is at the other end may be that plugin, or why not."""
        if self._transport is None or self._transport.is_closing():
            return
        if refusal:
            self.refuse(said.id, jsonrpc.NOT_PERMITTED, refusal)
            return
        self.plugin, self.client = plugin.name, said.client
        self._standing = self._host.standing(self)
        refused = self._host.admit(self, said)
        if refused is not None:
            self.refuse(said.id, *refused)

    def opened(self, id_: int | str, result: Mapping[str, Any]) -> None:
        """The session is listed: tell the plugin, and hear what it said meanwhile with `resume`."""
        self.is_open = True
        self._cancel_opening()
        self._write(jsonrpc.encode_result(id_, dict(result)))

    def resume(self) -> None:
        """Hear the plugin (again) after `opened`."""
        if self._transport is not None and not self._transport.is_closing():
            self._hearing.resume(Unheard.OPENING)
            self._listen(self._protocol.opened)

    def hand(self, delivery: OpenDelivery, envelope: StoredEnvelope) -> None:
        """Hand a delivery to the plugin, in Slack's own text."""
        self._write(encode_envelope(delivery, envelope))

    def send_result(self, id_: int | str, result: Any) -> None:
        """Answer a request well. A result too large for a line becomes an error."""
        line = jsonrpc.encode_result(id_, result)
        if len(line) > jsonrpc.MAX_LINE_TO_PLUGIN:
            text = f"the result has {len(line)} bytes, a line {jsonrpc.MAX_LINE_TO_PLUGIN} at most"
            line = jsonrpc.encode_failure(id_, jsonrpc.RESPONSE_TOO_LARGE, text)
        self._answer(line)

    def send_failure(self, id_: int | str | None, code: int, message: str, data: Any = None) -> None:
        """Answer a request badly, or refuse an answer."""
        self._answer(jsonrpc.encode_failure(id_, code, message, data))

    def notify(self, method: str, params: dict[str, Any]) -> None:
        """Tell the plugin something."""
        self._write(jsonrpc.encode_notification(method, params))

    def refuse(self, id_: int | str | None, code: int, message: str, data: Any = None) -> None:
        """An error and then the door."""
        self.note(logging.WARNING, "plugin-refused", f"plugin connection refused: {message}")
        self.send_failure(id_, code, message, data)
        self.close()
        self._host.gone(self)

    def note(self, level: int, event: str, text: str) -> None:
        """A line for the log about this connection, unless there are too many."""
        uid = self.peer.uid if self.peer else -1
        note(self._standing, level, event, text, plugin=self.plugin, uid=uid)

    def close(self) -> None:
        """Write what is queued, then end the connection."""
        self._flush()
        if self._transport is not None:
            self._transport.close()
            asyncio.get_running_loop().call_later(CLOSING_PATIENCE, self.abort)

    def abort(self) -> None:
        """End the connection at once, unread (its session has come back on another one)."""
        if self._transport is not None:
            self._transport.abort()

    def _end_if_done(self) -> None:
        """Nothing more is said by either side, once the plugin has closed its half."""
        if not self._is_half_closed:
            return
        self._host.gone(self)
        if not self._calls:
            self.close()

    def _answer(self, line: bytes) -> None:
        self._write(line)
        if self._transport is not None and self._transport.get_write_buffer_size() > UNREAD_ANSWERS:
            self._hearing.stop(Unheard.GREEDY)

    def _write(self, line: bytes) -> None:
        """What is said in one turn of the loop goes out in one piece."""
        if self._transport is None or self._transport.is_closing():
            return
        if not self._unsent:
            asyncio.get_running_loop().call_soon(self._flush)
        self._unsent.append(line)

    def _flush(self) -> None:
        lines, self._unsent = self._unsent, []
        if lines and self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(lines))

    def _listen(self, read: Callable[[], list[Event]]) -> None:
        """What reading costs depends on what the plugin sends: it is for its plugin's account. What its answers
        cost is for slackd's, since it asked for them."""
        began = time.thread_time()
        events = read()
        self._standing.reading.take(time.thread_time() - began, asyncio.get_running_loop().time())
        self._is_overdrawn()
        self._handle(events)

    def _is_overdrawn(self) -> bool:
        """Its plugin has had its share of the loop: this connection is heard again when that is made good."""
        if not self._standing.reading.was_overdrawn:
            return False
        loop = asyncio.get_running_loop()
        wait = self._standing.reading.wait_for(0.0, loop.time())
        if wait > 0 and self._transport is not None and self._later is None:
            self._hearing.stop(Unheard.OVERDRAWN)
            self._later = loop.call_later(wait, self._listen_again)
        return wait > 0

    def _listen_again(self) -> None:
        self._later = None
        if self._transport is None or self._transport.is_closing() or self._is_overdrawn():
            return
        self._hearing.resume(Unheard.OVERDRAWN)
        kept, self._kept = self._kept, b""
        if kept:
            self.data_received(kept)

    def _is_held(self, delivery: int, attempt: int) -> bool:
        return self._host.is_held(self, delivery, attempt)

    def _handle(self, events: Sequence[Event]) -> None:
        answers = [event for event in events if isinstance(event, Answered)]
        if answers and len(answers) == len(events):
            self._host.answered(self, answers)
            return
        for event in events:
            match event:
                case Answered():
                    self._host.answered(self, [event])
                case Misanswered(delivery, attempt, message):
                    self.send_failure(f"{delivery}.{attempt}", jsonrpc.INVALID_PARAMS, message)
                    self._host.answered(self, [Answered(delivery, attempt, None)])
                case Nacked():
                    self._host.nacked(self, event)
                case Extended():
                    self._host.extended(self, event)
                case CallAsked() | PostAsked():
                    self._host.call_asked(self, event)
                case Logged():
                    pass_on(event, self.plugin, self._standing)
                case RejectedLine(id_, code, message):
                    self.send_failure(id_, code, message)
                case Violation(id_, code, message, data):
                    self.refuse(id_, code, message, data)
                case Initialize():
                    self._initialize(event)

    def _initialize(self, said: Initialize) -> None:
        plugin = self._host.plugin(said.plugin)
        if plugin is None:
            text = f"no file in plugins.d declares a plugin {said.plugin[:100]!r}"
            self.refuse(said.id, jsonrpc.UNKNOWN_PLUGIN, text)
            return
        self._hearing.stop(Unheard.OPENING)
        self._host.identify(self, plugin, said)

    def _too_slow(self) -> None:
        if not self.is_open:
            text = f"no initialize within {OPENING_PATIENCE:g} s"
            self.refuse(None, jsonrpc.NOT_INITIALIZED, text)

    def _cancel_opening(self) -> None:
        if self._opening is not None:
            self._opening.cancel()
            self._opening = None


def greeting(
    plugin: PluginConfig, apps: Sequence[str], window: int, deadline: float, journal: str
) -> dict[str, Any]:
    """The result of `initialize`; `journal` names the incarnation of the journal that ids are of."""
    return {
        "protocol": PROTOCOL,
        "server": f"slackd {__version__}",
        "apps": list(apps),
        "methods": list(plugin.methods),
        "window": window,
        "deadline_window": window,
        "answer_deadline": deadline,
        "journal": journal,
    }

"""One plugin connection: bytes between the socket and the session's protocol, and who may be at its end.

What the plugin says goes to a `Host`, which is the daemon; what the daemon has to say goes out by the methods
here. Its plugin's `PeerGroup` accounts for what it takes, and pauses it.
"""

import asyncio
import functools
import logging
import select
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import starmap
from typing import Any, cast

from slackd import jsonrpc
from slackd.broker.actions import NOT_HELD
from slackd.broker.intercepts import Intercept
from slackd.broker.journal import StoredEnvelope
from slackd.broker.journal.writes import OpenDelivery
from slackd.broker.plugins.conduct import SHORT_LIVED, Fault
from slackd.broker.plugins.encoding import encode_envelope
from slackd.broker.plugins.events import (
    Answered,
    CallAsked,
    Event,
    Extended,
    Initialize,
    KeptAnswer,
    Leaving,
    Logged,
    Misanswered,
    Nacked,
    PostAsked,
    RejectedLine,
    Unordered,
    Violation,
)
from slackd.broker.plugins.flow_control import FlowControl, Pause
from slackd.broker.plugins.host import Host
from slackd.broker.plugins.peer_limits import CALL_COST, MOST_AT_ONCE
from slackd.broker.plugins.protocol import IsHeld, SessionProtocol
from slackd.broker.plugins.transfers import TransferAsked
from slackd.config import PluginConfig
from slackd.slack.limits import ACK_LIMIT
from slackd.unix_peers import Peer, peer_of

OPENING_PATIENCE = 10.0
"""Seconds in which a new connection must say `initialize`."""
UNSENT_LIMIT = 1 << 20
"""Bytes that may wait for a plugin that doesn't read, before nothing more is delivered to it."""
SHORT_ANSWER = 128
"""Bytes that an answer with nothing in it has at most."""
CLOSING_PATIENCE = 2.0
"""Seconds in which a plugin may still read what was said before its connection is closed."""

_chunk = memoryview(bytearray(MOST_AT_ONCE))
"""What the loop reads into; each protocol is called with it before anything else is read."""


class PluginConnection(asyncio.BufferedProtocol):
    """The daemon's end of one plugin connection.

    Attributes:
        plugin: The plugin it is, "" before `initialize` was accepted.
        session: The session's name, once it is admitted.
        named: The program chose that name itself.
        calls_only: Nothing is delivered to it, and it counts as no session.
        intercept: Whose deliveries it takes, and no others; None for a session like any.
        peer: The process at the other end.
        is_open: Its session has begun.
        handled: Answers to deliveries that it gave.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._protocol = SessionProtocol()
        self._transport: asyncio.Transport | None = None
        self._opening: asyncio.TimerHandle | None = None
        self._closing: asyncio.TimerHandle | None = None
        self.plugin, self.session, self.named = "", "", False
        self.client, self.calls_only = "", False
        self.intercept: Intercept | None = None
        self.peer: Peer | None = None
        self.is_open, self.handled = False, 0
        self._was_refused = False
        self._began_at = 0.0
        self._unsent: list[bytes] = []
        self._calls, self._has_called = 0, False
        self._keeps: dict[tuple[int, int], list[int | str]] = {}
        self._is_half_closed = False
        self._unfinished = 0
        self._unread, self._share = 0, UNSENT_LIMIT

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The kernel's word for who connected is taken at once."""
        self._transport = cast(asyncio.Transport, transport)
        self._flow = FlowControl(self._transport)
        self.peer = peer_of(transport.get_extra_info("socket"))
        self._group = self._host.group_of(self)
        self._group.join(self)
        self._host.connected(self)
        self._group.serve(self, self._await_initialize)

    def get_buffer(self, sizehint: int) -> memoryview:
        """As `asyncio.BufferedProtocol` wants it."""
        return _chunk[: self._group.at_once]

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes from the plugin."""
        self.data_received(bytes(_chunk[:nbytes]))

    def data_received(self, data: bytes) -> None:
        """Bytes from the plugin."""
        self._read(lambda: self._protocol.receive(data), len(data))

    def eof_received(self) -> bool:
        """The plugin says nothing more: it gets the results of its calls, then the connection ends."""
        self._is_half_closed = True
        self._end_if_done()
        return True

    def call_began(self) -> None:
        """A call of the plugin's is under way: its result is waited for."""
        self._calls += 1
        self._has_called = True

    def call_ended(self) -> None:
        """A call of the plugin's is over."""
        self._calls -= 1
        self._end_if_done()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection ended, by whichever side."""
        self._transport = None
        self._protocol = SessionProtocol()  # Half a line that it kept is gone at once.
        self._cancel_opening()
        if self._closing is not None:
            self._closing.cancel()
        self._group.leave(self)
        self._host.disconnected(self)

    def note_end(self) -> None:
        """Its session has ended: one that ended at once and handled nothing may have crashed, as may one for
        calls alone that made none."""
        if self.calls_only and self._has_called:
            return
        lasted = asyncio.get_running_loop().time() - self._began_at if self.is_open else 0.0
        if not self.handled and not self._was_refused and lasted < SHORT_LIVED:
            self._group.note_fault(Fault.CRASHED, f"after {lasted:.1f} s")

    def pause_writing(self) -> None:
        """The plugin doesn't read what it was sent."""
        self._host.paused(self, True)

    def resume_writing(self) -> None:
        """The plugin reads again."""
        self._host.paused(self, False)
        self.count_unread()
        self._flow.resume(Pause.UNREAD)

    def identified(self, plugin: PluginConfig, said: Initialize, refusal: str) -> None:
        """Who is at the other end may be that plugin, or why not."""
        if self._transport is None or self._transport.is_closing():
            return
        if refusal:
            self.refuse(said.id, jsonrpc.NOT_PERMITTED, refusal)
            return
        self._group.leave(self)
        self.plugin, self.client = plugin.name, said.client
        self._group = self._host.group_of(self)
        self._group.join(self)
        self._group.serve(self, functools.partial(self._admit, said))

    def opened(self, id_: int | str, result: Mapping[str, Any]) -> None:
        """The session has begun: answer `initialize`. What the plugin said since is read by `read_on`."""
        self.is_open = True
        self._began_at = asyncio.get_running_loop().time()
        self._cancel_opening()
        self._write(jsonrpc.encode_result(id_, dict(result)))

    def read_on(self, is_held: IsHeld) -> None:
        """Read what the plugin said after `initialize`; `is_held` says which answers count."""
        if self._transport is not None and not self._transport.is_closing():
            self._flow.resume(Pause.OPENING)
            self._read(lambda: self._protocol.opened(is_held), 0)

    def pause(self, reason: Pause) -> None:
        """As in `PeerConnection`."""
        self._flow.pause(reason)

    def resume(self, reason: Pause) -> None:
        """As in `PeerConnection`."""
        self._flow.resume(reason)

    def set_share(self, share: int) -> None:
        """As in `PeerConnection`."""
        self._share = share
        if self._transport is not None:
            self._transport.set_write_buffer_limits(high=min(UNSENT_LIMIT, share))

    def count_unread(self) -> None:
        """As in `PeerConnection`."""
        waiting = self._transport.get_write_buffer_size() if self._transport is not None else 0
        unread = min(self._unread, waiting)
        if unread or self._unread:
            self._unread = unread
            self._group.hold_unread(self, unread)

    def give_up(self, why: str) -> None:
        """As in `PeerConnection`."""
        self._note_refusal(f"{self.plugin or 'plugin'}: connection closed: {why}")
        self.abort()

    def send_deliveries(self, deliveries: Sequence[tuple[OpenDelivery, StoredEnvelope, str]]) -> None:
        """As in `SessionOutlet`: in Slack's own texts."""
        if deliveries:
            self._write(b"".join(starmap(encode_envelope, deliveries)))

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

    def answer_kept(self, delivery: int, attempt: int, refusal: str) -> None:
        """As in `SessionOutlet`."""
        for id_ in self._keeps.pop((delivery, attempt), ()):
            if not refusal:
                self.send_result(id_, {})
            elif refusal == NOT_HELD:
                text = f"{delivery}.{attempt} is not this session's any more: it is settled, or another attempt"
                self.send_failure(id_, jsonrpc.NOT_HELD, text)
            else:
                text = (
                    f"the response is too large: Slack takes less than {ACK_LIMIT} bytes in an acknowledgement"
                )
                self.send_failure(id_, jsonrpc.RESPONSE_TOO_LARGE, text, {"limit": ACK_LIMIT})

    def notify(self, method: str, params: dict[str, Any]) -> None:
        """Send a notification to the plugin."""
        self._write(jsonrpc.encode_notification(method, params))

    def refuse(self, id_: int | str | None, code: int, message: str, data: Any = None) -> None:
        """Send an error and close the connection."""
        self._note_refusal(f"plugin connection refused: {message}", is_its_fault=code != jsonrpc.INTERNAL_ERROR)
        self.send_failure(id_, code, message, data)
        self.close()
        self._host.disconnected(self)

    def note(self, level: int, event: str, text: str) -> None:
        """A line for the log about this connection, unless there are too many."""
        uid = self.peer.uid if self.peer else -1
        self._group.log_notice(level, event, text, plugin=self.plugin, uid=uid)

    def _note_refusal(self, text: str, *, is_its_fault: bool = True) -> None:
        self._was_refused = True
        if is_its_fault:
            self._group.note_fault(Fault.REFUSED, text)
        self.note(logging.WARNING, "plugin-refused", text)

    def close(self) -> None:
        """Write what is queued, then end the connection."""
        self._flush()
        if self._transport is not None:
            self._transport.close()
            if self._closing is None:
                self._closing = asyncio.get_running_loop().call_later(CLOSING_PATIENCE, self.abort)

    def abort(self) -> None:
        """End the connection at once, unread."""
        if self._transport is not None:
            self._transport.abort()

    def end_if_hung_up(self) -> bool:
        """As in `PeerConnection`. Whoever does not wait for its turn has its next connections wait unread."""
        if self._transport is None or self._transport.is_closing():
            return True
        asked = select.poll()
        asked.register(self._transport.get_extra_info("socket"), 0)
        if not any(events & select.POLLHUP for _, events in asked.poll(0)):
            return False
        if self.plugin:
            users = self._host.group_of_user(self)
            users.note_fault(Fault.CRASHED, f"{self.plugin}: hung up while it was held back")
        self.abort()
        return True

    def _end_if_done(self) -> None:
        """Nothing more is said by either side, once the plugin has closed its half."""
        if not self._is_half_closed:
            return
        self._host.disconnected(self)
        if not self._calls:
            self.close()

    def _answer(self, line: bytes) -> None:
        self._unread += len(line)
        self._write(line)

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
            self.count_unread()
            if self._unread > self._share:  # more than the transport's limit: `resume_writing` will come
                self._flow.pause(Pause.UNREAD)

    def _read(self, read: Callable[[], list[Event]], size: int) -> None:
        """What it takes to read and to refuse lines depends on what the plugin sends: it is for its plugin's
        account. What its answers to deliveries take is for slackd's, since it asked for them; so is to read the
        short ones among them, or a busy plugin would be held back as one that says too much."""
        share = 1.0
        began = time.thread_time()
        events = read()
        took = time.thread_time() - began
        answers = [event for event in events if isinstance(event, Answered)]
        if answers and len(answers) == len(events):
            counted = self._host.answered(self, answers)
            if not self._unfinished and size <= SHORT_ANSWER * len(answers):
                share -= counted / len(answers)
        elif events:
            began = time.thread_time()
            calls = sum(self._handle(event) for event in events)
            took += time.thread_time() - began + calls * CALL_COST
        self._group.took(took, size, share)
        self._unfinished = self._protocol.unfinished
        self._group.hold_unfinished(self, self._unfinished)

    def _handle(self, event: Event) -> bool:
        """Do what an event asks for; returns whether it is a call."""
        match event:
            case Answered():
                self._host.answered(self, [event])
            case Misanswered(delivery, attempt, message):
                self.send_failure(f"{delivery}.{attempt}", jsonrpc.INVALID_PARAMS, message)
                self._host.answered(self, [Answered(delivery, attempt, None)])
            case Nacked():
                self._host.nacked(self, event)
            case KeptAnswer(id_, delivery, attempt):
                self._keeps.setdefault((delivery, attempt), []).append(id_)
                self._host.answered_and_kept(self, event)
            case Extended():
                self._host.extended(self, event)
            case Unordered():
                self._host.unordered(self, event)
            case Leaving():
                self._host.leaving(self, event)
            case CallAsked() | PostAsked() | TransferAsked():
                self._host.call_asked(self, event)
                return True
            case Logged():
                self._group.log_said(event, self.plugin)
            case RejectedLine(id_, code, message):
                self.send_failure(id_, code, message)
            case Violation(id_, code, message, data):
                self.refuse(id_, code, message, data)
            case Initialize():
                self._initialize(event)
        return False

    def _initialize(self, said: Initialize) -> None:
        plugin = self._host.plugin(said.plugin)
        if plugin is None:
            text = f"no file in plugins.d declares a plugin {said.plugin[:100]!r}"
            self.refuse(said.id, jsonrpc.UNKNOWN_PLUGIN, text)
            return
        self._flow.pause(Pause.OPENING)
        self._host.identify(self, plugin, said)

    def _await_initialize(self) -> None:
        self._opening = asyncio.get_running_loop().call_later(OPENING_PATIENCE, self._too_slow)

    def _admit(self, said: Initialize) -> None:
        refused = self._host.admit(self, said)
        if refused is not None:
            self.refuse(said.id, *refused)

    def _too_slow(self) -> None:
        if not self.is_open:
            text = f"no initialize within {OPENING_PATIENCE:g} s"
            self.refuse(None, jsonrpc.NOT_INITIALIZED, text)

    def _cancel_opening(self) -> None:
        if self._opening is not None:
            self._opening.cancel()
            self._opening = None

"""One WebSocket to Slack, from the dial to the end: thin I/O, driven by the pool.

It reads until the socket is gone, also after a Close of our own: an envelope that crossed it is passed on,
though it can no longer be acknowledged. Frames that were read together are passed on before anything else
runs, so whoever collects them gets them together. There is one task that reads and one that writes, and none
for an envelope.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

import aiohttp

from slackd.connector.dial_progress import DialProgress
from slackd.connector.socketmode.dial_failures import DialFailure
from slackd.connector.socketmode.dialler import DialError
from slackd.connector.socketmode.protocol import ENVELOPE_MARK, AckFrame, Disconnect, SlackHello, read_frame
from slackd.connector.socketmode.read_proof import PingAnswers, ReadProof
from slackd.connector.socketmode.websocket import SlackWebSocket
from slackd.envelope import Settlement
from slackd.slotted import frozen

CLOSE_PATIENCE: Final = 2.0
"""Seconds after our own Close in which Slack's is waited for: it has been seen to leave the connection open."""

ECHOES: Final = 64
"""Acknowledgements whose coming back is noticed: taken for envelopes, they would be acknowledged for ever."""

WRITTEN_AT_ONCE: Final = 64 * 1024
"""Characters of acknowledgements after which no more go into the same write."""

log: Final = logging.getLogger(__name__)


class ConnectionListener(Protocol):
    """What a connection reports to. All of it is called from the connection's own task."""

    def heard(self, connection: str, is_ping: bool = False) -> None:
        """A frame of any kind came in."""

    def said_hello(self, connection: str, hello: SlackHello) -> None:
        """Slack's first frame."""

    def said_disconnect(self, connection: str, disconnect: Disconnect) -> None:
        """Slack ends this connection, now or soon."""

    def received(self, connection: str, text: str) -> None:
        """An envelope, or something that nobody understands."""

    def acknowledged(self, connection: str, received_at: Sequence[float]) -> None:
        """The acknowledgements of what came in at these times are on the wire."""

    def unsendable(self, connection: str, settlement: Settlement | None) -> None:
        """An acknowledgement could not be sent any more."""

    def unread(self, connection: str) -> None:
        """What is written on it is not read, for so long that it is too late."""

    def dial_failed(self, connection: str, failure: DialFailure) -> None:
        """There never was a WebSocket."""

    def ended(self, connection: str, confirmed: bool, detail: str) -> None:
        """The socket is gone; `confirmed` if Slack is known to have seen its end."""


@frozen
class _Acknowledgement:
    """What waits to be written."""

    frame: AckFrame
    received_at: float
    settlement: Settlement | None


class SlackConnection:
    """One WebSocket; `run` is its life."""

    def __init__(
        self,
        name: str,
        dial: Callable[[], Awaitable[SlackWebSocket]],
        listener: ConnectionListener,
        progress: DialProgress | None = None,
        unread_timeout: float = 30.0,
        answers: PingAnswers | None = None,
    ) -> None:
        """`progress` is that of `dial`; `unread_timeout` (seconds) and `answers` are those of `ReadProof`."""
        self.name = name
        self.progress = progress if progress is not None else DialProgress()
        self._dial = dial
        self._listener = listener
        self._socket: SlackWebSocket | None = None
        self._dialling: asyncio.Timeout | None = None
        self._given_up = False
        self._outbox: deque[_Acknowledgement] = deque()
        self._to_write = asyncio.Event()
        self._written: deque[int] = deque(maxlen=ECHOES)
        self._longest_written = 0
        self._echoed = False
        self._greeted = False
        self._may_read = asyncio.Event()
        self._may_read.set()
        self._ping_wanted = False
        self._close_wanted = False
        self._close_sent = False
        self._patience: asyncio.TimerHandle | None = None
        self._proof = ReadProof(
            unread_timeout,
            answers if answers is not None else PingAnswers(),
            self.ping,
            lambda: listener.unread(name),
        )

    @property
    def can_acknowledge(self) -> bool:
        """It is open, and no Close of ours went out on it."""
        return self._socket is not None and not self._close_sent

    @property
    def has_unsent(self) -> bool:
        """Acknowledgements wait to be written."""
        return bool(self._outbox)

    async def run(self) -> None:
        """Dial, read, write, until the socket is gone."""
        try:
            socket = await self._dial_until_given_up()
        except DialError as error:
            self._listener.dial_failed(self.name, error.failure)
            return
        except TimeoutError:
            self._listener.dial_failed(self.name, DialFailure("the dial was given up"))
            return
        finally:
            self._dialling = None
        self._socket = socket
        try:
            confirmed, detail = await self._read_and_write(socket)
        finally:
            self._socket = None
            self._proof.stop()
            if self._patience is not None:
                self._patience.cancel()
            socket.abort()
            unsent, self._outbox = self._outbox, deque()
            for each in unsent:
                self._listener.unsendable(self.name, each.settlement)
        self._listener.ended(self.name, confirmed, detail)

    def acknowledge(self, frame: AckFrame, received_at: float, settlement: Settlement | None = None) -> None:
        """Queue an acknowledgement; only while `can_acknowledge`. Where it can't be written after all,
        `unsendable` says of which settlement. `received_at` is monotonic seconds."""
        self._outbox.append(_Acknowledgement(frame, received_at, settlement))
        self._to_write.set()

    def ping(self) -> None:
        """Ask for a sign of life; a Pong is one, as is any other frame."""
        self._ping_wanted = True
        self._to_write.set()

    def close(self) -> None:
        """Write what is queued, then Close, and read on for `CLOSE_PATIENCE` seconds; a dial is given up."""
        if self._socket is None:
            self.abort()
        elif not self._close_wanted:
            self._close_wanted = True
            self._to_write.set()
            self._patience = asyncio.get_running_loop().call_later(CLOSE_PATIENCE, self.abort)
            self._may_read.set()

    def abort(self) -> None:
        """End the socket, or the dial, at once."""
        self._given_up = True
        self._may_read.set()
        if self._socket is not None:
            self._socket.abort()
        elif self._dialling is not None and not self._dialling.expired():
            self._dialling.reschedule(asyncio.get_running_loop().time())

    def pause_reading(self) -> None:
        """Leave what comes in to the kernel, once Slack has said hello: the broker doesn't keep up."""
        if self._greeted and not self._given_up and not self._close_wanted:
            self._may_read.clear()
            self._proof.stop()

    def resume_reading(self) -> None:
        """Read again."""
        self._may_read.set()

    async def _dial_until_given_up(self) -> SlackWebSocket:
        async with asyncio.timeout(None) as self._dialling:
            if self._given_up:
                self.abort()
            socket = await self._dial()
            if self._given_up:  # it had come just before, or a library has kept the cancellation to itself
                socket.abort()
                raise TimeoutError
            return socket

    async def _read_and_write(self, socket: SlackWebSocket) -> tuple[bool, str]:
        async with asyncio.TaskGroup() as group:
            writer = group.create_task(self._write(socket))
            try:
                return await self._read(socket)
            finally:
                writer.cancel()

    async def _read(self, socket: SlackWebSocket) -> tuple[bool, str]:
        listener, name = self._listener, self.name
        while True:
            if not self._may_read.is_set():
                await self._may_read.wait()
            message = await socket.receive()
            kind = message.type
            if kind is aiohttp.WSMsgType.TEXT:
                listener.heard(name)
                self._take(message.data)
            elif kind is aiohttp.WSMsgType.PING:
                listener.heard(name, is_ping=True)
                with contextlib.suppress(ConnectionError):
                    await socket.pong(message.data)
            elif kind is aiohttp.WSMsgType.BINARY:
                listener.heard(name)
                self._take(message.data.decode("utf-8", "replace"))
            elif kind is aiohttp.WSMsgType.PONG:
                self._proof.ponged()
                listener.heard(name)
            elif kind is aiohttp.WSMsgType.CLOSE:
                await self._answer_close(socket)
                return True, f"Slack closed the WebSocket ({message.data}{_words(message.extra)})"
            else:
                # The end of the TCP connection after a Close of ours is an answer, too.
                return self._close_sent and not self._given_up, self._how_it_broke(message.data)

    def _take(self, text: str) -> None:
        frame = read_frame(text)
        if isinstance(frame, SlackHello):
            self._greeted = True
            self._listener.said_hello(self.name, frame)
        elif isinstance(frame, Disconnect):
            self._listener.said_disconnect(self.name, frame)
        elif len(frame) <= self._longest_written and hash(frame) in self._written:
            self._note_echo()
        else:
            if not self._greeted and ENVELOPE_MARK in frame:
                # Not Slack's way, but envelopes are what the hello would have announced.
                self._greeted = True
                self._listener.said_hello(self.name, SlackHello())
            self._listener.received(self.name, frame)

    def _note_echo(self) -> None:
        if not self._echoed:
            self._echoed = True
            log.warning(
                "the far end of %s sends acknowledgements back; they are ignored, but is it Slack? See api_url",
                self.name,
                extra={"event": "acknowledgements-come-back", "connection": self.name},
            )

    async def _answer_close(self, socket: SlackWebSocket) -> None:
        if not self._close_sent:
            self._close_sent = True
            with contextlib.suppress(ConnectionError):
                await socket.send_close()
        socket.hang_up()

    def _how_it_broke(self, error: object) -> str:
        if self._given_up:
            return "ended by slackd"
        if isinstance(error, Exception):
            return f"a frame that breaks the protocol ({type(error).__name__})"
        return "the TCP connection ended without a Close"

    async def _write(self, socket: SlackWebSocket) -> None:
        try:
            while True:
                await self._to_write.wait()
                self._to_write.clear()
                while self._outbox:
                    self._write_acknowledgements(socket)
                    self._proof.is_blocked = True
                    await socket.drained()
                    self._proof.is_blocked = False
                    if self._ping_wanted:
                        await self._write_ping(socket)
                if self._ping_wanted:
                    await self._write_ping(socket)
                if self._close_wanted and not self._close_sent:
                    self._close_sent = True
                    await socket.send_close()
        except ConnectionError:
            return  # the reader finds the same end

    async def _write_ping(self, socket: SlackWebSocket) -> None:
        self._ping_wanted = False
        if not self._close_sent:
            await socket.ping(b"slackd")

    def _write_acknowledgements(self, socket: SlackWebSocket) -> None:
        texts: list[str] = []
        size = 0
        for each in self._outbox:
            texts.append(each.frame.text)
            size += len(each.frame.text)
            if size >= WRITTEN_AT_ONCE:
                break
        socket.write_texts(texts)
        received_at = [self._outbox.popleft().received_at for _ in texts]
        self._written.extend(map(hash, texts[-ECHOES:]))
        self._longest_written = max(self._longest_written, *map(len, texts))
        self._proof.written += len(texts)
        if not self._proof.is_under_way:
            self._proof.begin()
        self._listener.acknowledged(self.name, received_at)


def _words(reason: object) -> str:
    return f", {reason[:80]!r}" if isinstance(reason, str) and reason else ""

"""Whether the far end reads what is written: that frames come in says nothing of those that go out.

What a far end doesn't read waits in the kernel, megabytes of it, without a word. So a ping follows, half of
`timeout` after an acknowledgement, and its Pong shows that all before it was read (RFC 6455, 5.5.2). Slack
answers pings. A missing Pong says nothing where no connection of an app ever brought one, or where so much
comes in that it may wait behind that; a writer that can't go on does.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from slackd.slotted import define

BUSY: Final = 100
"""Acknowledgements between a ping and its Pong, beyond which a Pong may be late."""


@define(eq=False)
class PingAnswers:
    """Of an app's servers.

    Attributes:
        seen: Some connection has brought a Pong.
    """

    seen: bool = False


class ReadProof:
    """Of one connection; holds one timer, from an acknowledgement to its proof.

    Attributes:
        written: Acknowledgements so far; whoever writes one counts it, and sees that the proof is under way.
        is_blocked: Nothing more can be written.
        is_under_way: It was begun, and is not over.
    """

    def __init__(
        self, timeout: float, answers: PingAnswers, ping: Callable[[], None], unread: Callable[[], None]
    ) -> None:
        """`timeout` is in seconds; `ping` asks for a Pong; `unread` is called when nothing that is written is
        read."""
        self._half, self._answers, self._ping, self._unread = timeout / 2, answers, ping, unread
        self._timer: asyncio.TimerHandle | None = None
        self._written_before = self.written = 0
        self.is_blocked = self.is_under_way = False

    def begin(self) -> None:
        """Acknowledgements were written, and no proof is under way."""
        self.is_under_way = True
        self._timer = asyncio.get_running_loop().call_later(self._half, self._ask)

    def ponged(self) -> None:
        """A Pong came in."""
        self._answers.seen = True
        self.stop()

    def stop(self) -> None:
        """Nobody reads for a while, or any more: a missing Pong would say nothing."""
        self.is_under_way = False
        if self._timer is not None:
            self._timer.cancel()

    def _ask(self) -> None:
        self._ping()
        self._wait()

    def _wait(self) -> None:
        self._written_before = self.written
        self._timer = asyncio.get_running_loop().call_later(self._half, self._judge)

    def _judge(self) -> None:
        meanwhile = self.written - self._written_before
        if self.is_blocked and meanwhile:
            self._wait()
            return
        self.is_under_way = False
        if self.is_blocked or (self._answers.seen and meanwhile <= BUSY):
            self._unread()

"""The emulated Slack in the words of those who use it: post a message, click, wait for a call, do a fault."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable
from typing import Any, TypeVar

from slackd.emulator.batch import Batch, BatchSender, EventPress
from slackd.emulator.core import SlackCore
from slackd.emulator.errors import EmulatorError, WaitedTooLongError
from slackd.emulator.interacting import Interacting
from slackd.emulator.ledger import NOT_SENT, ApiCall, Ledger, LedgerEntry, Summary, summarise
from slackd.emulator.people import DEFAULT_USER
from slackd.emulator.settings import EmulatedApp
from slackd.emulator.stage import App
from slackd.emulator.talking import Talking

T = TypeVar("T")


class EmulatorClient(Talking, Interacting):
    """A Slack that runs. Methods that make something happen return its ledger entry at once.

    Everywhere `app` is an app's id or name, or None for the first one; times are seconds. To be used from the
    event loop that serves it.

    Attributes:
        version: grows with everything that happens.
    """

    def __init__(self, core: SlackCore, base_url: str, clock: Callable[[], float]) -> None:
        super().__init__(core, base_url, clock)
        self.batches: dict[str, Batch] = {}
        self._batch_numbers = itertools.count(1)
        self.version = 0
        self._change: asyncio.Future[None] | None = None
        core.on_change = self._changed

    @property
    def api_url(self) -> str:
        """The base URL of the Web API, as clients take it."""
        return f"{self.base_url}/api/"

    @property
    def apps(self) -> list[EmulatedApp]:
        """The apps, in the order given."""
        return [side.app for side in self.core.sides.values()]

    @property
    def ledger(self) -> Ledger:
        """What was sent, acknowledged, answered."""
        return self.core.ledger

    def summary(self, app: App = None) -> Summary:
        """The ledger in numbers; None is all apps together."""
        return summarise(self.ledger, None if app is None else self.core.side(app).app.app_id)

    def unanswered(self, app: App = None) -> int:
        """How much may still be acknowledged in time; None is all apps together."""
        sides = self.core.sides.values() if app is None else [self.core.side(app)]
        return sum(side.deliveries.unanswered for side in sides)

    def batch(self, *, app: App = None, label: str | None = None, **plan: Any) -> Batch:
        """Begin to send many events (see `Batch` for `count`, `rate`, `channels`, `size`, `window`).

        Returns:
            The batch, under way.

        Raises:
            EmulatorError: The plan has a member that no batch has.
        """
        side, now = self.core.side(app), self._now()
        try:
            batch = Batch(label=label or f"batch{next(self._batch_numbers)}", **plan)
        except TypeError as error:
            raise EmulatorError(f"a batch can't be so: {error}") from error
        self.batches[batch.label] = batch
        workspace = self.workspace(app)
        for number in range(min(batch.channels, batch.count)):
            workspace.place(batch.channel(number), DEFAULT_USER, side.app.bot_user_id)
        send = EventPress(self.core.context, side, self._of(app), batch).send
        if (command := batch.command) is not None:

            def send(number: int, now: float) -> LedgerEntry:
                return self.command(command, batch.words(number), channel=batch.channel(number), app=app)

        BatchSender(self.core.context, side, batch, send).tick(now)
        return batch

    def fault(self, kind: str, *, app: App = None, connection: str | None = None, **details: Any) -> list[str]:
        """Do a fault now, or plan it (`slackd.emulator.faults` lists them all).

        Returns:
            The connections that it was done to, by their names.
        """
        return self.core.fault(kind, self._now(), app=app, connection=connection, **details)

    async def wait_until(self, found: Callable[[], T], *, timeout: float = 10.0, what: str = "it") -> T:
        """Wait until `found()` is true, and return what it gave.

        Raises:
            WaitedTooLongError: it wasn't within `timeout` seconds (not scaled).
        """
        try:
            async with asyncio.timeout(timeout):
                while not (value := found()):
                    if self._change is None:
                        self._change = asyncio.get_running_loop().create_future()
                    await asyncio.shield(self._change)
                return value
        except TimeoutError:
            raise WaitedTooLongError(f"waited {timeout} s for {what}, in vain") from None

    async def wait_for_call(
        self,
        method: str,
        *,
        app: App = None,
        where: Callable[[ApiCall], bool] = lambda call: True,
        count: int = 1,
        timeout: float = 10.0,
    ) -> ApiCall:
        """The call of that method that makes `count` of them, past ones included.

        Raises:
            WaitedTooLongError: There were fewer within `timeout` seconds.
        """
        name = None if app is None else self.core.side(app).app.app_id

        def found() -> ApiCall | None:
            calls = [call for call in self.ledger.calls_of(method, app=name) if where(call)]
            return calls[count - 1] if len(calls) >= count else None

        call = await self.wait_until(found, timeout=timeout, what=f"a call of {method}")
        assert call is not None
        return call

    async def wait_for_ack(self, entry: LedgerEntry, *, timeout: float = 10.0) -> LedgerEntry:
        """The entry, acknowledged in time.

        Raises:
            WaitedTooLongError: It wasn't within `timeout` seconds.
            EmulatorError: Slack sends no app anything of it.
        """
        if entry.failure == NOT_SENT:
            raise EmulatorError(f"Slack sends no {entry.name} here, so that nobody acknowledges it")
        await self.wait_until(lambda: entry.acknowledged, timeout=timeout, what=f"the ack of {entry.name}")
        return entry

    async def wait_for_post(self, entry: LedgerEntry, *, count: int = 1, timeout: float = 10.0) -> Any:
        """The body of that entry's post number `count` to its `response_url`.

        Raises:
            WaitedTooLongError: There was none within `timeout` seconds.
        """
        what = f"a post to the response_url of {entry.name}"
        await self.wait_until(lambda: len(entry.posts) >= count, timeout=timeout, what=what)
        return entry.posts[count - 1].body

    async def wait_for_answer(self, entry: LedgerEntry, *, timeout: float = 10.0) -> Any:
        """What the person is answered: the payload of the acknowledgement, else the first post to its URL.

        Raises:
            WaitedTooLongError: There was none within `timeout` seconds.
        """
        await self.wait_until(
            lambda: entry.response or entry.posts, timeout=timeout, what=f"an answer to {entry.name}"
        )
        return entry.response or entry.posts[0].body

    async def wait_until_ready(self, count: int = 1, *, app: App = None, timeout: float = 10.0) -> None:
        """At least `count` connections of the app are READY.

        Raises:
            WaitedTooLongError: They were fewer within `timeout` seconds.
        """
        spans = self.core.side(app).ready_spans
        await self.wait_until(lambda: spans.count >= count, timeout=timeout, what=f"{count} READY connections")

    def reset(self) -> None:
        """Begin a new ledger and forget all faults and envelopes under way; connections stay."""
        self.core.faults.forget()
        self.ledger.forget(self._now())
        for side in self.core.sides.values():
            side.deliveries.forget()
        for workspace in self.workspaces.values():
            workspace.furnish()
        for surfaces in self.surfaces.values():
            surfaces.forget()
        self.response_urls.forget()
        for answers in self.answers.values():
            answers.submissions.clear()
        self.step_tokens.clear()
        for batch in self.batches.values():
            batch.count = batch.sent
        self.batches.clear()
        self.core.on_change()

    async def wait_for_change(self, version: int, *, timeout: float) -> int:
        """Wait until more has happened than at `version`, or `timeout` seconds; returns the version now."""
        with contextlib.suppress(WaitedTooLongError):
            await self.wait_until(lambda: self.version > version, timeout=timeout)
        return self.version

    def _changed(self) -> None:
        self.version += 1
        if self._change is not None:
            change, self._change = self._change, None
            asyncio.get_running_loop().call_later(0.001, _wake, change)


def _wake(change: asyncio.Future[None]) -> None:
    if not change.done():
        change.set_result(None)

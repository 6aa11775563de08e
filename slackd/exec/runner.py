"""`slackd exec NAME`: runs the command of a plugin's file for each of its envelopes."""

import asyncio
import contextlib
import json
import logging
import os
import signal
import tempfile
from typing import Final

from slackd.config.values import ExecRules
from slackd.exec.outcome import MOST_OUTPUT, Handled, NotHandled, environment_of, outcome_of
from slackd.plugin import Context, Envelope, Permanent, Plugin, Retry

log = logging.getLogger(__name__)

_PIECE: Final = 65_536
"""Bytes that are read at once: what a pipe holds."""
_HIDDEN: Final = (
    "NOTIFY_SOCKET",
    "LISTEN_FDS",
    "LISTEN_PID",
    "LISTEN_FDNAMES",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
)
"""Variables that are this process's own business with systemd."""


def make_plugin(name: str, rules: ExecRules, *, socket: str | None = None) -> Plugin:
    """Return the plugin that runs the command.

    Args:
        name: The plugin's name.
        rules: `[exec]` of its file.
        socket: The plugin socket; the usual places are looked at otherwise.
    """
    plugin = Plugin(name, socket=socket, window=rules.concurrency, auto_extend=10.0)

    @plugin.envelope()
    async def handle(envelope: Envelope, context: Context) -> None:
        outcome = await _run(rules, envelope)
        if isinstance(outcome, NotHandled):
            log.warning("delivery %s: %s", envelope.delivery, outcome.reason)
            raise Permanent(outcome.reason) if outcome.permanent else Retry(outcome.reason)
        context.respond(outcome.response) if outcome.response is not None else context.ack()

    return plugin


async def _run(rules: ExecRules, envelope: Envelope) -> Handled | NotHandled:
    environment = {name: value for name, value in os.environ.items() if name not in _HIDDEN}
    with tempfile.TemporaryFile() as given, _Output() as printed, _Output() as said:
        given.write(json.dumps(envelope.raw, ensure_ascii=False).encode("utf-8", "replace"))
        given.seek(0)
        try:
            process = await asyncio.create_subprocess_exec(
                *rules.command,
                env={**environment, **environment_of(envelope)},
                stdin=given,
                stdout=printed.into,
                stderr=said.into,
                start_new_session=True,
            )
        except OSError as error:
            return NotHandled(f"{rules.command[0]} cannot be run: {error.strerror}")
        try:
            async with asyncio.timeout(rules.timeout):
                status = await process.wait()
        except TimeoutError:
            return NotHandled(f"no end within {rules.timeout:g} s")
        finally:
            # Also what it left behind: the next command of this key begins after this one is gone.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        return outcome_of(status, printed.read_rest(), said.read_rest())


class _Output:
    """What a command prints, up to `MOST_OUTPUT`; the rest is read and thrown away, should it have no end.

    A pipe of our own: of asyncio's, the command's end would be waited for as long as anything keeps it open.

    Attributes:
        into: The end for the command.
    """

    def __init__(self) -> None:
        self._from, self.into = os.pipe()
        os.set_blocking(self._from, False)
        self._kept = bytearray()

    def __enter__(self) -> "_Output":
        asyncio.get_running_loop().add_reader(self._from, self._read)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._from)
        os.close(self._from)
        os.close(self.into)

    def _read(self) -> bool:
        """Read a piece; False if there is none at the moment."""
        try:
            data = os.read(self._from, _PIECE)
        except BlockingIOError:
            return False
        self._kept += data[: MOST_OUTPUT - len(self._kept)]
        return bool(data)

    def read_rest(self) -> bytes:
        """What was printed until the command's end."""
        while len(self._kept) < MOST_OUTPUT and self._read():
            pass
        return bytes(self._kept)

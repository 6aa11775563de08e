"""`slackd exec NAME`: runs the command of a plugin's file for each of its envelopes."""

import asyncio
import contextlib
import json
import logging
import os
import signal
import tempfile
from pathlib import Path
from typing import Final

from slackd.config.values import ExecRules
from slackd.errors import ConfigError
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


def refuse_missing_program(rules: ExecRules, file: Path) -> None:
    """Refuse to begin without the program: what waits for this plugin goes on waiting, and no attempt is spent.

    Args:
        rules: `[exec]` of the plugin's file.
        file: That file, for the words.

    Raises:
        ConfigError: The command names no program, or one that can't be run.
    """
    program = rules.command[0]
    if not Path(program).is_file():
        raise ConfigError(f"{file}: exec.command: {program}: there is no such program")
    if not os.access(program, os.X_OK):
        raise ConfigError(f"{file}: exec.command: {program} is not executable: chmod +x it")


async def _run(rules: ExecRules, envelope: Envelope) -> Handled | NotHandled:
    environment = {name: value for name, value in os.environ.items() if name not in _HIDDEN}
    with tempfile.TemporaryFile() as given, _Output() as printed, _Output(last=True) as said:
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
        stdout, stderr = printed.read_rest(), said.read_rest()
        if status == 0 and printed.cut:
            log.warning(
                "delivery %s: it printed more than the %d bytes that are kept", envelope.delivery, MOST_OUTPUT
            )
        return outcome_of(status, stdout, stderr, cut=printed.cut)


class _Output:
    """What a command prints, up to `MOST_OUTPUT`; the rest is read and thrown away, should it have no end.

    A pipe of our own: of asyncio's, the command's end would be waited for as long as anything keeps it open.

    Args:
        last: Of more than that the end is kept, and not the beginning: what went wrong is said last.

    Attributes:
        into: The end for the command.
        cut: There was more than is kept.
    """

    def __init__(self, *, last: bool = False) -> None:
        self._from, self.into = os.pipe()
        self._last, self.cut = last, False
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
        self._kept += data
        if len(self._kept) > MOST_OUTPUT:
            self.cut = True
            del self._kept[slice(None, -MOST_OUTPUT) if self._last else slice(MOST_OUTPUT, None)]
        return bool(data)

    def read_rest(self) -> bytes:
        """What was printed until the command's end."""
        unread = MOST_OUTPUT  # a pipe holds less, and what still writes into it has been killed
        while unread > 0 and self._read():
            unread -= _PIECE
        return bytes(self._kept)

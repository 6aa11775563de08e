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
    with (
        tempfile.TemporaryFile() as given,
        tempfile.TemporaryFile() as printed,
        tempfile.TemporaryFile() as said,
    ):
        given.write(json.dumps(envelope.raw, ensure_ascii=False).encode("utf-8", "replace"))
        given.seek(0)
        try:
            process = await asyncio.create_subprocess_exec(
                *rules.command,
                env={**environment, **environment_of(envelope)},
                stdin=given,
                stdout=printed,
                stderr=said,
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
        printed.seek(0)
        said.seek(0)
        return outcome_of(status, printed.read(MOST_OUTPUT), said.read(MOST_OUTPUT))

"""A plugin that counts what it is handed: `python counter.py NAME SOCKET FIFO EVERY`, a line every so many."""

import json
import os
import sys
import time

from slackd.plugin import Envelope, Plugin

NAME, SOCKET, FIFO, EVERY = sys.argv[1:]
pipe, every = os.open(FIFO, os.O_WRONLY), int(float(EVERY))
plugin, handled = Plugin(NAME, socket=SOCKET), 0


@plugin.event("message")
async def message(envelope: Envelope) -> None:
    global handled
    handled += 1
    if handled % every == 0:
        os.write(pipe, (json.dumps({"count": handled, "at": time.monotonic()}) + "\n").encode())


@plugin.command("/bench")
async def command(envelope: Envelope) -> str:
    return "done"


plugin.run()

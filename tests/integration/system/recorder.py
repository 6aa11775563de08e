"""A plugin that writes down what it is handed, a line each, before it answers.

    python recorder.py NAME SOCKET FIFO [SECONDS]

Each handler takes up to so many SECONDS, drawn at random. A command is answered with `done TEXT`, after N more
seconds if its text is `sleep N`.
"""

import asyncio
import json
import os
import random
import sys
import time

from slackd.plugin import Envelope, Gap, Plugin

NAME, SOCKET, FIFO, *MORE = sys.argv[1:]
LONGEST = float(MORE[0]) if MORE else 0.0

plugin = Plugin(NAME, socket=SOCKET)
pipe = os.open(FIFO, os.O_WRONLY)


def say(**line: object) -> None:
    os.write(pipe, (json.dumps({"at": time.monotonic(), "pid": os.getpid(), **line}) + "\n").encode())


async def handle(envelope: Envelope) -> None:
    key = envelope.payload.get("event_id") or envelope.trigger_id
    say(key=key, delivery=int(envelope.delivery), attempt=envelope.attempt, channel=envelope.channel)
    if LONGEST:
        await asyncio.sleep(random.random() * LONGEST)


@plugin.event()
async def event(envelope: Envelope) -> None:
    await handle(envelope)


@plugin.command()
async def command(envelope: Envelope) -> str:
    await handle(envelope)
    if envelope.text.startswith("sleep "):
        await asyncio.sleep(float(envelope.text.removeprefix("sleep ")))
    return f"done {envelope.text}"


@plugin.action()
async def action(envelope: Envelope) -> None:
    await handle(envelope)


@plugin.gap()
def gap(gap: Gap) -> None:
    say(gap=[gap.start, gap.end, gap.reason])


plugin.run()

"""The same with Bolt: `python bolt_counter.py FIFO EVERY API_URL CONNECTIONS`, tokens in APP and BOT, a
command that it answers in COMMAND."""

import asyncio
import json
import os
import sys
import time
from typing import Any

from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

FIFO, EVERY, API_URL, CONNECTIONS = sys.argv[1:]
pipe, every, handled = os.open(FIFO, os.O_WRONLY), int(EVERY), 0


async def main() -> None:
    client = AsyncWebClient(token=os.environ["BOT"], base_url=API_URL)
    app = AsyncApp(client=client)

    @app.event("message")
    async def message() -> None:
        global handled
        handled += 1
        if handled % every == 0:
            os.write(pipe, (json.dumps({"count": handled, "at": time.monotonic()}) + "\n").encode())

    if os.environ.get("COMMAND"):

        @app.command(os.environ["COMMAND"])
        async def command(ack: Any) -> None:
            await ack("done")

    handlers = [AsyncSocketModeHandler(app, os.environ["APP"]) for _ in range(int(CONNECTIONS))]
    for handler in handlers:
        handler.client.web_client.base_url = API_URL
        await handler.client.connect()  # type: ignore[no-untyped-call]
    await asyncio.Event().wait()


asyncio.run(main())

"""The least that an app with slack_sdk's Socket Mode client is: `python sdk_counter.py FIFO EVERY CONNECTIONS`,
credentials as `slackctl gateway credentials` prints them. A command is answered in its acknowledgement.
"""

import asyncio
import json
import os
import sys
import time
from typing import Any

from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

FIFO, EVERY, CONNECTIONS = sys.argv[1:]
pipe, every, handled = os.open(FIFO, os.O_WRONLY), int(EVERY), 0


async def listener(client: Any, request: Any) -> None:
    global handled
    payload = None if request.type == "events_api" else {"text": "done"}
    await client.send_socket_mode_response(SocketModeResponse(request.envelope_id, payload))
    if request.type == "events_api":
        handled += 1
        if handled % every == 0:
            os.write(pipe, (json.dumps({"count": handled, "at": time.monotonic()}) + "\n").encode())


async def main() -> None:
    web = AsyncWebClient(token=os.environ["SLACK_BOT_TOKEN"], base_url=os.environ["SLACK_API_URL"])
    for _ in range(int(CONNECTIONS)):
        client: Any = SocketModeClient(os.environ["SLACK_APP_TOKEN"], web_client=web)
        client.socket_mode_request_listeners.append(listener)
        await client.connect()
    await asyncio.Event().wait()


asyncio.run(main())

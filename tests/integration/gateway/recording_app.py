"""An app with slack_sdk's Socket Mode client that writes down what it has handled, and then acknowledges it."""

import asyncio
import os
import sys
from typing import Any

from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient


async def main(path: str) -> None:
    web = AsyncWebClient(token=os.environ["SLACK_BOT_TOKEN"], base_url=os.environ["SLACK_API_URL"])
    record = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    async def listener(client: Any, request: Any) -> None:
        if request.type == "events_api":
            event = request.payload["event"]
            os.write(record, f"{request.payload['event_id']} {event.get('text', '')}\n".encode())
            await client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))
        else:
            answer = {"text": f"done {request.payload['text']}"}
            await client.send_socket_mode_response(SocketModeResponse(request.envelope_id, answer))

    # An app that is started while the gateway is away tries again, as its service manager would let it.
    client: Any = SocketModeClient(os.environ["SLACK_APP_TOKEN"], web_client=web, ping_interval=0.5)
    client.socket_mode_request_listeners.append(listener)
    await client.connect()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))

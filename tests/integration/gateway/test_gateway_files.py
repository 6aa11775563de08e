"""Files both ways: streamed through a connector, from and to Slack's own file hosts alone."""

import asyncio
import base64
import json
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from slack_sdk import WebClient
from slack_sdk.webhook import WebhookClient

from slackd.emulator import Emulator, web
from tests.integration.gateway.gateway_rig import SOCKET_MODE, GatewayHouse, behind
from tests.integration.gateway.socket_mode_app import call, connected

CHANNEL = "C0GENERAL01"
LARGE = bytes(range(256)) * 4096 * 4  # 4 MiB
PART = bytes(65536)
MEBIBYTES = int(os.environ.get("SLACKD_GATEWAY_MEBIBYTES", "8"))
"""Of a file that is too large for anybody's memory, if you wait for more."""


async def uploaded(house: GatewayHouse, content: bytes) -> tuple[WebClient, dict[str, str]]:
    credentials = await house.credentials("bot")
    client = WebClient(token=credentials.bot_token, base_url=credentials.api_url)
    done = await asyncio.to_thread(client.files_upload_v2, channel=CHANNEL, content=content, filename="a.bin")
    return client, done["files"][0]


def peaks(house: GatewayHouse) -> dict[str, int]:
    """The most memory that each process has had, in KiB."""
    found = {}
    for program in house.house.programs:
        status = Path(f"/proc/{program.pid}/status").read_text(encoding="ascii")
        found[program.name] = int(status.partition("VmHWM:")[2].split()[0])
    return found


async def test_a_file_goes_up_and_comes_down_as_it_was() -> None:
    async with Emulator().serving() as slack, behind(slack) as house:
        client, file = await uploaded(house, LARGE)
        assert file["url_private"].startswith(f"http://127.0.0.1:{house.port}/file/bot/")
        told = await asyncio.to_thread(client.files_info, file=file["id"])
        headers = {"Authorization": f"Bearer {client.token}"}
        async with aiohttp.ClientSession() as session:
            async with session.get(told["file"]["url_private"], headers=headers) as response:
                assert response.status == 200
                assert response.content_length == len(LARGE)
                assert await response.read() == LARGE
            for _ in range(20):  # More than there may be under way at a time.
                async with session.head(file["url_private"], headers=headers) as response:
                    assert (response.status, response.content_length) == (200, len(LARGE))
            async with session.get(file["url_private"]) as response:
                assert response.status == 403
            async with session.get(file["url_private"][:-4] + "AAAA", headers=headers) as response:
                assert response.status == 404
        files = (await house.app("bot"))["counters"]["files"]  # type: ignore[index]
        assert files == {"uploaded": len(LARGE), "downloaded": len(LARGE)}


@pytest.mark.timeout(60 + MEBIBYTES)
async def test_an_app_that_names_a_file_to_slack_names_slacks_own_url() -> None:
    async with Emulator().serving() as slack, behind(slack) as house:
        client, file = await uploaded(house, b"an image")
        ours = file["url_private"]
        packed = ours.rpartition("/")[2]
        true = base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)).decode()
        image = [{"type": "image", "alt_text": "it", "slack_file": {"url": ours}}]
        expected = [{"type": "image", "alt_text": "it", "slack_file": {"url": true}}]
        await asyncio.to_thread(client.chat_postMessage, channel=CHANNEL, text=f"see {ours}", blocks=image)
        (called,) = slack.ledger.calls_of("chat.postMessage")
        assert (called.args["text"], called.args["blocks"]) == (f"see {true}", expected)
        async with connected(await house.credentials("bot")) as app:
            command = slack.command("/image", "")
            envelope = await app.hear()
            await app.acknowledge(envelope, payload={"blocks": image})
            assert (await slack.wait_for_ack(command)).response == {"blocks": expected}
            webhook = WebhookClient(envelope["payload"]["response_url"])
            assert (await asyncio.to_thread(webhook.send, blocks=image)).body == "ok"
            assert (await slack.wait_for_post(command))["blocks"] == expected


async def test_neither_process_holds_a_file_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "KEPT_BYTES", 1 << 30)
    async with (
        Emulator().serving() as slack,
        behind(slack, together=False) as house,
        aiohttp.ClientSession() as session,
    ):
        await uploaded(house, LARGE)
        credentials = await house.credentials("bot")
        headers = {"Authorization": f"Bearer {credentials.bot_token}"}
        length = MEBIBYTES << 20

        async def content() -> AsyncIterator[bytes]:
            for _ in range(length // len(PART)):
                yield PART

        async def move(size: int) -> None:
            """So much up and down."""
            _, place = await call(
                credentials, "files.getUploadURLExternal", credentials.bot_token, filename="a.bin", length=size
            )
            async with session.post(place["upload_url"], data=content()) as response:
                assert response.status == 200
            files = json.dumps([{"id": place["file_id"]}])
            _, done = await call(
                credentials, "files.completeUploadExternal", credentials.bot_token, files=files
            )
            async with session.get(done["files"][0]["url_private"], headers=headers) as response:
                assert sum([len(part) async for part in response.content.iter_any()]) == size

        before, began = peaks(house), time.monotonic()
        await move(length)
        rate = 2 * MEBIBYTES / (time.monotonic() - began)
        grown = {name: peak - before[name] for name, peak in peaks(house).items()}
        print(f"{MEBIBYTES} MiB up and down at {rate:.1f} MiB/s; each grew by KiB: {grown}")
        assert max(grown.values()) < 2 * 1024


@pytest.mark.parametrize("methods", ['["chat.*"]', '["files.completeUploadExternal"]'])
async def test_what_the_file_does_not_grant_moves_no_bytes(methods: str) -> None:
    plugin = SOCKET_MODE.replace('["*"]', methods)
    async with Emulator().serving() as slack, behind(slack, {"bot": plugin}) as house:
        credentials = await house.credentials("bot")
        client = WebClient(token=credentials.bot_token, base_url=credentials.api_url)
        with pytest.raises(Exception, match="missing_scope"):
            await asyncio.to_thread(client.files_upload_v2, channel=CHANNEL, content="x", filename="a.txt")

"""Another process that uses the same app token: what it opens takes places under Slack's limit."""

import contextlib
import subprocess
from collections.abc import Iterator

from tests.e2e.booted_machine import Machine
from tests.e2e.the_world import API_URL

_OPEN = """\
import asyncio, sys, aiohttp

async def main(url, token, count):
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session:
        sockets = []
        for _ in range(int(count)):
            async with session.post(f"{url}apps.connections.open") as answer:
                found = await answer.json(content_type=None)
            sockets.append(await session.ws_connect(found["url"]))
            await sockets[-1].receive()
        print("there", flush=True)
        await asyncio.to_thread(sys.stdin.read)
        for socket in sockets:
            await socket.close()

asyncio.run(main(*sys.argv[1:]))
"""


@contextlib.contextmanager
def foreign(machine: Machine, app_token: str, count: int) -> Iterator[None]:
    """So many connections of another process's, until the block ends."""
    command = machine.entering("python3", "-c", _OPEN, API_URL, app_token, str(count))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"there\n"
        yield
        process.stdin.close()
        process.wait(30)

"""What is left of a file's transfer when its connector stops."""

import asyncio

import attrs

from slackd.connector.file_transfers import FileMover
from slackd.connector.http_session import slack_session
from slackd.connector.trust import tls_context
from slackd.emulator import EmulatorClient
from slackd.link.messages import Call, CallKind
from tests.support.connector_rig import app_of


async def test_once_the_transfers_are_closed_nothing_is_sent_any_more(slack: EmulatorClient) -> None:
    """The host takes the connection, and never answers."""
    connections: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()
    host = await asyncio.start_server(lambda _, writer: connections.put_nowait(writer), "127.0.0.1", 0)
    url, tls = f"http://127.0.0.1:{host.sockets[0].getsockname()[1]}", tls_context(None)
    mover = FileMover(attrs.evolve(app_of(slack), api_url=f"{url}/api/"), None)
    async with host, slack_session(tls) as session:
        upload = Call(1, "emulated", CallKind.UPLOAD, f"{url}/upload", {"transfer": "one"})
        assert (await mover.carry_out(upload, session, tls)).error == ""
        connection = await connections.get()
        assert _posts() == 1
        await mover.close()
        assert _posts() == 0
        connection.close()


def _posts() -> int:
    return sum("FileMover._post" in repr(task) for task in asyncio.all_tasks())

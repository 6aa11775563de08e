"""An app in a network namespace that has loopback alone: it reaches the gateway's Unix socket, and does all of
what it does directly at Slack; neither it nor the gateway has a token of Slack's in memory or environment.
"""

import asyncio
import os
import secrets
import shutil
import signal
import sys
from pathlib import Path

import attrs
import pytest

from slackd.emulator import Emulator
from tests.integration.gateway.bolt_feature_app import digest, use
from tests.integration.gateway.gateway_rig import behind
from tests.integration.gateway.test_gateway_bolt import APPS, SETTINGS, used_directly

ROOT = Path(__file__).parents[3]
ALONE = """
set -e
ip link set lo up
socat TCP-LISTEN:9743,bind=127.0.0.1,fork,reuseaddr UNIX-CONNECT:{socket} &
trap "kill $!" EXIT
while ! socat -u OPEN:/dev/null TCP:127.0.0.1:9743 2>/dev/null; do sleep 0.05; done
{python} -m tests.integration.gateway.bolt_feature_program & echo $! > {pid}
wait $!
"""

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "ip", "socat"))),
    reason="a network namespace needs root, unshare, ip and socat",
)


async def test_an_app_without_a_network_and_without_a_token(tmp_path: Path) -> None:
    # Drawn, so that no program has them in its code.
    bot_token, app_token = f"xoxb-{secrets.token_hex(20)}", f"xapp-{secrets.token_hex(20)}"
    drawn = attrs.evolve(APPS[0], bot_token=bot_token, app_token=app_token)
    async with Emulator([drawn], SETTINGS).serving() as slack, behind(slack, together=False) as house:
        credentials = await house.credentials("bot")
        script = ALONE.format(
            socket=house.house.path / "gateway.sock", python=sys.executable, pid=tmp_path / "pid"
        )
        environment = {**os.environ, **credentials.environment, "SLACK_API_URL": "http://127.0.0.1:9743/api/"}
        app = await asyncio.create_subprocess_exec(
            *("unshare", "--net", "sh", "-c", script), cwd=ROOT, env=environment, start_new_session=True
        )
        try:
            await house.until_connected()
            await use(slack)
            inside = digest(slack)
            tokens = [slack.apps[0].bot_token.encode(), slack.apps[0].app_token.encode()]
            connector = house.house.program("connector-1").pid
            assert holds(connector, tokens[:1]), "the scan finds what is there"
            assert not holds(house.house.program("gateway").pid, tokens)
            assert not holds(int((tmp_path / "pid").read_text()), tokens)
        finally:
            os.killpg(app.pid, signal.SIGKILL)
            await app.wait()
    assert inside == await used_directly()


def holds(pid: int, tokens: list[bytes]) -> bool:
    """Whether any of these stands in the memory or the environment of a process."""
    environment = Path(f"/proc/{pid}/environ").read_bytes()
    if any(token in environment for token in tokens):
        return True
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, access = line.split(" ")[:2]
            if not access.startswith("r"):
                continue
            start, end = (int(each, 16) for each in span.split("-"))
            try:
                memory.seek(start)
                content = memory.read(end - start)
            except (OSError, ValueError, OverflowError):
                continue
            if any(token in content for token in tokens):
                return True
    return False

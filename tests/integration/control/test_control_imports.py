"""Files under a running process are replaced by an upgrade: after READY nothing is imported any more."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from slackd.late_import import SWITCH_INTERVAL
from tests.integration.control import control_rig as rig

ROOT = Path(__file__).parents[3]
ASKS_FOR_EVERYTHING = """
import asyncio, json, sys
from slackd.broker.control import routes
import slackd.control_client
from tests.integration.control import control_rig as rig
from tests.support import slack_texts

async def main():
    async with rig.world(rig.plugin_file("deploy")) as here:
        at_ready = set(sys.modules)
        connector = here.both_connectors()
        program = await here.plugin("deploy")
        program.answer = rig.refuses
        events = asyncio.create_task(here.raw(b"GET /v1/events HTTP/1.0\\r\\n\\r\\n"))
        commands = slack_texts.command(2), slack_texts.command(3, "/x")
        await connector.deliver_and_wait(rig.message(1), *commands, "odd")
        await here.status(lambda found: found["plugins"][0]["dead"])
        for route in routes.ROUTES:
            if route.method == "GET" and "events" not in route.path:
                path = route.path.replace("{delivery}", "1")
                await here.raw(f"GET {path} HTTP/1.0\\r\\n\\r\\n".encode())
        await here.post("/v1/deadletters/retry", {"plugin": "deploy"})
        await here.post("/v1/deadletters/discard", {"plugin": ""})
        await here.post("/v1/replay", {"plugin": "deploy", "since": 0})
        await here.raw(b"POST /v1/replay HTTP/1.0\\r\\nContent-Length: 1\\r\\n\\r\\n[")
        await here.raw(b"nonsense\\r\\n\\r\\n")
        await here.raw(b"GET /metrics HTTP/1.0\\r\\n\\r\\n", here.metrics)
    await events
    print(json.dumps(sorted(set(sys.modules) - at_ready)))

# The client's own half of a stream of bytes is not the broker's.
import http.client, urllib.parse
asyncio.run(main())
"""


def test_whatever_operators_ask_for() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ASKS_FOR_EVERYTHING], cwd=ROOT, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == []


SCRAPES_WHERE_NO_SOCKET_IS_FOR_IT = """
import asyncio, sys
from tests.integration.control import control_rig as rig

async def main():
    async with rig.world(rig.plugin_file("deploy"), scraped=False) as here:
        print("prometheus_client" in sys.modules)
        for _ in range(2):
            print((await here.raw(b"GET /metrics HTTP/1.0\\r\\n\\r\\n")).split(b"\\r\\n")[0])

asyncio.run(main())
"""


def test_prometheus_library_is_imported_for_those_who_scrape() -> None:
    code = SCRAPES_WHERE_NO_SOCKET_IS_FOR_IT
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=100, check=True
    )
    assert done.stdout.split("\n") == ["False", "b'HTTP/1.1 200 OK'", "b'HTTP/1.1 200 OK'", ""]


def test_the_broker_never_loads_what_slackctl_draws_with() -> None:
    code = "import sys, slackd.broker.control.server, slackd.broker.daemon; print('rich' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=True)
    assert done.stdout.strip() == "False"


async def test_the_loop_turns_while_the_control_server_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """What came in while the broker was away waits for its acknowledgement then."""
    usual, real = sys.getswitchinterval(), importlib.import_module
    meanwhile: dict[str, float] = {}

    def noting(name: str) -> object:
        meanwhile[name] = sys.getswitchinterval()
        return real(name)

    monkeypatch.setattr(importlib, "import_module", noting)
    async with rig.world(rig.plugin_file("deploy")):
        assert meanwhile["slackd.broker.control.server"] == pytest.approx(SWITCH_INTERVAL)
        assert sys.getswitchinterval() == usual

"""A broker in a process of its own, with a connector inside that measures how long commands take.

    python -m tests.integration.hostile.measured_broker FOLDER [flawed]

With `flawed` whoever fails again and again is served at once, as often as it likes. The process reads one line
a question from stdin and answers with one line of JSON: `measure SECONDS` sends commands to the honest plugin
and says how long their acknowledgements took; `status` is what operators would see.
"""

import asyncio
import json
import logging
import re
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from slackd.broker.daemon import Sockets
from slackd.broker.plugins import reconnects
from slackd.config import Config, Delivery, PluginConfig, Subscription
from slackd.control_client import ControlClient
from slackd.link.memory import join
from slackd.link.messages import FromBroker
from slackd.systemd.log_limit import RepetitionFilter
from tests.integration.hostile.users import HONEST, ROGUE
from tests.support.broker import broker_config, running_broker
from tests.support.connector import StandInConnector
from tests.support.slack_texts import command, event

EVERY = 0.01
"""Seconds between two commands."""


class MeasuringConnector(StandInConnector):
    """Delivers commands at a steady rate, whatever becomes of those before, as people would."""

    def __init__(self) -> None:
        super().__init__()
        self._due: dict[int, float] = {}
        self.took: list[float] = []
        self.unanswered = 0

    def from_broker(self, messages: Sequence[FromBroker]) -> None:
        super().from_broker(messages)
        now = time.monotonic()
        for number in self.settled.keys() & self._due.keys():
            self.took.append(now - self._due.pop(number))
            self.unanswered += self.settled[number] is None
        self.settled.clear()

    async def measure(self, seconds: float) -> dict[str, Any]:
        """Commands for so long; latencies are counted from when each was due."""
        self.took, self.unanswered = [], 0
        began, cpu = time.monotonic(), time.process_time()
        for step in range(int(seconds / EVERY)):
            due = began + step * EVERY
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            self._due[self.next_number] = due
            self.deliver(command(self.next_number, "/honest"))
            self.deliver(event(self.next_number, {"type": "message", "channel": f"C{step}", "text": "x" * 500}))
        async with asyncio.timeout(30):
            while self._due:
                await asyncio.sleep(0.005)
        took = sorted(self.took)
        return {
            "p50": took[len(took) // 2],
            "p99": took[int(len(took) * 0.99)],
            "unanswered": self.unanswered,
            "cpu": (time.process_time() - cpu) / (time.monotonic() - began),
        }


class CountedLines(logging.Handler):
    """What the broker logs, by event, and how many bytes it is."""

    def __init__(self) -> None:
        super().__init__()
        self.addFilter(RepetitionFilter())
        self.bytes = 0
        self.events: dict[str, int] = {}
        self.last: dict[str, str] = {}

    def emit(self, record: logging.LogRecord) -> None:
        text, event_name = self.format(record), str(getattr(record, "event", record.name))
        self.bytes += len(text)
        self.events[event_name] = self.events.get(event_name, 0) + 1
        self.last[event_name] = text[:500]


def memory() -> int:
    """Bytes that this process takes (PSS)."""
    found = re.search(r"^Pss:\s+(\d+) kB", Path("/proc/self/smaps_rollup").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) << 10


def plugin(name: str, uid: int, **options: Any) -> PluginConfig:
    """A plugin with events and a command of its own."""
    subscriptions = (
        Subscription("events_api"),
        Subscription("slash_commands", respond=True, command=(f"/{name}",)),
    )
    return PluginConfig(name, Path(f"/{name}.toml"), users=(str(uid),), subscriptions=subscriptions, **options)


def configuration(folder: Path) -> Config:
    """An honest plugin and one that may be anything, each with a user of its own."""
    rogue = plugin("rogue", ROGUE, methods=("*",), delivery=Delivery(ack_timeout=1.0))
    return broker_config(folder, (plugin("honest", HONEST), rogue))


def listening(path: Path) -> socket.socket:
    made = socket.socket(socket.AF_UNIX)
    made.bind(str(path))
    path.chmod(0o666)
    made.listen(4_096)
    made.setblocking(False)
    return made


async def main(folder: Path) -> None:
    loop, lines, logged = asyncio.get_running_loop(), asyncio.StreamReader(), CountedLines()
    logging.getLogger().addHandler(logged)
    logging.getLogger().setLevel(logging.INFO)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    metrics = socket.create_server(("127.0.0.1", 0))
    metrics.setblocking(False)
    sockets = Sockets(None, listening(folder / "p.sock"), listening(folder / "c.sock"), metrics)
    async with running_broker(configuration(folder), sockets, foreground=False) as broker:
        connector, client = MeasuringConnector(), ControlClient(folder / "c.sock")
        join(connector, broker.end)
        print(json.dumps({"metrics": metrics.getsockname()[1]}), flush=True)
        while line := (await lines.readline()).decode().split():
            match line:
                case ["measure", seconds]:
                    answer: dict[str, Any] = await connector.measure(float(seconds))
                    answer |= {"memory": memory(), "logged": logged.bytes}
                case ["status"]:
                    answer = await asyncio.to_thread(client.get, "/v1/status")
                case ["log"]:
                    answer = {"bytes": logged.bytes, "events": logged.events, "last": logged.last}
                case _:
                    answer = {}
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    if "flawed" in sys.argv[2:]:
        vars(reconnects)["FREE"] = sys.maxsize
    asyncio.run(main(Path(sys.argv[1])))

"""Messages and commands at a steady rate while something is done to the machine, and the ledger of it after."""

import contextlib
import json
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final

import attrs

from tests.e2e.booted_machine import Machine, eventually
from tests.e2e.greeter_package import HANDLED, JOURNALED
from tests.e2e.the_world import Slack

RATE: Final = 200
"""Messages a second."""
COMMANDS: Final = 2
"""Slash commands a second. Each takes the plugin 0.3 seconds: some are in flight often, and not always."""
CHANNELS: Final = 20
_SLICE: Final = 5
"""Seconds of load that are asked for at a time."""

Texts = dict[str, list[str]]


@attrs.frozen
class Ledger:
    """What became of the load.

    Attributes:
        sent, handled: Messages, as Slack and as the plugin counts them.
        twice: Messages that the plugin was given more than once.
        out_of_order: Channels whose messages were given in another order than the journal's. (Slack's own order
            is no promise of anybody's: it hands one channel's events to several connections.)
        late: Acknowledged too late.
        unanswered: Events that Slack gave up, and commands that were not answered by the plugin, by how the
            connection ended that they had been given to.
        redelivered: Events that were sent again, by how the connection ended that they had been given to first.
        not_ready: Instants without a READY connection: from and until.
        commands: How many were sent.
        slowest: Seconds to the slowest first acknowledgement.
    """

    sent: int
    handled: int
    twice: list[str]
    out_of_order: list[str]
    late: int
    unanswered: Counter[str]
    redelivered: Counter[str]
    not_ready: list[Any]
    commands: int
    slowest: float

    def exceptions(self) -> dict[str, object]:
        """Everything that is not as it is on a quiet day, redelivery apart."""
        found = {
            "not handled": self.sent - self.handled,
            "twice": self.twice,
            "out of order": self.out_of_order,
            "late": self.late,
            "unanswered": dict(self.unanswered),
            "without a READY connection": self.not_ready,
        }
        return {what: value for what, value in found.items() if value}

    def line(self) -> str:
        """All of it in one line."""
        again = f", redelivered {dict(self.redelivered)}" if self.redelivered else ""
        return (
            f"{self.sent} events sent, {self.handled} handled, {len(self.twice)} twice, "
            f"{len(self.out_of_order)} channels out of order, {self.late} late, "
            f"{self.commands} commands; unanswered {dict(self.unanswered) or 0}, "
            f"{len(self.not_ready)} instants without READY, slowest acknowledgement {self.slowest:.2f} s{again}"
        )


class Load:
    """Sends while the block runs; `ledger` is there after it."""

    ledger: Ledger

    def __init__(self, machine: Machine, slack: Slack, label: str) -> None:
        self._machine = machine
        self._slack = slack
        self._label = label
        self._enough = threading.Event()
        self._slices = 0
        self._thread = threading.Thread(target=self._send, name=f"load {label}")

    def __enter__(self) -> "Load":
        self._slack.do("reset")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self._thread.join()
        slack, last = self._slack, f"{self._label}-{self._slices}"
        eventually(lambda: slack.get("batch")[last]["complete"], "all of the load is sent", 60)
        # Slack sends an event again for some minutes, here as there.
        slack.do("wait", until="idle", timeout=110)
        sent = self._slices * RATE * _SLICE
        handled = self._machine.says
        count = f"grep -c '\"{self._label}-' {HANDLED} || :"

        def all_handled() -> bool:
            return int(handled("sh", "-c", count)) >= sent

        with contextlib.suppress(TimeoutError):
            eventually(all_handled, "", 30)
        self.ledger = self._reckon(sent)

    def _send(self) -> None:
        while not self._enough.is_set():
            self._slices += 1
            name = f"{self._label}-{self._slices}"
            do = self._slack.do
            commands = {"count": COMMANDS * _SLICE, "rate": COMMANDS, "command": "/slow"}
            do("batch", label=f"{name}-slow", channels=CHANNELS, **commands)
            do("batch", label=name, count=RATE * _SLICE, rate=RATE, channels=CHANNELS)
            self._enough.wait(_SLICE)

    def _reckon(self, sent: int) -> Ledger:
        given = self._by_channel(self._machine.run("cat", HANDLED, check=False).stdout)
        journaled = self._by_channel(self._machine.says("python3", "-c", JOURNALED))
        times = Counter(text for texts in given.values() for text in texts)
        entries = self._entries()
        ends = {each["id"]: each["how_ended"] or "open" for each in self._slack.get("connections")}

        def end(entry: dict[str, Any]) -> str:
            return ends.get(entry["sends"][0]["connection"], "no connection")

        def unanswered(entry: dict[str, Any]) -> bool:
            if entry["type"] != "slash_commands":
                return not entry["acknowledged"]
            text = (entry["response"] or {}).get("text", "")
            return not text.startswith(("Slowly, ", "Hello "))

        summary = self._slack.get("summary")
        return Ledger(
            sent=sent,
            handled=len(times),
            twice=sorted(text for text, count in times.items() if count > 1),
            out_of_order=sorted(name for name in given if list(dict.fromkeys(given[name])) != journaled[name]),
            late=summary["late_acks"],
            unanswered=Counter(end(entry) for entry in entries if unanswered(entry)),
            redelivered=Counter(end(entry) for entry in entries if len(entry["sends"]) > 1),
            not_ready=summary["ready_gaps"],
            commands=sum(entry["type"] == "slash_commands" for entry in entries),
            slowest=summary["slowest_ack"] or 0.0,
        )

    def _entries(self) -> Sequence[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        after: int | None = 0
        while after is not None:
            page = self._slack.get(f"ledger?limit=10000&after={after}")
            found += page["entries"]
            after = page["next"]
        return found

    def _by_channel(self, lines: str) -> Texts:
        found: Texts = {}
        for line in lines.splitlines():
            channel, text = json.loads(line)
            if text and text.startswith(f"{self._label}-"):
                found.setdefault(channel, []).append(text)
        return found


def under_load(machine: Machine, slack: Slack, label: str, act: Callable[[], object]) -> Ledger:
    """Do something under load and return the ledger."""
    with Load(machine, slack, label) as load:
        act()
    return load.ledger

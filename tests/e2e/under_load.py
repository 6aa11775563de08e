"""Messages and commands at a steady rate while something is done to the machine, and the ledger of it after."""

import contextlib
import json
import math
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
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
CUT: Final = "lost"
"""How a connection ends whose process was killed."""
CROSSING: Final = 0.05
"""Seconds before Slack read our Close in which an envelope may have been on its way to us: the two pass each
other, and nothing can be acknowledged any more. What was sent earlier had been read before we closed."""
_SLICE: Final = 5
"""Seconds of load that are asked for at a time."""

Texts = dict[str, list[str]]
Entry = dict[str, Any]


@attrs.frozen
class Ledger:
    """What became of the load.

    Attributes:
        sent, handled: Messages, as Slack and as the plugin counts them.
        twice: Messages that the plugin was given more than once.
        out_of_order: Channels whose messages were given in another order than the journal's. (Slack's own order
            is no promise of anybody's: it hands one channel's events to several connections.)
        late: Acknowledged too late.
        unanswered: Events that Slack gave up, and commands that the plugin's answer never came to, by how the
            connection ended that they had been given to.
        followed: Commands whose answer came through the response_url, as it does where nothing could be sent
            over the connection any more, or its end could not wait.
        redelivered: Events that were sent again, by how the connection ended that they had been given to first.
        closes: Connections that we closed meanwhile.
        crossed_commands, crossed_events: What crossed a Close of ours, as the seconds from when it was sent to
            when the Close was read; none of it is counted above. Nobody can prevent it (docs/design.md):
            the events came again, the commands are lost.
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
    followed: int
    redelivered: Counter[str]
    closes: int
    crossed_commands: list[float]
    crossed_events: list[float]
    not_ready: list[Any]
    commands: int
    slowest: float

    def exceptions(self) -> dict[str, object]:
        """Everything that is not as it is on a quiet day, redelivery apart where a connection was cut."""
        found = {
            "not handled": self.sent - self.handled,
            "twice": self.twice,
            "out of order": self.out_of_order,
            "late": self.late,
            "unanswered": dict(self.unanswered),
            "more than can have crossed": self._too_many_crossed(),
            "sent again": self._too_many_again(),
            "without a READY connection": self.not_ready,
        }
        return {what: value for what, value in found.items() if value}

    def _too_many_crossed(self) -> list[float]:
        # As many commands as are sent in `CROSSING` seconds, a Close.
        most = math.ceil(self.closes * COMMANDS * CROSSING)
        return self.crossed_commands if len(self.crossed_commands) > most else []

    def _too_many_again(self) -> dict[str, int]:
        # On a busy machine a Close may be read later than `CROSSING`; but not again and again.
        found = {end: count for end, count in self.redelivered.items() if end != CUT}
        return found if sum(found.values()) > self.closes else {}

    def line(self) -> str:
        """All of it in one line."""
        followed = f", {self.followed} of them answered through the response_url" if self.followed else ""
        again = f", redelivered {dict(self.redelivered)}" if self.redelivered else ""
        return (
            f"{self.sent} events sent, {self.handled} handled, {len(self.twice)} twice, "
            f"{len(self.out_of_order)} channels out of order, {self.late} late, "
            f"{self.commands} commands{followed}; unanswered {dict(self.unanswered) or 0}, "
            f"{len(self.not_ready)} instants without READY, slowest acknowledgement {self.slowest:.2f} s"
            f"{again}{self._crossed()}"
        )

    def _crossed(self) -> str:
        words = [
            f"{len(times)} {what} (sent {', '.join(f'{each * 1000:.1f}' for each in sorted(times))} ms before)"
            for what, times in (("commands", self.crossed_commands), ("events", self.crossed_events))
            if times
        ]
        return f"; one of {self.closes} Closes crossed {' and '.join(words)}" if words else ""


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
        connections = {each["id"]: each for each in self._slack.get("connections")}
        begin = min(entry["at"] for entry in entries)

        def end(entry: Entry) -> str:
            connection = connections.get(entry["sends"][0]["connection"])
            return (connection["how_ended"] or "open") if connection else "no connection"

        unanswered, redelivered = Counter[str](), Counter[str]()
        crossed: dict[str, list[float]] = {"slash_commands": [], "events_api": []}
        for entry in entries:
            if (before := _crossed_by(entry, connections)) is not None:
                crossed[entry["type"]].append(before)
            elif len(entry["sends"]) > 1:
                redelivered[end(entry)] += 1
            if before is None or entry["type"] == "events_api":
                unanswered[end(entry)] += _is_unanswered(entry)
        summary = self._slack.get("summary")
        return Ledger(
            sent=sent,
            handled=len(times),
            twice=sorted(text for text, count in times.items() if count > 1),
            out_of_order=sorted(name for name in given if list(dict.fromkeys(given[name])) != journaled[name]),
            late=summary["late_acks"],
            unanswered=+unanswered,
            followed=sum(_is_answer(post["body"]) for entry in entries for post in entry["posts"]),
            redelivered=redelivered,
            closes=sum(_is_ours(each) and each["ended_at"] > begin for each in connections.values()),
            crossed_commands=crossed["slash_commands"],
            crossed_events=crossed["events_api"],
            not_ready=summary["ready_gaps"],
            commands=sum(entry["type"] == "slash_commands" for entry in entries),
            slowest=summary["slowest_ack"] or 0.0,
        )

    def _entries(self) -> Sequence[Entry]:
        found: list[Entry] = []
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


def _is_unanswered(entry: Entry) -> bool:
    if entry["type"] != "slash_commands":
        return not entry["acknowledged"]
    return not any(map(_is_answer, (entry["response"], *(post["body"] for post in entry["posts"]))))


def _is_answer(said: object) -> bool:
    """Whether it is the plugin's."""
    return isinstance(said, dict) and str(said.get("text")).startswith(("Slowly, ", "Hello "))


def _is_ours(connection: Mapping[str, Any]) -> bool:
    """Whether it ended with a Close of ours."""
    return (connection["how_ended"] or "").startswith("closed by the client")


def _crossed_by(entry: Entry, connections: Mapping[str, Mapping[str, Any]]) -> float | None:
    """Seconds from sending it, for the first time, to the Close of ours that it crossed; None if it didn't."""
    first = entry["sends"][0]
    connection = connections.get(first["connection"])
    if connection is None or not _is_ours(connection):
        return None
    if any(ack["connection"] == first["connection"] for ack in entry["acks"]):
        return None
    before: float = connection["ended_at"] - first["at"]
    return before if 0 <= before < CROSSING else None


def under_load(machine: Machine, slack: Slack, label: str, act: Callable[[], object]) -> Ledger:
    """Do something under load and return the ledger."""
    with Load(machine, slack, label) as load:
        act()
    return load.ledger

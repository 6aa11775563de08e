"""One simulated history: a minute of faults, then quiet, then the ledger is checked.

python -m tests.simulation.run SEED        replays one seed and prints its history
python -m tests.simulation.run A B         runs the seeds from A up to B
python -m tests.simulation.run … drains    with connections that close
python -m tests.simulation.run … keeps     with answers whose deliveries are kept
python -m tests.simulation.run … ahead     with programs that keep the order of a key themselves, and leave
python -m tests.simulation.run … develops  with a developer who takes what one person does, now and then
python -m tests.simulation.run … backlog   with a memory that holds next to nothing, an operator, and limits
"""

import contextlib
import json
import sys
from pathlib import Path

from slackd.broker.journal.writes import OpenDelivery
from slackd.config import (
    Config,
    Delivery,
    OrderBy,
    PluginConfig,
    Subscription,
)
from tests.simulation.backlog import small_memory
from tests.simulation.broker import Process
from tests.simulation.developer import INTERCEPT
from tests.simulation.program import WINDOW, Program
from tests.simulation.slack import Connector, Message, Slack
from tests.simulation.world import World
from tests.support.broker import broker_config
from tests.support.journal.memory_journal import MemoryDisk

FAULTS_UNTIL = 40.0
END = 240.0
MAX_ATTEMPTS = 3
FAULTS = ("broker", "stop", "stop", "link", "connector", "drop", "session", "plugin", "disk")
DRAINS = ("drain",) * 9
INTERCEPTS = ("intercept",) * 6
OPERATIONS = ("operator",) * 5 + ("limits",) * 2
ORDERS = (OrderBy.CHANNEL, OrderBy.CHANNEL, OrderBy.THREAD, OrderBy.USER, OrderBy.NONE)
A_WHILE = 5.0
"""Seconds after which the end of a broker has nothing to do with how a command was answered."""


def config(ack_timeout: float = 30.0, order_by: OrderBy = OrderBy.CHANNEL) -> Config:
    here = Path("/simulated")
    plugin = PluginConfig(
        "p",
        here / "p.toml",
        subscriptions=(
            Subscription("events_api"),
            Subscription("slash_commands", command=("/do",), respond=True),
        ),
        delivery=Delivery(
            order_by=order_by,
            window=WINDOW,
            max_attempts=MAX_ATTEMPTS,
            backoff_initial=0.05,
            backoff_max=0.5,
            ack_timeout=ack_timeout,
        ),
    )
    return broker_config(here, [plugin])


class Simulation:
    """Builds a world from a seed, runs it, and checks its ledger."""

    def __init__(
        self,
        seed: int,
        *,
        drains: bool = False,
        keeps: bool = False,
        ahead: bool = False,
        develops: bool = False,
        backlog: bool = False,
    ) -> None:
        """With `drains`, connectors close connections too, and tell which close or are gone. With `keeps`,
        programs answer some commands and go on with them. With `ahead`, they take events ahead of their turn,
        leave, and with some seeds take too long. With `develops`, what one person does goes to a program of
        its own while an intercept is in force. With `backlog`, memory holds next to nothing, some events have
        no channel or give up their place, the order is another with some seeds, and what is dead or done is
        tried again."""
        self._backlog = backlog
        self._drains, self._keeps, self._ahead, self._develops = drains, keeps, ahead, develops
        self.world = World(seed)
        rng = self.world.rng
        self.slack = Slack(self.world)
        slow = rng.choice((0.0005, 0.01, 0.3))
        self.disk = MemoryDisk(commit_seconds=lambda: rng.uniform(0.0, slow))
        self.slack.connectors = [Connector(self.world, self.slack, each + 1, tells=drains) for each in range(2)]
        self.programs = [
            Program(
                self.world,
                self.slack,
                name,
                2 * (seed % 3) + 2 * ahead,
                ahead=(1 + seed // 3 % 4) * ahead,
                keeps=keeps,
                unorders=backlog and not ahead,
                person=INTERCEPT.person if name == "D" else "",
            )
            for name in rng.choice(("P", "PQ")) + "D" * develops
        ]
        self.slack.users = ("U1", INTERCEPT.user, "U3") if develops else ()
        for program in self.programs:
            program.everybody = self.programs
            program.may_have = self._may_be_with_the_program
            program.unhandled_before = self._unhandled_before
        timeout = 1.0 if ahead and not keeps and seed % 4 == 1 else 30.0
        order_by = rng.choice(ORDERS) if backlog else OrderBy.CHANNEL
        self.broker = Process(
            self.world,
            config(timeout, order_by),
            self.disk,
            self.slack.connectors,
            self.programs,
            reads=backlog,
        )
        self.broker.took_too_long = self._took_too_long
        for program in self.programs:
            program.lost, program.crossed = self.broker.lost, self.broker.crossed
            program.is_impatient, program.gets_unordered = timeout < 2.0, backlog
        self.broker.operator.message_of = lambda envelope: self.slack.messages[self._name_of(envelope)]
        self.slack.is_journaled = self._is_journaled
        self.slow = slow

    def run(self) -> None:
        with small_memory() if self._backlog else contextlib.nullcontext():
            self._run()

    def _run(self) -> None:
        self._traffic()
        self.world.after(1.0, self._fault)
        self.world.run(END)
        self.check()

    def _traffic(self) -> None:
        rng = self.world.rng
        if self.world.time > FAULTS_UNTIL:
            return
        for _ in range(rng.choice((1, 1, 1, 2, 6))):
            kind = "command" if rng.random() < 0.2 else "event"
            channel = f"C{rng.randrange(10 if self._backlog else 4)}"
            self.slack.post(kind, "" if self._backlog and kind == "event" and rng.random() < 0.2 else channel)
        self.world.after(rng.expovariate(4.0), self._traffic)

    def _fault(self) -> None:
        rng = self.world.rng
        if self.world.time > FAULTS_UNTIL:
            self.disk.failing = ""
            self.broker.end_intercept()
            return
        match rng.choice(
            FAULTS + DRAINS * self._drains + INTERCEPTS * self._develops + OPERATIONS * self._backlog
        ):
            case "drain":
                rng.choice(self.slack.connectors).drain()
            case "broker" if self.broker.core is not None:
                self.broker.kill()
            case "stop":
                self.broker.stop()
            case "link":
                self.world.say("a link breaks")
                self.broker.lose_link(rng.randrange(2))
            case "connector":
                number = rng.randrange(2)
                self.broker.lose_link(number)
                self.slack.connectors[number].kill()
            case "drop":
                rng.choice(self.slack.connectors).drop()
            case "session":
                self.broker.end_a_session()
            case "plugin":
                program = rng.choice(self.programs)
                if self._ahead and rng.random() < 0.5:
                    program.leave()
                elif program.is_alive and rng.random() < 0.5:
                    program.kill()
            case "disk":
                self._fail_disk()
            case "intercept":
                self.broker.begin_or_end_intercept()
            case "operator":
                self.broker.operate()
            case "limits":
                self.broker.reach_limits(MAX_ATTEMPTS)
        self.world.after(rng.expovariate(0.8), self._fault)

    def _fail_disk(self) -> None:
        self.world.say("the disk is full")
        self.disk.failing = "the disk is full"

        def recover() -> None:
            self.world.say("the disk has space again")
            self.disk.failing = ""

        self.world.after(self.world.rng.uniform(0.1, 1.5), recover)

    def _is_journaled(self, name: str) -> bool:
        stored = reversed(self.disk.store.envelopes.values())  # most are asked for when they have just come
        return any(f'"{name}"' in each.text for each in stored)

    def _may_be_with_the_program(self, session: str) -> set[str]:
        leased = self.broker.leased(session)
        if leased is None:
            leased = [each.envelope for each in self.disk.store.open.values()]
        return {self._name_of(each) for each in leased}

    def _took_too_long(self, envelope: int) -> None:
        message = self.slack.messages[self._name_of(envelope)]
        message.excuses += 1
        message.failures += 1

    def _unhandled_before(self, delivery: OpenDelivery) -> list[str]:
        """What is open of its key, older, and was never handled."""
        before = [
            self._name_of(each.envelope)
            for each in self.disk.store.open.values()
            if each.key == delivery.key and each.lane is delivery.lane and each.id < delivery.id
        ]
        messages = self.slack.messages
        return [name for name in before if messages[name].has_place and not messages[name].done]

    def check(self) -> None:
        """P1 was checked at each acknowledgement, P3's order and window at each beginning."""
        dead = {self._name_of(letter.envelope) for letter, _, _ in self.disk.store.dead.values()}
        for name, message in self.slack.messages.items():
            if message.is_command:
                self._check_command(name, dead)
                continue
            assert message.acked, f"{name} was never acknowledged"
            if name in dead:
                assert message.failures >= MAX_ATTEMPTS, f"{name} is dead after {message.failures} failures"
            else:
                assert message.done, f"{name} was never handled"
        left = [self._name_of(each.envelope) for each in self.disk.store.open.values()]
        assert not left, f"{left} are open at the end"

    def _check_command(self, name: str, dead: set[str]) -> None:
        message = self.slack.messages[name]
        if message.acked:
            assert message.acked_after < 3.0 or self.slow > 0.1, f"{name} took {message.acked_after:.2f} s"
            assert message.done or name in dead, f"{name} was acknowledged and never handled"
            if message.payload is not None:
                assert name in message.payload, f"{name} got another answer: {message.payload}"
            elif name not in dead:
                early = f"{name} was acknowledged without its answer after {message.acked_after:.2f} s"
                assert message.acked_after > 2.4 or message.hurried, early
        else:
            assert message.lost_connection, f"{name} was never acknowledged"
        if self._drains and message.done and name not in dead:
            self._check_answer(message)

    def _check_answer(self, message: Message) -> None:
        """It reached the person in the acknowledgement, or followed it, and never both."""
        posts = [at for at, text in self.broker.late_posts if json.loads(text) == {"text": message.name}]
        over = max([message.born, *posts]) + A_WHILE
        if any(message.born <= end < over for end in self.broker.ends):
            # Nobody may know then whether a post went out, or an acknowledgement: once, then, or again.
            answered = posts or message.payload
            assert answered or message.forgotten or message.orphaned, f"{message.name} was answered 0 times"
            return
        assert not (message.payload and posts), f"{message.name} was answered both ways"
        if not message.forgotten:
            assert len(posts) + bool(message.payload) == 1, f"{message.name} was answered {len(posts)} times"

    def _name_of(self, envelope: int) -> str:
        text = self.disk.store.envelopes[envelope].text
        return next(name for name in self.slack.messages if f'"{name}"' in text)


def main(arguments: list[str]) -> int:
    kinds = {each: each in arguments for each in ("drains", "keeps", "ahead", "develops", "backlog")}
    seeds = [int(each) for each in arguments if each.isdecimal()]
    wanted = range(seeds[0], seeds[1]) if len(seeds) == 2 else seeds
    for seed in wanted:
        simulation = Simulation(seed, **kinds)
        try:
            simulation.run()
        except AssertionError as error:
            print(f"seed {seed}: {error}\nreplay: python -m tests.simulation.run {seed}")
            if len(seeds) == 1:
                print("\n".join(simulation.world.history))
            return 1
    print(f"{len(wanted)} seeds: nothing lost, nothing twice, nothing out of order")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""A plugin's program, as rule R8 of the design wants it, with moods: slow, failing, dying."""

import itertools
import json
from collections.abc import Callable, Sequence

import attrs

from slackd.broker.dispatch.intercepted import is_intercepted
from slackd.broker.journal.writes import Lane, OpenDelivery
from tests.simulation.slack import Slack
from tests.simulation.world import Pipe, World

WINDOW = 3


@attrs.frozen
class Answer:
    delivery: int
    attempt: int
    ok: bool
    response: str | None
    lane: Lane


@attrs.define
class Work:
    delivery: OpenDelivery
    name: str
    session: str
    answered: bool = False
    has_place: bool = True


class Program:
    """One session at a time; what it has in flight survives its connection, and dies with it."""

    def __init__(
        self,
        world: World,
        slack: Slack,
        name: str,
        remembers: int,
        *,
        ahead: int = 0,
        keeps: bool = False,
        unorders: bool = False,
        person: str = "",
    ) -> None:
        """It takes so many deliveries `ahead` of their turn. With `keeps`, some commands are answered before
        their work is done, and some of that work fails. With `unorders`, some events give up their
        place. With a `person`, it is a developer's: it takes what that person does, and nothing else."""
        self._world, self._slack, self._name = world, slack, name
        self.remembers, self.ahead, self._keeps = remembers, ahead, keeps
        self.person, self._unorders = person, unorders
        self.may_connect: Callable[[], bool] = lambda: True
        self._early: dict[tuple[int, int], tuple[OpenDelivery, str]] = {}
        self._leaves = False
        self._unconfirmed_keeps: dict[int, Answer] = {}
        self._lives = itertools.count(1)
        self.everybody: list[Program] = [self]
        self.session = ""
        self.is_alive = False
        self.up: Pipe | None = None
        self.connect: Callable[[], bool] = bool
        self.hang_up: Callable[[], None] = lambda: None
        self.may_have: Callable[[str], set[str]] = lambda session: set()
        self.is_impatient = self.gets_unordered = False
        self.lost: set[tuple[str, int, int]] = set()
        self.crossed: set[tuple[str, int, int]] = set()
        self.given_up: set[int] = set()
        self.unhandled_before: Callable[[OpenDelivery], list[str]] = lambda delivery: []
        self._work: list[Work] = []
        self._answers: list[Answer] = []
        self._names: dict[tuple[int, int], str] = {}
        self.window_broken: list[str] = []
        self.start()

    def start(self) -> None:
        self.session, self.is_alive, self._leaves = f"{self._name}{next(self._lives)}", True, False
        self._world.after(0.01, self.try_to_connect)

    def try_to_connect(self) -> None:
        if not self.is_alive or self.up is not None or not self.may_connect():
            return
        if not self.connect():
            self._world.after(self._world.rng.uniform(0.01, 0.05), self.try_to_connect)

    def holding(self) -> list[tuple[int, int]]:
        in_work = [(each.delivery.id, each.delivery.attempt) for each in self._work]
        return in_work + [(each.delivery, each.attempt) for each in self._remembered()]

    def connected(self, up: Pipe) -> None:
        self.up = up
        up.send(("initialize", self.session, self.holding()))
        for delivery in [each.delivery.id for each in self._work]:
            self._say_keep(delivery)
        for answer in self._remembered():
            self._say_keep(answer.delivery)
            up.send(("answer", answer))
        if self._leaves:
            self._say_leaving()

    def leave(self) -> None:
        """It begins nothing more, and goes when it has ended what it has begun."""
        if self.is_alive and not self._leaves:
            self._world.say(f"plugin {self.session} leaves")
            self._leaves = True
            self._early.clear()
            self._say_leaving()
            self._go_if_done()

    def _say_leaving(self) -> None:
        if self.up is not None:
            self.up.send(("leaving", [(each.delivery.id, each.delivery.attempt) for each in self._work]))

    def _go_if_done(self) -> None:
        if self.is_alive and self._leaves:
            if self._work:
                self._world.after(0.05, self._go_if_done)
            else:
                self.kill()

    def end_of_file(self) -> None:
        if self.up is not None:
            self.up.cut()
            self.up = None
            self._early.clear()
            self._world.after(self._world.rng.uniform(0.01, 0.2), self.try_to_connect)

    def handed(self, delivery: OpenDelivery, text: str, after: str = "") -> None:
        if not self.is_alive or self.up is None or self._leaves:
            return
        if after:
            before = (int(after.split(".")[0]), int(after.split(".")[1]))
            if self._is_mine(before):
                self._early[before] = (delivery, text)
                return
            if not self._is_answered_well(before):
                return
        self._begin(delivery, text)

    def taken_back(self, deliveries: Sequence[tuple[int, int]]) -> None:
        """The broker has taken back what waited for its turn."""
        gone = set(deliveries)
        self._early = {
            before: early
            for before, early in self._early.items()
            if (early[0].id, early[0].attempt) not in gone
        }

    def loses(self, deliveries: Sequence[tuple[int, int]]) -> None:
        """The broker takes these back, since the one before them took too long. Those of them that this program
        has begun, its answer to that one being on its way, are begun again all the same."""
        begun = {(each.delivery.id, each.delivery.attempt) for each in self._work}
        begun |= {(each.delivery, each.attempt) for each in self._answers}
        for attempt in begun.intersection(deliveries):
            self._cross(self._names[attempt], attempt)

    def _cross(self, name: str, attempt: tuple[int, int]) -> None:
        if (self.session, *attempt) not in self.crossed:
            self.crossed.add((self.session, *attempt))
            self._slack.messages[name].excuses += 1

    def _is_answered_well(self, attempt: tuple[int, ...]) -> bool:
        return any((each.delivery, each.attempt) == attempt and each.ok for each in self._answers)

    def _is_mine(self, attempt: tuple[int, ...]) -> bool:
        in_work = ((each.delivery.id, each.delivery.attempt) for each in self._work)
        early = ((each.id, each.attempt) for each, _ in self._early.values())
        return attempt in {*in_work, *early}

    def _turn_passes(self, answer: Answer) -> None:
        """What waits for this one is begun if it was handled, and thrown away if not."""
        before = (answer.delivery, answer.attempt)
        while before in self._early:
            delivery, text = self._early.pop(before)
            if answer.ok:
                self._begin(delivery, text)
                return
            before = (delivery.id, delivery.attempt)

    def _begin(self, delivery: OpenDelivery, text: str) -> None:
        payload = json.loads(text)["payload"]
        name = payload["text"] if "text" in payload else payload["event"]["text"]
        in_work = next((each for each in self._work if each.delivery.id == delivery.id), None)
        if in_work is not None:
            in_work.delivery = max(in_work.delivery, delivery, key=lambda each: each.attempt)
            self._names[delivery.id, in_work.delivery.attempt] = name
            return
        given = [each for each in self._answers if each.delivery == delivery.id]
        if self.ahead and given and (given[-1].ok or given[-1].attempt == delivery.attempt):
            self._names[delivery.id, delivery.attempt] = name
            self._answer(attrs.evolve(given[-1], attempt=delivery.attempt))
            return
        self._world.say(f"{self.session} begins {name} ({delivery.id}.{delivery.attempt})")
        self._check_order(delivery, name)
        message = self._slack.messages[name]
        message.started += 1
        assert message.started <= 1 + message.excuses, f"{name} is handled twice without a reason"
        work = Work(delivery, name, self.session, delivery.answered)
        self._work.append(work)
        self._names[delivery.id, delivery.attempt] = name
        slow = self._world.rng.choice((0.0, 0.005, 0.05, 0.5, 1.5))
        if message.is_command and self.is_impatient:
            slow = min(slow, 0.5)
        if self._keeps and message.is_command and not work.answered and self._world.rng.random() < 0.5:
            self._world.after(self._world.rng.uniform(0.0, slow), lambda: self._keep(work))
        if self._unorders and not message.is_command and self._world.rng.random() < 0.2:
            self._world.after(self._world.rng.uniform(0.0, slow), lambda: self._unorder(work))
        self._world.after(slow, lambda: self._finish(work))

    def _unorder(self, work: Work) -> None:
        if not self.is_alive or self.up is None or work not in self._work:
            return
        attempt = (work.delivery.id, work.delivery.attempt)
        self._world.say(f"{work.name} {attempt} gives up its place")
        work.has_place, self._slack.messages[work.name].has_place = False, False
        self.up.send(("unorder", attempt))
        if attempt in self._early:
            self._begin(*self._early.pop(attempt))

    def _keep(self, work: Work) -> None:
        if not self.is_alive or work not in self._work:
            return
        work.answered, delivery = True, work.delivery
        self._world.say(f"{self.session} answers {work.name} ({delivery.id}.{delivery.attempt}), and keeps it")
        answer = Answer(delivery.id, delivery.attempt, True, json.dumps({"text": work.name}), delivery.lane)
        self._unconfirmed_keeps[delivery.id] = answer
        self._say_keep(delivery.id)

    def _say_keep(self, delivery: int) -> None:
        if self.up is not None and delivery in self._unconfirmed_keeps:
            self.up.send(("keep", self._unconfirmed_keeps[delivery]))

    def kept(self, delivery: int) -> None:
        """The broker's journal has the answer of a delivery that is kept."""
        self._unconfirmed_keeps.pop(delivery, None)

    def kill(self) -> None:
        self._world.say(f"kill -9 plugin {self.session}")
        for name in {each.name for each in self._work} | self._unconfirmed():
            self._slack.messages[name].excuses += 1
        for name in self.may_have(self.session):
            self._slack.messages[name].failures += 1
        self._work, self._answers, self._unconfirmed_keeps = [], [], {}
        self._early.clear()
        self.is_alive = False
        if self.up is not None:
            self.up.cut()
            self.up = None
            self.hang_up()
        self._world.after(self._world.rng.uniform(0.1, 3.0), self.start)

    def _unconfirmed(self) -> set[str]:
        """What it has answered and slackd may not know yet: it will be delivered again."""
        remembered = {(each.delivery, each.attempt) for each in self._remembered()}
        return {self._names[each] for each in remembered}

    def _check_order(self, delivery: OpenDelivery, name: str) -> None:
        if delivery.id in self.given_up:
            return
        if self._is_lost(self.session, delivery):
            self._cross(name, (delivery.id, delivery.attempt))
            return
        at_work = [each for program in self.everybody for each in program._work]
        mine = [each for each in at_work if not self._is_lost(each.session, each.delivery)]
        lane = [each for each in mine if each.delivery.lane is delivery.lane]
        slots = [each for each in lane if not is_intercepted(each.delivery.key)]
        full = len(slots) >= WINDOW and not is_intercepted(delivery.key)
        assert not full, f"the window is exceeded by {name}"
        own = [each for each in lane if each.session == self.session]
        assert len(own) < WINDOW, f"the window of {self.session} is exceeded by {name}"
        if not delivery.key and self.gets_unordered:
            return
        same = [each.name for each in lane if each.delivery.key == delivery.key and each.has_place]
        assert not same, f"{name} and {same} of one key at the plugin"
        before = self.unhandled_before(delivery)
        assert not before, f"{name} begins before {before} of its key"
        if self._slack.messages[name].started == 0:
            begun = self._slack.begun.get((delivery.lane, delivery.key), 0)
            assert begun < delivery.id, f"{name} begins for the first time after a later one of its key"
            self._slack.begun[delivery.lane, delivery.key] = delivery.id

    def _is_lost(self, session: str, delivery: OpenDelivery) -> bool:
        """It took too long, or one before it did, or the journal has given it up: its place is free."""
        return (session, delivery.id, delivery.attempt) in self.lost or delivery.id in self.given_up

    def _finish(self, work: Work) -> None:
        if not self.is_alive or work not in self._work:
            return
        self._work.remove(work)
        message = self._slack.messages[work.name]
        may_fail = not message.is_command or (self._keeps and work.answered)
        ok = not may_fail or self._world.rng.random() > 0.05
        if not ok:
            message.excuses += 1
            message.failures += 1
        else:
            message.done = True
        owes = message.is_command and not work.answered
        response = json.dumps({"text": work.name}) if owes else None
        delivery = work.delivery
        answer = Answer(delivery.id, delivery.attempt, ok, response, delivery.lane)
        self._world.say(f"{self.session} answers {work.name} ({delivery.id}.{delivery.attempt}): {ok}")
        self._answer(answer)

    def _answer(self, answer: Answer) -> None:
        self._answers.append(answer)
        if self.up is not None:
            self.up.send(("answer", answer))
            self._turn_passes(answer)

    def _remembered(self) -> list[Answer]:
        kept: list[Answer] = []
        for lane in Lane:
            kept += [each for each in self._answers if each.lane is lane][
                -2 * WINDOW - self.remembers - self.ahead :
            ]
        return kept

"""A developer who takes what one person does, now and then; what is recorded and sent is checked against it."""

from collections.abc import Sequence

from slackd.broker.dispatch.intercepted import is_intercepted
from slackd.broker.intercepts import Intercept
from slackd.broker.journal.writes import OpenDelivery, Record, Write
from tests.simulation.program import Program
from tests.simulation.world import EPOCH, World

INTERCEPT = Intercept("p", "main", "U2", 1000, "ticket")


class Developer:
    """Whether the intercept is in force, and since when.

    Attributes:
        programs: Those that come with its ticket.
    """

    def __init__(self, world: World, programs: Sequence[Program]) -> None:
        self._world = world
        self.programs = [each for each in programs if each.person]
        self.has_intercept = False
        self._turned_at: list[float] = []
        for program in self.programs:
            program.may_connect = lambda: self.has_intercept

    def begin(self) -> None:
        self._turn(True)
        for program in self.programs:
            self._world.after(0.01, program.try_to_connect)

    def end(self) -> None:
        """Their ticket is good for nothing any more: they end."""
        self._turn(False)
        for program in self.programs:
            if program.is_alive:
                program.kill()

    def check_records(self, writes: Sequence[Write]) -> None:
        """What the person does is the developer's from the record on, if nothing has changed since it came."""
        for write in writes:
            if isinstance(write, Record) and f'"{INTERCEPT.user}"' in write.envelope.text:
                came = write.received_at - EPOCH
                if not any(at >= came for at in self._turned_at):
                    for each in write.deliveries:
                        is_theirs = is_intercepted(each.key)
                        assert is_theirs is self.has_intercept, f"{each} is recorded for somebody else"

    def check_recipient(self, program: Program, deliveries: Sequence[OpenDelivery]) -> None:
        """They get what the person does; production gets that when nobody develops."""
        for each in deliveries:
            is_theirs = self.has_intercept and is_intercepted(each.key)
            assert bool(program.person) is is_theirs, f"{each} is sent to {program.session}"

    def _turn(self, begins: bool) -> None:
        self._world.say(f"the intercept {'begins' if begins else 'ends'}")
        self.has_intercept = begins
        self._turned_at.append(self._world.time)

"""The calls at Slack that the broker asked for, while they are under way."""

import asyncio
import logging
from collections.abc import Callable, Mapping

from slackd.connector.webapi import WebApi
from slackd.link import SendToBroker
from slackd.link.messages import OUTCOME_UNKNOWN, Call, Returned

log = logging.getLogger(__name__)


class CallsUnderWay:
    """Owns their tasks, which run in the connector's own group.

    Attributes:
        group: Where they run; None before the connector runs, and after.
        send: To the broker of this moment; None while there is no link.
    """

    def __init__(self, number: int, web: Mapping[str, WebApi], on_end: Callable[[], None]) -> None:
        """`number` is the connector's; `on_end` is called when one is over."""
        self.group: asyncio.TaskGroup | None = None
        self.send: SendToBroker | None = None
        self._number, self._web, self._on_end = number, web, on_end
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, call: Call) -> None:
        """Carry it out, and answer whoever asked."""
        send = self.send
        if send is None:
            return
        if self.group is None or call.app not in self._web:
            send(Returned(call.number, None, 0, error=f"connector {self._number} has no tokens of {call.app}"))
            return
        task = self.group.create_task(self._carry_out(call, send))
        self._tasks.add(task)
        task.add_done_callback(self._is_over)

    def cancel(self) -> None:
        """Give all of them up; nobody is answered."""
        for task in self._tasks:
            task.cancel()

    async def _carry_out(self, call: Call, send: SendToBroker) -> None:
        web = self._web[call.app]
        try:
            returned = await web.carry_out(call)
        except Exception as error:
            # One call must not end the connector, and with it every connection to Slack.
            log.exception("a call at Slack failed in a way that slackd did not expect: please report this")
            words = f"slackd's connector failed ({type(error).__name__}); see its log"
            returned = Returned(call.number, None, OUTCOME_UNKNOWN, error=words)
        # Another broker counts its calls anew: an answer goes to the one that asked, or to nobody.
        if self.send is send:
            send(returned)
            web.reported(call.key)

    def _is_over(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        self._on_end()

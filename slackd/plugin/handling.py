"""One delivery at its handler: which that is, what it is called with, and what its end means."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from slackd.plugin.calling import HandlerCaller
from slackd.plugin.context import Context
from slackd.plugin.envelope import Envelope
from slackd.plugin.errors import Permanent, Retry
from slackd.plugin.handlers import name_of
from slackd.plugin.matching import STEP, HandlerRoute, Routes
from slackd.plugin.nacks import MISTAKES, as_nack
from slackd.plugin.slack import current_envelope

logger = logging.getLogger("slackd.plugin")


class Handling:
    """Settles deliveries by what their handlers make of them.

    Args:
        routes: The plugin's handlers.
        caller: Calls them.
    """

    def __init__(self, routes: Routes, caller: HandlerCaller) -> None:
        self._routes, self._caller = routes, caller

    async def handle(self, context: Context) -> None:
        """Call the handler of an envelope, and settle the delivery, however that ends.

        Cancelling it leaves the delivery as it is.
        """
        envelope = context.envelope
        current_envelope.set(envelope)
        route: HandlerRoute | None = None
        try:
            route = self._routes.find(envelope)
            if route is None:
                logger.warning(
                    "no handler for %s, acknowledged: %s", envelope.type, envelope.raw.get("envelope_id")
                )
                context.ack()
                return
            if route.wanted is not None:
                context.match = route.wanted.search(envelope.text)
            value = await self._caller.call(route, envelope, context)
            if value is not None and route.pattern.startswith(STEP):
                await _complete(context, value)
            context.finish(value)
        except Exception as error:  # noqa: BLE001  the border to the author's code
            _log_failure(error, envelope, route)
            await self._failed(error, context)

    async def _failed(self, error: Exception, context: Context) -> None:
        """An error handler may answer in the handler's place; else the delivery is nacked."""
        for route in self._routes.of("error"):
            try:
                value = await self._caller.call(route, error, context.envelope, context)
                if value is not None and not context.answered:
                    context.finish(value)
            except Exception as another:  # the border to the author's code
                logger.exception("the error handler failed on delivery %s", context.envelope.delivery)
                context.conclude(as_nack(another))
        context.conclude(as_nack(error))


async def _complete(context: Context, value: Any) -> None:
    """What the handler of a custom step returned is its outputs."""
    if isinstance(value, Mapping) and not context.answered:
        await context.complete(value)


def _log_failure(error: Exception, envelope: Envelope, route: HandlerRoute | None) -> None:
    about = (envelope.delivery, envelope.attempt)
    if isinstance(error, MISTAKES):
        # What was returned is no handler's line in the traceback.
        name = name_of(route.handler) if route is not None else "the handler"
        logger.exception("%s answered delivery %s, attempt %d, with what can't be sent", name, *about)
    elif not isinstance(error, Retry | Permanent):
        logger.exception("handler failed on delivery %s, attempt %d", *about)

"""A broker whose journal can't go on ends, so that another begins from what is committed."""

import asyncio

import pytest

from slackd.broker.journal.sqlite.apply import Applier
from slackd.errors import JournalError
from tests.integration.broker.broker_rig import house
from tests.unit.broker.slack_texts import event


async def test_a_writer_that_failed_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("unforeseen")

    with pytest.raises(ExceptionGroup) as ended:
        async with house() as home:
            monkeypatch.setattr(Applier, "apply", fail)
            home.connector.deliver(event("Ev1"))
            async with asyncio.timeout(30):
                await asyncio.wait([home.running])
            home.stop.set()
    assert ended.group_contains(JournalError, match="writer failed")

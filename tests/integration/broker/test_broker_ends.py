"""A broker whose journal can't go on ends, so that another begins from what is committed."""

import asyncio

import pytest

from slackd.broker.journal.sqlite.apply import Applier
from slackd.errors import JournalError
from tests.integration.broker.broker_rig import house
from tests.support.slack_texts import event


def _fail(*_: object) -> None:
    raise RuntimeError("unforeseen")


async def _until_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    async with house() as home:
        monkeypatch.setattr(Applier, "apply", _fail)
        home.connector.deliver(event())
        async with asyncio.timeout(30):
            await asyncio.wait([home.running])
        home.stop.set()


async def test_a_writer_that_failed_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ExceptionGroup) as ended:
        await _until_it_ends(monkeypatch)
    assert ended.group_contains(JournalError, match="writer failed")

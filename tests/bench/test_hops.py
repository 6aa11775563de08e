"""The guard of the hot path: an event must not cross more than it does today."""

from tests.bench import hops

ALONE = 503
"""slackd's own calls for an event that comes alone, until it is closed, and of the time till then."""
ACKNOWLEDGED = 393
"""Those until it is acknowledged, delivered and answered."""
TOGETHER = 145.0
"""Calls an event, libraries' too, of many that come at once: their batches differ a little from run to run."""


async def test_an_event_crosses_no_more_calls_than_it_did() -> None:
    counted = await hops.count()
    assert counted.ours <= ALONE, f"{counted}"
    assert counted.acknowledged <= ACKNOWLEDGED, f"{counted}"
    assert counted.together <= TOGETHER, f"{counted}"

"""A Slack that runs on a laptop and in tests: Socket Mode, the Web API, response URLs, faults, and a ledger.

async with Emulator(settings=EmulatorSettings(time_scale=0.01)).serving() as slack:
    ...  # a client connects to slack.api_url
    entry = slack.command("/deploy", "api")
    await slack.wait_for_ack(entry)
    slack.fault("warning")
"""

from slackd.emulator.batch import Batch
from slackd.emulator.client import EmulatorClient
from slackd.emulator.errors import EmulatorError, WaitedTooLongError
from slackd.emulator.ledger import (
    ApiCall,
    Ledger,
    LedgerEntry,
    ReceivedAck,
    ResponsePost,
    SentEnvelope,
    Summary,
)
from slackd.emulator.server import Emulator
from slackd.emulator.settings import EmulatedApp, EmulatorSettings

__all__ = [
    "ApiCall",
    "Batch",
    "EmulatedApp",
    "Emulator",
    "EmulatorClient",
    "EmulatorError",
    "EmulatorSettings",
    "Ledger",
    "LedgerEntry",
    "ReceivedAck",
    "ResponsePost",
    "SentEnvelope",
    "Summary",
    "WaitedTooLongError",
]

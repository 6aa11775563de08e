"""Every event that slackd logs has an id, and what the catalog explains is logged under one."""

import re
from pathlib import Path

import slackd
from slackd.systemd import message_ids
from slackd.systemd.messages import MESSAGE_IDS

PACKAGE = Path(slackd.__file__).parent
LOGGED = re.compile(r'extra\w*\s*=\s*\{"event": "([a-z-]+)"')


def test_ids_are_128_bits_and_each_its_own() -> None:
    assert len(set(MESSAGE_IDS.values())) == len(MESSAGE_IDS)
    assert all(re.fullmatch("[0-9a-f]{32}", each) for each in MESSAGE_IDS.values())


def test_every_event_that_is_logged_by_name_has_one() -> None:
    """A new event needs a line in `slackd.systemd.messages`."""
    texts = (file.read_text() for file in PACKAGE.rglob("*.py") if "emulator" not in file.parts)
    logged = {event for text in texts for event in LOGGED.findall(text)}
    assert {"service-ready", "link-up"} <= logged
    assert logged <= set(MESSAGE_IDS)


def test_what_the_catalog_explains_is_among_them() -> None:
    explained = {value for name, value in vars(message_ids).items() if name.isupper()}
    assert explained <= set(MESSAGE_IDS.values())

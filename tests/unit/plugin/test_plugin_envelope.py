"""An `Envelope` is a value, whoever makes it."""

import dataclasses

import pytest

from slackd.plugin import Envelope

MESSAGE = {"payload": {"event": {"type": "message", "channel_type": "im", "channel": "D1", "text": "hi"}}}


def envelope() -> Envelope:
    return Envelope("7", 1, "main", "events_api", 1000.0, None, MESSAGE)


@pytest.mark.parametrize("name", [each.name for each in dataclasses.fields(Envelope)] + ["facets", "new"])
def test_nothing_is_assigned_to_it(name: str) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(envelope(), name, None)


def test_it_equals_another_with_the_same_members_whatever_was_asked_of_it() -> None:
    asked = envelope()
    assert (asked.channel, asked.text, asked.events) == ("D1", "hi", ("message.im", "message"))
    assert asked == envelope()
    assert repr(asked) == repr(envelope())


def test_what_it_is_about_is_read_once() -> None:
    asked = envelope()
    assert asked.facets is asked.facets


def test_another_is_made_of_it_with_other_members() -> None:
    asked = envelope()
    assert asked.text == "hi"
    other = dataclasses.replace(asked, type="hello", attempt=2)
    assert (other.delivery, other.attempt, other.text, other.events, other.answered) == ("7", 2, "", (), False)

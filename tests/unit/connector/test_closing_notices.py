"""What the broker is told of connections that close, and how long answers may follow."""

from slackd.connector.closing_notices import ClosingNotices
from slackd.connector.unacknowledged import Unacknowledged
from slackd.link.messages import Closing
from slackd.slack.limits import ACK_DEADLINE


def test_a_connection_that_brought_nothing_keeps_nobody() -> None:
    farewells = ClosingNotices(Unacknowledged())
    farewells.note(Closing("c1"), {"c1"}, 10.0)
    assert farewells.answers_until == 0.0


def test_what_was_acknowledged_without_its_answer_up_to_the_close_is_waited_for_from_there() -> None:
    farewells = ClosingNotices(Unacknowledged())
    farewells.note(Closing("c1"), {"c1"}, 10.0)
    farewells.note(Closing("c1", mute=True), {"c1"}, 12.5)
    assert farewells.answers_until == 12.5 + ACK_DEADLINE
    assert farewells.all() == (Closing("c1", mute=True),)


def test_of_a_connection_that_is_gone_with_all_it_brought_nothing_is_told_again() -> None:
    farewells = ClosingNotices(Unacknowledged())
    farewells.note(Closing("c1", mute=True), set(), 10.0)
    farewells.note(Closing("c2"), {"c2"}, 20.0)
    assert farewells.all() == (Closing("c2"),)

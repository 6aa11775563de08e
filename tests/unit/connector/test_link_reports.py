"""What the broker is told, and what it is told when it comes back."""

import pytest

from slackd.connector.link_reports import KEPT, LinkReports
from slackd.connector.transport import ConnectionChange
from slackd.link.messages import Acknowledged, AppTrouble, Changed, ConnectionState, FromConnector, Trouble

STATE = ConnectionState("c1-main-1", "main", "ready", 1.0)


@pytest.fixture
def reports() -> LinkReports:
    return LinkReports(["main"], [])


def listen(reports: LinkReports) -> list[FromConnector]:
    heard: list[FromConnector] = []

    def send(message: FromConnector) -> None:
        heard.append(message)

    reports.send = send
    reports.catch_up()
    return heard


def test_what_changed_without_a_link_is_told_once_in_order(reports: LinkReports) -> None:
    for at in (1.0, 2.0):
        reports.connection_changed(ConnectionChange(STATE, "hello", at, unconfirmed_until=5.0))
    heard = listen(reports)
    assert heard == [Changed(1, STATE, "hello", 1.0, 5.0), Changed(2, STATE, "hello", 2.0, 5.0)]
    assert listen(reports) == []
    reports.connection_changed(ConnectionChange(STATE, "dropped", 3.0))


def test_a_trouble_is_in_the_hello_and_its_end_is_told_afterwards(reports: LinkReports) -> None:
    trouble, over = AppTrouble("main", "invalid_auth", "hint"), AppTrouble("main", "", "")
    reports.trouble_changed(trouble)
    assert reports.troubles == {"main": trouble}
    assert listen(reports) == []
    reports.send = None
    reports.trouble_changed(over)
    assert reports.troubles == {}
    assert listen(reports) == [Trouble(over)]
    reports.send = None
    reports.trouble_changed(over)
    reports.trouble_changed(trouble)
    assert listen(reports) == []


def test_acknowledgements_are_told_together_and_kept_within_bounds(reports: LinkReports) -> None:
    for number in range(KEPT + 5):
        reports.acknowledged("main", [float(number)])
    reports.unsendable("main")
    reports.report_acknowledgements()
    heard = listen(reports)
    reports.report_acknowledgements()
    reports.report_acknowledgements()
    (told,) = heard
    assert isinstance(told, Acknowledged)
    assert (len(told.seconds), told.seconds[0], told.unsendable) == (KEPT, 5.0, 1)

"""Go or no-go before a reload or an upgrade: one line for each thing to look at. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, Final

from slackd.link.messages import RECEIVER as RECEIVER_NUMBER
from slackd.rolling_restart.plan import RECEIVER, last_ready
from slackd.rolling_restart.systemd import read_status
from slackd.slotted import frozen

ROOM_NEEDED: Final = 64 << 20
"""Bytes: with less on the journal's disk, a burst while the broker restarts could fill it."""
ROOM_WANTED: Final = 1 << 30
PLACES_WANTED: Final = 2
"""Free places under Slack's ten, below which planned rotation waits."""
ANSWERS_LIMIT: Final = 6.0
"""Seconds after which a draining connector lets nothing wait for a plugin's answer."""
CALL_LIMIT: Final = 12.0
"""Seconds that a draining connector waits for a Web API call."""


class Verdict(Enum):
    """What a line amounts to."""

    GO = "go"
    LOOK = "look"
    NO_GO = "no-go"


@frozen
class PreflightLine:
    """One thing that was looked at.

    Attributes:
        what: The thing, in a word or two.
        found: How it is, and what to do where it isn't good.
    """

    verdict: Verdict
    what: str
    found: str


def is_go(lines: Sequence[PreflightLine]) -> bool:
    """Whether nothing speaks against it."""
    return all(line.verdict is not Verdict.NO_GO for line in lines)


def of_disk(refusal: str, warnings: Sequence[str] = ()) -> Iterator[PreflightLine]:
    """Judge the configuration and credentials on disk, as `slackd rolling-restart` would check them.

    Args:
        refusal: Why they cannot be used, "" if they can.
        warnings: What works, and may not be what was meant.

    Yields:
        The lines to show.
    """
    if refusal:
        yield PreflightLine(Verdict.NO_GO, "configuration and tokens", refusal)
    else:
        yield PreflightLine(Verdict.GO, "configuration and tokens", "can be used; every token is of its kind")
    for warning in warnings:
        yield PreflightLine(Verdict.LOOK, "configuration", warning)


def of_disk_by_the_broker(status: Mapping[str, Any]) -> Iterator[PreflightLine]:
    """Judge the same where only root could look, by what the running broker sees of the disk.

    Args:
        status: The control API's `/v1/status`.

    Yields:
        The lines to show.
    """
    broker = status["broker"]
    problems = (*broker.get("config_left_out", ()), *broker.get("config_on_disk", ()))
    for words in problems:
        yield PreflightLine(Verdict.NO_GO, "configuration", words)
    if not problems:
        yield PreflightLine(Verdict.GO, "configuration", "can be used, as the broker sees it")
    yield PreflightLine(Verdict.LOOK, "tokens", "not checked, since they are root's: sudo slackctl preflight")


def of_status(status: Mapping[str, Any]) -> Iterator[PreflightLine]:
    """Judge what the running daemon says of itself.

    Args:
        status: The control API's `/v1/status`.

    Yields:
        The lines to show.
    """
    yield from _of_connectors(status)
    for app in status["apps"]:
        yield _of_places(app)
    journal = status["journal"]
    if journal["healthy"]:
        yield PreflightLine(Verdict.GO, "journal", "commits succeed")
    else:
        yield PreflightLine(
            Verdict.NO_GO, "journal", f"{journal['failing'] or 'the writer does not answer'}; repair that first"
        )


def of_room(free: int, directory: str) -> PreflightLine:
    """Judge the room on the journal's disk.

    Args:
        free: Bytes.
        directory: The journal's.

    Returns:
        The line to show.
    """
    found = f"{free / (1 << 30):.1f} GiB free on the disk of {directory}"
    if free < ROOM_NEEDED:
        return PreflightLine(Verdict.NO_GO, "journal's room", f"{found}: make room first")
    return PreflightLine(Verdict.LOOK if free < ROOM_WANTED else Verdict.GO, "journal's room", found)


def of_inflight(inflight: Mapping[str, Any]) -> PreflightLine:
    """Say what is in flight, and for how many seconds a reload waits for it.

    Args:
        inflight: The control API's `/v1/inflight`.

    Returns:
        The line to show.
    """
    answers, calls = inflight["answers_awaited"], inflight["calls_under_way"]
    waits = max(ANSWERS_LIMIT if answers else 0.0, CALL_LIMIT if calls else 0.0)
    found = (
        f"{inflight['total']} deliveries, which plugins keep; {answers} answers to Slack, {calls} calls: "
        f"each connector waits {f'at most {waits:g} s' if waits else 'for nothing'}"
    )
    return PreflightLine(Verdict.GO, "in flight", found)


def _of_connectors(status: Mapping[str, Any]) -> Iterator[PreflightLine]:
    dialling = [each for each in status["connectors"] if each["number"] != RECEIVER_NUMBER]
    linked = [each for each in dialling if each["linked"]]
    missing = [str(each["number"]) for each in dialling if not each["linked"]]
    if missing:
        hint = f"systemctl status slackd-connector@{missing[0]}"
        yield PreflightLine(
            Verdict.NO_GO, "connectors", f"connector {' and '.join(missing)} is not there: {hint}"
        )
    else:
        yield PreflightLine(Verdict.GO, "connectors", f"{len(linked)} linked to the broker")
    for receiver in (each for each in status["connectors"] if each["number"] == RECEIVER_NUMBER):
        if receiver["linked"]:
            yield PreflightLine(Verdict.GO, "receiver", "linked to the broker")
        else:
            found = f"it is not there, and Slack's requests wait: systemctl status {RECEIVER}"
            yield PreflightLine(Verdict.LOOK, "receiver", found)
    now = read_status(status)
    names = [app["name"] for app in status["apps"]]
    alone = {app for each in linked for app in last_ready(int(each["number"]), now, names)}
    for app in status["apps"]:
        name = app["name"]
        if name in alone:
            found = (
                "READY at one connector alone, whose restart would wait for the other: slackctl status says why"
            )
            yield PreflightLine(Verdict.NO_GO, f"app {name}", found)
        elif not app["ready"]:
            yield PreflightLine(
                Verdict.LOOK, f"app {name}", "READY nowhere: a reload interrupts nothing, and may repair it"
            )
        else:
            where = "the receiver" if app.get("transport") == "http" else "both connectors"
            yield PreflightLine(Verdict.GO, f"app {name}", f"READY at {where}")


def _of_places(app: Mapping[str, Any]) -> PreflightLine:
    found = f"{app['free']} free of Slack's ten ({app['ghosts']} ghosts, {app['foreign']} of other processes)"
    what = f"places of {app['name']}"
    if app["free"] < 1:
        return PreflightLine(
            Verdict.NO_GO, what, f"{found}: wait until ghosts are gone, or stop the other processes"
        )
    return PreflightLine(Verdict.LOOK if app["free"] < PLACES_WANTED else Verdict.GO, what, found)

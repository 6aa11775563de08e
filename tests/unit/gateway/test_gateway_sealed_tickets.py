"""Tickets: good once, for a while, for their app alone, and after a restart of the gateway."""

import itertools
import time
from pathlib import Path
from unittest.mock import Mock

import pytest

from slackd.config import PluginConfig
from slackd.gateway.apps import ServedApp
from slackd.gateway.credential_store import CredentialStore
from slackd.gateway.sealed_tickets import SealedTickets
from slackd.gateway.settings import TICKET_LIFETIME

BASE = "http://127.0.0.1:9743"


class Gateway:
    """What is left of one over its restarts: the file of the credentials, and the clock."""

    def __init__(self, folder: Path) -> None:
        self.now = time.time()
        self.folder = folder
        self.numbers = itertools.count()
        self.start()

    def start(self) -> None:
        self.store = CredentialStore(self.folder, lambda: self.now)
        nothing = Mock()
        self.apps = {
            name: ServedApp(
                PluginConfig(name, Path(f"{name}.toml")), "", self.store, nothing, nothing, nothing, None, None
            )
            for name in ("bot", "bot.two")
        }
        self.tickets = SealedTickets(self.apps, lambda: self.now, lambda: str(next(self.numbers)))

    def redeem(self, ticket: str | None) -> tuple[str, str] | None:
        redeemed = self.tickets.redeem(ticket)
        return (redeemed[0].plugin.name, redeemed[1]) if redeemed is not None else None


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    return Gateway(tmp_path)


@pytest.mark.parametrize("name", ["bot", "bot.two"])
def test_a_ticket_is_good_once(gateway: Gateway, name: str) -> None:
    ticket = gateway.tickets.issue(gateway.apps[name], BASE)
    assert gateway.redeem(ticket) == (name, BASE)
    assert gateway.redeem(ticket) is None


def test_a_ticket_expires(gateway: Gateway) -> None:
    early, late = (gateway.tickets.issue(gateway.apps["bot"], BASE) for _ in range(2))
    gateway.now += TICKET_LIFETIME - 0.1
    assert gateway.redeem(early) is not None
    gateway.now += 0.1
    assert gateway.redeem(late) is None


def test_a_ticket_outlives_the_gateway_that_gave_it_out(gateway: Gateway) -> None:
    ticket = gateway.tickets.issue(gateway.apps["bot"], BASE)
    gateway.start()
    assert gateway.redeem(ticket) == ("bot", BASE)
    assert gateway.redeem(ticket) is None


def test_a_ticket_outlives_a_rotation(gateway: Gateway) -> None:
    ticket = gateway.tickets.issue(gateway.apps["bot"], BASE)
    gateway.store.rotate("bot")
    assert gateway.redeem(ticket) == ("bot", BASE)


def test_a_ticket_of_nobody_is_refused(gateway: Gateway) -> None:
    ticket = gateway.tickets.issue(gateway.apps["bot"], BASE)
    mac, packed = ticket.split(".")[1:]
    respond = gateway.apps["bot"].urls(BASE).seal("respond", "http://somewhere")
    others = (
        None,
        "",
        "..",
        "bot",
        ticket + "A",
        f"bot.two.{mac}.{packed}",
        f"none.{mac}.{packed}",
        ".".join(respond.rsplit("/", 3)[-3:]),
    )
    assert [gateway.redeem(each) for each in others] == [None] * len(others)
    assert gateway.redeem(ticket) is not None


def test_spent_tickets_are_forgotten_when_they_have_expired(gateway: Gateway) -> None:
    for _ in range(1_000):
        gateway.redeem(gateway.tickets.issue(gateway.apps["bot"], BASE))
        gateway.now += 1.0
    assert len(gateway.tickets._spent) <= TICKET_LIFETIME + 1

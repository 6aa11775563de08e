"""Metrics, by Prometheus' own parser and conventions ("Metric and label naming")."""

import re

from prometheus_client.parser import text_string_to_metric_families

from slackd.broker.control.metrics import REASONS
from slackd.connector.socketmode.lifecycle import TRANSITIONS
from slackd.link.messages import Acknowledged
from slackd.slack.connection_states import ConnectionPhase
from tests.integration.control.control_rig import World, message, plugin_file, refuses, world
from tests.support.slack_texts import command

ISSUES = {
    "slackd_envelopes_total",
    "slackd_acks_total",
    "slackd_ack_latency_seconds_bucket",
    "slackd_connections",
    "slackd_reconnects_total",
    "slackd_ghosts",
    "slackd_foreign_connections",
    "slackd_seconds_without_ready_total",
    "slackd_first_seen_on_retry_total",
    "slackd_journal_bytes",
    "slackd_journal_commit_seconds_bucket",
    "slackd_deliveries_total",
    "slackd_open_deliveries",
    "slackd_oldest_open_delivery_age_seconds",
    "slackd_events_hour",
    "slackd_build_info",
}
"""What issue 9 wants to see."""


async def scrape(here: World) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample of a busy broker, by name and labels."""
    text = (await here.raw(_request("/metrics"), here.metrics)).partition(b"\r\n\r\n")[2].decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def _request(path: str) -> bytes:
    return f"GET {path} HTTP/1.0\r\nHost: slackd\r\nConnection: close\r\n\r\n".encode()


async def busy(here: World) -> None:
    """A bit of everything."""
    plugin = await here.plugin("deploy")
    connector = here.both_connectors()
    await connector.deliver_and_wait(
        message(1), message(1), command(2, "/other"), '{"type": "x"', _of_type("workflow_step")
    )
    await plugin.has_been_handed(1)
    connector.say(Acknowledged("main", (0.0004, 0.004, 2.7), unsendable=1))
    connector.enters("main", "leaving", "rotation due")
    connector.enters("main", "retiring", "replacement ready")
    connector.enters("main", "closed", "closed by either side", ghost_for=60.0)
    plugin.answer = refuses
    await connector.deliver_and_wait(message(5))
    await here.status(lambda found: found["plugins"][0]["dead"] == 1 and found["apps"][0]["ghosts"])


def _of_type(kind: str) -> str:
    return message(9).replace("events_api", kind)


async def test_what_happened_is_counted() -> None:
    async with world(plugin_file("deploy")) as here:
        await busy(here)
        samples = await scrape(here)
        main, deploy = ("app", "main"), ("plugin", "deploy")
        expected = {
            ("slackd_envelopes_total", (main, ("type", "events_api"))): 2,
            ("slackd_envelopes_total", (main, ("type", "slash_commands"))): 1,
            ("slackd_envelopes_total", (main, ("type", "other"))): 1,
            ("slackd_duplicate_envelopes_total", (main, ("type", "events_api"))): 1,
            ("slackd_unreadable_envelopes_total", (main,)): 1,
            ("slackd_acks_total", (main,)): 3,
            ("slackd_unsendable_acks_total", (main,)): 1,
            ("slackd_ack_latency_seconds_bucket", (main, ("le", "0.001"))): 1,
            ("slackd_ack_latency_seconds_bucket", (main, ("le", "2.5"))): 2,
            ("slackd_ack_latency_seconds_bucket", (main, ("le", "+Inf"))): 3,
            ("slackd_connections", (main, ("connector", "1"), ("state", "ready"))): 0,
            ("slackd_connections", (main, ("connector", "2"), ("state", "ready"))): 1,
            ("slackd_reconnects_total", (main, ("reason", "rotation_due"))): 1,
            ("slackd_reconnects_total", (main, ("reason", "closed_by_either_side"))): 0,
            ("slackd_ghosts", (main,)): 1,
            ("slackd_events_hour", (main,)): 3,
            ("slackd_deliveries_total", (("outcome", "done"), deploy)): 1,
            ("slackd_deliveries_total", (("outcome", "dead"), deploy)): 1,
            ("slackd_dead_letters", (deploy,)): 1,
            ("slackd_oldest_open_delivery_age_seconds", (deploy,)): 0,
            ("slackd_plugin_sessions", (deploy,)): 1,
        }
        assert {key: samples.get(key) for key in expected} == expected


async def test_a_first_one_is_seen_as_a_rise_since_zero_is_said_before_it() -> None:
    """`increase()` needs a sample from before: a series that begins with 1 has not risen."""
    async with world(plugin_file("deploy"), apps=["main", "other"]) as here:
        samples = await scrape(here)
        expected: set[tuple[str, tuple[tuple[str, str], ...]]] = {
            ("slackd_deliveries_total", (("outcome", outcome), ("plugin", "deploy")))
            for outcome in ("opened", "delivered", "done", "retried", "dead", "refused")
        }
        for app in ("main", "other"):
            for name in ("acks", "unsendable_acks", "refused_envelopes", "unreadable_envelopes"):
                expected.add((f"slackd_{name}_total", (("app", app),)))
            expected.add(("slackd_ack_latency_seconds_count", (("app", app),)))
            for reason in ("rotation_due", "dropped", "dial_failed", "app_refused"):
                expected.add(("slackd_reconnects_total", (("app", app), ("reason", reason))))
        assert {key: samples.get(key) for key in expected} == dict.fromkeys(expected, 0)


def test_every_reason_for_which_a_connection_is_replaced_is_known() -> None:
    gone = set(ConnectionPhase) - {ConnectionPhase.DIALLING, ConnectionPhase.READY}
    cues = {
        cue
        for at in (ConnectionPhase.DIALLING, ConnectionPhase.READY)
        for cue, to in TRANSITIONS[at].items()
        if to in gone
    }
    assert {cue.value.replace(" ", "_") for cue in cues} == set(REASONS)


async def test_everything_that_was_asked_for_is_there() -> None:
    async with world(plugin_file("deploy")) as here:
        await busy(here)
        assert {name for name, _ in await scrape(here)} >= ISSUES


async def test_names_help_and_units_are_as_prometheus_wants_them() -> None:
    async with world(plugin_file("deploy")) as here:
        await busy(here)
        text = (await here.raw(_request("/metrics"))).partition(b"\r\n\r\n")[2].decode()
        families = [each for each in text_string_to_metric_families(text) if each.name.startswith("slackd_")]
        assert len(families) > 25
        for family in families:
            assert re.fullmatch(r"slackd_[a-z]+(_[a-z]+)*", family.name)
            assert family.documentation.endswith("."), family.name
            assert not family.name.endswith(
                ("_count", "_sum", "_bucket", "_ms", "_milliseconds", "_kib", "_mb")
            )
            suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(
                family.type, ("",)
            )
            for sample in family.samples:
                assert sample.name.startswith(family.name)
                assert sample.name.endswith(suffixes), sample.name
                assert all(re.fullmatch("[a-z]+", label) for label in sample.labels)
            if family.type == "histogram":
                assert family.name.endswith("_seconds")
        assert text.count("# TYPE ") == len(set(re.findall(r"# TYPE (\S+)", text)))


async def test_types_that_somebody_invents_do_not_grow_the_metrics() -> None:
    async with world() as here:
        await here.both_connectors().deliver_and_wait(
            *(_of_type(f"type_{n}").replace("9", f"{n}") for n in range(50))
        )
        kinds = {
            dict(labels)["type"] for name, labels in await scrape(here) if name == "slackd_envelopes_total"
        }
        assert kinds == {"other"}


async def test_the_listener_for_scraping_serves_nothing_else() -> None:
    async with world() as here:
        for path in ("/v1/status", "/v1/deadletters", "/healthz", "/"):
            assert (await here.raw(_request(path), here.metrics)).startswith(b"HTTP/1.1 404")
        assert (await here.raw(_request("/metrics"), here.metrics)).startswith(b"HTTP/1.1 200")


async def test_no_message_of_anybody_and_no_token_is_in_the_metrics() -> None:
    async with world(plugin_file("deploy")) as here:
        await busy(here)
        text = await here.raw(_request("/metrics"))
        for secret in (b"verification-token", b"hello", b"C1", b"U1", b"the database is gone"):
            assert secret not in text

"""The alert rules and the dashboard that the package brings ask for metrics and labels that there are."""

import json
import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.control.control_rig import message, plugin_file, world

FOLDER = Path(__file__).parents[3] / "packaging/monitoring"
ALERTS = (FOLDER / "slackd-alerts.yml").read_text()
DASHBOARD = json.loads((FOLDER / "slackd-dashboard.json").read_text())
LABELS_OF_ALL = {"le"}


def expressions() -> list[str]:
    of_alerts = re.findall(r"(?m)^ +expr: (.+)$", ALERTS)
    of_panels = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    return [*of_alerts, *of_panels]


async def known_labels() -> dict[str, set[str]]:
    """By sample name, the labels that it has."""
    async with world(plugin_file("deploy")) as here:
        connector = here.both_connectors()
        await connector.deliver_and_wait(message(1))
        here.daemon.core.counters.count_call("deploy", "ok")
        text = (await here.raw(b"GET /metrics HTTP/1.0\r\n\r\n")).partition(b"\r\n\r\n")[2].decode()
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for name in (family.name, *(each.name for each in family.samples)):
            labels = {label for each in family.samples for label in each.labels}
            found.setdefault(
                f"{name}_total" if family.type == "counter" and name == family.name else name, labels
            )
    return found


async def test_every_metric_and_label_that_they_ask_for_is_there() -> None:
    known = await known_labels()
    assert len(expressions()) > 25
    for expression in expressions():
        names = re.findall(r"slackd_[a-z0-9_]+", expression)
        assert names, expression
        for name in names:
            assert name in known, expression
        labels = {
            label
            for clause in re.findall(r"by \(([a-z, ]+)\)", expression)
            for label in clause.replace(" ", "").split(",")
        } | set(re.findall(r'([a-z]+)=~?"', expression))
        assert labels <= set().union(*(known[name] for name in names)) | LABELS_OF_ALL, expression


async def test_what_alerts_and_legends_name_is_a_label_of_theirs() -> None:
    known = await known_labels()
    for alert in re.split(r"(?m)^ +- alert: ", ALERTS)[1:]:
        (expression,) = re.findall(r"expr: (.+)", alert)
        labels = set().union(*(known[name] for name in re.findall(r"slackd_[a-z0-9_]+", expression)))
        assert set(re.findall(r"\$labels\.([a-z]+)", alert)) <= labels, alert
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            labels = set().union(*(known[name] for name in re.findall(r"slackd_[a-z0-9_]+", target["expr"])))
            assert set(re.findall(r"{{([a-z]+)}}", target["legendFormat"])) <= labels, target


@pytest.mark.parametrize("part", ["severity:", "summary:", "description:"])
def test_every_alert_says_how_bad_it_is_and_what_to_do(part: str) -> None:
    alerts = re.split(r"(?m)^ +- alert: ", ALERTS)[1:]
    assert len(alerts) > 10
    assert all(part in alert for alert in alerts)


def test_the_package_installs_them() -> None:
    installed = (FOLDER.parents[1] / "debian/slackd.install").read_text()
    assert "packaging/monitoring/* usr/share/slackd/monitoring" in installed

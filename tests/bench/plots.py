"""What was measured, drawn: SVG files in `dist/bench`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pygal

from tests.bench.measures import Run, percentile

FOLDER: Final = Path(__file__).parents[2] / "dist/bench"
SHARES: Final = (0.5, 0.75, 0.9, 0.95, 0.99, 0.999)
"""Of all events: how many were as fast."""


def draw_rates(runs: Mapping[str, Sequence[Run]]) -> None:
    """Events a second, a bar for each turn."""
    turns = max(map(len, runs.values()))
    chart = pygal.Bar(**_style("Events a second: delivered, answered, closed", "turn"))
    chart.x_labels = [str(turn + 1) for turn in range(turns)]
    for name, each in runs.items():
        chart.add(name, [round(run.rate) for run in each])
    _save(chart, "throughput")


def draw_latencies(file: str, title: str, found: Mapping[str, Sequence[float]]) -> None:
    """Milliseconds within which so many of all were done; `found` has the seconds of each peer."""
    chart = pygal.Line(logarithmic=True, **_style(title, "of all events", "milliseconds"))
    chart.x_labels = [f"{share:.1%}" for share in SHARES]
    for name, seconds in found.items():
        chart.add(name, [round(percentile(seconds, share) * 1e3, 2) for share in SHARES])
    _save(chart, file)


def draw_memory(found: Mapping[str, Sequence[float]]) -> None:
    """MiB of each peer: idle, after the flood, a minute later."""
    chart = pygal.Bar(**_style("Memory (PSS) of all processes", "", "MiB"))
    chart.x_labels = ["idle", "after the flood", "a minute later"]
    for name, sizes in found.items():
        chart.add(name, [round(each) for each in sizes])
    _save(chart, "memory")


def _style(title: str, x_title: str, y_title: str = "") -> dict[str, Any]:
    # Without pygal's script, which a browser would have to fetch.
    return {"title": title, "x_title": x_title, "y_title": y_title, "js": [], "width": 760, "height": 420}


def _save(chart: Any, file: str) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{file}.svg").write_bytes(chart.render())

"""The page that says which methods of the Web API are emulated: `python -m slackd.emulator.method_table`."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from slackd.emulator.method_names import METHODS
from slackd.emulator.methods.registry import EMULATED, NOT_EMULATED

PAGE = "docs/emulated-methods.md"


def page() -> str:
    """The page's text."""
    lines = [
        "# Which methods of the Web API the emulator has",
        "",
        f"{len(EMULATED)} of {len(METHODS)}. The others answer `{NOT_EMULATED}`, an error that no SDK takes",
        "for success, and are marked in the ledger (`/control/summary`, `not_emulated`); with",
        "`--setting lenient=true` they say ok and do nothing. Written by",
        "`python -m slackd.emulator.method_table`.",
        "",
        "| family | emulated | not emulated |",
        "|---|---|---|",
    ]
    for family, names in groupby(sorted(METHODS), lambda name: name.partition(".")[0]):
        methods = list(names)
        emulated = [_short(name) for name in methods if name in EMULATED]
        missing = [_short(name) for name in methods if name not in EMULATED]
        lines.append(f"| `{family}` | {' '.join(emulated)} | {' '.join(missing)} |")
    return "\n".join(lines) + "\n"


def _short(name: str) -> str:
    return f"`{name.partition('.')[2]}`"


if __name__ == "__main__":
    Path(PAGE).write_text(page(), encoding="utf-8")

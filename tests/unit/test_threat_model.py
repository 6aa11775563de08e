"""Each line of the threat model names tests that there are."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/threat-model.md").read_text()
LINES = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.endswith("| shown by |")]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.split("|")[1].strip()[:60])
def test_every_line_names_a_test_that_there_is(line: str) -> None:
    _, attack, holds, shown, _ = line.split("|")
    assert attack.strip()
    assert holds.strip()
    names = [name.strip() for name in shown.split(",")]
    assert names
    for name in names:
        file, _, test = name.partition("::")
        assert re.search(rf"def {test}\(", (ROOT / file).read_text()), name

"""docs/operators/operation.md: a backup is taken and gone back to as the page says."""

import re
from pathlib import Path

import pytest

from tests.integration.documents.laptop import MISSING, SESSIONS, Laptop, read_until

PAGE = (Path(__file__).parents[3] / "docs" / "operators" / "operation.md").read_text(encoding="utf-8")
[RESTORE] = re.findall(r"^Back to it:\n\n```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.skipif(bool(MISSING), reason=f"the page asks for {', '.join(MISSING)}")
def test_a_backup_can_be_gone_back_to(laptop: Laptop) -> None:
    emulator = laptop.start("slackd emulate --port 8765")
    laptop.port = read_until(emulator, "All that can").partition("http://127.0.0.1:")[2].partition("/")[0]
    laptop.write_files()
    [mention] = [command for command, _ in SESSIONS if "/control/mention" in command]
    slackd = laptop.start("slackd run --config slackd.toml")
    read_until(slackd, "connector 2 is ready")
    assert laptop.says(mention) == "true\n"
    assert "in backup.db" in laptop.says("slackctl backup backup.db")
    assert laptop.says(mention) == "true\n"
    laptop.stop(slackd)

    here = (
        RESTORE.replace("systemctl stop slackd\n", "")
        .partition("systemctl start")[0]
        .replace("/var/lib/slackd", f"{laptop.folder}/state")
        .replace("/var/backups/slackd.db", f"{laptop.folder}/backup.db")
        .replace("-o slackd -g slackd ", "")
    )
    assert "start slackd; what was open at the time of the backup" in laptop.says(f"set -e; {here}")
    read_until(laptop.start("slackd run --config slackd.toml"), "connector 2 is ready")
    assert (
        laptop.says("slackctl replay hello --since 1h --dry-run")
        == "1 envelope would be delivered to hello again\n"
        "1 envelope left out, which hello does not subscribe to\n"
    )

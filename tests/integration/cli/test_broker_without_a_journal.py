"""A broker whose journal is damaged ends with words, and with a status that systemd doesn't restart."""

import os
import subprocess
import sys
from pathlib import Path

from slackd.cli.process import UNUSABLE_CONFIG


def test_a_damaged_journal_is_no_loop_of_restarts(tmp_path: Path) -> None:
    (tmp_path / "journal").mkdir()
    (tmp_path / "journal" / "journal.db").write_bytes(b"no journal" * 1_000)
    sockets = "".join(
        f'[{name}]\nsocket = "{tmp_path}/{name}.sock"\n' for name in ("plugins", "control", "link")
    )
    (tmp_path / "slackd.toml").write_text(f'[journal]\ndirectory = "journal"\n{sockets}')
    (tmp_path / "plugins.d").mkdir()
    command = [sys.executable, "-m", "slackd.cli.daemon", "broker", "--config", str(tmp_path / "slackd.toml")]
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "STATE_DIRECTORY": str(tmp_path)}
    said = subprocess.run(command, capture_output=True, text=True, check=False, env=environ, timeout=60)
    assert said.returncode == UNUSABLE_CONFIG, said.stderr
    assert "the journal is damaged" in said.stderr
    assert "slackctl journal rescue" in said.stderr

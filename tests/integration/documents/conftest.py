"""A laptop for each test."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.integration.documents.laptop import COMMANDS, Laptop


@pytest.fixture
def laptop() -> Iterator[Laptop]:
    with TemporaryDirectory(dir="/tmp") as name, ExitStack() as started:
        exported = dict(
            line.removeprefix("export ").split("=") for line in COMMANDS if line.startswith("export ")
        )
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("SLACKD_")},
            **exported,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "STATE_DIRECTORY": f"{name}/state",  # the places of whoever runs the tests are left alone
            "RUNTIME_DIRECTORY": f"{name}/run",
            "SLACKD_CONFIG": f"{name}/slackd.toml",
            "SLACKD_PLUGINS_SOCKET": f"{name}/run/plugins.sock",
        }
        yield Laptop(Path(name), environment, started)

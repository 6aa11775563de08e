"""Runs a Python app as it is, with slack_sdk's Web API at `SLACK_API_URL`.

    python -m slackd.testing.python_app FILE

Bolt's own examples make their client without a base URL, so there is nothing in them that could be told another
one: slack_sdk's default is replaced, before the app is read, in its clients' constructors.
"""

import importlib
import os
import runpy
import sys
from pathlib import Path
from typing import Final

SLACK: Final = "https://slack.com/api/"
"""slack_sdk's default."""
_CLIENTS: Final = (
    ("slack_sdk.web.base_client", "BaseClient"),
    ("slack_sdk.web.async_base_client", "AsyncBaseClient"),
    ("slack_sdk.web.legacy_base_client", "LegacyBaseClient"),
)


def point_slack_sdk_to(url: str) -> None:
    """Make Web API clients that are given no base URL use this one, where slack_sdk is installed."""
    for module, name in _CLIENTS:
        try:
            client = getattr(importlib.import_module(module), name)
        except ImportError:
            continue
        defaults = client.__init__.__defaults__ or ()
        client.__init__.__defaults__ = tuple(url if each == SLACK else each for each in defaults)


def main() -> None:
    """Run the file that the command line names, as `python FILE` does."""
    file = Path(sys.argv[1]).absolute()
    point_slack_sdk_to(os.environ["SLACK_API_URL"])
    sys.argv = sys.argv[1:]
    sys.path[0] = str(file.parent)
    runpy.run_path(str(file), run_name="__main__")


if __name__ == "__main__":
    main()

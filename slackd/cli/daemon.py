"""The entry of the `slackd` command.

A process as its unit starts it runs at once: the start of a broker is part of the three seconds that Slack
waits, and what reads and explains command lines takes a seventh of it. It reads all other command lines.
"""

import sys
from collections.abc import Sequence

from slackd import SlackdError
from slackd.cli import processes


def main() -> None:
    """The console script: what went wrong in slackd's own terms is said in a line, and the status is 1."""
    try:
        _run(sys.argv[1:])
    except SlackdError as error:
        print(f"slackd: {error}", file=sys.stderr)
        sys.exit(1)


def _run(arguments: Sequence[str]) -> None:
    match arguments:
        case ["broker", *option] if _is_config(option):
            processes.start_broker(*option[1:])
        case ["connector", "1" | "2" as number, *option] if _is_config(option):
            processes.start_connector(int(number), *option[1:])
        case _:
            from slackd.cli.commands import slackd
            from slackd.cli.streams import run

            run(slackd, "slackd")


def _is_config(option: Sequence[str]) -> bool:
    return not option or (len(option) == 2 and option[0] == "--config")


if __name__ == "__main__":
    main()

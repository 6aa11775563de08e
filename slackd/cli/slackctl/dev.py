"""`slackctl dev`: a plugin under development, with all that it needs, in one terminal."""

import asyncio
import contextlib
import logging
from pathlib import Path

import click


@click.command()
@click.argument("place", type=click.Path(path_type=Path, exists=True), default=Path())
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=0, help="Of the emulated Slack; a free one otherwise."
)
def dev(place: Path, port: int) -> None:
    """Run the plugin in PLACE (its folder, or its program) with an emulated Slack and slackd.

    It starts again when you save. What you type, you do in Slack: a message, /command, "click approve";
    "help" says more.
    """
    try:
        from slackd.local.dev import develop
    except ImportError as error:
        raise click.ClickException(f"it needs the emulator: apt install slackd-emulator ({error})") from None
    logging.basicConfig(level=logging.WARNING, format="slackd: %(message)s")
    # slackd is stopped and started here at each change of the plugin's file: that is no news.
    logging.getLogger("slackd.broker.connector_host").setLevel(logging.CRITICAL)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(develop(place, port))

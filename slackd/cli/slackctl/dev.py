"""`slackctl dev`: a plugin under development, with all that it needs, in one terminal."""

import asyncio
import contextlib
import logging
from pathlib import Path

import click

from slackd.cli.slackctl.options import client, socket_option


@click.command()
@click.argument("place", type=click.Path(path_type=Path, exists=True), default=Path())
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=0, help="Of the emulated Slack; a free one otherwise."
)
@click.option("--app", metavar="NAME", help="A real app, as slackd's configuration calls it; with --as.")
@click.option(
    "--as", "user", metavar="U0123ABCD", help="The person whose envelopes come here, by their member ID."
)
@socket_option
def dev(place: Path, port: int, app: str | None, user: str | None, socket: str | None) -> None:
    """Run the plugin in PLACE (its folder, or its program) with an emulated Slack and slackd.

    It starts again when you save. What you type, you do in Slack: a message, /command, "click approve";
    "help" says more.

    With --app and --as, it runs under the slackd of this host instead: what that one person does in the real
    app comes here, and everything else goes to the installed plugin, as before.
    """
    if (app is None) != (user is None):
        raise click.UsageError("--app and --as belong together: --app main --as U0123ABCD")
    logging.basicConfig(level=logging.WARNING, format="slackd: %(message)s")
    with contextlib.suppress(KeyboardInterrupt):
        if app is not None and user is not None:
            from slackd.local.dev import develop_as

            asking = client(socket)
            asking.get("/v1/plugins")  # says in words why it can't be asked, if so
            asyncio.run(develop_as(place, asking.path, app, user))
            return
        # slackd is stopped and started here at each change of the plugin's file: that is no news.
        logging.getLogger("slackd.broker.connector_host").setLevel(logging.CRITICAL)
        try:
            from slackd.local.dev import develop

            asyncio.run(develop(place, port))
        except ImportError as error:
            raise click.ClickException(
                f"it needs the emulator: apt install slackd-emulator ({error})"
            ) from None

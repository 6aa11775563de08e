"""`slackctl manifest`: the app manifest that the installed plugins need."""

import os

import click

from slackd.cli.slackctl.setup import print_manifest
from slackd.config import find_file, load
from slackd.errors import ConfigError


@click.command("manifest")
@click.option("--config", "config_file", metavar="FILE", help="The configuration, if it is elsewhere.")
@click.option("--app", "name", default="main", show_default=True, help="The app's name in the configuration.")
def manifest(config_file: str | None, name: str) -> None:
    """Print the manifest (JSON) for https://api.slack.com/apps: what the plugins' files declare for this app.

    What must be added by hand is said on stderr.
    """
    config = load(find_file(config_file, os.environ))
    if config.apps and name not in config.apps:
        raise ConfigError(f"no app {name!r} in {config.file}: there are {', '.join(config.apps)}")
    print_manifest(config, name)

"""`slackd exec NAME`: the process that runs a plugin's command."""

import logging
import os
import sys

from slackd.config import find_file
from slackd.config.load import load_for_start
from slackd.errors import ConfigError
from slackd.exec.runner import make_plugin, refuse_missing_program
from slackd.plugin import PluginRefused
from slackd.systemd.logs import set_up_logging


def run_exec(config_file: str | None, name: str) -> None:
    """Serve until told to stop.

    Raises:
        ConfigError: There is no such plugin, its file has no `[exec]`, or that names no program.
    """
    config = load_for_start(find_file(config_file, os.environ))
    plugin = config.plugin_files.get(name)
    if plugin is None:
        broken = next((words for words in config.left_out if words.startswith(f"plugin {name} ")), "")
        raise ConfigError(broken or f"no file in {config.plugins.directory} declares a plugin {name!r}")
    if plugin.exec is None:
        raise ConfigError(f'{plugin.file}: [exec] is missing: write [exec] and command = ["/path/to/program"]')
    refuse_missing_program(plugin.exec, plugin.file)
    set_up_logging(config.log.level)
    try:
        make_plugin(name, plugin.exec, socket=str(config.plugins.socket)).run()
    except PluginRefused as refused:
        logging.getLogger(__name__).critical("%s", refused)
        sys.exit(1)

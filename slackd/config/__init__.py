"""TOML files in, frozen and validated values out; every error names the file, the key and what was expected."""

from slackd.config.load import load
from slackd.config.paths import find_file
from slackd.config.values import (
    Absent,
    Allow,
    App,
    Config,
    Control,
    Delivery,
    JournalConfig,
    Log,
    LogLevel,
    OrderBy,
    PluginConfig,
    Plugins,
    SecretKind,
    SecretSource,
    Subscription,
)
from slackd.toml_reader.problems import InvalidConfig, Problem

__all__ = [
    "Absent",
    "Allow",
    "App",
    "Config",
    "Control",
    "Delivery",
    "InvalidConfig",
    "JournalConfig",
    "Log",
    "LogLevel",
    "OrderBy",
    "PluginConfig",
    "Plugins",
    "Problem",
    "SecretKind",
    "SecretSource",
    "Subscription",
    "find_file",
    "load",
]

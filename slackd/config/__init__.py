"""TOML files in, frozen and validated values out; every error names the file, the key and what was expected.

P7, the invariant kept here: whatever stands in a file, loading ends with a `Config`, or with an
`InvalidConfig` that lists every problem. A process that starts leaves a broken plugin's file out
(`load_for_start`), or takes the last good copy (`last_good`), rather than leave Slack without a connection.
"""

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

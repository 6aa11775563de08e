"""TOML files in, frozen and validated values out; every error names the file, the key and what was expected."""

from slackd.config.values import (
    Absent,
    App,
    Config,
    Control,
    Delivery,
    Journal,
    Log,
    OrderBy,
    Plugin,
    Plugins,
    SecretKind,
    SecretSource,
    Subscription,
)

__all__ = [
    "Absent",
    "App",
    "Config",
    "Control",
    "Delivery",
    "Journal",
    "Log",
    "OrderBy",
    "Plugin",
    "Plugins",
    "SecretKind",
    "SecretSource",
    "Subscription",
]

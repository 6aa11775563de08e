"""Names that requests give, looked up in what the broker knows.

A filter with a typo shows nothing, which looks as if nothing had happened: it is refused instead, with the name
that was meant.
"""

from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase

from slackd.broker.control.context import ControlContext
from slackd.broker.control.requests import BadRequest, NotFound
from slackd.config import PluginConfig
from slackd.slack.envelopes import COMMANDS, EVENTS, INTERACTIVE
from slackd.text import nearest_name

HAPPENINGS = ("recorded", "duplicate", "forbidden", "done", "retried", "dead")
"""What is said of an envelope: `Passed.what`."""
TYPES = (EVENTS, COMMANDS, INTERACTIVE)
LONGEST = 100
"""Characters of a wrong name that are looked at and repeated."""


def check_app(broker: ControlContext, name: str | None) -> None:
    """Check the name of an app; None is every app.

    Raises:
        NotFound: The configuration has no such app; the message names those that it has.
    """
    if name is not None and name not in broker.config.apps:
        raise _no_app(name, broker.config.apps)


async def check_app_of_gaps(broker: ControlContext, name: str | None) -> None:
    """Check the name of an app, which may also be one that had gaps before it was taken out of the
    configuration.

    Raises:
        NotFound: There is no such app, and there are no such gaps.
        JournalError: The gaps can't be read.
    """
    if name is None or name in broker.config.apps or await broker.journal.gaps(0.0, 1, name):
        return
    raise _no_app(name, broker.config.apps)


def declared_plugin(broker: ControlContext, name: str) -> PluginConfig:
    """The plugin's file, as it was read.

    Raises:
        NotFound: No file declares this plugin.
    """
    plugin = broker.config.plugin_files.get(name)
    if plugin is None:
        raise _no_plugin(name, broker.config.plugin_files)
    return plugin


async def check_plugin_of_letters(broker: ControlContext, name: str | None) -> None:
    """A plugin may also be one that left dead letters behind when it was taken out of plugins.d; "" is that of
    envelopes that nobody could understand.

    Raises:
        NotFound: There is neither such a plugin nor a dead letter of it.
        JournalError: The backlogs can't be read.
    """
    if not name or name in broker.config.plugin_files:
        return
    dead = {plugin for plugin, backlog in (await broker.journal.backlogs()).items() if plugin and backlog.dead}
    if name not in dead:
        raise _no_plugin(name, dead.union(broker.config.plugin_files), ", and none has dead letters")


def check_type(broker: ControlContext, name: str | None) -> None:
    """Check the type of an envelope; None is every type.

    Raises:
        BadRequest: slackd doesn't know this type, no plugin subscribes to it by its name, and Slack has not
            sent it since the start (Slack may think of new ones).
    """
    if name is None or name in TYPES or any(name == kind for _, kind in broker.core.counters.envelopes):
        return
    subscriptions = (each for plugin in broker.config.plugin_files.values() for each in plugin.subscriptions)
    if not any(each.type != "*" and fnmatchcase(name, each.type) for each in subscriptions):
        raise _none_of("type", name, TYPES)


def check_happening(name: str | None) -> None:
    """Check the name of what happens to an envelope; None is everything.

    Raises:
        BadRequest: It is none of `HAPPENINGS`.
    """
    if name is not None and name not in HAPPENINGS:
        raise _none_of("what", name, HAPPENINGS)


def _no_app(name: str, known: Collection[str]) -> NotFound:
    there_are = f"; it has {', '.join(sorted(known))}" if 0 < len(known) <= 10 else ""
    return NotFound(f"the configuration has no app {name[:LONGEST]!r}{_meant(name, known) or there_are}")


def _no_plugin(name: str, known: Iterable[str], more: str = "") -> NotFound:
    return NotFound(f"no file in plugins.d declares a plugin {name[:LONGEST]!r}{more}{_meant(name, known)}")


def _none_of(parameter: str, name: str, known: Iterable[str]) -> BadRequest:
    expected = f"expected one of {', '.join(known)}"
    return BadRequest(f"{parameter}={name[:LONGEST]!r}: {expected}{_meant(name, known)}")


def _meant(name: str, known: Iterable[str]) -> str:
    near = nearest_name(name[:LONGEST], known)
    return f"; did you mean {near!r}?" if near else ""

"""What of a plugin connection comes into the log: as many lines as its plugin or user may have there.

The journal drops whatever a service says beyond a limit of its own (journald.conf, `RateLimitBurst=`), slackd's
other lines too: no plugin gets near it.
"""

import asyncio
import logging

from slackd.broker.sessions.protocol import Logged
from slackd.broker.sessions.standing import Standing

log = logging.getLogger(__name__)

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 40}


def pass_on(said: Logged, plugin: str, standing: Standing) -> None:
    """A plugin's own line."""
    suppressed = standing.said.admit(asyncio.get_running_loop().time())
    extra = {"event": "plugin-log", "plugin": plugin}
    if suppressed:
        log.warning("%s: %d more lines of this plugin were suppressed", plugin, suppressed, extra=extra)
    if suppressed is not None:
        log.log(LEVELS.get(said.level, logging.INFO), "%s: %s", plugin, said.message, extra=extra)


def note(standing: Standing, level: int, event: str, text: str, *, plugin: str, uid: int) -> None:
    """A line about one of its connections."""
    suppressed = standing.notices.admit(asyncio.get_running_loop().time())
    extra = {"event": event, "plugin": plugin, "uid": uid}
    if suppressed:
        whose = f"plugin {plugin}" if plugin else f"uid {uid}"
        log.warning("%d more lines about connections of %s were suppressed", suppressed, whose, extra=extra)
    if suppressed is not None:
        log.log(level, "%s", text, extra=extra)

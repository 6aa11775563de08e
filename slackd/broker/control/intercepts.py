"""`POST /v1/intercepts`: one person's deliveries for one plugin, for as long as the answer is read."""

import asyncio
import contextlib
import json
import logging
import os
import secrets
from collections.abc import Mapping
from typing import Any, Final

from slackd.broker.control import lookups, requests
from slackd.broker.control.context import ControlContext
from slackd.broker.control.http import HttpRequest
from slackd.broker.intercepts import Intercept, InterceptTakenError
from slackd.broker.plugins.peer_credentials import OVERFLOW_UID, user_name
from slackd.config.plugin_file import MEMBER_ID
from slackd.unix_peers import uid_named

log = logging.getLogger(__name__)

HEARTBEAT: Final = 15.0
"""Seconds after which an empty line shows that the intercept is in force."""


async def stream(broker: ControlContext, request: HttpRequest) -> None:
    """The body is `{"plugin": NAME, "app": NAME, "user": "U…"}`.

    The first line of the answer has the ticket that a session says as `dev` in `initialize`, and with it
    `plugins_socket` and `file`; the intercept ends with the answer.

    Raises:
        BadRequest: The body says something else, or the kernel does not say who asks.
        Forbidden: The plugin's file doesn't let this user take that person's deliveries.
        Unavailable: Somebody has that person's deliveries already.
    """
    intercept = _asked(broker, request)
    await _check_consent(broker, intercept)
    try:
        broker.core.begin_intercept(intercept, broker.engine.clock())
    except InterceptTakenError as error:
        raise requests.Unavailable(str(error)) from None
    try:
        _note(request, intercept, "begins")
        with contextlib.suppress(ConnectionError):
            await request.begin_stream("application/x-ndjson")
            await request.write(json.dumps(_first_line(broker, intercept)).encode() + b"\n")
            await _until_either_ends(broker, request)
    finally:
        broker.core.end_intercept(intercept, broker.engine.clock())
        broker.plugin_host.end_intercept(intercept)
        broker.engine.wake()
        _note(request, intercept, "ends")


async def _until_either_ends(broker: ControlContext, request: HttpRequest) -> None:
    async with asyncio.TaskGroup() as group:
        either = [group.create_task(each) for each in (request.wait_for_end(), broker.stopping.wait())]
        with contextlib.suppress(ConnectionError):
            while not (await asyncio.wait(either, timeout=HEARTBEAT, return_when=asyncio.FIRST_COMPLETED))[0]:
                await request.write(b"\n")
        for task in either:
            task.cancel()


def _asked(broker: ControlContext, request: HttpRequest) -> Intercept:
    content = requests.body(request, ("plugin", "app", "user"))
    name, app, user = (requests.text_in(content, each) for each in ("plugin", "app", "user"))
    if name is None or app is None or user is None:
        raise requests.BadRequest('name all three: {"plugin": NAME, "app": NAME, "user": "U0123ABCD"}')
    plugin = lookups.declared_plugin(broker, name)
    lookups.check_app(broker, app)
    if plugin.apps and app not in plugin.apps:
        raise requests.BadRequest(f"{plugin.file} is not for the app {app!r}; it has {', '.join(plugin.apps)}")
    if not MEMBER_ID.fullmatch(user):
        raise requests.BadRequest(
            f"user={user[:50]!r}: expected a member ID such as U0123ABCD: "
            "it is in Slack under your profile, ⋮, Copy member ID"
        )
    if request.peer is None or request.peer.uid == OVERFLOW_UID:
        raise requests.BadRequest("the kernel does not say who asks: ask from outside of the user namespace")
    return Intercept(name, app, user, request.peer.uid, secrets.token_urlsafe(24))


async def _check_consent(broker: ControlContext, intercept: Intercept) -> None:
    """Whoever may ask may read envelopes, but not answer and call in the plugin's name: that its file allows.
    slackd's own user may in a foreground run, where nobody else is there to ask."""
    if broker.foreground and intercept.uid == os.getuid():
        return
    plugin = broker.config.plugin_files[intercept.plugin]
    accounts = [account for account, people in plugin.developers.items() if intercept.user in people]
    uids = await asyncio.to_thread(lambda: [uid_named(account) for account in accounts])
    if intercept.uid not in uids:
        name = await asyncio.to_thread(user_name, intercept.uid)
        raise requests.Forbidden(
            f"{plugin.file} does not let user {name} take what {intercept.user} does: if it should, write "
            f'[developers] {name} = "{intercept.user}" there, then slackctl reload'
        )


def _first_line(broker: ControlContext, intercept: Intercept) -> Mapping[str, Any]:
    return {
        "ticket": intercept.ticket,
        "plugin": intercept.plugin,
        "app": intercept.app,
        "user": intercept.user,
        "plugins_socket": str(broker.config.plugins.socket),
        "file": str(broker.config.plugin_files[intercept.plugin].file),
    }


def _note(request: HttpRequest, intercept: Intercept, verb: str) -> None:
    log.warning(
        "%s: the intercept of %s of %s by %s %s",
        intercept.plugin,
        intercept.user,
        intercept.app,
        requests.who(request),
        verb,
        extra={"event": f"intercept-{verb}", "plugin": intercept.plugin},
    )

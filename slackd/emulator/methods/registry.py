"""All emulated methods, and what becomes of a call of one that is not.

Times are seconds on the emulator's clock; `wall` is UNIX seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from slackd.emulator.app_surfaces import AppSurfaces
from slackd.emulator.context import EmulatorContext
from slackd.emulator.method_names import METHODS as KNOWN
from slackd.emulator.methods import (
    assistant,
    chat,
    conversations,
    files,
    membership,
    reactions,
    scheduling,
    streams,
    usergroups,
    users,
    views,
)
from slackd.emulator.methods.call import Json, Method, MethodCall
from slackd.emulator.methods.scopes import missing_scope
from slackd.emulator.settings import EmulatedApp
from slackd.emulator.workspace import Workspace
from slackd.slack_server.errors import MethodError

NOT_EMULATED: Final = "not_emulated"
"""The error of a method that Slack has and the emulator doesn't."""

CARRIED_OUT: Final[dict[str, Method]] = {
    name: method
    for module in (
        assistant,
        chat,
        conversations,
        files,
        membership,
        reactions,
        scheduling,
        streams,
        usergroups,
        users,
        views,
    )
    for name, method in module.METHODS.items()
}
"""The methods that an app's bot token calls."""

OF_THE_FRONT: Final = frozenset({"api.test", "apps.connections.open", "auth.test"})
"""Emulated, too: they are about tokens, not about the workspace."""

EMULATED: Final = frozenset(CARRIED_OUT) | OF_THE_FRONT

assert EMULATED <= KNOWN


class Methods:
    """Carries out calls that were let in.

    Args:
        workspaces: the workspace of each app, by the app's id.
        surfaces: what each app has opened, by its id.
        base_url: of this Slack.
        notify: what happened because of a call, with the app that called.
    """

    def __init__(
        self,
        context: EmulatorContext,
        workspaces: Mapping[str, Workspace],
        surfaces: Mapping[str, AppSurfaces],
        base_url: str,
        notify: Callable[[EmulatedApp, Json], None],
    ) -> None:
        self._context = context
        self._workspaces = workspaces
        self._surfaces = surfaces
        self._base_url = base_url
        self._notify = notify

    def carry_out(
        self,
        method: str,
        app: EmulatedApp,
        args: Mapping[str, Any],
        now: float,
        execution_id: str | None = None,
    ) -> Json:
        """Do it, and return the answer's fields.

        Args:
            execution_id: the custom step whose token was used.

        Raises:
            MethodError: Slack says no, or the method is not emulated.
        """
        settings = self._context.settings
        carry_out = CARRIED_OUT.get(method)
        if carry_out is None:
            if settings.lenient:
                return {}
            raise MethodError(
                NOT_EMULATED,
                response_metadata={
                    "messages": [
                        f"[ERROR] slackd's emulator has no {method}; the setting lenient=true answers ok"
                    ]
                },
            )
        if settings.enforces_scopes:
            named = self._workspaces[app.app_id].conversations.get(str(args.get("channel")))
            kind = named.kind if named is not None else None
            if missing := missing_scope(method, app.scopes, args, kind):
                raise MethodError("missing_scope", needed=missing, provided=",".join(app.scopes))

        def notify(event: Json) -> None:
            self._notify(app, event)

        call = MethodCall(
            app=app,
            args=args,
            now=now,
            context=self._context,
            workspace=self._workspaces[app.app_id],
            surfaces=self._surfaces[app.app_id],
            base_url=self._base_url,
            notify=notify,
        )
        answer = carry_out(call)
        if execution_id is not None:
            view = answer.get("view")
            made = view["id"] if isinstance(view, dict) else answer.get("ts") or answer.get("message_ts")
            if isinstance(made, str):
                call.surfaces.made_in_step[made] = execution_id
        return answer

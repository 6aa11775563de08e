"""Slack's Web API, as much as an app's answers need: tokens judged, calls recorded, answers in Slack's form.

Times are seconds on the emulator's clock; `wall` is UNIX seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from slackd.emulator.core import SlackCore
from slackd.emulator.faults import PlannedFault
from slackd.emulator.ledger import ApiCall
from slackd.emulator.method_names import METHODS
from slackd.emulator.methods.registry import EMULATED, Methods
from slackd.emulator.rates import RateLimits
from slackd.emulator.settings import EmulatedApp
from slackd.slack_server.api import ApiAnswer, ApiRequest
from slackd.slack_server.errors import MethodError
from slackd.slack_server.tickets import link_url

Json = dict[str, Any]
_WITHOUT_TOKEN = frozenset({"api.test"})


class EmulatedWebApi:
    """Answers calls: judges the token, lets `methods` carry them out, and records them.

    Args:
        step_tokens: the tokens of custom steps, with their app and `function_execution_id`.
        scheme: of the WebSockets' URLs, `ws` or `wss`.
    """

    def __init__(
        self,
        slack: SlackCore,
        methods: Methods,
        step_tokens: Mapping[str, tuple[EmulatedApp, str]],
        *,
        scheme: str,
    ) -> None:
        self._slack = slack
        self._methods = methods
        self._step_tokens = step_tokens
        self._scheme = scheme
        self._rates = RateLimits(slack.context)
        self._by_app_token = {side.app.app_token: side.app for side in slack.sides.values()}
        self._by_bot_token = {side.app.bot_token: side.app for side in slack.sides.values()}

    def answer(self, request: ApiRequest, now: float) -> ApiAnswer:
        """Judge one call, carry it out, record it.

        Returns:
            The answer, with its HTTP status.
        """
        app: EmulatedApp | None = None
        args = request.arguments
        try:
            app = self._authenticate(request)
            fault = self._slack.faults.take("api", app.app_id if app else None, request.method)
            answer = _faulty(fault) if fault else self._limited(app, request.method, args, now)
            if answer is None:
                body = {"ok": True, **self._carry_out(app, request, args, now)}
                answer = ApiAnswer(body=body, headers=self._scopes(app, request.method))
            if fault:
                answer = attrs.evolve(answer, delay=self._slack.settings.scaled(fault.delay))
        except MethodError as refused:
            answer = ApiAnswer(status=refused.status, headers=refused.headers, body=refused.body)
        app_id = app.app_id if app else None
        emulated = request.method in EMULATED or request.method not in METHODS
        call = ApiCall(request.method, app_id, args, now, answer.status, answer.body, emulated)
        self._slack.ledger.calls.append(call)
        if not emulated:
            self._slack.ledger.odd(app_id or "", f"call of {request.method}, which is not emulated")
        self._slack.on_change()
        return answer

    def _authenticate(self, request: ApiRequest) -> EmulatedApp | None:
        method = request.method
        if method not in METHODS:
            raise MethodError("unknown_method", req_method=method)
        if request.error is not None:
            raise MethodError(request.error)
        if method == "apps.connections.open":
            if not request.post:
                raise MethodError("insecure_request")
            token = request.bearer
        else:
            token = request.token
        if not token:
            if method in _WITHOUT_TOKEN:
                return None
            raise MethodError("not_authed")
        app_level = self._by_app_token.get(token)
        bot_level = self._by_bot_token.get(token) or self._step_tokens.get(token, (None,))[0]
        if app_level is None and bot_level is None:
            raise MethodError("invalid_auth")
        for_app_tokens = method in ("apps.connections.open", "apps.event.authorizations.list")
        if method != "auth.test" and for_app_tokens is (app_level is None):
            raise MethodError("not_allowed_token_type")
        return app_level or bot_level

    def reads_files(self, authorization: str) -> bool:
        """Whether that header has a bot token that downloads files (with `files:read`, if scopes count)."""
        scheme, _, token = authorization.partition(" ")
        app = self._by_bot_token.get(token.strip()) if scheme.lower() == "bearer" else None
        if app is None:
            return False
        return not self._slack.settings.enforces_scopes or "files:read" in app.scopes

    def _limited(self, app: EmulatedApp | None, method: str, args: Json, now: float) -> ApiAnswer | None:
        if app is None or not self._slack.settings.rate_limits:
            return None
        wait = self._rates.retry_after(app.app_id, method, str(args.get("channel", "")), now)
        if wait is None:
            return None
        body = {"ok": False, "error": "ratelimited"}
        return ApiAnswer(status=429, headers={"Retry-After": str(wait)}, body=body)

    def _carry_out(self, app: EmulatedApp | None, request: ApiRequest, args: Json, now: float) -> Json:
        if app is None:
            return self._api_test(args)
        match request.method:
            case "apps.connections.open":
                return {"url": self._wss_url(app, request.host, now)}
            case "auth.test":
                return self._auth_test(app, request)
            case "api.test":
                return self._api_test(args)
        _, execution_id = self._step_tokens.get(request.token or "", (app, None))
        return self._methods.carry_out(request.method, app, args, now, execution_id)

    def _wss_url(self, app: EmulatedApp, host: str, now: float) -> str:
        lifetime = self._slack.settings.scaled(self._slack.settings.ticket_lifetime)
        ticket = self._slack.tickets.issue(app.app_id, now, lifetime)
        return link_url(self._scheme, host, ticket, app.app_id)

    def _api_test(self, args: Json) -> Json:
        if error := args.get("error"):
            raise MethodError(str(error), args=args)
        return {"args": args} if args else {}

    def _auth_test(self, app: EmulatedApp, request: ApiRequest) -> Json:
        if request.token == app.app_token:
            return {"app_name": app.name, "app_id": app.app_id}
        return {
            "url": f"https://{app.team_domain}.slack.com/",
            "team": app.team_domain,
            "user": app.name,
            "team_id": app.team_id,
            "user_id": app.bot_user_id,
            "bot_id": app.bot_id,
            "is_enterprise_install": False,
        }

    def _scopes(self, app: EmulatedApp | None, method: str) -> Mapping[str, str]:
        if app is None:
            return {}
        scopes = ("connections:write",) if method == "apps.connections.open" else app.scopes
        return {"x-oauth-scopes": ",".join(scopes)}


def _faulty(fault: PlannedFault) -> ApiAnswer | None:
    """The answer that a fault dictates; None for one that only delays the true one."""
    if fault.error is None and fault.status is None and fault.body is None and not fault.hang:
        return None
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    status = fault.status or (429 if fault.retry_after is not None else 200)
    error = fault.error or ("ratelimited" if status == 429 else "internal_error")
    body = {"ok": False, "error": error}
    return ApiAnswer(status=status, headers=headers, body=body, raw=fault.body, hang=fault.hang)

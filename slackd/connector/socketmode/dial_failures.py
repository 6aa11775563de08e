"""What a dial that came to nothing means: is it worth another try soon, and what can a person do. Pure.

Sources: "apps.connections.open" (its errors); which of them end in the field and which pass is gathered from
the issue trackers of Slack's own clients (`internal_error` and `fatal_error` are transient there).
"""

from typing import Final

from slackd.connector.network_errors import PROXY_WANTS_A_NAME
from slackd.slotted import frozen

_TOKEN: Final = (
    "put a valid app-level token (xapp-, scope connections:write) in place as {key} and reload slackd"
)
_KIND: Final = "{key} must be an app-level token (xapp-), made under Basic Information, App-Level Tokens"
_SCOPE: Final = "give the app-level token of {key} the scope connections:write"
_ACCOUNT: Final = "the app or the person who installed it was deactivated: install the app again ({key})"
_TEAM: Final = "the workspace does not allow this app: ask its administrators to approve it ({key})"
_PLACE: Final = (
    "check api_url and proxy of this app: the request does not arrive at Slack as it was sent ({key})"
)

FATAL: Final = {
    "invalid_auth": _TOKEN,
    "not_authed": _TOKEN,
    "token_revoked": _TOKEN,
    "token_expired": _TOKEN,
    "not_allowed_token_type": _KIND,
    "missing_scope": _SCOPE,
    "no_permission": _SCOPE,
    "account_inactive": _ACCOUNT,
    "user_removed_from_team": _ACCOUNT,
    "team_disabled": _TEAM,
    "team_access_not_granted": _TEAM,
    "forbidden_team": _TEAM,
    "access_denied": _TEAM,
    "ekm_access_denied": _TEAM,
    "org_login_required": _TEAM,
    "two_factor_setup_required": _ACCOUNT,
    "insecure_request": _PLACE,
    "missing_args": _PLACE,
    "unknown_method": _PLACE,
}
"""Errors of `apps.connections.open` that stay until a person changes something, each with its hint."""

LINK_DISABLED_HINT: Final = "switch Socket Mode on in the app's settings at api.slack.com/apps (Socket Mode)"


@frozen
class DialFailure:
    """Why a dial came to nothing.

    Attributes:
        reason: In words; for an error of Slack's, begins with its name.
        hint: What a person can do; "" if nothing is known to help but waiting.
        fatal: It stays until a person changes something.
        retry_after: Seconds that Slack asks us to wait, from a 429.
    """

    reason: str
    hint: str = ""
    fatal: bool = False
    retry_after: float | None = None


def of_api_error(error: str, app: str) -> DialFailure:
    """What an `ok: false` of apps.connections.open means."""
    hint = FATAL.get(error)
    if hint is None:
        return DialFailure(f"{error} (from apps.connections.open)")
    return DialFailure(f"{error} (from apps.connections.open)", hint.format(key=f"apps.{app}.app_token"), True)


def of_rate_limit(retry_after: float) -> DialFailure:
    """What a 429 means that says after how many seconds to come again."""
    return DialFailure("ratelimited (from apps.connections.open)", retry_after=retry_after)


def of_handshake(status: int) -> DialFailure:
    """What an HTTP answer other than 101 at the WebSocket's handshake means; none of them is fatal."""
    reason = f"HTTP {status} at the WebSocket's handshake"
    if status == 200:
        return DialFailure(
            reason, "a proxy answers in Slack's place: let *.slack.com:443 through, or set proxy"
        )
    if status == 407:
        return DialFailure(reason, PROXY_WANTS_A_NAME)
    return DialFailure(reason)

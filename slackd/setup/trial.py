"""Trying tokens at Slack before anything is written: do they belong to an app that may use Socket Mode?"""

import aiohttp
import attrs

from slackd.config.values import App
from slackd.connector.credentials import Secret
from slackd.connector.http_session import slack_session
from slackd.connector.proxy import proxy_for
from slackd.connector.slackapi import SlackAnswer, SlackApi
from slackd.connector.trust import tls_context
from slackd.errors import SlackRefused

_WITHIN = aiohttp.ClientTimeout(total=15)


@attrs.frozen
class Trial:
    """What Slack said.

    Attributes:
        found: What is known now, a line each.
        unreachable: Why Slack could not be asked, "" if it could.
    """

    found: tuple[str, ...] = ()
    unreachable: str = ""


async def try_tokens(app: App, app_token: Secret | None, bot_token: Secret | None) -> Trial:
    """Ask `auth.test` with the bot token and `apps.connections.open` with the app token, undialled.

    Args:
        app: Where the Web API is, and the way there.
        app_token: Not tried if None.
        bot_token: Not tried if None.

    Returns:
        What Slack said, or why it could not be asked.

    Raises:
        SlackRefused: Slack refuses a token, and will again; the message says which and why.
    """
    found: list[str] = []
    tls = tls_context(app.ca_file)
    async with slack_session(tls, timeout=_WITHIN) as session:

        async def ask(token: Secret, method: str) -> SlackAnswer:
            proxy = proxy_for(app.api_url, app.proxy)
            return await SlackApi(token, app.api_url, session, proxy, tls).call(method)

        if bot_token is not None:
            answer = await ask(bot_token, "auth.test")
            if answer.body is None:
                return Trial(unreachable=_why(answer))
            _refuse("bot token", "auth.test", answer)
            found.append(f"bot token: {answer.body.get('user')} in {answer.body.get('team')}")
        if app_token is not None:
            answer = await ask(app_token, "apps.connections.open")
            if answer.body is None:
                return Trial(tuple(found), unreachable=_why(answer))
            _refuse("app token", "apps.connections.open", answer)
            found.append("app token: may open Socket Mode connections")
    return Trial(tuple(found))


def _why(answer: SlackAnswer) -> str:
    return f"{answer.error}: {answer.hint}" if answer.hint else answer.error


_HINTS = {
    "invalid_auth": "copy it again from the app's settings",
    "not_authed": "copy it again from the app's settings",
    "token_revoked": "generate a new one in the app's settings",
    "account_inactive": "install the app into the workspace again",
    "not_allowed_token_type": "an app token (xapp-) and a bot token (xoxb-) are wanted, each in its own place",
    "missing_scope": "the app token needs the scope connections:write",
}


def _refuse(token: str, method: str, answer: SlackAnswer) -> None:
    if not answer.slack_error or answer.slack_error in ("ratelimited", "internal_error", "fatal_error"):
        return
    hint = _HINTS.get(answer.slack_error, f"look up {answer.slack_error} on the page of {method}")
    raise SlackRefused(
        f"Slack refuses the {token} ({answer.slack_error} from {method}): {hint}. Nothing was written."
    )

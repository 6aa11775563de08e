"""What keeps an installation from working well: rules over what was looked at. Pure.

Each rule yields findings: what it looked at, how it is, and the hint where it is not good.
"""

import enum
from collections.abc import Iterator, Sequence
from email.utils import parsedate_to_datetime
from typing import Any, Final

import attrs

from slackd.config.values import PluginConfig
from slackd.connector.slackapi import SlackAnswer
from slackd.errors import CredentialError
from slackd.setup.manifest import DELAYED_EVENTS, manifest, unknown

CLOCK_WARNING: Final = 30.0
"""Seconds by which this clock may differ from Slack's before it is worth a word."""
CLOCK_LIMIT: Final = 300.0
"""Seconds by which a request's timestamp may differ ("Verifying requests from Slack")."""
LITTLE_ROOM: Final = 1 << 30
"""Free bytes below which a journal should not live."""


class Health(enum.Enum):
    """How one thing is."""

    GOOD = "good"
    LOOK = "look"
    BAD = "bad"


@attrs.frozen
class Diagnosis:
    """One thing that was looked at.

    Attributes:
        about: What: "clock", "app main".
        text: How it is.
        hint: What to do, "" if nothing is to be done.
    """

    health: Health
    about: str
    text: str
    hint: str = ""


def of_clock(date: str, now: float) -> Iterator[Diagnosis]:
    """Compare this machine's clock with the `Date` of an answer of Slack's.

    Args:
        date: The header, "" if there was none.
        now: UNIX time in seconds at which the answer came.
    """
    try:
        theirs = parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError):
        return
    apart = abs(now - theirs)
    if apart < CLOCK_WARNING:
        yield Diagnosis(Health.GOOD, "clock", "agrees with Slack's")
    else:
        health = Health.BAD if apart > CLOCK_LIMIT else Health.LOOK
        yield Diagnosis(health, "clock", f"{apart:.0f} s apart from Slack's", "timedatectl set-ntp true")


def of_disk(free: int, directory: str) -> Diagnosis:
    """Judge the room (bytes) where the journal lives.

    Returns:
        What to say of it.
    """
    text = f"{free / (1 << 30):.1f} GiB free in {directory}"
    if free < LITTLE_ROOM:
        return Diagnosis(Health.LOOK, "disk", text, "make room: a full disk means that nothing is acknowledged")
    return Diagnosis(Health.GOOD, "disk", text)


def of_journal_folder(mode: int, directory: str) -> Iterator[Diagnosis]:
    """Judge who may look into the folder of the journal, which holds what people wrote."""
    if mode & 0o077:
        text = f"others may look into {directory} (mode {mode & 0o7777:04o})"
        yield Diagnosis(Health.LOOK, "disk", text, f"chmod 700 {directory}")


def of_refused_tokens(app: str, error: CredentialError, *, is_root: bool) -> Diagnosis:
    """Return why an app's tokens were not tried: they can't be used, or whoever asks may not read them."""
    about, text = f"app {app}", str(error)
    if isinstance(error.__cause__, PermissionError) or (not is_root and "$CREDENTIALS_DIRECTORY" in text):
        return Diagnosis(Health.LOOK, about, f"its tokens were not tried: {text}", "run it as root")
    if "belongs to uid" in text:
        return Diagnosis(
            Health.LOOK, about, f"its tokens were not tried: {text}", "run it as slackd's own user"
        )
    hint = "" if "run `" in text else f"slackctl setup --app {app} puts tokens in place"
    return Diagnosis(Health.BAD, about, text, hint)


def of_answer(app: str, token: str, answer: SlackAnswer) -> Iterator[Diagnosis]:
    """Judge what Slack answered to a token's own method.

    Args:
        app: The app's name in the configuration.
        token: "bot token" or "app token".
        answer: Of `auth.test` or `apps.connections.open`.
    """
    about = f"app {app}"
    if answer.body is None:
        hint = answer.hint or "look at api_url, proxy and ca_file of this app in slackd.toml"
        yield Diagnosis(Health.BAD, about, f"Slack can't be reached: {answer.error}", hint)
    elif answer.slack_error:
        hint = f"slackctl setup --app {app} puts a new one in place"
        yield Diagnosis(Health.BAD, about, f"Slack refuses the {token}: {answer.slack_error}", hint)
    else:
        yield Diagnosis(Health.GOOD, about, f"the {token} is good")


def of_scopes(app: str, plugins: Sequence[PluginConfig], granted: Sequence[str]) -> Iterator[Diagnosis]:
    """Compare what the installed plugins need with what the bot token was granted."""
    if not granted:
        return
    needed = set(_scopes_of(manifest(app, plugins)))
    missing = sorted(needed - set(granted))
    about = f"app {app}"
    if missing:
        hint = f"add them to the app (slackctl manifest --app {app}) and install it again"
        yield Diagnosis(Health.BAD, about, f"plugins need scopes that are missing: {', '.join(missing)}", hint)
    else:
        yield Diagnosis(Health.GOOD, about, f"has every scope that its plugins need ({len(needed)})")
    for thing in unknown(app, plugins):
        yield Diagnosis(
            Health.LOOK, about, f"what scope {thing} needs is not known here", "look it up at Slack"
        )


def of_delayed_events(app: str) -> Diagnosis:
    """Remind of a setting that no API shows.

    Returns:
        What to say of it.
    """
    return Diagnosis(Health.LOOK, f"app {app}", "Delayed Events can't be seen from here", DELAYED_EVENTS)


def _scopes_of(made: dict[str, Any]) -> Sequence[str]:
    found = made.get("oauth_config", {}).get("scopes", {}).get("bot", ())
    return tuple(str(each) for each in found)

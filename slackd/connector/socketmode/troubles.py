"""What a person has to know of one app's connections: why there is none, and who could do what about it. Pure.

    well ──dials in vain, or three connections in a row fall silent right after their hello──▶ in trouble
    well, in trouble ──Slack refuses the app: only a person can change that──▶ refused
    in trouble, refused ──a frame after a hello, or a hello while connections do speak──▶ well

It is said once for each reason. What a dial that fails says beside a refusal says nothing new.
"""

from collections.abc import Callable
from typing import Final

from slackd.connector.socketmode.dial_failures import LINK_DISABLED_HINT, DialFailure
from slackd.link.messages import AppTrouble

REACH_SLACK: Final = (
    "check that this host reaches {api} and *.slack.com:443 (name service, firewall, proxy, ca_file)"
)
ALL_SILENT: Final = 3
"""Connections in a row that fall silent right after their hello, before that is said of the app."""
UNKNOWN_REASONS: Final = 20
"""Reasons of a `disconnect` that slackd doesn't know are logged once each, and no more than so many."""
SILENT_HINT: Final = (
    "something between this host and Slack lets the handshake through and then nothing: look at firewall and "
    "proxy (WebSocket frames on long connections), and try keepalive"
)


class Troubles:
    """Of one app at one connector.

    Attributes:
        now: What a person has to do something about; None if there is nothing.
        last_failure: Why the last dial that failed since the last hello did, "" if none has.
    """

    def __init__(self, app: str, api: str, stall_timeout: float, report: Callable[[AppTrouble], None]) -> None:
        """`api` is HOST:PORT of the Web API; `stall_timeout` is in seconds; `report` gets each trouble, and one
        without a reason when it is over."""
        self._app, self._api, self._stall_timeout, self._report = app, api, stall_timeout, report
        self._is_refused = False
        self._silent_in_a_row = 0
        self._unknown_reasons: set[str] = set()
        self.now: AppTrouble | None = None
        self.last_failure = ""

    def dial_failed(self, failure: DialFailure, *, in_vain: bool) -> None:
        """A dial failed; `in_vain` if nothing is READY and so many have that a person should know."""
        if failure.fatal or (in_vain and not self._is_refused):
            hint = failure.hint or REACH_SLACK.format(api=self._api)
            self._begin(AppTrouble(self._app, failure.reason, hint), is_refused=failure.fatal)

    def link_is_disabled(self) -> None:
        """Slack says that Socket Mode is off ("Using Socket Mode", disconnect reason `link_disabled`)."""
        trouble = AppTrouble(self._app, "link_disabled: Socket Mode is off", LINK_DISABLED_HINT)
        self._begin(trouble, is_refused=True)

    def never_spoke(self) -> None:
        """A connection fell silent right after its hello, which says more than one that falls silent later."""
        self._silent_in_a_row += 1
        if self._silent_in_a_row >= ALL_SILENT:
            seconds = f"{self._stall_timeout:g} s"
            reason = f"every connection falls silent right after Slack's hello (no frame for {seconds})"
            self._begin(AppTrouble(self._app, reason, SILENT_HINT))

    def is_ready(self) -> None:
        """A connection has its hello."""
        self.last_failure = ""
        if self._silent_in_a_row < ALL_SILENT:
            self._end()

    def spoke(self) -> None:
        """The first frame after a hello came in."""
        self._silent_in_a_row = 0
        self._end()

    def is_new_reason(self, reason: str) -> bool:
        """Whether a `disconnect` for a reason that slackd doesn't know is to be logged."""
        known = self._unknown_reasons
        if reason[:80] in known or len(known) >= UNKNOWN_REASONS:
            return False
        known.add(reason[:80])
        return True

    def _begin(self, trouble: AppTrouble, *, is_refused: bool = False) -> None:
        if trouble != self.now:
            self.now, self._is_refused = trouble, is_refused
            self._report(trouble)

    def _end(self) -> None:
        if self.now is not None:
            self.now, self._is_refused = None, False
            self._report(AppTrouble(self._app, "", ""))

"""How each app stands at this connector: what "READY" of the process means (rule R9), and why one is not."""

from collections.abc import Callable, Container, Mapping

from slackd.config.values import App
from slackd.connector.transport import Transport
from slackd.link.messages import AppPeers, AppTrouble
from slackd.slotted import frozen


@frozen
class Readiness:
    """Whether a connector may call itself ready.

    Attributes:
        ready: Every app is READY here that the other connector has READY.
        reason: What is not READY, and why; "" if all is.
    """

    ready: bool
    reason: str = ""


class AppReadiness:
    """Looks at the transports, and at what is reported of them; changes nothing.

    Attributes:
        peers: What the other connector has, by app, as the broker last said; None if it never did.
    """

    def __init__(
        self,
        apps: Mapping[str, App],
        transports: Mapping[str, Transport],
        troubles: Mapping[str, AppTrouble],
        clock: Callable[[], float],
        callers: Container[str] = (),
    ) -> None:
        """`clock` says seconds on the machine's monotonic clock; `callers` are apps that make calls here, and
        whose envelopes may come another way."""
        self._clock = clock
        self._callers = callers
        self.peers: Mapping[str, AppPeers] | None = None
        self._apps = apps
        self._transports = transports
        self._troubles = troubles

    @property
    def is_settled(self) -> bool:
        """Every app is READY or in trouble: waiting longer brings nothing new."""
        return all(self._is_ready(name) or name in self._troubles for name in self._apps)

    @property
    def is_ready_elsewhere(self) -> bool:
        """The other connector has every app READY, as far as the broker said."""
        peers = self.peers or {}
        return all(name in peers and peers[name].ready_elsewhere > 0 for name in self._transports)

    def wanted(self) -> dict[str, int]:
        """By app, the READY connections that are kept here."""
        return {name: self._wanted(name, app) for name, app in self._apps.items()}

    def _wanted(self, name: str, app: App) -> int:
        if name in self._transports:
            return self._transports[name].status().wanted
        return 0 if name in self._callers else app.connections

    def readiness(self) -> Readiness:
        """Whether the connector may call itself ready now."""
        missing = [name for name in self._apps if not self._is_ready(name)]
        reason = "; ".join(f"{name}: {self._why_not(name)}" for name in missing)
        return Readiness(not any(self._is_needed(name) for name in missing), reason)

    def of_each_app(self) -> list[str]:
        """A few words for each app."""
        words = []
        for transport in self._transports.values():
            status = transport.status()
            why = f" ({self._why_not(status.app)})" if not status.ready else ""
            words.append(f"{status.app} {status.ready}/{status.wanted} READY{why}")
        return words + [
            f"{name}: {'calls alone' if self._only_calls(name) else self._why_not(name)}"
            for name in self._apps
            if name not in self._transports
        ]

    def _is_ready(self, name: str) -> bool:
        transport = self._transports.get(name)
        return self._only_calls(name) if transport is None else transport.status().ready > 0

    def _only_calls(self, name: str) -> bool:
        return name not in self._transports and name in self._callers

    def _is_needed(self, name: str) -> bool:
        """The other connector has it READY, or nobody could report it (then it is safer to think so)."""
        if self.peers is None:
            return name not in self._troubles
        peers = self.peers.get(name)
        return peers is not None and peers.ready_elsewhere > 0

    def _why_not(self, name: str) -> str:
        if name in self._troubles:
            trouble = self._troubles[name]
            return f"{trouble.reason}; {trouble.hint}{self._next_attempt(name)}"
        transport = self._transports.get(name)
        failure = transport.status().last_failure if transport is not None else ""
        return f"{failure}{self._next_attempt(name)}" if failure else "dialling"

    def _next_attempt(self, name: str) -> str:
        transport = self._transports.get(name)
        at = transport.status().next_attempt_at if transport is not None else None
        return "" if at is None else f"; next try in {max(0.0, at - self._clock()):.0f} s, or at a reload"

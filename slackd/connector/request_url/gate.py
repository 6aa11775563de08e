"""What is let in: a request of Slack's, or an answer that says why not. Pure: clocks are given.

The order is the order of cost: where it goes, what it claims, how large it is (before it is read), who signed
it (over the raw body), whether it was here before, and only then what is in it. Times are monotonic seconds.
"""

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from slackd.connector.request_url.envelopes import (
    FORM,
    JSON,
    Posted,
    UnreadableBodyError,
    UrlVerification,
    is_ssl_check,
    read_body,
)
from slackd.connector.request_url.replays import AcceptedSignatures
from slackd.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, SignatureVerdict, verify
from slackd.slotted import frozen

BODY_LIMIT: Final = 1024 * 1024
"""Bytes of a body; Slack's largest events are far smaller."""
NO_RETRY: Final = ("X-Slack-No-Retry", "1")
"""Tells Slack not to send this event again ("The Events API", retries)."""
RETRY_SOON: Final = ("Retry-After", "1")
_ONCE: Final = ("content-type", "content-encoding", "x-slack-retry-num", "x-slack-retry-reason", "host")


@frozen
class Answer:
    """An HTTP answer.

    Attributes:
        status: The HTTP status.
        body: As bytes.
        content_type: Of the body.
        headers: More headers.
        reason: Why it is no 200, in words for log and peer; "" for a 200.
    """

    status: int
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()
    reason: str = ""


@frozen
class Head:
    """A request's line and headers.

    Attributes:
        method: As it came.
        target: As it came: nothing is decoded, joined or cut off.
        headers: Names in small letters.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]

    def header(self, name: str) -> str:
        """The value of a header, "" where it is missing."""
        return next((value for known, value in self.headers if known == name.lower()), "")

    @property
    def content_type(self) -> str:
        """Of the body, without its parameters."""
        return self.header("content-type").partition(";")[0].strip().lower()


@frozen
class Route:
    """Where one app is posted to.

    Attributes:
        app: The app's name.
        secrets: Its signing secret, and the one before while it is rotated.
    """

    app: str
    secrets: tuple[str, ...] = attrs.field(repr=False)


@frozen
class Admitted:
    """An envelope that is Slack's.

    Attributes:
        app: The app's name.
        posted: It, in Socket Mode's shape.
        signature: To be remembered when it is answered.
    """

    app: str
    posted: Posted
    signature: str


def refuse(status: int, reason: str, *headers: tuple[str, str]) -> Answer:
    """An answer that says why not, in the body too: whoever sets a proxy up sees it there."""
    return Answer(status, f"{reason}\n".encode(), headers=headers, reason=reason)


class Gate:
    """Decides over requests, by path."""

    def __init__(self, routes: Mapping[str, Route]) -> None:
        """`routes` are by the path of the request URL."""
        self._routes = routes
        self._accepted: dict[str, AcceptedSignatures] = {
            route.app: AcceptedSignatures() for route in routes.values()
        }

    def refuse_head(self, head: Head) -> Answer | None:
        """Why the body is not even read; None to go on."""
        if head.target not in self._routes:
            return refuse(404, "no app of slackd's has this path as its request URL", NO_RETRY)
        if head.method != "POST":
            return refuse(405, "Slack posts", ("Allow", "POST"))
        names = [name for name, _ in head.headers]
        for once in (*_ONCE, SIGNATURE_HEADER.lower(), TIMESTAMP_HEADER.lower(), "content-length"):
            if names.count(once) > 1:
                return refuse(400, f"the header {once} is there twice", NO_RETRY)
        if "transfer-encoding" in names:
            return refuse(411, "a body without a Content-Length is not Slack's", NO_RETRY)
        if head.header("content-encoding").lower() not in ("", "identity"):
            return refuse(415, "a packed body is not Slack's: its signature is over the raw one", NO_RETRY)
        if head.content_type not in (JSON, FORM):
            return refuse(415, "the body is neither JSON nor a form", NO_RETRY)
        length = head.header("content-length")
        if not (length.isascii() and length.isdigit()):
            return refuse(411, "a body without a Content-Length is not Slack's", NO_RETRY)
        if len(length) > 12 or int(length) > BODY_LIMIT:
            return refuse(413, f"a body of more than {BODY_LIMIT} bytes is not Slack's", NO_RETRY)
        return None

    def admit(self, head: Head, body: bytes, now: float, wall: float) -> Admitted | Answer:
        """The envelope, or the answer.

        Args:
            head: One that `refuse_head` did not refuse.
            body: The raw body.
            now: Seconds on a clock that only grows.
            wall: Seconds since 1970.
        """
        route = self._routes[head.target]
        if is_ssl_check(head.content_type, body):
            return Answer(200)
        if not route.secrets:
            return refuse(503, "this app's signing secret can't be used: see slackd's log", RETRY_SOON)
        signature = head.header(SIGNATURE_HEADER)
        verdict = verify(route.secrets, body, head.header(TIMESTAMP_HEADER), signature, wall)
        if verdict is not SignatureVerdict.GOOD:
            return refuse(401, verdict.value)
        try:
            found = read_body(
                head.content_type,
                body,
                retry_num=head.header("x-slack-retry-num"),
                retry_reason=head.header("x-slack-retry-reason"),
            )
        except UnreadableBodyError as error:
            return refuse(400, str(error), NO_RETRY)
        if isinstance(found, UrlVerification):
            return Answer(200, found.challenge.encode())
        may_come_again = found.asks_for_options or (found.is_event and bool(head.header("x-slack-retry-num")))
        if not may_come_again and self._accepted[route.app].is_replay(signature, now):
            return refuse(409, "this very request was answered before", NO_RETRY)
        if not found.is_event:
            # Slack never repeats it: whoever does is somebody else, also while the first one is under way.
            self._accepted[route.app].accept(signature, now)
        return Admitted(route.app, found, signature)

    def answered(self, admitted: Admitted, now: float) -> None:
        """It was journaled, and answered with 200."""
        self._accepted[admitted.app].accept(admitted.signature, now)


def trusted_client(peer: str, forwarded_for: Sequence[str], trusted: Sequence[str]) -> str:
    """Who sent a request, for the log: a forwarded address counts only where a trusted proxy says it.

    Args:
        peer: The address of the other end, "unix" for a Unix socket.
        forwarded_for: All of `X-Forwarded-For`, in order.
        trusted: Addresses of proxies.
    """
    proxies = {_canonical(proxy) for proxy in trusted}
    client = _canonical(peer)
    hops = [hop.strip() for value in forwarded_for for hop in value.split(",") if hop.strip()]
    while client in proxies and hops:
        client = _canonical(hops.pop()[:64])
    return client


def _canonical(address: str) -> str:
    """One spelling of each address: a socket for IPv6 and IPv4 says 192.0.2.1 as ::ffff:192.0.2.1."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(mapped or found)

"""Is a request from Slack? Its signature, verified and made ("Verifying requests from Slack").

The standard library alone, and little of it, so that whatever answers Slack over HTTP can use it: slackd's
receiver, a function of a cloud provider, a few lines at the edge.

    verdict = verify(secret, body, headers["X-Slack-Request-Timestamp"], headers["X-Slack-Signature"])
    if verdict is not SignatureVerdict.GOOD: refuse with 401

The signature covers the raw body: verify before anything is decoded, unpacked or parsed.
"""

import hmac
import time
from collections.abc import Iterable
from enum import Enum

WINDOW = 300.0
"""Seconds that a timestamp may differ from the clock, in both directions."""
TIMESTAMP_HEADER = "X-Slack-Request-Timestamp"
SIGNATURE_HEADER = "X-Slack-Signature"
_VERSION = "v0"


class SignatureVerdict(Enum):
    """What the signature says of a request; the value is for a person."""

    GOOD = "signed by Slack"
    MISSING = "no signature or no timestamp"
    STALE = "the timestamp is more than five minutes away: an old request, or a clock that is wrong"
    FORGED = "the signature is not Slack's, or the signing secret is another app's"


def sign(secret: str, body: bytes, timestamp: int | str) -> str:
    """The signature of a body.

    Args:
        secret: The app's signing secret.
        body: The raw body.
        timestamp: Seconds since 1970, as in the header.

    Returns:
        What stands in `X-Slack-Signature`.
    """
    message = f"{_VERSION}:{timestamp}:".encode() + body
    return f"{_VERSION}={hmac.digest(secret.encode(), message, 'sha256').hex()}"


def verify(
    secrets: str | Iterable[str],
    body: bytes,
    timestamp: str | None,
    signature: str | None,
    now: float | None = None,
) -> SignatureVerdict:
    """What the signature says; takes the same time whichever byte of it is wrong.

    Args:
        secrets: The app's signing secret, or several while it is rotated.
        body: The raw body, before it is unpacked or decoded.
        timestamp: The header `X-Slack-Request-Timestamp`.
        signature: The header `X-Slack-Signature`.
        now: Seconds since 1970; the host's clock if None.
    """
    if not timestamp or not signature:
        return SignatureVerdict.MISSING
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return SignatureVerdict.FORGED
    given = signature.encode("ascii", "replace")
    good = False
    for secret in (secrets,) if isinstance(secrets, str) else tuple(secrets):
        # An app without a secret has no signature that is good.
        good |= hmac.compare_digest(sign(secret, body, timestamp).encode(), given) and bool(secret)
    if not good:
        return SignatureVerdict.FORGED
    if abs((time.time() if now is None else now) - int(timestamp)) > WINDOW:
        return SignatureVerdict.STALE
    return SignatureVerdict.GOOD

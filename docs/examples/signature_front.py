"""A serverless front: verifies Slack's signature and answers at once, or hands the request on.

For AWS Lambda behind a function URL or an API gateway (payload format 2.0), and whatever calls
`handler(event, context)` like it. `SLACK_SIGNING_SECRET` is the app's secret, `FORWARD_TO` the URL of slackd's
receiver, to which a request goes on as it came. slackd.signature is one file of the standard library: copy it
beside this one.
"""

import base64
import os
from typing import Any

from slackd.signature import SignatureVerdict, verify


def handler(event: dict[str, Any], _context: object = None) -> dict[str, Any]:
    """Answer one request."""
    headers = {name.lower(): value for name, value in event.get("headers", {}).items()}
    body = event.get("body") or ""
    raw = base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()
    fields = (field.partition(b"=") for field in raw.split(b"&")) if len(raw) < 4096 else ()
    form = {name: value for name, _, value in fields}
    if form.get(b"ssl_check") == b"1" and b"command" not in form:
        return {
            "statusCode": 200,
            "body": "",
        }  # Slack tries the certificate, and nothing is done
    verdict = verify(
        os.environ["SLACK_SIGNING_SECRET"],
        raw,
        headers.get("x-slack-request-timestamp"),
        headers.get("x-slack-signature"),
    )
    if verdict is not SignatureVerdict.GOOD:
        return {"statusCode": 401, "body": verdict.value}
    if b'"url_verification"' in raw:
        import json

        event = json.loads(raw)  # a message may say the word too
        if event.get("type") == "url_verification":
            return {"statusCode": 200, "body": event.get("challenge", "")}
    if "FORWARD_TO" not in os.environ:
        return {"statusCode": 200, "body": ""}
    return _forward(os.environ["FORWARD_TO"], raw, headers)


def _forward(url: str, raw: bytes, headers: dict[str, str]) -> dict[str, Any]:
    import urllib.error
    import urllib.request

    kept = {name: value for name, value in headers.items() if name.startswith(("x-slack-", "content-type"))}
    request = urllib.request.Request(url, raw, kept, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=3) as answer:
            return _as_answered(answer.status, answer)
    except urllib.error.HTTPError as error:
        return _as_answered(error.code, error)
    except OSError:
        return {"statusCode": 503, "body": ""}


def _as_answered(status: int, answer: Any) -> dict[str, Any]:
    """With what Slack reads: the type of the body, and that a retry can't help."""
    found = {name.lower(): value for name, value in answer.headers.items()}
    read = {name: found[name] for name in ("content-type", "x-slack-no-retry") if name in found}
    return {"statusCode": status, "headers": read, "body": answer.read().decode()}

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

        return {"statusCode": 200, "body": json.loads(raw).get("challenge", "")}
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
            return {"statusCode": answer.status, "body": answer.read().decode()}
    except urllib.error.HTTPError as error:
        return {"statusCode": error.code, "body": ""}
    except OSError:
        return {"statusCode": 503, "body": ""}

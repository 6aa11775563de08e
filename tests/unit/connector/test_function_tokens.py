"""A step's token is taken out of the envelope that brings it, wherever Slack puts it, and nothing else is."""

import json
from typing import Any

from slackd.connector.function_tokens import blank_function_token


def envelope(**payload: Any) -> str:
    return json.dumps({"envelope_id": "e-1", "payload": payload, "type": "events_api"})


def test_a_functions_token_is_blanked_where_slack_puts_it() -> None:
    event = {
        "type": "function_executed",
        "bot_access_token": "xwfp-1\u00e9",
        "function_execution_id": "Fx1",
        "inputs": {
            "text": 'say "bot_access_token":"mine"',
            "nested": {"bot_access_token": "written by people"},
        },
    }
    text = envelope(event=event)
    blanked, token = blank_function_token(text)
    assert token is not None
    assert (token.token, token.execution) == ("xwfp-1\u00e9", "Fx1")
    assert "xwfp" not in repr(token)
    expected = json.loads(text)
    expected["payload"]["event"]["bot_access_token"] = ""
    assert json.loads(blanked) == expected
    assert blanked == text.replace('"xwfp-1\\u00e9"', '""')


def test_a_functions_token_in_interactivity() -> None:
    text = envelope(bot_access_token="xwfp-1", function_data={"execution_id": "Fx2"}, type="block_actions")
    blanked, token = blank_function_token(text)
    assert token is not None
    assert (token.token, token.execution) == ("xwfp-1", "Fx2")
    assert "xwfp" not in blanked


def test_a_text_without_the_name_is_not_touched() -> None:
    for text in (envelope(event={"text": "bot access token"}), "no JSON", envelope(bot_access_token=None)):
        assert blank_function_token(text) == (text, None)


def test_a_text_that_cannot_be_parsed_is_blanked_wherever_the_name_stands() -> None:
    blanked, token = blank_function_token('{"a":{"bot_access_token" : "xwfp-\\"1"},')
    assert (blanked, token) == ('{"a":{"bot_access_token" : ""},', None)

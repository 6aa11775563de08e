"""An app of Bolt's public template under the kit, over both transports, as it is."""

from pathlib import Path

import pytest

from slackd.testing.tester import Played, SlackTester

APP = Path(__file__).parent / "template_app/app.py"


@pytest.fixture(params=["socket_mode", "http"])
def app(request: pytest.FixtureRequest, slack: SlackTester) -> SlackTester:
    if request.param == "http":
        slack.run_http_app(APP)
    else:
        slack.run_app(APP)
    return slack


def order(slack: SlackTester, drink: str) -> Played:
    slack.shortcut("order")
    slack.wait_for_call("views.open")
    values = {
        "where": {"conversation": {"type": "conversations_select", "selected_conversation": "C0GENERAL01"}},
        "what": {"drink": {"type": "plain_text_input", "value": drink}},
    }
    return slack.submit_view(values)


def test_a_message_is_answered(app: SlackTester) -> None:
    app.post_message("hi there")
    assert app.wait_for_call("chat.postMessage").args["text"] == "hi, how are you?"


def test_a_command_is_answered_through_its_response_url(app: SlackTester) -> None:
    assert app.command("/greet", "you").posts()[0]["text"] == "Responding to you!"


def test_the_home_tab_is_published(app: SlackTester) -> None:
    app.play("open_home")
    assert "Welcome home" in str(app.wait_for_call("views.publish").args["view"])


def test_an_order_is_posted_and_served(app: SlackTester) -> None:
    assert order(app, "tea").response is None
    assert app.wait_for_call("chat.postMessage").args["text"] == "tea for <@U0ALICE0001>"
    assert app.click("served").posts()[0]["text"] == "tea is served"


def test_a_wrong_order_stays_open_with_the_error(app: SlackTester) -> None:
    assert order(app, "nothing").response["response_action"] == "errors"

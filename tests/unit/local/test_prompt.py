"""What an author types to act as a person."""

import pytest

from slackd.local.prompt import Act, PromptError, help_text, parse_line, view_values

MODAL = {
    "blocks": [
        {"type": "section", "block_id": "s"},
        {"type": "input", "block_id": "what", "element": {"type": "plain_text_input", "action_id": "text"}},
        {
            "type": "input",
            "block_id": "size",
            "element": {
                "type": "static_select",
                "action_id": "pick",
                "options": [{"text": {"type": "plain_text", "text": "Large"}, "value": "l"}],
            },
        },
        {"type": "input", "block_id": "day", "element": {"type": "datepicker", "action_id": "date"}},
    ]
}


@pytest.mark.parametrize(
    ("line", "act"),
    [
        ("deploy the api, please", Act("post_message", ("deploy the api, please",))),
        ("/deploy api", Act("command", ("/deploy", "api"))),
        ("/deploy", Act("command", ("/deploy", ""))),
        ("@bot are you there?", Act("mention", ("bot are you there?",))),
        ("a < b & c > d", Act("post_message", ("a &lt; b &amp; c &gt; d",))),
        ("@bot <@U0BOB000001> said 1 < 2", Act("mention", ("bot <@U0BOB000001> said 1 &lt; 2",))),
        ("click approve", Act("click", ("approve",))),
        ("click approve value=7", Act("click", ("approve",), {"value": "7"})),
        ("submit order what=tea", Act("submit_view", ("order",), {"what": "tea"})),
        ('submit what="green tea"', Act("submit_view", (), {"what": "green tea"})),
        ("close", Act("close_view")),
        ("react eyes", Act("react", ("eyes",))),
        ("p", Act("page")),
        ("options service ap", Act("options", ("service", "ap"))),
        ("fault warning", Act("fault", ("warning",))),
        ("as U0CAROL0001", Act("as", ("U0CAROL0001",))),
        ("stop", Act("stop")),
        ("quit", Act("stop")),
    ],
)
def test_a_line_is_what_a_person_does(line: str, act: Act) -> None:
    assert parse_line(f"{line}\n") == act


def test_an_empty_line_is_nothing() -> None:
    assert parse_line("  \n") is None


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("click", "expected: click ACTION_ID"),
        ("react eyes heart", "expected: react EMOJI"),
        ("clik", "did you mean click"),
        ('submit what="tea', "No closing quotation: submit"),
    ],
)
def test_a_verb_written_wrongly_is_told_with_its_usage(line: str, words: str) -> None:
    with pytest.raises(PromptError, match=words):
        parse_line(line)


def test_what_was_typed_for_a_modal_has_the_shape_of_its_inputs() -> None:
    assert view_values(MODAL, {"what": "tea", "size": "Large", "date": "2026-11-28"}) == {
        "what": {"text": {"type": "plain_text_input", "value": "tea"}},
        "size": {
            "pick": {
                "type": "static_select",
                "selected_option": {"text": {"type": "plain_text", "text": "Large"}, "value": "l"},
            }
        },
        "day": {"date": {"type": "datepicker", "selected_date": "2026-11-28"}},
    }


def test_an_input_that_the_modal_has_not_is_told_with_those_that_it_has() -> None:
    with pytest.raises(PromptError, match="no input 'wat'; it has: what, size, day"):
        view_values(MODAL, {"wat": "tea"})


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
def test_the_help_fits_into_the_terminal(columns: int) -> None:
    text = help_text(columns)
    assert max(map(len, text.splitlines())) <= columns
    assert "react to the latest message" in text
    assert "stop" in text

"""A text from Slack: never an exception, whatever it is; as Slack sent it, but for the verification token."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slackd.broker import parsing
from slackd.broker.nesting import DEEPEST
from slackd.broker.parsing import read
from slackd.envelope import ParsedEnvelope, Unreadable
from tests.support.slack_texts import (
    TOKEN,
    arrival,
    command,
    event,
    frame,
    interactive,
    refused,
    understood,
)

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
NAMES = st.sampled_from(("token", "payload", "envelope_id", "type", "view", "text")) | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS | st.sampled_from(('"token":"x"', "token", '{"token": "x"}')),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=5)


def printed(value: Any, draw: Any) -> str:
    """The value as JSON text, spelt in one of the ways in which JSON lets one spell."""
    indent, ascii_only = draw(st.sampled_from((None, 1))), draw(st.booleans())
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    return text if draw(st.booleans()) else text.replace("token", "t\\u006fken")


@st.composite
def envelopes(draw: Any) -> str:
    """Frames that are envelopes, with anything in them."""
    value = {
        **draw(OBJECTS),
        "envelope_id": "e1",
        "type": draw(st.sampled_from(("events_api", "interactive", "x"))),
    }
    if draw(st.booleans()):
        value["payload"] = draw(OBJECTS)
    return printed(value, draw)


def without_token(text: str) -> Any:
    value = json.loads(text)
    payload = value.get("payload")
    if isinstance(payload, dict) and isinstance(payload.get("token"), str):
        payload["token"] = ""
    return value


class TestNeverRaises:
    @given(st.text())
    def test_on_any_text(self, text: str) -> None:
        assert isinstance(read(arrival(text)), ParsedEnvelope | Unreadable)

    @given(VALUES)
    def test_on_any_json(self, value: Any) -> None:
        assert isinstance(read(arrival(json.dumps(value))), ParsedEnvelope | Unreadable)

    @given(st.sampled_from(("events_api", "slash_commands", "interactive")), OBJECTS, OBJECTS)
    def test_on_any_payload(self, kind: str, payload: dict[str, Any], inner: dict[str, Any]) -> None:
        text = frame(kind, {**payload, "event": inner, "view": inner, "actions": [inner], "message": inner})
        assert isinstance(read(arrival(text)), ParsedEnvelope | Unreadable)

    @pytest.mark.parametrize("opening", ["[", '{"a":'])
    @pytest.mark.parametrize("depth", [*range(880, 1_000), 100_000])
    def test_on_any_depth(self, opening: str, depth: int) -> None:
        ending = "]" if opening == "[" else "}"
        deep = opening * depth + "1" + ending * depth
        text = f'{{"envelope_id":"e1","type":"x","payload":{{"token":"s","other":{{"token":{deep}}}}}}}'
        assert refused(text).envelope_id == "e1"


class TestBlanking:
    @given(envelopes())
    def test_touches_the_token_of_the_payload_alone(self, text: str) -> None:
        assert json.loads(understood(text).text) == without_token(text)

    def test_leaves_every_other_byte_as_slack_sent_it(self) -> None:
        text = r'{"envelope_id":"e1", "type":"events_api","payload":{"n":1.50e+3,"token":"s","u":"\u00e9\/é"}}'
        assert understood(text).text == text.replace('"s"', '""')

    @pytest.mark.parametrize(
        "written",
        [
            'my "token": "hunter2"',
            '{"payload":{"token":"hunter2"}}',
            r"\"token\":\"hunter2\"",
            "token",
            '","token":"hunter2',
        ],
    )
    def test_never_touches_what_people_wrote(self, written: str) -> None:
        text = event(
            event={"type": "message", "text": written, "token": "mine", "blocks": [{"token": written}]}
        )
        found = json.loads(understood(text).text)["payload"]
        assert found["event"] == {
            "type": "message",
            "text": written,
            "token": "mine",
            "blocks": [{"token": written}],
        }
        assert found["token"] == ""

    @pytest.mark.parametrize(
        "payload",
        [
            '{"token":"SECRET"}',
            '{"token" : "SECRET", "a": "token"}',
            r'{"t\u006fken":"SECRET"}',
            r'{"t\u006FkEn":1,"\u0074\u006f\u006b\u0065\u006e":"SECRET","other":{"token":"x"}}',
            '{"token":"SECRET","token":"SECRET"}',
            '{"token":"SECRET","token":5}',
            '{"token":"SECRET"},"payload":{}',
            '{},"payload":{"token":"SECRET"}',
            r'{"token":"SECRET\"SECRET"}',
            '{"event":{"token":"mine"},"token":"SECRET"}',
        ],
    )
    def test_finds_it_however_it_is_spelt(self, payload: str) -> None:
        text = understood(f'{{"type":"events_api","payload":{payload},"envelope_id":"e1"}}').text
        assert "SECRET" not in text
        json.loads(text)

    def test_is_not_done_for_a_token_deeper_inside(self) -> None:
        text = frame("events_api", {"event": {"token": "mine"}})
        assert understood(text).text == text


class TestText:
    def test_has_no_line_breaks_between_its_tokens(self) -> None:
        text = understood('{\r\n"envelope_id":"e1",\n"type":"x","payload":{"text":"a\\nb"}}').text
        assert text == '{  "envelope_id":"e1", "type":"x","payload":{"text":"a\\nb"}}'

    @pytest.mark.parametrize("digits", ["9" * 400, "0.1", "1e300", "12345678901234567890123"])
    def test_keeps_numbers_as_they_were_written(self, digits: str) -> None:
        assert (
            f'"n":{digits}' in understood(f'{{"envelope_id":"e1","type":"x","payload":{{"n":{digits}}}}}').text
        )

    def test_may_be_as_deep_as_parsers_of_most_languages_take(self) -> None:
        def nested(depth: int) -> str:
            return '{"envelope_id":"e1","type":"x","p":' + "[" * (depth - 1) + "]" * (depth - 1) + "}"

        understood(nested(DEEPEST))
        assert "nested too deep" in refused(nested(DEEPEST + 1)).reason

    def test_may_have_escaped_halves_of_a_character(self) -> None:
        found = understood(
            r'{"envelope_id":"e1","type":"slash_commands","payload":{"user_id":"U\ud800","text":"\udfff"}}'
        )
        assert found.facets.user == "U?"
        assert r"\udfff" in found.text

    def test_keeps_an_id_with_half_a_character_as_slack_spelt_it(self) -> None:
        one, other = (understood(rf'{{"envelope_id":"e\u{half}","type":"x"}}') for half in ("d800", "dfff"))
        assert (one.envelope_id, other.envelope_id) == ("e\ud800", "e\udfff")
        assert one.keys != other.keys


class TestUnreadable:
    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("", "not JSON"),
            ("{", "not JSON"),
            ("[]", "not an object"),
            ('{"type":"x"}', 'no "envelope_id"'),
            ('{"envelope_id":"","type":"x"}', 'no "envelope_id"'),
            ('{"envelope_id":7,"type":"x"}', 'no "envelope_id"'),
            ('{"envelope_id":"e1"}', '"type" is not a string'),
            ('{"envelope_id":"e1","type":"x","payload":NaN}', "NaN is not JSON"),
            ('{"envelope_id":"e1","type":"x","payload":1e999}', "too large for a double"),
            ('{"envelope_id":"e1","type":"x","payload":' + "9" * 5_000 + "}", "not JSON"),
            ('{"envelope_id":"e1","type":"x","payload":"\ud800"}', "surrogate"),
            ("[" * 100_000, "nested too deep"),
        ],
    )
    def test_says_why(self, text: str, reason: str) -> None:
        assert reason in refused(text).reason

    def test_finds_the_envelope_id_all_the_same_so_that_it_can_be_acknowledged(self) -> None:
        assert refused('{"payload": ... "envelope_id" : "e1", oops').envelope_id == "e1"

    def test_is_known_again_when_slack_sends_it_again(self) -> None:
        assert refused('{"envelope_id":"e1",').keys == refused('{"envelope_id":"e1",  ').keys
        assert refused("{ha").keys == refused("{ha").keys != refused("{hu").keys

    @pytest.mark.parametrize("text", ['{"payload":{"token" : "s3cr3t","x"', '{"payload":{"token":"s3cr3t'])
    def test_keeps_no_token_either(self, text: str) -> None:
        assert "s3cr3t" not in refused(text).text


class TestDedupeKeys:
    def test_an_event_goes_by_its_event_id_whatever_the_envelope_is_called(self) -> None:
        again = event(1).replace("env-1", "env-other")
        assert understood(event(1)).keys == understood(again).keys == ("e:Ev1",)

    def test_everything_else_by_envelope_and_trigger(self) -> None:
        by_envelope, by_trigger = understood(command(7)).keys
        assert by_envelope == "n:env-7"
        assert by_trigger.startswith("t:t7:")
        again = command(7).replace("env-7", "env-8")
        assert understood(again).keys == ("n:env-8", by_trigger)
        assert understood(frame("hello_world", {})).keys == ("n:env-1",)

    def test_what_shares_a_trigger_is_another_one_unless_the_same_was_done(self) -> None:
        cases = json.loads(Path(__file__).with_name("triggers.json").read_text())["envelopes"]
        keys = [key for each in cases for key in understood(json.dumps(each)).keys]
        assert len(set(keys)) == len(keys) == 2 * len(cases)

    @pytest.mark.parametrize(
        "other",
        [
            {"actions": [{"action_id": "b", "value": "1"}]},
            {"user": {"id": "U2"}},
            {"callback_id": "c"},
            {"action_ts": "2.0"},
            {"view": {"id": "V1", "hash": "h", "state": {"values": {}}}},
        ],
    )
    def test_another_click_under_the_same_trigger_is_another_one(self, other: dict[str, Any]) -> None:
        click: dict[str, Any] = {"actions": [{"action_id": "a", "value": "1"}], "action_ts": "1.0"}
        one = understood(interactive("block_actions", 1, **click))
        two = understood(interactive("block_actions", 2, **{**click, "trigger_id": "t1", **other}))
        same = understood(interactive("block_actions", 3, **click, trigger_id="t1"))
        assert not {*one.keys} & {*two.keys}
        assert {*one.keys} & {*same.keys}

    def test_a_view_submitted_again_after_errors_is_another_one(self) -> None:
        view = {"id": "V1", "hash": "h"}
        first, second = (understood(interactive("view_submission", n, view=view)) for n in (1, 2))
        assert not {*first.keys} & {*second.keys}


class TestFacets:
    def test_of_a_message(self) -> None:
        inner = {"type": "message", "channel": "C1", "channel_type": "im", "user": "U1", "ts": "2.0"}
        facets = understood(event(event=inner)).facets
        assert (facets.events, facets.channel, facets.user) == (("message", "message.im"), "C1", "U1")
        assert facets.thread == "2.0"
        assert understood(event(event={**inner, "thread_ts": "1.0"})).facets.thread == "1.0"

    def test_an_event_with_a_subtype_goes_by_that_too(self) -> None:
        inner = {"type": "message", "subtype": "message_changed", "channel": "C1", "channel_type": "channel"}
        names = understood(event(event=inner)).facets.events
        assert names == ("message", "message.channels", "message.message_changed")
        other = understood(event(event={"type": "brand_new", "subtype": "of_a_sort"})).facets.events
        assert other == ("brand_new", "brand_new.of_a_sort")

    @pytest.mark.parametrize("odd", [None, "", 7, ["x"], {"a": 1}])
    def test_what_is_no_subtype_makes_no_name(self, odd: object) -> None:
        inner = {"type": "message", "subtype": odd, "channel_type": "im"}
        assert understood(event(event=inner)).facets.events == ("message", "message.im")
        assert understood(event(event={"type": "team_join", "subtype": odd})).facets.events == ("team_join",)

    def test_of_a_reaction(self) -> None:
        inner = {"type": "reaction_added", "user": "U1", "item": {"channel": "C2", "ts": "3.0"}}
        facets = understood(event(event=inner)).facets
        assert (facets.events, facets.channel, facets.thread) == (("reaction_added",), "C2", "3.0")

    def test_of_a_channel_that_is_an_object(self) -> None:
        assert (
            understood(event(event={"type": "channel_created", "channel": {"id": "C3"}})).facets.channel == "C3"
        )

    def test_of_what_comes_without_an_event(self) -> None:
        assert understood(frame("events_api", {"type": "app_rate_limited"})).facets.events == (
            "app_rate_limited",
        )

    def test_of_a_command(self) -> None:
        facets = understood(command(name="/x")).facets
        assert (facets.command, facets.channel, facets.user) == ("/x", "C1", "U1")

    def test_of_clicks_views_shortcuts_and_menus(self) -> None:
        actions = [{"action_id": "a"}, {"name": "old"}, "?", {}]
        click = understood(interactive("block_actions", actions=actions, container={"channel_id": "C1"})).facets
        assert (click.kind, click.action_ids, click.channel) == ("block_actions", ("a", "old"), "C1")
        view = understood(interactive("view_submission", view={"callback_id": "form"})).facets
        assert (view.kind, view.callback_id) == ("view_submission", "form")
        menu = understood(interactive("block_suggestion", action_id="pick")).facets
        assert menu.action_ids == ("pick",)
        assert understood(interactive("shortcut", callback_id="go")).facets.callback_id == "go"

    @pytest.mark.parametrize(
        ("inner", "is_own"),
        [
            ({"type": "message", "app_id": "A1"}, True),
            ({"type": "message", "app_id": "A2"}, False),
            ({"type": "message", "bot_profile": {"app_id": "A1"}}, True),
            ({"type": "reaction_added", "user": "UBOT"}, True),
            ({"type": "reaction_added", "user": "U1"}, False),
            ({"type": "message", "subtype": "message_changed", "message": {"app_id": "A1"}}, True),
            ({"type": "message", "subtype": "message_changed", "message": {"user": "UBOT"}}, True),
            ({"type": "message", "subtype": "message_changed", "message": {"user": "U1"}}, False),
            ({"type": "message", "subtype": "message_deleted", "previous_message": {"app_id": "A1"}}, False),
            ({"type": "member_joined_channel", "user": "UBOT"}, False),
        ],
    )
    def test_what_the_apps_own_bot_caused(self, inner: dict[str, Any], is_own: bool) -> None:
        authorizations = [{"user_id": "U1", "is_bot": False}, {"user_id": "UBOT", "is_bot": True}]
        found = understood(event(event=inner, authorizations=authorizations))
        assert found.facets.from_self is is_own

    def test_whether_slack_takes_an_answer_and_whether_it_tried_before(self) -> None:
        assert understood(command()).accepts_response
        assert not understood(event()).accepts_response
        assert understood(frame("events_api", {}, retry_attempt=2)).retry_attempt == 2
        assert understood(frame("events_api", {}, retry_attempt="2")).retry_attempt == 0
        assert understood(command()).response_url.startswith("https://hooks.slack.com/")

    def test_the_token_is_in_none_of_them(self) -> None:
        for text in (event(), command(), interactive("block_actions")):
            assert TOKEN not in repr(understood(text))


@pytest.mark.skipif(parsing._decode is None, reason="msgspec is not installed")
@given(
    envelopes()
    | st.text(st.characters(exclude_categories=()))
    | st.from_regex(r'\{"a":[-+0-9.eE\[\]{}"\\u]*\}')
)
def test_what_is_read_does_not_depend_on_what_reads_it(text: str) -> None:
    fast, pure = parsing._decode, None
    found = []
    for parsing._decode in (fast, pure):
        found.append(read(arrival(text)))
    parsing._decode = fast
    assert found[0] == found[1]

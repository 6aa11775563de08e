"""A subscription that can never match is said, with what was meant; one that may is not."""

import json
from pathlib import Path

import pytest

from slackd.slack.event_names import EVENT_NAMES
from tests.unit.config.config_folder import ConfigFolder

SAMPLES = Path(__file__).parents[1] / "slack" / "event_samples.jsonl"


def warnings_of(folder: Path, **keys: object) -> list[str]:
    config = ConfigFolder(folder)
    lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items())
    config.write("plugins.d/one.toml", f'user = "root"\n[[subscribe]]\ntype = "events_api"\n{lines}')
    return [words.partition("subscribe[0].")[2] for words in config.load().warnings]


@pytest.mark.parametrize(
    ("event", "meant"),
    [
        ("message.channel", "message.channels"),
        ("app_mentions", "app_mention"),
        ("message.group", "message.groups"),
        ("reaction_add", "reaction_added"),
        ("message.message_change", "message.message_changed"),
        ("App_Mention", "app_mention"),
    ],
)
def test_an_event_that_slack_does_not_have(tmp_path: Path, event: str, meant: str) -> None:
    assert warnings_of(tmp_path, event=[event]) == [
        f'event: "{event}" can never match: Slack has no such event; {meant} is meant?'
    ]
    assert warnings_of(tmp_path, not_event=[event]) == [
        f'not_event: "{event}" can never match: Slack has no such event; {meant} is meant?'
    ]


@pytest.mark.parametrize("channel", ["#general", "general", "c0123", "U0123ABCD", "*-ops", "#*"])
def test_a_channel_that_is_no_id(tmp_path: Path, channel: str) -> None:
    (words,) = warnings_of(tmp_path, channel=[channel])
    assert words.startswith(f'channel: "{channel}" can never match: an id is meant')


@pytest.mark.parametrize("event", [*sorted(EVENT_NAMES), "message.im", "message.*", "app_*", "quantum_leap"])
def test_what_slack_has_or_may_come_to_have_is_taken(tmp_path: Path, event: str) -> None:
    assert warnings_of(tmp_path, event=[event]) == []


@pytest.mark.parametrize("channel", ["C0123ABCD", "D1", "G*", "*", "?0123", "[CG]*"])
def test_an_id_or_a_pattern_of_ids_is_taken(tmp_path: Path, channel: str) -> None:
    assert warnings_of(tmp_path, channel=[channel]) == []


def test_every_documented_event_is_known() -> None:
    sampled = {json.loads(line)["event"]["type"] for line in SAMPLES.read_text().splitlines()}
    assert sampled == EVENT_NAMES


def test_a_method_in_the_spelling_of_a_library_grants_nothing(tmp_path: Path) -> None:
    folder = ConfigFolder(tmp_path)
    folder.write("plugins.d/deploy.toml", '[slack]\nmethods = ["chat_postMessage", "chat.*", "chat.post_*"]\n')
    warnings = [each for each in folder.load().warnings if "methods" in each]
    assert len(warnings) == 1
    assert warnings[0].endswith(
        'deploy.toml:2: slack.methods: "chat_postMessage" grants nothing: Slack writes it chat.postMessage'
    )

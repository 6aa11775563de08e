"""Who may: enforced before the plugin could see it, said to the person, and audited; not known is a no."""

import json
from pathlib import Path
from typing import Any

import pytest

from slackd.broker.access import FRESH_FOR, GroupMembers, groups_wanted, refusal
from slackd.broker.actions import Passed
from slackd.broker.ingest import PostNotice
from slackd.config import Allow, App, PluginConfig, SecretKind, SecretSource, Subscription
from tests.support.slack_texts import command, event, interactive, understood
from tests.unit.broker.test_ingest import Bench, handed, payloads

SECRET = SecretSource(SecretKind.ENV, "X")


def file(*subscriptions: Subscription, name: str = "bot") -> PluginConfig:
    return PluginConfig(name, Path(f"/{name}.toml"), subscriptions=subscriptions)


def only(**allow: Any) -> Subscription:
    return Subscription("*", respond=True, allow=Allow(**allow))


def forbidden(actions: list[Any]) -> list[str]:
    return [each.detail for each in actions if isinstance(each, Passed) and each.what == "forbidden"]


@pytest.mark.parametrize(
    ("allow", "may"),
    [
        (None, True),
        (Allow(users=("U1",)), True),
        (Allow(users=("U2",)), False),
        (Allow(usergroups=("S1",)), True),
        (Allow(usergroups=("S2",)), False),
        (Allow(users=("U2",), usergroups=("S1",)), True),
        (Allow(usergroups=("S9", "S1")), True),
        (Allow(channels=("C1",)), True),
        (Allow(channels=("C2",)), False),
        (Allow(users=("U1",), channels=("C2",)), False),
        (Allow(users=("U1",), channels=("C1",)), True),
    ],
)
def test_a_person_or_a_group_and_where_channels_are_named_there_alone(allow: Allow | None, may: bool) -> None:
    members = GroupMembers()
    members.put(("main", "S1"), ["U1"], 0.0)
    members.put(("main", "S2"), ["U7"], 0.0)
    assert (refusal(allow, understood(command()), members, 1.0) == "") is may


def test_a_group_that_was_not_looked_up_or_long_ago_is_a_no() -> None:
    members, envelope = GroupMembers(), understood(command())
    allow = Allow(usergroups=("S1",))
    assert "not known" in refusal(allow, envelope, members, 0.0)
    members.put(("main", "S1"), ["U1"], 0.0)
    assert refusal(allow, envelope, members, FRESH_FOR - 1) == ""
    assert "not known" in refusal(allow, envelope, members, FRESH_FOR)
    members.put(("other", "S1"), ["U1"], FRESH_FOR)
    assert "not known" in refusal(allow, envelope, members, FRESH_FOR), "another app's group"


def test_nobody_is_in_a_group_without_a_name() -> None:
    members = GroupMembers()
    members.put(("main", "S1"), [""], 0.0)
    nameless = understood(event(event={"type": "app_rate_limited"}))
    assert refusal(Allow(usergroups=("S1",)), nameless, members, 0.0)


def test_the_plugin_never_sees_it_and_the_person_is_told_in_the_form_of_each_kind() -> None:
    bench = Bench(file(only(users=("UADMIN",))), forbidden_text="No.")
    assert payloads(bench.deliver(command())) == [{"response_type": "ephemeral", "text": "No."}]
    url = "https://hooks.slack.com/1"
    clicked = bench.deliver(interactive("block_actions", 2, response_url=url))
    (post,) = [each for each in clicked if isinstance(each, PostNotice)]
    assert json.loads(post.body)["text"] == "No."
    view = {"id": "V1", "blocks": [{"type": "input", "block_id": "b"}]}
    assert payloads(bench.deliver(interactive("view_submission", 3, view=view))) == [
        {"response_action": "errors", "errors": {"b": "No."}}
    ]
    assert handed(bench.seen) == []
    assert bench.store.open == {}


def test_events_are_kept_from_it_too() -> None:
    bench = Bench(file(only(users=("UADMIN",))))
    actions = bench.deliver(event())
    assert (payloads(actions), handed(actions)) == ([None], [])
    inner = {"type": "message", "channel": "C1", "user": "UADMIN", "ts": "1.0"}
    assert len(handed(bench.deliver(event(2, inner)))) == 1


def test_the_audit_says_who_wanted_what_where_and_why_not() -> None:
    bench = Bench(file(only(users=("UADMIN",))))
    (line,) = forbidden(bench.deliver(command(name="/deploy")))
    assert line == "user U1 in C1 wanted /deploy: the user U1 is neither in allow.users nor in allow.usergroups"
    assert bench.core.counters.deliveries["bot", "refused"] == 1


def test_one_subscription_that_allows_is_enough() -> None:
    bench = Bench(file(only(users=("UADMIN",)), Subscription("slash_commands", allow=Allow(channels=("C1",)))))
    actions = bench.deliver(command())
    assert len(handed(actions)) == 1
    assert forbidden(actions) == []


def test_where_another_plugin_takes_it_nobody_is_told_that_they_may_not() -> None:
    bench = Bench(file(only(users=("UADMIN",))), file(Subscription("slash_commands"), name="audit"))
    actions = bench.deliver(command())
    assert [each.plugin for each in handed(actions)] == ["audit"]
    assert payloads(actions) == [None]
    assert len(forbidden(actions)) == 1


def test_groups_are_looked_up_for_each_app_that_they_may_be_about() -> None:
    apps = {name: App(name, SECRET) for name in ("main", "staging")}
    both = Subscription("*", allow=Allow(usergroups=("S1", "S2")))
    one = Subscription("*", app=("stag*",), allow=Allow(usergroups=("S3",)))
    assert groups_wanted({"p": file(both, one)}, apps) == [
        ("main", "S1"),
        ("main", "S2"),
        ("staging", "S1"),
        ("staging", "S2"),
        ("staging", "S3"),
    ]

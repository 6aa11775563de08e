"""Writing an app's table: what is said changes, and nothing else."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slackd.errors import ConfigError
from slackd.setup.app_table import with_app, with_keys

TOKENS = {"app_token": "credential:main-app", "bot_token": "credential:main-bot"}


def test_a_new_app_is_put_at_the_end() -> None:
    assert with_app("# mine\n", "main", TOKENS) == (
        '# mine\n\n[apps.main]\napp_token = "credential:main-app"\nbot_token = "credential:main-bot"\n'
    )


def test_an_empty_file_will_do() -> None:
    assert with_app("", "main", {"app_token": "env:X"}) == '[apps.main]\napp_token = "env:X"\n'


def test_what_stands_there_keeps_its_place_and_its_comments() -> None:
    before = (
        '[apps.main] # ours\n# the token\napp_token = "env:OLD" # old\nconnections = 2\n'
        '\n[log]\nlevel = "debug"\n'
    )
    assert with_app(before, "main", TOKENS) == (
        '[apps.main] # ours\n# the token\napp_token = "credential:main-app"\nconnections = 2\n'
        'bot_token = "credential:main-bot"\n\n[log]\nlevel = "debug"\n'
    )


def test_running_it_again_changes_nothing() -> None:
    once = with_app('[log]\nlevel = "info"\n', "main", TOKENS)
    assert with_app(once, "main", TOKENS) == once


def test_another_app_is_left_alone() -> None:
    before = '[apps.main]\napp_token = "env:A"\n[apps.main2]\napp_token = "env:B"\n'
    assert with_app(before, "main2", {"app_token": "env:C"}) == before.replace("env:B", "env:C")


def test_a_form_that_it_cannot_change_is_refused_with_the_lines_to_write() -> None:
    with pytest.raises(
        ConfigError, match=r'Nothing was written; put this there:\n\n\[apps.main\]\napp_token = "env:X"'
    ):
        with_app('apps = { main = { app_token = "env:A" } }\n', "main", {"app_token": "env:X"})


_names = st.from_regex(r"[a-z][a-z0-9_-]{0,8}", fullmatch=True)
_values = st.dictionaries(
    st.sampled_from(["app_token", "bot_token", "proxy", "connections"]),
    st.text(st.characters(codec="utf-8", exclude_characters="\x7f")) | st.integers(0, 9),
    min_size=1,
)


@given(first=_names, second=_names, one=_values, two=_values, three=_values)
def test_whatever_is_written_is_what_was_meant(
    first: str, second: str, one: dict[str, str | int], two: dict[str, str | int], three: dict[str, str | int]
) -> None:
    text = with_app(with_app(with_app("", first, one), second, two), first, three)
    expected: dict[str, dict[str, str | int]] = {first: dict(one)}
    expected.setdefault(second, {}).update(two)
    expected[first].update(three)
    assert tomllib.loads(text) == {"apps": expected}


def test_an_app_in_a_file_of_its_own_has_its_keys_at_the_top() -> None:
    assert with_keys("", TOKENS) == 'app_token = "credential:main-app"\nbot_token = "credential:main-bot"\n'
    before = '# ours\napp_token = "env:OLD"\nconnections = 2\n'
    assert with_keys(before, {"app_token": "env:NEW", "proxy": "http://p:1"}) == (
        '# ours\napp_token = "env:NEW"\nconnections = 2\nproxy = "http://p:1"\n'
    )


def test_a_file_that_it_cannot_change_is_refused() -> None:
    with pytest.raises(ConfigError, match="put this there"):
        with_keys('app_token = """\nx"""\n', {"app_token": "env:X"})


@given(one=_values, two=_values)
def test_whatever_is_written_into_it_is_what_was_meant(
    one: dict[str, str | int], two: dict[str, str | int]
) -> None:
    assert tomllib.loads(with_keys(with_keys("", one), two)) == one | two

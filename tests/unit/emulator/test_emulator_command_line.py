"""`slackd emulate`: apps and settings from the command line."""

from __future__ import annotations

import socket
import webbrowser
from collections.abc import Callable
from typing import Any

import pytest

from slackd.emulator import Emulator, serve
from slackd.emulator.serve import apps_from, main, parser, settings_from


def test_without_tokens_there_are_as_many_apps_as_asked_for() -> None:
    apps = apps_from(parser().parse_args(["--apps", "3"]))
    assert len({app.app_id for app in apps}) == 3
    assert all(app.app_token.startswith("xapp-") and app.bot_token.startswith("xoxb-") for app in apps)


def test_tokens_given_are_used_pair_by_pair() -> None:
    arguments = ["--app-token", "xapp-1", "--bot-token", "xoxb-1", "--app-id", "A1", "--app-token", "xapp-2"]
    first, second = apps_from(parser().parse_args(arguments))
    assert (first.app_token, first.bot_token, first.app_id) == ("xapp-1", "xoxb-1", "A1")
    assert second.app_token == "xapp-2"


def test_any_setting_can_be_given_as_json() -> None:
    arguments = ["--time-scale", "0.1", "--setting", "ack_deadline=5", "--setting", "redelivery_delays=[1,2]"]
    settings = settings_from(parser().parse_args(arguments))
    assert (settings.time_scale, settings.ack_deadline, settings.redelivery_delays) == (0.1, 5, (1, 2))


@pytest.mark.parametrize(
    "arguments",
    [
        ["--setting", "colour=1"],
        ["--setting", "ack_deadline=soon"],
        ["--setting", 'distribution="fair"'],
        ["--bot-token", "xoxb-without-app"],
    ],
)
def test_what_makes_no_sense_is_said_and_exits_with_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert arguments[0] in capsys.readouterr().err


def test_a_port_in_use_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SystemExit):
            main(["--port", str(port)])
    assert f"port {port}" in capsys.readouterr().err


def test_what_the_apps_subscribe_to_and_offer() -> None:
    arguments = ["--event", "app_mention", "--command", "/deploy", "--shortcut", "ask", "--apps", "2"]
    for app in apps_from(parser().parse_args(arguments)):
        assert (app.events, app.commands, app.shortcuts) == (("app_mention",), ("/deploy",), ("ask",))
        assert app.subscribes("app_mention")
        assert not app.subscribes("message.channels")
    assert apps_from(parser().parse_args([]))[0].subscribes("message.channels")


def test_the_page_is_opened_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    async def listen_and_end(
        apps: Any, settings: Any, *, listening: Callable[[Any], None], **more: Any
    ) -> None:
        async with Emulator(apps, settings).serving() as slack:
            listening(slack)

    monkeypatch.setattr(webbrowser, "open", opened.append)
    monkeypatch.setattr(serve, "serve", listen_and_end)
    main(["--json"])
    assert opened == []
    main(["--json", "--open"])
    assert [url.startswith("http://127.0.0.1:") and url.endswith("/") for url in opened] == [True]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--port 99999", "'99999': expected a port, from 0 to 65535"),
        ("--port -1", "expected"),
        ("--setting lenent=true", "no such setting; did you mean lenient?"),
        ("--setting lenient=maybe", 'expected lenient=JSON: true, 0.5, null or "text"'),
        ("--setting lenient", "expected lenient=JSON"),
        ("--setting time_scale=0", "--setting time_scale=0:"),
    ],
)
def test_what_is_wrong_on_the_command_line_is_said_in_its_own_words(
    arguments: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        settings_from(parser().parse_args(arguments.split()))
    assert ended.value.code == 2
    assert words in capsys.readouterr().err

"""`slackd emulate`: apps and settings from the command line."""

from __future__ import annotations

import socket

import pytest

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

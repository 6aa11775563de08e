"""`slackd check-config`, as an operator and a program use it."""

import json
import os
from pathlib import Path

import pytest

from slackd.config.paths import SYSTEM_FILE
from tests.integration.cli.daemon_process import slackd


def write(folder: Path, text: str, **plugins: str) -> str:
    (folder / "plugins.d").mkdir()
    for name, content in {
        "slackd": text,
        **{f"plugins.d/{name}": each for name, each in plugins.items()},
    }.items():
        file = folder / f"{name}.toml"
        file.write_text(content)
        file.chmod(0o644)
    return str(folder / "slackd.toml")


GOOD = '[apps.main]\napp_token = "env:SLACKD_TEST_APP"\nbot_token = "credential:main-bot"\nconnections = 2\n'
DEPLOY = """
user = "deploybot"
[[subscribe]]
type = "slash_commands"
command = "/deploy"
respond = true
[slack]
methods = ["chat.*"]
"""


def test_good_files_are_summed_up(tmp_path: Path) -> None:
    config = write(tmp_path, GOOD, deploy=DEPLOY)
    done = slackd(
        "check-config", "--config", config, environ={"SLACKD_TEST_APP": "xapp-1", "STATE_DIRECTORY": "/s"}
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        f"{config} is good: 1 app, 1 plugin.\n"
        "  app main: socketmode, 2 connections for each connector, app token in env:SLACKD_TEST_APP, "
        "bot token in credential:main-bot\n"
        "  plugin deploy: user deploybot; 1 subscription; answers; calls chat.*\n"
        "  journal in /s, up to 7d or 4GiB\n"
    )


def test_right_after_the_installation_all_is_well(tmp_path: Path) -> None:
    config = write(tmp_path, "")
    done = slackd("check-config", environ={"SLACKD_CONFIG": config})
    assert done.returncode == 0
    assert f"{config} is good: 0 apps, 0 plugins.\n" in done.stdout
    assert f"warning: {config}: no app is configured" in done.stdout


def test_what_the_receiver_needs_is_looked_at_as_what_the_connectors_need(tmp_path: Path) -> None:
    app = (
        '[receiver]\ncertificate = "/nowhere/cert.pem"\nkey = "/nowhere/key.pem"\n'
        '[apps.main]\ntransport = "http"\nbot_token = "env:BOT"\nsigning_secret = "env:SIGNING"\n'
    )
    config = write(tmp_path, app)
    done = slackd("check-config", "--config", config, environ={"BOT": "xoxb-1"})
    assert done.returncode == 0
    assert [line for line in done.stdout.splitlines() if line.startswith("warning: ")] == [
        f"warning: {config}: apps.main.signing_secret: env:SIGNING is not set here",
        f"warning: {config}: receiver.certificate: /nowhere/cert.pem cannot be read: no such file or directory",
        f"warning: {config}: receiver.key: /nowhere/key.pem cannot be read: no such file or directory",
    ]
    done = slackd("check-config", "--config", config, environ={"BOT": "xoxb-1", "SIGNING": "xoxb-s3cr3t"})
    assert done.returncode != 0
    assert (
        "main.signing_secret: found expected a signing secret (Basic Information), found a token" in done.stdout
    )
    assert "expected a token" not in done.stdout
    assert "s3cr3t" not in done.stdout + done.stderr


def test_what_works_and_may_not_be_meant_is_told(tmp_path: Path) -> None:
    app = GOOD + 'api_url = "http://slack.example.com/api/"\nca_file = "/nowhere/ca.pem"\n'
    config = write(tmp_path, app, silent='[[subscribe]]\ntype = "event_api"\n')
    done = slackd("check-config", "--config", config)
    assert done.returncode == 0
    plugin = tmp_path / "plugins.d" / "silent.toml"
    assert [line for line in done.stdout.splitlines() if line.startswith("warning: ")] == [
        f"warning: {config}:5: apps.main.api_url: tokens travel unencrypted over http:// to another machine",
        f'warning: {plugin}:2: subscribe[0].type: "event_api" is no type we know; is events_api meant?',
        f"warning: {config}: apps.main.ca_file: /nowhere/ca.pem cannot be read: no such file or directory",
        f"warning: {config}: apps.main.app_token: env:SLACKD_TEST_APP is not set here",
        f"warning: {plugin}: names neither user nor group: it may connect to `slackd run`, "
        "as the user that runs it, and to no service",
    ]


def test_every_mistake_is_told_with_exit_status_1(tmp_path: Path) -> None:
    config = write(tmp_path, "[apps.main]\nconnections = 3\n", deploy=DEPLOY + "x = 1\n")
    done = slackd("check-config", "--config", config)
    assert done.returncode == 1
    assert done.stdout.splitlines()[0] == "The configuration cannot be used: 3 problems."
    assert [line.split(": ")[1] for line in done.stdout.splitlines()[1:]] == [
        "apps.main.app_token",
        "apps.main.connections",
        "slack.x",
    ]


def test_a_program_reads_json(tmp_path: Path) -> None:
    config = write(tmp_path, GOOD, deploy=DEPLOY)
    said = json.loads(slackd("check-config", "--config", config, "--json").stdout)
    assert said["ok"] is True
    assert said["apps"]["main"]["connections"] == 2
    assert said["plugins"]["deploy"]["methods"] == ["chat.*"]
    assert len(said["digest"]) == 64


def test_a_program_reads_mistakes_as_json(tmp_path: Path) -> None:
    config = write(tmp_path, '[log]\nlevel = "loud"')
    done = slackd("check-config", "--config", config, "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout) == {
        "ok": False,
        "problems": [
            {
                "file": config,
                "line": 2,
                "column": None,
                "key": "log.level",
                "found": '"loud"',
                "expected": '"debug", "info", "warning" or "error"',
                "hint": "",
            }
        ],
    }


@pytest.mark.parametrize("options", [(), ("--json",)])
@pytest.mark.parametrize("kind", ["folder", "FIFO", "unreadable"])
def test_what_is_no_file_to_read_is_a_mistake_like_any_other(
    kind: str, options: tuple[str, ...], tmp_path: Path
) -> None:
    target, words = tmp_path / "slackd.toml", {"unreadable": "permission denied"}.get(kind, f"a {kind}")
    if kind == "folder":
        target.mkdir()
    elif kind == "FIFO":
        os.mkfifo(target)
    else:
        if os.geteuid() == 0:
            pytest.skip("root reads everything")
        target.touch(mode=0)
    done = slackd("check-config", "--config", str(target), *options)
    assert (done.returncode, done.stderr) == (1, "")
    if options:
        (problem,) = json.loads(done.stdout)["problems"]
        assert (problem["file"], problem["found"]) == (str(target), words)
    else:
        assert f"{target}: found {words}, expected a configuration file" in done.stdout


def test_no_configuration_anywhere_is_json_for_a_program(tmp_path: Path) -> None:
    if SYSTEM_FILE.exists():
        pytest.skip("slackd is installed here")
    done = slackd("check-config", "--json", environ={"XDG_CONFIG_HOME": str(tmp_path), "SLACKD_CONFIG": ""})
    assert (done.returncode, done.stderr) == (1, "")
    said = json.loads(done.stdout)
    (problem,) = said["problems"]
    assert (said["ok"], problem["found"]) == (False, "nothing")
    assert f"neither {SYSTEM_FILE} nor {tmp_path}" in problem["hint"]
    told = slackd("check-config", environ={"XDG_CONFIG_HOME": str(tmp_path), "SLACKD_CONFIG": ""})
    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr.startswith("slackd: No configuration: neither ")


def test_no_configuration_anywhere_is_told_in_a_line(tmp_path: Path) -> None:
    done = slackd("check-config", "--config", str(tmp_path / "none.toml"))
    assert (done.returncode, done.stderr) == (1, "")
    assert "none.toml: found nothing, expected a configuration file" in done.stdout


def test_what_a_reload_would_refuse_of_tokens_is_a_mistake(tmp_path: Path) -> None:
    for name, mode in (("one", 0o600), ("two", 0o600), ("three", 0o644)):
        (tmp_path / name).write_text("xapp-1-A0-1-s3cr3t\n" if name != "three" else "xapp-1-A0-1-other")
        (tmp_path / name).chmod(mode)
    config = write(
        tmp_path,
        "".join(f'[apps.{name}]\napp_token = "file:{tmp_path}/{name}"\n' for name in ("one", "two", "three")),
    )
    done = slackd("check-config", "--config", config)
    assert (done.returncode, done.stderr) == (1, "")
    assert "apps.two.app_token: found the same token as apps.one.app_token" in done.stdout
    assert "apps.three.app_token: found others may read" in done.stdout
    assert "s3cr3t" not in done.stdout


def test_a_socks_proxy_of_the_environment_is_refused_as_the_key_is(tmp_path: Path) -> None:
    config = write(tmp_path, GOOD)
    done = slackd("check-config", "--config", config, environ={"ALL_PROXY": "socks5://proxy:1080"})
    assert done.returncode == 1
    assert "ALL_PROXY: found socks5://…, expected the URL of an HTTP proxy" in done.stdout


def test_an_app_of_the_gateway_is_summed_up_and_its_files_are_looked_for(tmp_path: Path) -> None:
    urls = 'request_url = "https://127.0.0.1:3000/slack"\nca_file = "/no/ca"\n'
    app = f'[[subscribe]]\ntype = "*"\n[gateway]\n{urls}'
    config = write(tmp_path, GOOD, app=app)
    done = slackd("check-config", "--config", config, environ={"SLACKD_TEST_APP": "xapp-1"})
    assert done.returncode == 0
    assert "behind the gateway (https://127.0.0.1:3000/slack)" in done.stdout
    assert "gateway.ca_file: /no/ca cannot be read" in done.stdout
    assert "app.toml: names neither user nor group" not in done.stdout

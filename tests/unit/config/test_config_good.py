"""What good files amount to."""

import os
import re
from pathlib import Path

import attrs
import pytest

from slackd.config import Absent, App, OrderBy, SecretKind, SecretSource, find_file
from slackd.config.paths import places
from slackd.config.values import AS_SLACK_DELIVERS, Delivery
from slackd.errors import ConfigError
from tests.unit.config.config_folder import ConfigFolder

DESIGN = """
user = "deploybot"

[[subscribe]]
type = "events_api"
event = ["app_mention", "message.*"]
channel = ["C0123ABCD"]
ignore_self = true

[[subscribe]]
type = "slash_commands"
command = "/deploy"
respond = true
absent = "keep"

[delivery]
order_by = "thread"
window = 16
ack_timeout = "45s"
max_attempts = 7
backoff = { initial = "2s", max = "10m" }
expire = "20m"
gaps = true
max_age = "2d"
max_bytes = "2GiB"

[slack]
apps = ["main"]
methods = ["chat.*", "reactions.add"]
"""


def test_an_app_over_socket_mode_has_slacks_own_rules_of_delivery(tmp_path: Path) -> None:
    folder = ConfigFolder(tmp_path)
    subscribe = '[[subscribe]]\ntype = "events_api"\n'
    folder.write("plugins.d/one.toml", f"{subscribe}[gateway]\nsocket_mode = true\n")
    ordered = '[delivery]\norder_by = "thread"\n'
    folder.write("plugins.d/two.toml", f"{subscribe}{ordered}[gateway]\nsocket_mode = true\n")
    folder.write("plugins.d/three.toml", f'{subscribe}[gateway]\nrequest_url = "http://127.0.0.1:1/"\n')
    found = {name: each.delivery for name, each in folder.load().plugin_files.items()}
    assert found["one"] == AS_SLACK_DELIVERS
    assert found["two"] == attrs.evolve(AS_SLACK_DELIVERS, order_by=OrderBy.THREAD)
    assert found["three"] == Delivery()


def test_no_app_and_no_plugin_is_a_configuration(tmp_path: Path) -> None:
    folder = ConfigFolder(tmp_path)
    config = folder.load()
    assert not config.apps
    assert not config.plugin_files
    assert config.journal.directory == Path("/s")
    assert config.plugins.directory == folder.path / "plugins.d"
    sockets = (config.link_socket, config.plugins.socket, config.control.socket)
    assert sockets == (Path("/r/link.sock"), Path("/r/plugins.sock"), Path("/r/control.sock"))


def test_without_apps_a_plugin_may_name_any(tmp_path: Path) -> None:
    folder = ConfigFolder(tmp_path)
    folder.write("plugins.d/deploy.toml", DESIGN)
    assert folder.load().plugin_files["deploy"].apps == ("main",)


def test_an_app(tmp_path: Path) -> None:
    folder = ConfigFolder(tmp_path)
    folder.write(
        "slackd.toml",
        """
        [apps.main]
        app_token = "credential:main.app"
        bot_token = "file:/etc/slackd/bot token"
        connections = 2
        api_url = "https://slack.example.com/api"
        proxy = "http://me:geheim@proxy:3128"
        ca_file = "ca.pem"
        stall_timeout = "45s"
        unclaimed_command = ""
        """,
    )
    app = folder.load().apps["main"]
    assert app.app_token == SecretSource(SecretKind.CREDENTIAL, "main.app")
    assert app.bot_token == SecretSource(SecretKind.FILE, "/etc/slackd/bot token")
    assert (app.connections, app.stall_timeout, app.unclaimed_command) == (2, 45.0, "")
    assert app.api_url == "https://slack.example.com/api/"
    assert app.proxy == "http://me:geheim@proxy:3128"
    assert app.ca_file == folder.path / "ca.pem"
    assert "geheim" not in repr(app)


def test_the_daemons_own_sections(tmp_path: Path) -> None:
    folder = ConfigFolder(tmp_path)
    folder.write(
        "slackd.toml",
        """
        journal = { directory = "/j", max_age = "1d", max_bytes = "1GB", dead_letter_age = "2w" }
        plugins = { directory = "others.d", socket = "/p.sock", answer_deadline = "2s", grace = "1s" }
        control.socket = "/c.sock"
        link.socket = "/l.sock"
        log.level = "debug"
        """,
    )
    (folder.path / "others.d").mkdir()
    config = folder.load()
    assert (config.journal.directory, config.journal.max_age) == (Path("/j"), 86_400.0)
    assert (config.journal.max_bytes, config.journal.dead_letter_age) == (10**9, 14 * 86_400.0)
    assert config.plugins.directory == folder.path / "others.d"
    assert (config.plugins.socket, config.plugins.answer_deadline) == (Path("/p.sock"), 2.0)
    assert (config.control.socket, config.link_socket) == (Path("/c.sock"), Path("/l.sock"))
    assert config.log.level == "debug"


def test_the_plugin_file_of_the_design(tmp_path: Path) -> None:
    folder = ConfigFolder(tmp_path)
    folder.write("slackd.toml", '[apps.main]\napp_token = "env:APP"\nbot_token = "env:BOT"')
    folder.write("plugins.d/deploy.toml", DESIGN)
    plugin = folder.load().plugin_files["deploy"]
    assert (plugin.name, plugin.users, plugin.group) == ("deploy", ("deploybot",), None)
    mentions, command = plugin.subscriptions
    assert mentions.event == ("app_mention", "message.*")
    assert mentions.channel == ("C0123ABCD",)
    assert (command.command, command.respond, command.absent) == (("/deploy",), True, Absent.KEEP)
    delivery = plugin.delivery
    assert (delivery.order_by, delivery.window, delivery.max_attempts) == (OrderBy.THREAD, 16, 7)
    assert (delivery.ack_timeout, delivery.backoff_initial, delivery.backoff_max) == (45.0, 2.0, 600.0)
    assert (delivery.expire, delivery.gaps) == (1200.0, True)
    assert (delivery.max_age, delivery.max_bytes) == (172_800.0, 2 << 30)
    assert (plugin.apps, plugin.methods) == (("main",), ("chat.*", "reactions.add"))


def test_methods_without_an_app_are_for_the_only_one(tmp_path: Path) -> None:
    folder = ConfigFolder(tmp_path)
    folder.write("slackd.toml", '[apps.main]\napp_token = "env:APP"\nbot_token = "env:BOT"')
    folder.write("plugins.d/a.toml", '[slack]\nmethods = "chat.postMessage"')
    assert folder.load().plugin_files["a"].apps == ("main",)


def test_the_digest_changes_with_any_byte_of_any_file(tmp_path: Path) -> None:
    folder = ConfigFolder(tmp_path)
    digests = {folder.load().digest}
    for name, text in (
        ("slackd.toml", "# x"), ("plugins.d/a.toml", ""), ("plugins.d/a.toml", "# x"), ("plugins.d/b.toml", ""),
    ):  # fmt: skip
        folder.write(name, text)
        digests.add(folder.load().digest)
    assert len(digests) == 5
    assert folder.load().digest == folder.load().digest


@pytest.mark.parametrize(
    ("file", "environ", "uid", "state", "runtime"),
    [
        ("/etc/slackd/slackd.toml", {}, 1000, "/var/lib/slackd", "/run/slackd"),
        ("/x/slackd.toml", {}, 0, "/var/lib/slackd", "/run/slackd"),
        ("/x/slackd.toml", {"SYSTEMD_EXEC_PID": str(os.getpid())}, 998, "/var/lib/slackd", "/run/slackd"),
        (
            "/x/slackd.toml",
            {"HOME": "/h", "SYSTEMD_EXEC_PID": "1"},
            998,
            "/h/.local/state/slackd",
            "/tmp/slackd-998",
        ),
        ("/x/s.toml", {"STATE_DIRECTORY": "/a:/b", "RUNTIME_DIRECTORY": "/c"}, 0, "/a", "/c"),
        (
            "/x/slackd.toml",
            {"HOME": "/home/me", "XDG_RUNTIME_DIR": "/run/user/1000", "SYSTEMD_EXEC_PID": str(os.getpid())},
            1000,
            "/home/me/.local/state/slackd",
            "/run/user/1000/slackd",
        ),
        ("/x/slackd.toml", {"HOME": "/home/me"}, 1000, "/home/me/.local/state/slackd", "/tmp/slackd-1000"),
        ("/x/slackd.toml", {"XDG_STATE_HOME": "/s"}, 1000, "/s/slackd", "/tmp/slackd-1000"),
    ],
)
def test_where_things_stand(file: str, environ: dict[str, str], uid: int, state: str, runtime: str) -> None:
    standing = places(Path(file), environ, uid)
    assert (standing.state, standing.runtime) == (Path(state), Path(runtime))


def test_the_file_is_the_one_given_or_the_environments(tmp_path: Path) -> None:
    assert find_file("/a.toml", {"SLACKD_CONFIG": "/b.toml"}) == Path("/a.toml")
    assert find_file(None, {"SLACKD_CONFIG": "/b.toml"}) == Path("/b.toml")
    own = tmp_path / "slackd" / "slackd.toml"
    own.parent.mkdir()
    if not Path("/etc/slackd/slackd.toml").exists():
        with pytest.raises(ConfigError, match=r"/etc/slackd/slackd\.toml nor .*slackd\.toml is there"):
            find_file(None, {"XDG_CONFIG_HOME": str(tmp_path)})
        own.touch()
        assert find_file(None, {"XDG_CONFIG_HOME": str(tmp_path)}) == own


SHIPPED = Path(__file__).parents[3] / "etc"


def test_the_shipped_file_says_the_defaults(tmp_path: Path) -> None:
    """Settings are commented out as `#key = value`, prose as `# words`."""
    folder = ConfigFolder(tmp_path)
    shipped = (SHIPPED / "slackd.toml").read_text()
    folder.write("slackd.toml", shipped)
    config = folder.load()
    assert not config.apps
    spelled_out = re.sub("^#(?! |$)", "", shipped, flags=re.MULTILINE)
    assert spelled_out.count("\n#") < shipped.count("\n#")
    folder.write("slackd.toml", spelled_out.replace("/etc/slackd/plugins.d", str(folder.path / "plugins.d")))
    spelled = folder.load()
    assert spelled.journal == attrs.evolve(config.journal, directory=Path("/var/lib/slackd"))
    assert spelled.control.socket == Path("/run/slackd/control.sock")
    assert spelled.plugins == attrs.evolve(
        config.plugins,
        socket=Path("/run/slackd/plugins.sock"),
    )
    assert spelled.log == config.log


def test_the_shipped_example_of_an_app_is_good(tmp_path: Path) -> None:
    folder = ConfigFolder(tmp_path)
    lines = (SHIPPED / "slackd.toml").read_text().splitlines()
    example = [line[2:] for line in lines if re.match(r"# (\[apps|[a-z_]+ = )", line)]
    folder.write("slackd.toml", "\n".join(example))
    app = folder.load().apps["main"]
    assert app.bot_token == SecretSource(SecretKind.CREDENTIAL, "main-bot")
    assert app.unclaimed_command == App("x", app.app_token).unclaimed_command
    assert app.stall_timeout == App("x", app.app_token).stall_timeout


def test_the_shipped_example_of_a_plugin_is_good(tmp_path: Path) -> None:
    folder = ConfigFolder(tmp_path)
    lines = (SHIPPED / "plugins.d" / "README").read_text().splitlines()
    folder.write("plugins.d/deploy.toml", "\n".join(line for line in lines if line.startswith("    ")))
    assert folder.load().plugin_files["deploy"].users == ("deploybot",)

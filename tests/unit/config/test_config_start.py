"""What a process starts with when files on disk can't be used: without a plugin, or with the last good ones."""

import stat
from pathlib import Path

import pytest

from slackd.config import Config, InvalidConfig, load
from slackd.config.last_good import copy_file, keep_copy, start_config, state_folder
from slackd.config.load import load_for_start
from tests.unit.config.config_folder import ConfigFolder

APP = '[apps.main]\napp_token = "credential:main-app"\nproxy = "http://u:p@proxy:3128"\n'
PLUGIN = '[[subscribe]]\ntype = "slash_commands"\ncommand = "/{name}"\nrespond = true\n'
ENVIRON = {"STATE_DIRECTORY": "/s", "RUNTIME_DIRECTORY": "/r"}


class Host:
    """A configuration folder, and the state folder of one process."""

    def __init__(self, path: Path) -> None:
        (path / "etc").mkdir()
        self.state = path / "state"
        self.state.mkdir()
        self.folder = ConfigFolder(path / "etc")
        self.file = path / "etc" / "slackd.toml"

    def start(self) -> Config:
        config = start_config(self.file, self.state, environ=ENVIRON)
        keep_copy(config, self.state)
        return config


@pytest.fixture
def host(tmp_path: Path) -> Host:
    host = Host(tmp_path)
    host.folder.write("slackd.toml", APP)
    for name in ("one", "two"):
        host.folder.write(f"plugins.d/{name}.toml", PLUGIN.format(name=name))
    return host


def test_a_broken_file_of_a_plugin_takes_out_that_plugin_alone(host: Host) -> None:
    host.folder.write("plugins.d/two.toml", "[[subscribe]\n")
    config = load_for_start(host.file, environ=ENVIRON)
    assert (list(config.apps), list(config.plugin_files)) == (["main"], ["one"])
    (words,) = config.left_out
    assert words.startswith(f"plugin two is left out: {host.file.parent}/plugins.d/two.toml:1")
    with pytest.raises(InvalidConfig):
        load(host.file, environ=ENVIRON)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("usr = 'x'", "did you mean user?"),
        (PLUGIN.format(name="one"), "plugins.d/one.toml gives too"),
        ('[slack]\napps = ["other"]\nmethods = ["chat.*"]', "an app that is configured"),
    ],
)
def test_whatever_its_mistake_is(host: Host, text: str, words: str) -> None:
    host.folder.write("plugins.d/two.toml", text)
    config = load_for_start(host.file, environ=ENVIRON)
    assert list(config.plugin_files) == ["one"]
    assert words in config.left_out[0]


def test_one_that_clashes_with_a_broken_one_alone_goes_on(host: Host) -> None:
    host.folder.write("plugins.d/one.toml", "usr = 1\n" + PLUGIN.format(name="two"))
    assert list(load_for_start(host.file, environ=ENVIRON).plugin_files) == ["two"]


def test_a_broken_daemon_file_is_replaced_by_the_last_good_one(host: Host) -> None:
    good = host.start()
    assert (good.left_out, good.fallback) == ((), "")
    host.folder.write("slackd.toml", "[apps.main\n")
    config = host.start()
    assert (config.apps, config.digest) == (good.apps, good.digest)
    words = f"the last good configuration goes on (digest {good.digest[:12]}), since {host.file}:1"
    assert config.fallback.startswith(words)


def test_a_process_that_goes_on_with_it_does_so_at_every_start(host: Host) -> None:
    good = host.start()
    host.folder.write("slackd.toml", "nonsense")
    assert [host.start().digest for _ in range(3)] == [good.digest] * 3


def test_plugins_are_read_from_disk_all_the_same(host: Host) -> None:
    host.start()
    host.folder.write("slackd.toml", "nonsense")
    host.folder.write("plugins.d/two.toml", "nonsense")
    host.folder.write("plugins.d/three.toml", PLUGIN.format(name="three"))
    config = host.start()
    assert sorted(config.plugin_files) == ["one", "three"]
    assert len(config.left_out) == 1
    assert config.fallback


def test_an_app_in_a_file_of_its_own_is_part_of_it(host: Host) -> None:
    (host.file.parent / "apps.d").mkdir()
    other = host.folder.write("apps.d/other.toml", 'app_token = "credential:other-app"')
    good = host.start()
    assert list(good.apps) == ["main", "other"]
    other.write_text("app_token = 5")
    host.folder.write("apps.d/third.toml", 'app_token = "credential:third-app"')
    config = host.start()
    assert (list(config.apps), config.digest) == (["main", "other"], good.digest)


def test_without_one_there_is_nothing_to_start_with(host: Host) -> None:
    host.folder.write("slackd.toml", "nonsense")
    with pytest.raises(InvalidConfig):
        host.start()


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"file": "FILE"}', '{"file": "FILE", "files": {"FILE": "bad ["}}']
)
def test_a_copy_that_cannot_be_used_is_none(host: Host, text: str) -> None:
    host.start()
    copy_file(host.file, host.state).write_text(text.replace("FILE", str(host.file)))
    host.folder.write("slackd.toml", "nonsense")
    with pytest.raises(InvalidConfig, match=r"slackd\.toml:1"):
        host.start()


def test_nobody_else_may_read_the_copy(host: Host) -> None:
    host.start()
    (kept,) = host.state.iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_the_brokers_copy_is_beside_the_journal_also_when_the_file_is_broken(host: Host) -> None:
    assert state_folder(host.file, ENVIRON, 0) == Path("/s")
    host.folder.write("slackd.toml", '[journal]\nmax_age = 5\ndirectory = "/srv/journal"\n[log\n')
    assert state_folder(host.file, ENVIRON, 0) == Path("/srv/journal")
    host.folder.write("slackd.toml", '[journal]\ndirectory = "here"\n[plugins]\ndirectory = "/no"\n')
    assert state_folder(host.file, ENVIRON, 0) == host.file.parent / "here"

"""Whose files are believed: links, modes, owners, and what isn't a file."""

import os
from pathlib import Path

import pytest

from slackd.config import InvalidConfig, load
from tests.unit.config.config_folder import ConfigFolder

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


@pytest.mark.parametrize("name", ["slackd.toml", "plugins.d/a.toml", "plugins.d"])
def test_what_everybody_may_write_is_refused(tmp_path: Path, name: str) -> None:
    folder = ConfigFolder(tmp_path)
    folder.write("plugins.d/a.toml", "")
    path = tmp_path / name
    path.chmod(path.stat().st_mode | 0o002)
    mode = f"{path.stat().st_mode & 0o7777:04o}"
    assert folder.problems() == [
        f"{name}: found mode {mode}, expected one that only its owner may write (chmod o-w {name})"
    ]


@needs_root
@pytest.mark.parametrize("name", ["slackd.toml", "plugins.d/a.toml", "plugins.d"])
def test_what_belongs_to_somebody_else_is_told(tmp_path: Path, name: str) -> None:
    folder = ConfigFolder(tmp_path)
    folder.write("plugins.d/a.toml", "")
    os.chown(tmp_path / name, 4242, -1)
    warning, = folder.load().warnings  # fmt: skip
    assert warning == f"{tmp_path / name}: belongs to uid 4242, who so decides what slackd does"


@needs_root
def test_what_another_group_may_write_is_told(tmp_path: Path) -> None:
    folder = ConfigFolder(tmp_path)
    os.chown(tmp_path / "slackd.toml", -1, 4242)
    (tmp_path / "slackd.toml").chmod(0o664)
    warning, = folder.load().warnings  # fmt: skip
    assert warning == f"{tmp_path / 'slackd.toml'}: group 4242 may write it, and so decide what slackd does"


def test_a_link_is_followed(tmp_path: Path) -> None:
    """Kubernetes mounts every file of a ConfigMap as a link into a hidden folder."""
    folder = ConfigFolder(tmp_path)
    data = tmp_path / "plugins.d" / "..data"
    data.mkdir()
    folder.write("plugins.d/..data/a.toml", 'user = "somebody"')
    (tmp_path / "plugins.d" / "a.toml").symlink_to("..data/a.toml")
    assert folder.load().plugin_files["a"].users == ("somebody",)


def test_a_link_to_what_everybody_may_write_is_refused(tmp_path: Path) -> None:
    folder = ConfigFolder(tmp_path)
    target = folder.write("target", "")
    target.chmod(0o666)
    (tmp_path / "plugins.d" / "a.toml").symlink_to(target)
    assert folder.problems()[0].startswith("plugins.d/a.toml: found mode 0666")


def test_a_link_to_nowhere_is_told(tmp_path: Path) -> None:
    folder = ConfigFolder(tmp_path)
    (tmp_path / "plugins.d" / "a.toml").symlink_to("/nowhere/a.toml")
    assert folder.problems() == [
        "plugins.d/a.toml: found nothing, expected a configuration file (it is a link to /nowhere/a.toml)"
    ]


def test_a_link_to_dev_null_masks_a_plugin(tmp_path: Path) -> None:
    folder = ConfigFolder(tmp_path)
    (tmp_path / "plugins.d" / "a.toml").symlink_to("/dev/null")
    assert not folder.load().plugin_files


def test_a_fifo_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    folder = ConfigFolder(tmp_path)
    os.mkfifo(tmp_path / "plugins.d" / "a.toml")
    assert folder.problems() == ["plugins.d/a.toml: found a FIFO, expected a configuration file"]


def test_a_folder_in_the_place_of_a_file_is_told(tmp_path: Path) -> None:
    folder = ConfigFolder(tmp_path)
    (tmp_path / "plugins.d" / "a.toml").mkdir()
    assert folder.problems() == ["plugins.d/a.toml: found a folder, expected a configuration file"]


def test_other_files_beside_the_plugins_are_left_alone(tmp_path: Path) -> None:
    folder = ConfigFolder(tmp_path)
    for name in ("README", ".a.toml.swp", ".hidden.toml", "a.toml.dpkg-old", "b.toml~"):
        folder.write(f"plugins.d/{name}", "= no TOML")
    assert not folder.load().plugin_files


@pytest.mark.parametrize("name", ["Deploy", "my plugin", "-a", "a.b", "ä", "a" * 65, ""])
def test_a_plugins_name_is_a_plain_one(tmp_path: Path, name: str) -> None:
    folder = ConfigFolder(tmp_path)
    folder.write(f"plugins.d/{name or 'A'}.toml", "")
    problem, = folder.problems()  # fmt: skip
    assert "expected a file name of at most 64 lower-case letters, digits, - and _" in problem


def test_a_file_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root reads everything")
    folder = ConfigFolder(tmp_path)
    (tmp_path / "slackd.toml").chmod(0)
    assert folder.problems() == [
        "slackd.toml: found permission denied, expected a configuration file "
        f"(it must be readable for uid {os.geteuid()})"
    ]


def test_a_path_that_cannot_be_one_is_told() -> None:
    with pytest.raises(InvalidConfig):
        load("/nowhere/\0.toml")


def test_tokens_that_would_travel_without_tls_are_told(tmp_path: Path) -> None:
    folder = ConfigFolder(tmp_path)
    for api_url, told in (("http://127.0.0.1:8080/api/", False), ("http://127.example.com/api/", True)):
        folder.write("slackd.toml", f'[apps.main]\napp_token = "env:APP"\napi_url = "{api_url}"\n')
        assert any("unencrypted" in warning for warning in folder.load().warnings) is told


def test_a_default_socket_path_that_is_too_long_is_refused_too(tmp_path: Path) -> None:
    (tmp_path / "slackd.toml").write_text("")
    (tmp_path / "slackd.toml").chmod(0o644)
    with pytest.raises(InvalidConfig, match=r"found the default path .*, expected a path of at most 107 bytes"):
        load(tmp_path / "slackd.toml", environ={"STATE_DIRECTORY": "/s", "RUNTIME_DIRECTORY": "/r" * 60})

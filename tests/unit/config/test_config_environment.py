"""Proxies that the environment names: what slackd can't use is refused in the configuration's own words."""

from pathlib import Path

import pytest

from slackd.config import Config, InvalidConfig
from slackd.config.environment import proxy_problems, refuse_unusable_proxies, service_environment
from tests.unit.config.config_folder import ConfigFolder

GOING_BY_IT = '[apps.main]\napp_token = "env:A"\n'


def config(folder: Path, text: str = GOING_BY_IT) -> Config:
    made = ConfigFolder(folder)
    made.write("slackd.toml", text)
    return made.load()


@pytest.mark.parametrize("name", ["ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy"])
@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "socks4", "SOCKS5"])
def test_socks_is_refused_wherever_it_stands(tmp_path: Path, name: str, scheme: str) -> None:
    source = Path("/etc/default/slackd")
    (problem,) = proxy_problems(config(tmp_path), {name: f"{scheme}://u:secret@proxy:1080"}, source)
    assert str(problem).startswith(f"{source}: {name}: found {scheme}://…, expected the URL of an HTTP proxy")
    assert "SOCKS is not supported" in str(problem)
    assert "secret" not in str(problem)


@pytest.mark.parametrize(
    "value", ["http://u:sec/ret@proxy:3128", "u:sec#ret@proxy", "http://proxy:port", "http://[::1", "http://"]
)
def test_what_cannot_be_read_is_refused_without_its_password(tmp_path: Path, value: str) -> None:
    (problem,) = proxy_problems(config(tmp_path), {"HTTPS_PROXY": value}, Path("/etc/default/slackd"))
    assert "HTTPS_PROXY: found http://…, expected the URL of an HTTP proxy" in str(problem)
    assert "percent-encode" in str(problem)
    assert "sec" not in str(problem)


@pytest.mark.parametrize("value", ["http://proxy:3128", "https://proxy", "proxy:3128", ""])
def test_an_http_proxy_is_taken_also_as_all_proxy(tmp_path: Path, value: str) -> None:
    environ = {"ALL_PROXY": value, "NO_PROXY": "socks5://x"}
    assert not list(proxy_problems(config(tmp_path), environ, Path("x")))


def test_apps_with_a_proxy_of_their_own_do_not_go_by_it(tmp_path: Path) -> None:
    own = config(tmp_path, GOING_BY_IT + 'proxy = "http://proxy:3128"\n')
    assert not list(proxy_problems(own, {"ALL_PROXY": "socks5://x"}, Path("x")))


def test_the_services_environment_is_read_as_systemd_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "slackd"
    file.write_text(
        "# a comment\n; another\nHTTPS_PROXY=http://proxy:3128\n  NO_PROXY='10.0.0.0/8, intra'\n"
        'LONG="a\\\nb"\nBROKEN="x\nnonsense\n'
    )
    assert service_environment(file) == {
        "HTTPS_PROXY": "http://proxy:3128",
        "NO_PROXY": "10.0.0.0/8, intra",
        "LONG": "ab",
        "BROKEN": '"x',
    }
    assert service_environment(tmp_path / "none") == {}


def test_a_reload_refuses_what_it_names(tmp_path: Path) -> None:
    file = tmp_path / "default"
    file.write_text("ALL_PROXY=socks5h://proxy:1080\n")
    with pytest.raises(InvalidConfig, match="ALL_PROXY"):
        refuse_unusable_proxies(config(tmp_path), file)

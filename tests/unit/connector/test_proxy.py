"""Which way out: the rules of HTTPS_PROXY and NO_PROXY, as curl has them."""

import base64
from pathlib import Path

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.helpers import strip_auth_from_url
from yarl import URL

from slackd.connector.network_errors import obstacle
from slackd.connector.proxy import place_of, proxy_for
from slackd.connector.trust import tls_context
from slackd.errors import ConfigError

SLACK = "wss://wss-primary.slack.com/link/?ticket=1"
PROXY = "http://user:pass@proxy.corp:3128"


@pytest.mark.parametrize(
    ("environ", "found"),
    [
        ({}, None),
        ({"HTTPS_PROXY": PROXY}, PROXY),
        ({"https_proxy": PROXY, "HTTPS_PROXY": "http://other"}, PROXY),
        ({"ALL_PROXY": PROXY}, PROXY),
        ({"HTTPS_PROXY": "proxy.corp:3128"}, "http://proxy.corp:3128"),
        ({"HTTPS_PROXY": ""}, None),
        ({"https_proxy": "", "HTTPS_PROXY": PROXY}, None),
        ({"HTTP_PROXY": PROXY, "http_proxy": PROXY}, None),
        ({"WSS_PROXY": PROXY}, None),
    ],
)
def test_the_environment(environ: dict[str, str], found: str | None) -> None:
    assert proxy_for(SLACK, None, environ) == found
    assert proxy_for("https://slack.com/api/", None, environ) == found


@pytest.mark.parametrize("name", ["ALL_PROXY", "https_proxy"])
@pytest.mark.parametrize("proxy", ["socks5://user:secret@proxy.corp:1080", "SOCKS5H://proxy.corp"])
def test_socks_is_refused_with_words_and_without_the_password(name: str, proxy: str) -> None:
    with pytest.raises(
        ConfigError, match="SOCKS is not supported: take it out of HTTPS_PROXY and ALL_PROXY"
    ) as no:
        proxy_for(SLACK, None, {name: proxy})
    assert "secret" not in str(no.value)
    assert proxy_for(SLACK, None, {name: proxy, "NO_PROXY": "slack.com"}) is None


@pytest.mark.parametrize(
    "proxy", ["http://user:sec/ret@proxy.corp:1080", "http://[::1", "proxy:port", "http://"]
)
def test_a_proxy_that_cannot_be_read_is_refused_with_words_and_without_the_password(proxy: str) -> None:
    with pytest.raises(ConfigError, match="the environment's proxy can't be read") as no:
        proxy_for(SLACK, None, {"HTTPS_PROXY": proxy})
    assert "sec" not in str(no.value)
    assert "percent-encode" in str(no.value)


@pytest.mark.parametrize(
    ("password", "sent"),
    [("p%3Ass", b"p:ss"), ("caf%C3%A9", "café".encode("latin-1")), ("%D0%BF%D1%8C", "пь".encode())],
)
def test_a_password_outside_of_latin_1_goes_out_as_utf_8(password: str, sent: bytes) -> None:
    found = proxy_for(SLACK, f"http://name:{password}@proxy.corp:3128")
    assert found is not None
    _, auth = strip_auth_from_url(URL(found))
    assert auth is not None
    assert base64.b64decode(auth.encode().removeprefix("Basic ")) == b"name:" + sent


def test_a_plain_url_goes_the_way_of_http() -> None:
    environ = {"http_proxy": PROXY, "HTTPS_PROXY": "http://other"}
    assert proxy_for("ws://127.0.0.1:1/link", None, environ) == PROXY
    assert proxy_for("http://127.0.0.1:1/api/", None, environ) == PROXY
    assert proxy_for("http://127.0.0.1:1/api/", None, {"HTTP_PROXY": PROXY}) is None


@pytest.mark.parametrize(
    ("rule", "url", "exempt"),
    [
        ("*", SLACK, True),
        ("slack.com", SLACK, True),
        (".slack.com", SLACK, True),
        ("*.slack.com", SLACK, True),
        ("SLACK.COM", SLACK, True),
        ("wss-primary.slack.com", SLACK, True),
        ("lack.com", SLACK, False),
        ("api.slack.com", SLACK, False),
        ("com", SLACK, True),
        ("other.org, slack.com", SLACK, True),
        ("other.org slack.com", SLACK, True),
        ("slack.com:443", SLACK, True),
        ("slack.com:8443", SLACK, False),
        ("slack.com:8443", "https://slack.com:8443/", True),
        ("", SLACK, False),
        (",,", SLACK, False),
        (".", SLACK, False),
        ("10.0.0.0/8", "https://10.1.2.3/", True),
        ("10.0.0.0/8", "https://11.1.2.3/", False),
        ("10.1.2.3", "https://10.1.2.3/", True),
        ("10.1.2.3:443", "https://10.1.2.3/", True),
        ("10.1.2.3:80", "https://10.1.2.3/", False),
        ("10.0.0.0/8", SLACK, False),
        ("0.0.0.0/0", "https://[::1]/", False),
        ("::1", "https://[::1]/", True),
        ("[::1]", "https://[::1]/", True),
        ("[::1]:443", "https://[::1]/", True),
        ("[::1]:80", "https://[::1]/", False),
        ("fd00::/8", "https://[fd12::1]/", True),
        ("nonsense/99", "https://10.1.2.3/", False),
        ("127.0.0.1", "https://localhost/", False),
        ("localhost", "https://localhost/", True),
        ("slack.com", "https://slack.com./", True),
    ],
)
def test_no_proxy(rule: str, url: str, exempt: bool) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        assert (proxy_for(url, None, {"HTTPS_PROXY": PROXY, name: rule}) is None) == exempt


def test_the_configured_proxy_holds_whatever_the_environment_says() -> None:
    environ = {"HTTPS_PROXY": "http://other", "NO_PROXY": "*"}
    assert proxy_for(SLACK, PROXY, environ) == PROXY
    assert proxy_for("ws://127.0.0.1/", "proxy:1", environ) == "http://proxy:1"
    assert proxy_for(SLACK, "", environ) is None


@pytest.mark.parametrize(
    ("proxy", "place"),
    [
        (PROXY, "proxy.corp:3128"),
        ("http://user:p%40ss@Proxy.corp", "proxy.corp:80"),
        ("https://user@proxy.corp/", "proxy.corp:443"),
        ("proxy.corp:3128", "proxy.corp:3128"),
        ("http://user:pass@[fd00::1]:3128", "[fd00::1]:3128"),
        ("http://user:pa/ss@proxy.corp", "(its URL can't be read)"),
    ],
)
def test_a_proxy_is_named_without_its_password(proxy: str, place: str) -> None:
    assert place_of(proxy) == place


@pytest.mark.parametrize(("host", "is_the_proxy"), [("proxy.corp", True), ("slack.com", False)])
def test_a_name_that_cannot_be_resolved_may_be_the_proxys(host: str, is_the_proxy: bool) -> None:
    key = ConnectionKey(host, 3128, False, True, None, None, None)
    found = obstacle(aiohttp.ClientConnectorError(key, OSError(-2, "Name or service not known")), PROXY)
    assert found.reason.endswith(f"{host}:3128 can't be reached (Name or service not known)")
    assert found.reason.startswith("the proxy ") is is_the_proxy
    assert ("HTTPS_PROXY" in found.hint) is is_the_proxy


def test_a_ca_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    empty = tmp_path / "ca.pem"
    empty.write_text("no certificate")
    for path in (empty, tmp_path / "missing.pem"):
        with pytest.raises(ConfigError, match=path.name):
            tls_context(path)
    assert tls_context(None).verify_mode.name == "CERT_REQUIRED"

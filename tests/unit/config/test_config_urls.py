"""What counts as this machine: tokens may go there without TLS."""

import pytest

from slackd.config.urls import is_this_host


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8080/api/",
        "ws://127.0.0.1/",
        "http://127.9.9.9",
        "http://[::1]:80/",
        "http://LOCALHOST",
    ],
)
def test_this_machine(url: str) -> None:
    assert is_this_host(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.example.com/",
        "http://127.0.0.1.example.com/",
        "http://localhost.example.com/",
        "http://localhost@example.com/",
        "http://10.0.0.1/",
        "http://0.0.0.0/",
        "http://[::ffff:10.0.0.1]/",
        "http://[/",
        "localhost",
        "",
    ],
)
def test_elsewhere_or_no_url(url: str) -> None:
    assert not is_this_host(url)

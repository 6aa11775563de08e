"""A file comes from, and goes to, Slack's own file hosts; the token goes nowhere else."""

import pytest

from slackd.connector.file_transfers import is_file_url

SLACK = "https://slack.com/api/"


@pytest.mark.parametrize(
    "url", ["https://files.slack.com/files-pri/T1-F1/a", "https://FILES.slack.com:443/upload/v1/x"]
)
def test_slacks_file_hosts(url: str) -> None:
    assert is_file_url(url, SLACK)


@pytest.mark.parametrize(
    "url",
    [
        "http://files.slack.com/files-pri/T1-F1/a",
        "https://files.slack.com:8443/a",
        "https://files.slack.com@evil.example/a",
        "https://user:word@files.slack.com/a",
        "https://slack.com/api/auth.test",
        "https://hooks.slack.com/services/T1/B1/x",
        "https://evil.example/?https://files.slack.com",
        "https://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "https://[",
        "",
    ],
)
def test_no_other(url: str) -> None:
    assert not is_file_url(url, SLACK)


def test_an_emulators_own_origin_and_nothing_beside_it() -> None:
    api = "http://127.0.0.1:4711/api/"
    assert is_file_url("http://127.0.0.1:4711/files-pri/F1/a", api)
    assert not is_file_url("http://127.0.0.1:4712/files-pri/F1/a", api)
    assert not is_file_url("https://127.0.0.1:4711/files-pri/F1/a", api)
    assert is_file_url("https://files.slack.com/a", api)

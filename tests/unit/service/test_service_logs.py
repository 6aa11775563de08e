"""Where records go, what they carry, and what they never carry."""

import importlib
import io
import logging
import os
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from slackd.systemd import message_ids
from slackd.systemd.log_limit import LINE_BURST
from slackd.systemd.logs import JournalHandler, set_up_logging

LOG = logging.getLogger("slackd.test")


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


def lines(level: str = "info") -> io.StringIO:
    stream = io.StringIO()
    set_up_logging(level, environ={}, stream=stream)
    return stream


def test_a_line_says_what_it_is_about() -> None:
    stream = lines()
    LOG.info(
        "READY", extra={"event": "connection-ready", "app": "main", "connection": "c1-main-7", "plugin": ""}
    )
    LOG.warning("a plugin %s", "left")
    LOG.debug("not said")
    assert stream.getvalue() == "READY [app=main connection=c1-main-7]\nwarning: a plugin left\n"


def test_nobody_writes_a_second_line_into_the_log() -> None:
    stream = lines()
    LOG.info("plugin says %s", "hello\nerror: all is lost\x1b[2J", extra={"plugin": "a\nb"})
    assert stream.getvalue() == "plugin says hello\\nerror: all is lost\\x1b[2J [plugin=a\\nb]\n"


def test_whatever_is_said_without_end_is_cut_short() -> None:
    stream = lines()
    for number in range(1_000):
        LOG.warning("bad request %d", number)
        LOG.error("the disk is full", extra={"event": "journal-refused"})
    assert stream.getvalue().count("\n") <= 2 * (LINE_BURST + 1)


SECRETS = [
    "xapp-1-A111-222-abcdef",
    "xoxb-111-222-abcdef",
    "xoxp-111-abcdef",
    "xoxe.xoxp-1-abcdef",
    "xoxe-1-abcdef",
    "xwfp-111-abcdef",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_a_token_is_blanked_in_messages_and_tracebacks(secret: str) -> None:
    stream = lines()
    try:
        raise ValueError(f"Bearer{secret}")
    except ValueError:
        LOG.exception("with %s", secret, extra={"envelope": secret})
    assert "abcdef" not in stream.getvalue()
    assert "Traceback" in stream.getvalue()


@pytest.mark.parametrize(
    ("text", "blanked"),
    [
        ("http://me:geheim@proxy:3128", "http://***@proxy:3128"),
        ("wss://wss.slack.com/link/?ticket=1-2&app_id=3", "wss://wss.slack.com/link/?ticket=***&app_id=3"),
        ("https://hooks.slack.com/commands/T1/2/abc failed", "https://hooks.slack.com/commands/*** failed"),
        ("mail me@example.com about xapp", "mail me@example.com about xapp"),
    ],
)
def test_other_secrets_are_blanked_and_nothing_else(text: str, blanked: str) -> None:
    stream = lines()
    LOG.info(text)
    assert stream.getvalue() == f"{blanked}\n"


def test_under_systemd_records_go_to_the_journal_with_their_fields(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[dict[str, Any]] = []
    journal = types.SimpleNamespace(send=lambda message, **fields: sent.append({"MESSAGE": message, **fields}))
    monkeypatch.setattr(importlib, "import_module", lambda name: {"systemd.journal": journal}[name])
    with open(tmp_path / "stderr", "w") as stream:
        about = os.fstat(stream.fileno())
        environ = {"JOURNAL_STREAM": f"{about.st_dev}:{about.st_ino}"}
        set_up_logging("info", environ=environ, stream=stream)
        extra = {"event": "delivery-dead", "app": "main", "plugin": "deploy", "envelope": 7, "connection": "c1"}
        LOG.error("gave up on %s", "xoxb-1-abc", extra=extra)
    record, = sent  # fmt: skip
    assert record["MESSAGE"] == "gave up on xoxb-***"
    assert record["MESSAGE_ID"] == message_ids.DEAD_LETTER
    assert record["PRIORITY"] == 3
    assert record["SLACKD_EVENT"] == "delivery-dead"
    about_it = [record[f"SLACKD_{name}"] for name in ("APP", "PLUGIN", "ENVELOPE", "CONNECTION")]
    assert about_it == ["main", "deploy", "7", "c1"]
    assert record["CODE_FILE"] == __file__
    assert (tmp_path / "stderr").read_text() == ""


def test_without_systemd_python_the_lines_say_their_priority(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with open(tmp_path / "stderr", "w") as stream:
        about = os.fstat(stream.fileno())
        environ = {"JOURNAL_STREAM": f"{about.st_dev}:{about.st_ino}"}
        set_up_logging("debug", environ=environ, stream=stream)
        LOG.debug("a")
        LOG.info("b")
        LOG.warning("c")
        LOG.error("d", exc_info=ValueError("e"))
    assert (tmp_path / "stderr").read_text().splitlines() == [
        "<7>debug: a",
        "<6>b",
        "<4>warning: c",
        "<3>error: d",
        "<3>ValueError: e",
    ]


def test_the_journal_of_somebody_else_is_not_ours(tmp_path: Path) -> None:
    with open(tmp_path / "stderr", "w") as stream:
        set_up_logging("info", environ={"JOURNAL_STREAM": "1:2"}, stream=stream)
        LOG.info("b")
    assert (tmp_path / "stderr").read_text() == "b\n"


def test_a_journal_that_does_not_listen_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def send(message: str, **fields: Any) -> None:
        raise OSError

    monkeypatch.setattr(logging, "raiseExceptions", False)
    JournalHandler(send).handle(logging.makeLogRecord({"msg": "x", "levelno": logging.INFO}))


def test_what_the_catalog_names_is_said_even_if_it_is_empty_and_each_line_has_its_process(
    tmp_path: Path,
) -> None:
    sent: dict[str, Any] = {}
    record = {"msg": "x", "levelno": logging.ERROR, "event": "delivery-dead", "plugin": "", "app": "main"}
    JournalHandler(lambda _message, **fields: sent.update(fields), "slackd-broker").handle(
        logging.makeLogRecord(record)
    )
    assert (sent["SLACKD_PLUGIN"], sent["SLACKD_APP"]) == ("-", "main")
    assert "SLACKD_ENVELOPE" not in sent
    assert sent["SYSLOG_IDENTIFIER"] == "slackd-broker"

"""docs/laptop.md, followed to the letter: its files, its long-running commands, and each of its sessions."""

import re

import pytest

from tests.integration.documents.laptop import COMMANDS, FILES, MISSING, SESSIONS, Laptop, read_until


def test_the_page_has_what_this_test_follows() -> None:
    assert set(FILES) == {"slackd.toml", "plugins.d/hello.toml", "hello.py"}
    assert len(SESSIONS) == 6
    for command in ("slackd emulate --port 8765", "slackd run --config slackd.toml", "python hello.py"):
        assert command in COMMANDS


@pytest.mark.skipif(bool(MISSING), reason=f"the page asks for {', '.join(MISSING)}")
def test_it_can_be_followed_to_the_letter(laptop: Laptop) -> None:
    announced = read_until(laptop.start("slackd emulate --port 8765"), "All that can be done")
    laptop.port = announced.partition("http://127.0.0.1:")[2].partition("/")[0]
    laptop.write_files()
    for told in (*laptop.adapted(FILES["slackd.toml"]).splitlines(), *COMMANDS):
        if told.startswith(("[", "app_token", "bot_token", "api_url", "export ")):
            assert told in announced, "the page and the emulator tell two stories"
    assert "is good" in laptop.says("slackd check-config --config slackd.toml")
    slackd = laptop.start("slackd run --config slackd.toml")
    read_until(slackd, "connector 2 is ready")
    laptop.start("python hello.py")
    read_until(slackd, "hello: a session began")
    for command, expected in SESSIONS:
        pattern = re.escape(laptop.adapted(expected)).replace("…", ".*")
        assert re.fullmatch(pattern, laptop.says(command), re.DOTALL), command

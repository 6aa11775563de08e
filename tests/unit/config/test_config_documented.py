"""The page on configuration: its examples are good, and it leaves no key out."""

import re
from pathlib import Path

from slackd.config.values import AS_SLACK_DELIVERS, Delivery
from slackd.toml_reader.units import format_duration
from tests.unit.config.config_folder import ConfigFolder

PAGE = (Path(__file__).parents[3] / "docs" / "configuration.md").read_text()


def test_its_examples_are_good(tmp_path: Path) -> None:
    daemon, plugin = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    folder = ConfigFolder(tmp_path)
    folder.write("slackd.toml", daemon)
    folder.write("plugins.d/deploy.toml", plugin)
    config = folder.load()
    assert list(config.apps) == ["main"]
    assert config.plugin_files["deploy"].methods == ("chat.*", "reactions.add")
    assert config.warnings == ()


def test_it_names_every_key(tmp_path: Path) -> None:
    """What an unknown key is told are the known ones."""
    unknown = "unknown_key = 1\n"
    sections = ("apps.main", "journal", "plugins", "control", "link", "log", "gateway", "receiver")
    problems = ConfigFolder(tmp_path).problems_of(
        unknown + "".join(f"[{section}]\n{unknown}" for section in sections),
        a=f"{unknown}[[subscribe]]\n{unknown}[delivery]\n{unknown}[slack]\n{unknown}[gateway]\n{unknown}",
    )
    told = [
        problem.partition("an unknown key, expected ")[2] for problem in problems if "unknown key" in problem
    ]
    known = {key for each in told for key in re.split(r", | or ", each.partition(" (")[0])}
    assert {"stall_timeout", "dead_letter_age", "answer_deadline", "ignore_self", "max_attempts"} <= known
    assert not [key for key in known if not re.search(rf"[`\[.]{key}[`\].]|^{key} = ", PAGE, re.MULTILINE)]


def test_it_says_the_defaults_of_delivery() -> None:
    default = Delivery()
    for key in ("ack_timeout", "expire", "max_age"):
        assert f'| `{key}` | `"{format_duration(getattr(default, key))}"`' in PAGE
    assert f"| `window` | `{default.window}` |" in PAGE
    assert f"| `max_attempts` | `{default.max_attempts}` |" in PAGE


def test_it_says_the_defaults_of_delivery_over_socket_mode() -> None:
    default = AS_SLACK_DELIVERS
    for line in (
        f'`ack_timeout = "{format_duration(default.ack_timeout)}"`',
        f"`max_attempts = {default.max_attempts}`",
        f"`window = {default.window}`",
    ):
        assert line in PAGE

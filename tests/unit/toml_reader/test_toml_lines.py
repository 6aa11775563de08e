"""The line on which a key stands."""

import pytest

from slackd.toml_reader.lines import line_of
from slackd.toml_reader.problems import KeyPath

TEXT = """\
top = 1

[apps.main]
app_token = "x"
"quoted key" = 2
text = '''
connections = 3
'''
connections = 4   # comment

[[subscribe]]
type = "a"
[[subscribe]]
  type = "b"
  [subscribe.allow]
  users = []

[delivery]
backoff = { initial = "1s", max = "5m" }
[ "spaced" . 'out' ]  # comment
key.dotted = 1
"""


@pytest.mark.parametrize(
    ("key", "line"),
    [
        (("top",), 1),
        (("apps", "main"), 3),
        (("apps", "main", "quoted key"), 5),
        (("apps", "main", "connections"), 9),
        (("apps", "main", "missing"), 3),
        (("subscribe", 0, "type"), 12),
        (("subscribe", 1, "type"), 14),
        (("subscribe", 1, "respond"), 13),
        (("subscribe", 1, "allow", "users"), 16),
        (("delivery", "backoff", "max"), 19),
        (("spaced", "out", "key", "dotted"), 21),
        (("nowhere",), None),
        ((), None),
    ],
)
def test_the_line_is_the_keys_or_that_of_the_nearest_table(key: KeyPath, line: int | None) -> None:
    assert line_of(TEXT, key) == line

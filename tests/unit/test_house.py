"""The walls of the house: who may import whom, what must stay pure, and which words and names stand once."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import slackd

HOUSE = Path(slackd.__file__).parent
ROOT = HOUSE.parent
STANDARD = set(sys.stdlib_module_names)
SQLITE = re.compile("sqlite", re.IGNORECASE)
NOT_PURE = {"asyncio", "socket", "aiohttp", "threading", "subprocess", "sqlite3", "time", "select"}

FOUNDATION = {
    "",
    "accelerators",
    "envelope",
    "errors",
    "frozen",
    "slotted",
    "held_bytes",
    "http_body",
    "jsonrpc",
    "late_import",
    "line_cutter",
    "listener",
    "rate_limit",
    "redaction",
    "slack",
    "spelling",
    "text",
    "unix_peers",
    "whole_file",
}
"""What everybody may import; see `test_the_foundation_stands_on_nothing_else`."""

MAY_IMPORT = {
    "advise": {"connector", "toml_reader"},
    "broker": {"config", "link", "systemd"},
    "cli": None,
    "config": {"toml_reader"},
    "connector": {"config", "link", "signature"},
    "emulator": {"signature", "slack_server"},
    "gateway": {"config", "link", "plugin", "slack_server", "systemd"},
    "link": set(),
    "plugin": set(),
    "rolling_restart": {"config", "connector", "control_client", "link", "systemd"},
    "setup": {"config", "connector", "rolling_restart", "systemd"},
    "signature": set(),
    "slack_server": set(),
    "systemd": {"config"},
    "toml_reader": set(),
    "exec": {"config", "plugin"},
    "scaffold": {"plugin"},
    "local": {"broker", "cli", "config", "control_client", "emulator", "systemd", "toml_reader"},
    "testing": {"emulator", "local"},
    "control_client": {"config"},
}
"""What each folder (or module) of slackd/ imports of the others, besides the foundation; None is anything."""

PURE = [
    "envelope.py",
    "jsonrpc.py",
    "line_cutter.py",
    "broker/commits.py",
    "broker/core.py",
    "broker/connection_registry.py",
    "broker/dispatch/",
    "broker/failed_deliveries.py",
    "broker/fallback_responses.py",
    "broker/ingest.py",
    "broker/late_answers.py",
    "broker/outbox.py",
    "broker/parsing.py",
    "broker/pending_acks.py",
    "broker/plugins/conduct.py",
    "broker/plugins/events.py",
    "broker/plugins/opening.py",
    "broker/plugins/params.py",
    "broker/plugins/peer_limits.py",
    "broker/plugins/protocol.py",
    "broker/ready_intervals.py",
    "broker/unsent_answers.py",
    "connector/ack_deadlines.py",
    "connector/closing_notices.py",
    "connector/unacknowledged.py",
    "connector/request_url/envelopes.py",
    "connector/request_url/gate.py",
    "connector/request_url/replays.py",
    "connector/socketmode/connection_budget.py",
    "connector/socketmode/draining.py",
    "connector/socketmode/lifecycle.py",
    "connector/socketmode/liveness.py",
    "connector/socketmode/pool.py",
    "connector/socketmode/transitions.py",
    "connector/socketmode/protocol.py",
    "connector/socketmode/reconnect.py",
    "connector/socketmode/rotation.py",
    "connector/socketmode/troubles.py",
    "connector/socketmode/waits.py",
    "gateway/credentials.py",
    "gateway/envelopes.py",
    "gateway/request_url.py",
    "gateway/url_rewriting.py",
    "plugin/answer_memory.py",
    "plugin/parsing.py",
    "plugin/session.py",
    "slack/",
    "text.py",
    "slack_server/admission.py",
    "slack_server/api.py",
    "slack_server/connections.py",
    "slack_server/errors.py",
    "slack_server/frames.py",
    "slack_server/lifecycle.py",
    "slack_server/messages.py",
    "slack_server/scheduler.py",
    "slack_server/tickets.py",
]
"""Modules, and folders with all their modules, that decide: no clock, no socket, no event loop."""

SHORT = {
    "__main__.py": "the entry of `python -m`",
    "advise/wording.py": "three phrases that every form of the advice shares",
    "broker/background_tasks.py": "the one owner of tasks that outlive their caller",
    "broker/control/backup.py": "one endpoint, as each has its module",
    "broker/held_texts.py": "one bound, beside nothing that it belongs to more",
    "broker/journal/sqlite/inspection.py": "one look at the file from outside, with its reason",
    "broker/counters.py": "the counters alone, which metrics and core share",
    "broker/dispatch/retry.py": "a policy of its own: pure, with its own tests",
    "broker/nesting.py": "one bound, pure",
    "cli/slackctl/wait_idle.py": "one command, as each has its module",
    "plugin/backoff.py": "one policy, pure",
    "broker/journal/rules.py": "what every engine does alike with a text",
    "broker/envelope_cache.py": "one memory, pure",
    "broker/instant.py": "one value, used on every side",
    "cli/exec_process.py": "one process, as each has its module",
    "cli/slackctl/dev.py": "one command, as each has its module",
    "cli/slackctl/inflight.py": "one command, as each has its module",
    "cli/slackctl/manifest.py": "one command, as each has its module",
    "cli/slackctl/plugins.py": "one command, as each has its module",
    "config/urls.py": "two rules that several keys share",
    "connector/closing_notices.py": "one memory, pure",
    "connector/request_url/tls.py": "what the check before a restart needs without the server",
    "connector/socketmode/connection_budget.py": "one memory, pure",
    "emulator/context.py": "what the emulator's parts share",
    "emulator/errors.py": "the emulator's tree of errors",
    "emulator/method_table.py": "one page of the documents, written by a command",
    "emulator/payloads.py": "both kinds of payloads in one builder",
    "gateway/peer.py": "one rule of access, with its own tests",
    "frozen.py": "one decorator, for modules that may not import attrs",
    "plugin/address.py": "where the daemon listens: read by programs that import nothing else",
    "plugin/nacks.py": "what an exception of the author's means",
    "redaction.py": "the one place that knows what a token looks like",
    "slack_server/errors.py": "the tree of errors of this folder",
    "whole_file.py": "one act, with its own tests",
    "systemd/errors.py": "the tree of errors of this folder",
    "systemd/message_ids.py": "the ids alone, which never change",
}
"""Files under forty lines, each with the reason why it stands alone."""

PRIVATE_WORDS = re.compile(r"\b(mends?|mended|vows?|bury|buried|strangers?|errands?|tally)\b", re.IGNORECASE)
ON_DISK = "tally"
"""A table of the journal's format has this name."""


def modules(*below: str) -> list[Path]:
    places = [HOUSE / each for each in below] or [HOUSE]
    found = [place.rglob("*.py") if place.is_dir() else [place] for place in places]
    return sorted(file for files in found for file in files if file.exists())


def name_of(file: Path) -> str:
    return ".".join((slackd.__name__, *file.relative_to(HOUSE).with_suffix("").parts)).removesuffix(".__init__")


def imports_in(node: ast.AST) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Import):
            yield from (alias.name for alias in each.names)
        elif isinstance(each, ast.ImportFrom) and each.module is not None:
            yield each.module
            yield from (f"{each.module}.{alias.name}" for alias in each.names)


def imports_of(file: Path) -> set[str]:
    return set(imports_in(ast.parse(file.read_text())))


def imports_below(*places: str) -> set[str]:
    return {name for file in modules(*places) for name in imports_of(file)}


def room(name: str) -> str:
    """The folder or module of slackd/ in which this name is; "" for slackd itself and what stands in it."""
    parts = name.split(".")
    return (
        parts[1]
        if (len(parts) > 1 and (HOUSE / parts[1]).with_suffix("").is_dir())
        or (len(parts) > 1 and (HOUSE / f"{parts[1]}.py").exists())
        else ""
    )


def rooms_of(names: set[str]) -> set[str]:
    return {room(name) for name in names if name.split(".")[0] == "slackd"}


def of(names: set[str], package: str) -> set[str]:
    return {name for name in names if name == package or name.startswith(f"{package}.")}


def folders() -> list[str]:
    found = {file.relative_to(HOUSE).parts[0].removesuffix(".py") for file in modules()}
    return sorted(found - {"__init__"})


@pytest.mark.parametrize("folder", folders())
def test_every_folder_has_its_place_and_imports_nothing_above_it(folder: str) -> None:
    place = folder if (HOUSE / folder).is_dir() else f"{folder}.py"
    if folder in FOUNDATION:
        return
    assert folder in MAY_IMPORT, f"say in MAY_IMPORT what slackd/{folder} may import"
    allowed = MAY_IMPORT[folder]
    if allowed is not None:
        assert rooms_of(imports_below(place)) - {folder} - FOUNDATION <= allowed


def test_the_foundation_stands_on_nothing_else() -> None:
    places = [each if (HOUSE / each).is_dir() else f"{each}.py" for each in FOUNDATION - {""}]
    assert rooms_of(imports_below(*places)) <= FOUNDATION


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {}
    known = {name_of(file) for file in modules()}
    for file in modules():
        tree = ast.parse(file.read_text())
        typing_only = {id(node) for each in tree.body if _is_for_types(each) for node in ast.walk(each)}
        at_import = [each for each in tree.body if id(each) not in typing_only]
        names = {name for each in at_import if not _is_a_body(each) for name in imports_in(each)}
        graph[name_of(file)] = (names & known) - {name_of(file)}
    assert not _circles(graph)


def _is_for_types(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def _is_a_body(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)


def _circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Modules that reach themselves, by what they import (a package's own `__init__` doesn't count)."""
    left = {name: {each for each in names if not name.startswith(f"{each}.")} for name, names in graph.items()}
    while ends := [name for name, names in left.items() if not names & left.keys()]:
        for name in ends:
            del left[name]
    while starts := [name for name in left if not any(name in names for names in left.values())]:
        for name in starts:
            del left[name]
    return [[name, *sorted(names & left.keys())] for name, names in sorted(left.items())]


def test_no_class_name_stands_twice() -> None:
    seen: dict[str, list[str]] = {}
    for file in modules():
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                seen.setdefault(node.name, []).append(str(file.relative_to(HOUSE)))
    assert {name: files for name, files in seen.items() if len(files) > 1} == {}


def test_a_file_under_forty_lines_has_a_reason() -> None:
    short = {
        str(file.relative_to(HOUSE))
        for file in modules()
        if file.name != "__init__.py" and len(file.read_text().splitlines()) < 40
    }
    reasons = {name for name in short if name in SHORT or Path(name).name in SHORT}
    assert short == reasons, "merge it into the module whose subject it is, or say in SHORT why not"


def test_a_public_function_says_what_it_raises() -> None:
    """All but commands, whose docstrings are their users' help, and what a docstring refers to with "As in"."""
    silent = {
        f"{file.relative_to(HOUSE)}: {function.name}"
        for file in modules()
        for function in _public_functions(ast.parse(file.read_text()))
        if any(isinstance(node, ast.Raise) and node.exc is not None for node in _own_nodes(function))
        and not any(word in (ast.get_docstring(function) or "") for word in ("Raises:", "As in `"))
    }
    assert silent == set()


UNIT = re.compile(
    r"seconds?|minutes?|hours?|days?|UNIX|bytes?|monotonic time|"
    r"points|share|ratio|part of|the number that|a number|whole number|alike",
    re.IGNORECASE,
)
"""What a number with a fraction is counted in, or that it has no unit."""
UNIT_IN_A_NAME = re.compile(r"seconds|unix|monotonic|bytes|score|ratio|share")
AS = re.compile(r"\bAs (in )?`")
A_FLOAT = re.compile(r"float( \| None)?")


def test_a_number_with_a_fraction_has_its_unit() -> None:
    """In its name, in what the function says of it, or once for all of a class or a module."""
    silent = {
        f"{file.relative_to(HOUSE)}: {function.name} ({name})"
        for file in modules()
        for tree in [ast.parse(file.read_text())]
        for function, above in _public_functions_with_what_stands_above(tree)
        if not UNIT.search(f"{_said(function)} {_said(above)} {_said(tree)}") and not AS.search(_said(function))
        for name in _fractions(function)
        if not UNIT_IN_A_NAME.search(name)
    }
    assert silent == set()


AN_ACT = re.compile(
    r"(Add|Advise|Answer|Ask|Become|Begin|Bring|Build|Call|Check|Close|Collect|Complete|Connect|"
    r"Create|Cut|Decide|Decode|Deliver|Do|Draw|Encode|End|Fetch|Find|Get|Give|Judge|Keep|Load|Look|"
    r"Make|Move|Nobody|Parse|Post|Print|Put|Read|Recommend|Refuse|Remind|Remove|Run|Say|Score|Send|"
    r"Serve|Settle|Somebody|Start|Stop|Take|Tell|Throw|Wait|Write)[,;.]? "
)
"""Words with which a summary begins that says what is done, and not what comes of it."""
GIVES_NOTHING = re.compile(r"None|bool|NoReturn|Self|(Async)?(Iterator|Generator)|Callable")


def test_a_public_function_that_does_something_says_what_it_returns() -> None:
    """All others are named after it. What is true or false is what the summary says."""
    silent = {
        f"{file.relative_to(HOUSE)}: {function.name}"
        for file in modules()
        for function in _public_functions(ast.parse(file.read_text()))
        if function.returns is not None and not GIVES_NOTHING.match(ast.unparse(function.returns))
        if AN_ACT.match(_said(function))
        if not (AS.search(_said(function)) or re.search(r"\breturn", _said(function), re.IGNORECASE))
        if not any("contextmanager" in ast.unparse(each) for each in function.decorator_list)
    }
    assert silent == set()


def _said(node: ast.AST) -> str:
    return (ast.get_docstring(node) or "") if isinstance(node, Function | ast.ClassDef | ast.Module) else ""


def _fractions(function: "Function") -> Iterator[str]:
    arguments = [*function.args.args, *function.args.kwonlyargs]
    yield from (
        each.arg for each in arguments if each.annotation and A_FLOAT.fullmatch(ast.unparse(each.annotation))
    )
    if function.returns is not None and A_FLOAT.fullmatch(ast.unparse(function.returns)):
        yield function.name


def test_whatever_is_public_says_what_it_is() -> None:
    silent = {
        f"{file.relative_to(HOUSE)}: {each.name}"
        for file in modules()
        for tree in [ast.parse(file.read_text())]
        for each in [*_public_classes(tree), *_public_functions(tree)]
        if not ast.get_docstring(each)
    }
    assert silent == set()


Function = ast.FunctionDef | ast.AsyncFunctionDef


def _public_classes(node: ast.Module) -> list[ast.ClassDef]:
    return [each for each in node.body if isinstance(each, ast.ClassDef) and not each.name.startswith("_")]


def _public_functions(node: ast.Module | ast.ClassDef) -> Iterator[Function]:
    yield from (function for function, _ in _public_functions_with_what_stands_above(node))


def _public_functions_with_what_stands_above(
    node: ast.Module | ast.ClassDef,
) -> Iterator[tuple[Function, ast.Module | ast.ClassDef]]:
    for each in node.body:
        if isinstance(each, ast.ClassDef) and not each.name.startswith("_"):
            yield from _public_functions_with_what_stands_above(each)
        elif isinstance(each, Function) and not (each.name.startswith("_") or _is_command(each)):
            yield each, node


def _is_command(function: Function) -> bool:
    return any(".command(" in ast.unparse(decorator) for decorator in function.decorator_list)


def _own_nodes(function: Function) -> Iterator[ast.AST]:
    """What stands in a function, and not in one that it defines."""
    left = list(ast.iter_child_nodes(function))
    while left:
        node = left.pop()
        if not isinstance(node, Function | ast.Lambda | ast.ClassDef):
            yield node
            left += ast.iter_child_nodes(node)


def test_the_private_words_are_gone() -> None:
    texts = [*modules(), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md"), *(ROOT / "debian").glob("*")]
    texts += [*(ROOT / "systemd").glob("*"), *(ROOT / "packaging").rglob("*"), *(ROOT / "tests").rglob("*.py")]
    found = {
        f"{file.relative_to(ROOT)}:{number}"
        for file in texts
        if file.is_file() and file != Path(__file__)
        for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1)
        for word in PRIVATE_WORDS.findall(line)
        if not (word == ON_DISK and "journal" in file.parts)
    }
    assert found == set()


def test_rules_and_promises_that_the_code_names_are_defined_in_the_design() -> None:
    design = (ROOT / "docs/design.md").read_text()
    named = {name for file in modules() for name in re.findall(r"\b[RP][1-9]\b", file.read_text())}
    defined = set(re.findall(r"^(?:- \*\*|\| )([RP][1-9])\b", design, re.MULTILINE))
    assert named <= defined
    assert {f"P{number}" for number in range(1, 8)} <= named, "each promise is an invariant in a docstring"


def test_each_promise_is_an_invariant_in_the_docstring_of_the_modules_that_keep_it() -> None:
    design = (ROOT / "docs/design.md").read_text()
    rows = re.findall(r"^\| (P[1-9]) \|.*\| ([^|]+) \|$", design, re.MULTILINE)
    silent = {
        (promise, place)
        for promise, places in rows
        for place in re.findall(r"`([^`]+)`", places)
        if not any(promise in (ast.get_docstring(ast.parse(each.read_text())) or "") for each in modules(place))
    }
    assert len(rows) == 7
    assert silent == set()


def test_no_file_points_out_of_the_project() -> None:
    pages = [*modules(), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")]
    assert [str(page) for page in pages if "/shared/" in page.read_text()] == []


def test_what_a_plugin_imports_is_the_standard_library_and_a_few_modules_of_ours() -> None:
    alone = ("text.py", "jsonrpc.py", "frozen.py", "line_cutter.py", "signature.py", "__init__.py")
    names = imports_below("plugin", "slack", *alone)
    ours = {name for name in names if name.split(".")[0] == "slackd"}
    assert rooms_of(ours) <= {"", "frozen", "jsonrpc", "line_cutter", "plugin", "slack", "text", "signature"}
    assert {name.split(".")[0] for name in names - ours} <= STANDARD


@pytest.mark.parametrize("place", PURE)
def test_what_decides_has_no_clock_no_socket_and_no_event_loop(place: str) -> None:
    files = modules(place)
    if not files:
        pytest.skip("not built yet")
    assert not {name.split(".")[0] for file in files for name in imports_of(file)} & NOT_PURE


def test_what_slack_dictates_needs_nothing_of_ours() -> None:
    """But for the way in which values are made."""
    names = imports_below("slack")
    assert of(names, "slackd") == of(names, "slackd.slack") | of(names, "slackd.frozen")
    assert not {name.split(".")[0] for name in names} & NOT_PURE


def test_the_journals_engine_has_no_name_outside_its_folder() -> None:
    """But for the word that the configuration has for it."""
    engine = HOUSE / "broker" / "journal" / "sqlite"
    named = {
        str(file.relative_to(HOUSE)): [
            line.strip() for line in file.read_text().splitlines() if SQLITE.search(line)
        ]
        for file in HOUSE.rglob("*.py")
        if not file.is_relative_to(engine) and SQLITE.search(file.read_text())
    }
    assert named == {"config/values.py": ['SQLITE = "sqlite"', "engine: JournalEngine = JournalEngine.SQLITE"]}


def test_no_rich_table_in_the_daemon() -> None:
    assert not of(imports_below("broker", "connector", "link", "config", "systemd", "plugin"), "rich")

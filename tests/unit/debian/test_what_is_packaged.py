"""What the packages bring agrees with the code, and with what Debian's own tools think of it."""

import ast
import hashlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

import slackd
from slackd.broker.calls import MAX_WAITING_BYTES
from slackd.broker.plugins.peer_limits import MOST_AT_ONCE, UNFINISHED_BYTES, UNREAD_LIMIT
from slackd.broker.plugins.server import MAX_SESSIONS
from slackd.cli.commands import slackd as slackd_command
from slackd.cli.dev_supervisor import RESTART_AFTER
from slackd.cli.process import UNUSABLE_CONFIG
from slackd.connector.frame_limit import MESSAGE_LIMIT
from slackd.connector.http_session import ANSWER_LIMIT
from slackd.connector.idempotency import REMEMBERED_BYTES
from slackd.connector.request_url.http1 import HEAD_LIMIT
from slackd.connector.request_url.server import BODY_BYTES, MOST_CONNECTIONS
from slackd.connector.unacknowledged import HIGH_WATER_CHARACTERS
from slackd.gateway.daemon import MOST_UNKNOWN, UNKNOWN_BYTES
from slackd.gateway.files import READ_AHEAD, READ_SIZE
from slackd.rolling_restart.plan import CONNECTORS, GATEWAY, RECEIVER, UNITS
from slackd.systemd import message_ids

CHECKOUT = Path(__file__).resolve().parents[3]
SYSTEMD = CHECKOUT / "systemd"


def test_the_changelog_has_the_codes_version() -> None:
    first = (CHECKOUT / "debian/changelog").read_text().splitlines()[0]
    assert first.startswith(f"slackd ({slackd.__version__}) ")


def test_the_catalog_explains_exactly_the_messages_that_have_a_name() -> None:
    explained = re.findall(r"(?m)^-- ([0-9a-f]{32})$", (SYSTEMD / "slackd.catalog").read_text())
    named = [value for name, value in vars(message_ids).items() if name.isupper()]
    assert sorted(explained) == sorted(named)


def test_every_message_in_the_catalog_has_a_subject() -> None:
    entries = re.split(r"(?m)^-- [0-9a-f]{32}\n", (SYSTEMD / "slackd.catalog").read_text())[1:]
    assert all(entry.startswith("Subject: ") and "\n\n" in entry for entry in entries)


def test_a_rolling_restart_knows_the_units_that_are_shipped() -> None:
    shipped = {file.name for file in SYSTEMD.glob("*.service")}
    assert {unit.replace("@1", "@").replace("@2", "@") for unit in UNITS} <= shipped
    started = (SYSTEMD / "slackd.service").read_text()
    by_themselves = (RECEIVER, GATEWAY)
    assert all(unit in started for unit in UNITS if unit not in by_themselves), (
        "each of these is enabled by itself"
    )


def test_a_foreground_starts_a_broker_again_as_soon_as_its_unit() -> None:
    assert f"\nRestartSec={RESTART_AFTER * 1_000:.0f}ms\n" in (SYSTEMD / "slackd-broker.service").read_text()


def test_the_units_call_commands_that_there_are() -> None:
    files = [*SYSTEMD.glob("*.service"), CHECKOUT / "packaging/needrestart-rolling-restart"]
    called = {
        name
        for file in files
        for name in re.findall(r"(?m)^(?:Exec\w+=|exec )(?:/usr/bin/)?slackd ([a-z-]+)", file.read_text())
    }
    assert {"broker", "connector", "rolling-restart"} <= called
    assert not [name for name in called if name not in slackd_command.commands and name != "plugin"]


def test_a_reload_by_a_unit_file_of_0_1_0_does_the_same() -> None:
    older, command = slackd_command.commands["roll"], slackd_command.commands["rolling-restart"]
    assert (older.callback, older.params) == (command.callback, command.params)
    assert "roll " not in CliRunner().invoke(slackd_command, ["--help"]).output


def test_needrestart_restarts_every_process_in_its_turn() -> None:
    rules = (CHECKOUT / "debian/rules").read_text()
    assert all(unit in rules for unit in UNITS)


def test_the_conffile_that_0_1_0s_setup_edited_has_not_changed_since() -> None:
    """Else every upgrade of such a host stops at dpkg's question."""
    digest = hashlib.sha256((CHECKOUT / "etc/slackd.toml").read_bytes()).hexdigest()
    assert digest == "a48117d4624f684038a6bb85c7bca06cd8d4d758aa79ff954efb83694bf17946"


def test_the_sdks_package_has_all_that_it_imports() -> None:
    """Nothing of slackd's that the list leaves out, which the daemon's package has."""
    listed = (CHECKOUT / "debian/python3-slackd-plugin.install").read_text().split()
    places = [CHECKOUT / each.partition("dist-packages/")[2] for each in listed]
    files = [file for place in places for file in (place.rglob("*.py*") if place.is_dir() else [place])]
    known = {
        ".".join(file.relative_to(CHECKOUT).with_suffix("").parts).removesuffix(".__init__") for file in files
    }
    trees = [ast.walk(ast.parse(file.read_text())) for file in files if file.suffix == ".py"]
    imported = {
        name
        for tree in trees
        for node in tree
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module or ""] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names]
        )
    }
    assert {name for name in imported if name.split(".")[0] == "slackd"} <= known


@pytest.mark.parametrize(
    "unit", [f"slackd-{name}.service" for name in ("broker", "connector@", "receiver", "gateway")]
)
def test_the_units_memory_is_bounded_above_what_slackd_bounds_itself(unit: str) -> None:
    text = (SYSTEMD / unit).read_text()
    high, most = (
        _bytes(*re.findall(rf"(?m)^{name}=(\d+)([MG])$", text)[0]) for name in ("MemoryHigh", "MemoryMax")
    )
    usual = 100 << 20
    of_a_plugin = UNFINISHED_BYTES + MAX_SESSIONS * MOST_AT_ONCE + UNREAD_LIMIT + 20 * MAX_WAITING_BYTES
    if unit == "slackd-broker.service":
        assert high > usual + 3 * of_a_plugin
        page = " ".join((CHECKOUT / "docs/operators/operation.md").read_text().split())
        assert f"About {of_a_plugin >> 20} MiB" in page
        assert f"at {high >> 20} MiB" in page
        assert f"at {most >> 30} GiB" in page
    elif unit == "slackd-gateway.service":
        assert high > (70 << 20) + UNKNOWN_BYTES + MOST_UNKNOWN * (READ_SIZE + READ_AHEAD)
    elif unit == "slackd-receiver.service":
        assert high > (70 << 20) + 3 * HIGH_WATER_CHARACTERS + BODY_BYTES + MOST_CONNECTIONS * HEAD_LIMIT
    else:
        waiting = 3 * HIGH_WATER_CHARACTERS
        assert high > (70 << 20) + waiting + 2 * MESSAGE_LIMIT + REMEMBERED_BYTES + ANSWER_LIMIT
    assert most > high


def _bytes(number: str, unit: str) -> int:
    return int(number) << {"M": 20, "G": 30}[unit]


@pytest.mark.parametrize("name", ["broker", "connector@", "gateway", "receiver"])
def test_each_process_fails_visibly_without_a_configuration_and_has_its_name(name: str) -> None:
    unit = (SYSTEMD / f"slackd-{name}.service").read_text().splitlines()
    assert f"RestartPreventExitStatus={UNUSABLE_CONFIG}" in unit
    assert "EnvironmentFile=-/etc/default/slackd" in unit
    assert f"SyslogIdentifier=slackd-{name.rstrip('@')}" in unit
    # Where the last good configuration is kept.
    assert any(line.startswith("StateDirectory=") for line in unit)
    sockets = {
        file.name for file in SYSTEMD.glob("*.socket") if f"Service=slackd-{name}.service" in file.read_text()
    }
    closing = "".join(line for line in unit if line.startswith("ExecStopPost="))
    assert not [each for each in sockets - {"slackd-metrics.socket"} if each not in closing]


def test_connectors_read_both_folders_of_credentials() -> None:
    unit = (SYSTEMD / "slackd-connector@.service").read_text()
    assert "LoadCredential=slackd-plain:/etc/slackd/credentials\n" in unit
    assert "LoadCredentialEncrypted=slackd:/etc/slackd/credentials.encrypted\n" in unit
    assert len(CONNECTORS) == 2


PROFILES = sorted(each.name for each in (CHECKOUT / "packaging/apparmor").iterdir())


def test_every_process_that_lasts_asks_for_a_profile_of_its_own_which_is_installed() -> None:
    rules = (CHECKOUT / "debian/rules").read_text()
    (sides,) = re.findall(r"for side in (.*); do", rules)
    assert [f"slackd-{side}" for side in sorted(sides.split())] == PROFILES
    asked = {
        unit.stem.removesuffix("@"): re.findall(r"^AppArmorProfile=-(.*)$", unit.read_text(), re.MULTILINE)
        for unit in (CHECKOUT / "systemd").glob("*.service")
        if "\nType=notify" in unit.read_text()
    }
    assert asked == {each: [each] for each in PROFILES}


@pytest.mark.skipif(not shutil.which("apparmor_parser"), reason="apparmor_parser is not installed")
@pytest.mark.skipif(
    not Path("/etc/apparmor.d/tunables/global").exists(), reason="AppArmor's abstractions are not"
)
@pytest.mark.parametrize("profile", PROFILES)
def test_the_apparmor_profiles_can_be_parsed(profile: str) -> None:
    # Parsed alone: no kernel that the tests run on enforces them.
    file = CHECKOUT / "packaging/apparmor" / profile
    done = subprocess.run(["apparmor_parser", "-QK", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("script", [
    "debian/slackd.preinst", "debian/slackd.postinst", "debian/slackd.prerm", "debian/slackd.postrm",
    "packaging/run-plugin", "packaging/needrestart-rolling-restart",
])  # fmt: skip
def test_the_shell_scripts_are_well_formed(script: str) -> None:
    subprocess.run(["sh", "-n", str(CHECKOUT / script)], check=True)


def test_run_plugin_prefers_the_administrators_own(tmp_path: Path) -> None:
    script = (CHECKOUT / "packaging/run-plugin").read_text()
    for place, name in (("etc", "both"), ("usr", "both"), ("usr", "packaged")):
        program = tmp_path / place / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\necho {place}\n")
        program.chmod(0o755)
    folder = tmp_path / "etc/folder"
    folder.mkdir()
    (folder / "run").write_text("#!/bin/sh\necho folder\n")
    (folder / "run").chmod(0o755)
    here = script.replace("/etc/slackd/plugins", str(tmp_path / "etc"))
    here = here.replace("/usr/lib/slackd/plugins", str(tmp_path / "usr"))

    def started(name: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-c", here, "run-plugin", name], capture_output=True, text=True, check=False
        )

    assert started("both").stdout == "etc\n"
    assert started("packaged").stdout == "usr\n"
    assert started("folder").stdout == "folder\n"
    missing = started("none")
    assert missing.returncode == 1
    assert "no plugin 'none'" in missing.stderr

"""The daemon's processes as systemd, and people without it, start and stop them."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.integration.cli.daemon_process import (
    PATIENCE,
    Home,
    clean_environment,
    daemon,
    emulated_slack,
    home,
    listening,
    slackctl,
    slackd,
)


@pytest.fixture
def place() -> Iterator[Home]:
    with home() as made:
        yield made


def answer_of(path: Path) -> bytes:
    """What the plugin socket answers to a line that is no JSON, which only a broker can."""
    with socket.socket(socket.AF_UNIX) as plugin:
        plugin.settimeout(PATIENCE)
        plugin.connect(str(path))
        plugin.sendall(b"hello\n")
        return plugin.recv(4096)


def leaves_no_core(pid: int) -> bool:
    """Of a process with tokens."""
    limits = Path(f"/proc/{pid}/limits").read_text().splitlines()
    (cores,) = [line.split()[4:6] for line in limits if line.startswith("Max core file size")]
    return cores == ["0", "0"]


def test_a_broker_serves_the_sockets_that_systemd_made_and_leaves_them(place: Home) -> None:
    names = ("plugins", "link", "control")
    made = listening([place.socket(name) for name in names])
    try:
        sockets = dict(zip(names, made, strict=True))
        for _ in range(2):
            with daemon("broker", config=place.file, sockets=sockets) as broker:
                broker.wait_ready()
                assert b"-32700" in answer_of(place.socket("plugins"))
                assert broker.stop() == 0
                assert "STOPPING=1" in broker.wait_told("STOPPING=1")
            assert all(place.socket(name).exists() for name in names)
    finally:
        for each in made:
            each.close()


def test_without_systemd_a_broker_makes_them_and_takes_them_away(place: Home) -> None:
    with daemon("broker", config=place.file) as broker:
        broker.wait_ready()
        modes = {
            name: stat.S_IMODE(place.socket(name).stat().st_mode) for name in ("link", "plugins", "control")
        }
        assert modes == {"link": 0o600, "plugins": 0o666, "control": 0o600}
        assert broker.stop() == 0
    # The lock stays: who waits for it would else hold one that nobody else sees.
    assert [each.name for each in (place.path / "run").iterdir()] == [".sockets.lock"]


def test_a_broker_takes_the_place_of_one_that_was_killed(place: Home) -> None:
    with daemon("broker", config=place.file) as first:
        first.wait_ready()
        first.kill()
    with daemon("broker", config=place.file) as second:
        second.wait_ready()
        assert b"-32700" in answer_of(place.socket("plugins"))


@pytest.mark.parametrize(
    ("run", "state"), [("run", "other"), ("other", "state")], ids=["at the same sockets", "on the same journal"]
)
def test_a_second_broker_is_refused_with_the_pid_of_the_first(place: Home, run: str, state: str) -> None:
    other = place.write(run=run, state=state, file="other.toml")
    with daemon("broker", config=place.file) as first:
        first.wait_ready()
        second = slackd("broker", "--config", str(other))
        assert second.returncode == 1
        assert str(first.process.pid) in second.stderr
        assert "Traceback" not in second.stderr
        assert b"-32700" in answer_of(place.socket("plugins"))


@pytest.mark.parametrize("command", [("broker",), ("connector", "1"), ("run",)])
def test_without_an_app_nothing_fails(place: Home, command: tuple[str, ...]) -> None:
    with daemon(*command, config=place.file) as running:
        assert "no app configured" in running.wait_ready()
        assert running.stop() == 0
        assert "error" not in running.log()


def test_all_in_one_process_from_ready_to_drained(place: Home) -> None:
    with emulated_slack() as (apps, tokens):
        place.write(apps)
        with daemon("run", config=place.file, environ=tokens) as running:
            assert "main 1/1 READY" in running.wait_ready()
            assert leaves_no_core(running.process.pid)
            assert b"-32700" in answer_of(place.socket("plugins"))
            assert not place.socket("link").exists()
            assert running.stop() == 0
            assert "Traceback" not in running.log()
            assert "error" not in running.log().lower()
            assert not [secret for secret in tokens.values() if secret in running.log()]


def test_three_processes_find_each_other_in_any_order(place: Home) -> None:
    with emulated_slack() as (apps, tokens):
        place.write(apps)
        with (
            daemon("connector", "1", config=place.file, environ=tokens) as one,
            daemon("broker", config=place.file) as broker,
            daemon("connector", "2", config=place.file, environ=tokens) as two,
        ):
            for each in (one, broker, two):
                each.wait_ready()
            assert leaves_no_core(one.process.pid)
            one.wait_told("STATUS=main 1/1 READY")
            one.process.send_signal(signal.SIGUSR1)
            assert one.stop() == 0
            assert "whatever waits to connect does so now" in one.log()
            assert "EXTEND_TIMEOUT_USEC=" in one.wait_told("EXTEND_TIMEOUT_USEC")
            assert two.stop() == 0
            assert broker.stop() == 0


def test_a_token_of_the_wrong_kind_stops_its_app_and_not_the_process(place: Home) -> None:
    place.write('[apps.main]\napp_token = "env:APP"\n')
    with daemon("run", config=place.file, environ={"APP": "xoxb-1-2-geheim"}) as running:
        running.wait_ready()
        assert running.stop() == 0
        assert "apps.main.app_token" in running.log()
        assert "geheim" not in running.log()


def test_one_app_token_under_two_names_serves_the_first_alone(place: Home) -> None:
    with emulated_slack() as (apps, tokens):
        place.write(f'{apps}\n[apps.again]\napp_token = "env:AGAIN"\napi_url = "http://127.0.0.1:1/api/"\n')
        again = tokens | {"AGAIN": tokens["APP"]}
        with daemon("run", config=place.file, environ=again) as running:
            assert "main 1/1 READY" in running.wait_ready()
            status = slackctl("status", "--socket", str(place.socket("control")))
            assert running.stop() == 0
            log = running.log()
    for said in (log, status):
        assert "apps.again.app_token: the same token as apps.main.app_token (env:AGAIN and env:APP)" in said
        assert not [secret for secret in tokens.values() if secret in said]
    assert "another process" not in status


def test_without_a_configuration_that_can_be_used_the_status_is_78_and_says_why(place: Home) -> None:
    place.write('[apps.main]\napp_token = "xapp-1-geheim"\n')
    for command in (("broker",), ("connector", "1"), ("run",)):
        done = slackd(*command, "--config", str(place.file))
        # EX_CONFIG, which the units name in RestartPreventExitStatus=.
        assert done.returncode == 78
        assert done.stderr.startswith(f"error: {place.file}:3: apps.main.app_token: found a token itself")
        assert "slackd check-config" in done.stderr
        assert "geheim" not in done.stderr


STUBBORN = """
import asyncio
from slackd.systemd.lifetime import run_until_stopped

async def stubborn(stop):
    print("runs", flush=True)
    await stop.wait()
    print("stays", flush=True)
    await asyncio.Event().wait()

run_until_stopped(stubborn)
"""


def test_slackd_run_reloads_on_sighup_and_by_slackctl(place: Home) -> None:
    control = str(place.socket("control"))
    with daemon("run", config=place.file) as running:
        running.wait_ready()
        (place.path / "plugins.d" / "new.toml").write_text("")
        running.process.send_signal(signal.SIGHUP)
        running.wait_told("STOPPING=1")
        until = time.monotonic() + PATIENCE
        while "new" not in slackctl("plugins", "--socket", control):
            assert time.monotonic() < until
        broken = place.path / "plugins.d" / "broken.toml"
        broken.write_text("usr = 1")
        said = slackctl("reload", "--socket", control)
        assert said.startswith("nothing was reloaded. The configuration cannot be used: 1 problem.")
        running.process.send_signal(signal.SIGHUP)
        while "error: nothing was reloaded: " not in running.log():
            assert time.monotonic() < until
            time.sleep(0.05)
        broken.unlink()
        (place.path / "plugins.d" / "newer.toml").write_text("")
        # The very process: a container's or a terminal's.
        assert f"slackd run (pid {running.process.pid}) was reloaded" in slackctl("reload", "--socket", control)
        assert "newer" in slackctl("plugins", "--socket", control)
        assert running.stop() == 0


def test_a_broken_file_is_no_outage_and_is_said_in_log_and_status(place: Home) -> None:
    (place.path / "plugins.d" / "good.toml").write_text("")
    bad = place.path / "plugins.d" / "bad.toml"
    bad.write_text("usr = 1")
    with daemon("broker", config=place.file) as broker:
        assert "serving no app configured, 1 plugin" in broker.wait_ready()
        assert "error: plugin bad is left out: " in broker.log()
        assert "plugin bad is left out" in slackctl("status", "--socket", str(place.socket("control")))
        assert broker.stop() == 0
    bad.unlink()
    place.file.write_text("[apps.main")
    state = {"XDG_RUNTIME_DIR": str(place.path / "xdg"), "STATE_DIRECTORY": str(place.path / "state")}
    with daemon("broker", config=place.file, environ=state) as broker:
        # Beside the journal: the broken file no longer says where that is.
        assert "serving no app configured, 1 plugin" in broker.wait_ready()
        assert "error: the last good configuration goes on" in broker.log()
        said = slackctl("status", "--socket", str(place.socket("control")))
        assert "slackd is degraded" in said
        assert "the last good configuration goes on" in said


@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_second_signal_ends_what_does_not_want_to_stop(first: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "runs\n"
        process.send_signal(first)
        assert process.stdout.readline() == "stays\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == -signal.SIGTERM


def test_what_was_started_with_nohup_outlives_its_terminal() -> None:
    command = ["nohup", sys.executable, "-c", STUBBORN]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "runs\n"
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "stays\n"
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == -signal.SIGTERM


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        (
            "broker_process, slackd.broker.journal.sqlite, slackd.broker.control.server",
            [
                *("click", "rich", "aiohttp", "slack_sdk", "tenacity", "prometheus_client", "email", "html"),
                *("tempfile", "fractions", "http.server", "http.client", "urllib.request"),
                *("slackd.connector", "slackd.emulator", "slackd.advise"),
                *(f"slackd.broker.journal.sqlite.{name}" for name in ("check", "rescue", "restore")),
            ],
        ),
        (
            "connector_process",
            [
                "click",
                "rich",
                "sqlite3",
                "tenacity",
                "slackd.broker",
                "slackd.connector.request_url",
                "slackd.emulator",
                "slackd.advise",
            ],
        ),
        ("all_in_one", ["rich", "slackd.emulator", "slackd.advise"]),
    ],
)
def test_a_process_imports_what_it_needs_and_no_more(module: str, unwanted: list[str]) -> None:
    program = f"import sys, slackd.cli.daemon, slackd.cli.{module}; print(*set(sys.modules) & set({unwanted}))"
    said = subprocess.run(
        [sys.executable, "-c", program],
        env=clean_environment(), capture_output=True, text=True, check=True, timeout=PATIENCE,
    )  # fmt: skip
    assert said.stdout == "\n"


# Says which process is started, with what, and whether that took the library that reads command lines.
NAMING_THE_PROCESS = """
import sys
from slackd.cli import processes
from slackd.cli.daemon import main
processes.start_broker = lambda *given: print("broker", *given, "click" in sys.modules)
processes.start_connector = lambda *given: print("connector", *given, "click" in sys.modules)
main()
"""


@pytest.mark.parametrize(
    ("line", "started"),
    [
        ("broker", "broker False"),
        ("broker --config a.toml", "broker a.toml False"),
        ("connector 2", "connector 2 False"),
        ("connector 1 --config a.toml", "connector 1 a.toml False"),
        ("connector --config=a.toml 1", "connector 1 a.toml True"),
        ("connector 3", ""),
        ("broker --help", "Usage: "),
    ],
)
def test_what_a_unit_starts_is_started_without_a_look_at_command_lines(line: str, started: str) -> None:
    command = [sys.executable, "-c", NAMING_THE_PROCESS, *line.split()]
    said = subprocess.run(
        command, env=clean_environment(), capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert said.stdout.startswith(started)
    assert (said.returncode == 0) == bool(started)


# Says how many certificates each context has read that anybody made meanwhile.
COUNTING_CERTIFICATES = """
import os, ssl
from slackd.cli.processes import connector_imports
found, load = [], ssl.SSLContext.load_default_certs
def counting(self, *arguments):
    load(self, *arguments)
    found.append(self.cert_store_stats()["x509"])
ssl.SSLContext.load_default_certs = counting
with connector_imports():
    import slackd.cli.connector_process
from slackd.connector.trust import tls_context
found.append(tls_context(None).cert_store_stats()["x509"])
print(sum(found), found[-1], os.environ["SSL_CERT_FILE"], os.environ.get("SSL_CERT_DIR"))
"""


def test_a_connector_reads_the_certificates_that_it_trusts_once(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(file))
    environ = {name: value for name, value in clean_environment().items() if name != "SSL_CERT_DIR"}
    said = subprocess.run(
        [sys.executable, "-c", COUNTING_CERTIFICATES],
        env=environ | {"SSL_CERT_FILE": str(file)},
        capture_output=True, text=True, check=True, timeout=PATIENCE,
    )  # fmt: skip
    # `tls_context` is counted by the method and by its last word.
    assert said.stdout.split() == ["2", "1", str(file), "None"]


def test_files_of_the_daemon_are_its_own(place: Home) -> None:
    with daemon("broker", config=place.file) as broker:
        broker.wait_ready()
        for file in (place.path / "state").iterdir():
            assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0


def http(connection: socket.socket, path: str) -> bytes:
    """The whole answer to a GET."""
    connection.settimeout(PATIENCE)
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    return b"".join(iter(lambda: connection.recv(65_536), b""))


def test_metrics_are_served_over_tcp_where_systemd_passes_a_socket_for_them(place: Home) -> None:
    names = ("plugins", "link", "control")
    made = listening([place.socket(name) for name in names])
    with socket.create_server(("127.0.0.1", 0)) as metrics:
        sockets = {"metrics": metrics, **dict(zip(names, made, strict=True))}
        with daemon("broker", config=place.file, sockets=sockets) as broker:
            broker.wait_ready()
            with socket.create_connection(metrics.getsockname()) as scraper:
                assert b"200 OK" in http(scraper, "/metrics")
            with socket.socket(socket.AF_UNIX) as operator:
                operator.connect(str(place.socket("control")))
                assert b"200 OK" in http(operator, "/v1/status")
            assert broker.stop() == 0
    for each in made:
        each.close()


# Runs the daemon, and says at its end what it imported after READY.
WATCHING_IMPORTS = """
import atexit, sys
from slackd.systemd.notify import Notifier
at_ready = set()
ready = Notifier.ready
def noting(self, status):
    ready(self, status)
    at_ready.update(sys.modules)
Notifier.ready = noting
atexit.register(lambda: print("imported later:", *sorted(set(sys.modules) - at_ready), file=sys.stderr))
from slackd.cli.daemon import main
main()
"""


@pytest.mark.parametrize("command", [("broker",), ("connector", "1"), ("run",)])
def test_nothing_is_imported_after_ready(place: Home, command: tuple[str, ...]) -> None:
    """Under a running process, dpkg replaces the files of its release by those of another."""
    with emulated_slack() as (apps, tokens):
        place.write(apps)
        with daemon(*command, config=place.file, environ=tokens, program=WATCHING_IMPORTS) as running:
            running.wait_ready()
            if command != ("connector", "1"):
                assert b"-32700" in answer_of(place.socket("plugins"))
            assert running.stop() == 0
            assert "imported later:\n" in running.log()


@pytest.mark.parametrize("process", ["receiver", "gateway"])
def test_a_process_that_knows_secrets_leaves_no_core(place: Home, process: str) -> None:
    place.write(
        f"""
        [receiver]
        listen = ["{place.path}/receiver.sock"]
        [gateway]
        directory = "{place.path}/gateway"
        control_socket = "{place.path}/gateway-control.sock"
        listen = ["{place.path}/gateway.sock"]
        """
    )
    with daemon(process, config=place.file) as running:
        running.wait_ready()
        assert leaves_no_core(running.process.pid)


def test_a_file_of_the_journal_that_somebody_cuts_ends_the_broker_with_a_line_and_the_next_one_works(
    place: Home,
) -> None:
    (place.path / "plugins.d/bot.toml").write_text('[[subscribe]]\ntype = "events_api"\n')
    hello = {"protocol": 1, "plugin": "bot", "session": "named"}
    line = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}).encode() + b"\n"
    with daemon("broker", config=place.file) as broker, socket.socket(socket.AF_UNIX) as plugin:
        broker.wait_ready()
        (index,) = (place.path / "state").glob("*-shm")
        os.truncate(index, 0)
        plugin.connect(str(place.socket("plugins")))
        plugin.sendall(line)  # A session is written down.
        assert broker.process.wait(PATIENCE) == -signal.SIGBUS
        assert "Fatal Python error: Bus error" in broker.log()
        assert "journal-writer" in broker.log() or "sqlite" in broker.log()
    with daemon("broker", config=place.file) as broker, socket.socket(socket.AF_UNIX) as plugin:
        broker.wait_ready()
        plugin.settimeout(PATIENCE)
        plugin.connect(str(place.socket("plugins")))
        plugin.sendall(line)
        assert b'"protocol":1' in plugin.recv(4096)
        assert broker.stop() == 0

"""A host that may reach one proxy and nothing else: install, start, run and reload all the same."""

import pytest

from tests.e2e.booted_machine import WORLD, Machine, eventually
from tests.e2e.the_world import API_URL, Slack

PROXY = f"http://ops:s3cret@{WORLD}:3128"

ONLY_THE_PROXY = f"""
table inet firewall {{
    chain incoming {{
        type filter hook input priority 0; policy drop;
        iif lo accept
        ct state established accept
    }}
    chain outgoing {{
        type filter hook output priority 0; policy drop;
        oif lo accept
        ct state established accept
        udp dport 53 accept
        ip daddr {WORLD} tcp dport 3128 accept
    }}
}}
"""

SQUID = """
auth_param basic program /usr/lib/squid/basic_ncsa_auth /etc/squid/passwords
acl known proxy_auth REQUIRED
http_access allow known
http_access deny all
shutdown_lifetime 1 seconds
"""

PASSING_THROUGH = f"http_port 3128\n{SQUID}"

INSPECTING = f"""
http_port 3128 ssl-bump tls-cert=/etc/squid/authority.pem tls-key=/etc/squid/authority.key \\
    generate-host-certificates=on
sslcrtd_program /usr/lib/squid/security_file_certgen -s /var/spool/squid/certificates -M 4MB
ssl_bump bump all
http_upgrade_request_protocols websocket allow all
{SQUID}
"""


def squid(gateway: Machine, config: str) -> None:
    gateway.write("/etc/squid/squid.conf", config)
    # It would wait half a minute for clients that it has not got.
    gateway.run("systemctl", "kill", "--signal=KILL", "squid")
    gateway.run("systemctl", "restart", "squid")
    eventually(
        lambda: ":3128" in gateway.says("ss", "--listening", "--tcp", "--numeric", "--no-header"),
        "squid listens",
    )


def set_up(machine: Machine, slack: Slack, *options: str) -> None:
    machine.write("/root/app-token", slack.apps[0]["app_token"], 0o600)
    machine.write("/root/bot-token", slack.apps[0]["bot_token"], 0o600)
    files = ["--app-token-file", "/root/app-token", "--bot-token-file", "/root/bot-token"]
    machine.run("slackctl", "setup", "--api-url", API_URL, "--proxy", PROXY, *files, *options)


@pytest.fixture(scope="module", autouse=True)
def proxy(machine: Machine, gateway: Machine) -> None:
    gateway.install("squid-openssl")
    password = gateway.says("openssl", "passwd", "-apr1", "s3cret")
    gateway.write("/etc/squid/passwords", f"ops:{password}\n")
    squid(gateway, PASSING_THROUGH)
    machine.run("nft", "-f", "-", stdin=ONLY_THE_PROXY)
    machine.write("/etc/apt/apt.conf.d/proxy", f'Acquire::http::Proxy "{PROXY}";\n')


def test_there_is_no_other_way_out(machine: Machine) -> None:
    reach = f"import socket; socket.create_connection(('{WORLD}', 443), 1)"
    assert not machine.succeeds("python3", "-c", reach)


def test_it_is_installed_and_runs_through_the_proxy(machine: Machine, slack: Slack, gateway: Machine) -> None:
    machine.run("apt-get", "-qq", "update")
    machine.install("slackd")
    set_up(machine, slack)
    slack.do("wait", until="ready", count=2, timeout=30)
    slack.do("mention", text="through", wait=3)
    assert "CONNECT slack.test:443" in gateway.says("cat", "/var/log/squid/access.log")
    assert "s3cret" not in machine.journal()


def test_a_reload_goes_through_it_too(machine: Machine, slack: Slack) -> None:
    slack.do("reset")
    machine.run("slackd", "rolling-restart", "--force")
    assert slack.get("summary")["ready_gaps"] == []


def test_a_proxy_that_inspects_tls_needs_its_authority_in_ca_file(
    machine: Machine, slack: Slack, gateway: Machine
) -> None:
    machine.run("systemctl", "stop", "slackd")
    extensions = ["-addext", "keyUsage=critical,keyCertSign,cRLSign"]
    key = [
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        "/etc/squid/authority.key",
        "-out",
        "/etc/squid/authority.pem",
    ]
    gateway.run("openssl", "req", "-x509", *key, "-subj", "/CN=Inspection", *extensions)
    gateway.run("chown", "proxy", "/etc/squid/authority.key")
    certgen = ["/usr/lib/squid/security_file_certgen", "-c", "-s", "/var/spool/squid/certificates", "-M", "4MB"]
    gateway.run(*certgen)
    gateway.run("chown", "-R", "proxy", "/var/spool/squid/certificates")
    squid(gateway, INSPECTING)
    machine.write("/etc/slackd/inspection.pem", gateway.says("cat", "/etc/squid/authority.pem") + "\n")
    set_up(machine, slack, "--ca-file", "/etc/slackd/inspection.pem")
    slack.do("wait", until="ready", count=2, timeout=30)
    slack.do("mention", text="inspected", wait=3)
    machine.run("slackd", "rolling-restart", "--force")


def test_nothing_of_slackds_listens(machine: Machine) -> None:
    assert machine.says("ss", "--listening", "--tcp", "--no-header") == ""

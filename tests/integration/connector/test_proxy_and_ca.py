"""The only way out is a CONNECT proxy with a password, and Slack's certificate is of a private CA."""

import asyncio
import base64
import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest
import trustme

from slackd.connector.credentials import Secret
from slackd.connector.http_session import slack_session
from slackd.connector.slackapi import SlackApi
from slackd.connector.socketmode.dial_failures import DialFailure
from slackd.connector.socketmode.dialler import DialError, Dialler
from slackd.connector.socketmode.websocket import SlackWebSocket
from slackd.connector.trust import tls_context
from slackd.emulator import Emulator, EmulatorClient, EmulatorSettings
from slackd.link.messages import Call, CallKind
from slackd.redaction import without_secrets
from tests.support.connector_rig import app_of, connected, rig_for, secrets_of

USER, PASSWORD = "slackd", "p@ss/w:rd"
IN_URL = "slackd:p%40ss%2Fw%3Ard"


class Proxy:
    """A CONNECT proxy that wants Basic authentication."""

    def __init__(self) -> None:
        self.port = 0
        self.asked: list[str] = []
        self.refused = 0
        self.refusal = "407 Proxy Authentication Required"
        self._piping: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            method, target, _ = head.split("\r\n")[0].split(" ")
            wanted = f"Basic {base64.b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}"
            headers = {
                line.split(":")[0].lower(): line.partition(":")[2].strip() for line in head.split("\r\n")[1:]
            }
            if method != "CONNECT" or headers.get("proxy-authorization") != wanted:
                self.refused += 1
                writer.write(f"HTTP/1.1 {self.refusal}\r\nContent-Length: 0\r\n\r\n".encode())
                await writer.drain()
            else:
                self.asked.append(target)
                host, _, port = target.rpartition(":")
                upstream_reader, upstream_writer = await asyncio.open_connection(host, int(port))
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                await asyncio.gather(pipe(reader, upstream_writer), pipe(upstream_reader, writer))
        writer.close()

    def url(self, userinfo: str = f"{IN_URL}@") -> str:
        return f"http://{userinfo}127.0.0.1:{self.port}"


async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    made = Proxy()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()


@pytest.fixture
def ca_file(tmp_path: Path) -> Path:
    return tmp_path / "ca.pem"


@pytest.fixture
async def tls_slack(ca_file: Path) -> AsyncIterator[EmulatorClient]:
    """Slack behind a certificate of a private CA, which is in `ca_file`."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(ca_file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    settings = EmulatorSettings(time_scale=0.01, ack_deadline=3_000.0, repeat_same_envelope_after=None)
    async with Emulator(settings=settings).serving(tls=context) as slack:
        yield slack


async def test_everything_goes_through_the_configured_proxy(
    tls_slack: EmulatorClient, proxy: Proxy, ca_file: Path
) -> None:
    async with rig_for(tls_slack, proxy=proxy.url(), ca_file=ca_file) as rig:
        await rig.ready()
        await rig.broker.until(lambda: rig.broker.identified)
        assert len(proxy.asked) == 3, "the Web API for a URL and for the bot's id, and the WebSocket"
        entry = tls_slack.command("/deploy", "x")
        await tls_slack.wait_for_ack(entry)
        await rig.broker.call(Call(1, "emulated", CallKind.PROBE, "auth.test", {}))
        assert len(proxy.asked) == 3
        assert entry.response_url is not None
        posted = await rig.broker.call(
            Call(2, "emulated", CallKind.RESPONSE_URL, entry.response_url, {"text": "x"})
        )
        assert posted.body == {"ok": True}
        assert proxy.refused == 0
        async with asyncio.timeout(30):
            await rig.connector.drain(20)
        assert rig.broker.changes[-1].ghost_until is None


async def test_files_go_through_the_configured_proxy_both_ways(
    tls_slack: EmulatorClient, proxy: Proxy, ca_file: Path
) -> None:
    numbers = iter(range(1, 100))
    async with rig_for(tls_slack, proxy=proxy.url(), ca_file=ca_file) as rig:
        await rig.ready()

        async def ask(kind: CallKind, target: str, **args: Any) -> Mapping[str, Any]:
            returned = await rig.broker.call(Call(next(numbers), "emulated", kind, target, args))
            assert returned.body is not None, returned
            return returned.body

        about = {"filename": "a.txt", "length": 11}
        place = await ask(CallKind.METHOD, "files.getUploadURLExternal", **about)
        await ask(CallKind.UPLOAD, place["upload_url"], transfer="up", length=11)
        await ask(CallKind.UPLOAD, "", transfer="up", data=base64.b64encode(b"as it ").decode())
        data = base64.b64encode(b"was\r\n").decode()
        assert (await ask(CallKind.UPLOAD, "", transfer="up", data=data, end=True))["status"] == 200
        files = [{"id": place["file_id"]}]
        done = await ask(CallKind.METHOD, "files.completeUploadExternal", files=files)
        await ask(CallKind.DOWNLOAD, done["files"][0]["url_private"], transfer="down")
        piece = await ask(CallKind.DOWNLOAD, "", transfer="down")
        assert base64.b64decode(piece["data"]) == b"as it was\r\n"
        assert len(proxy.asked) >= 3
        assert proxy.refused == 0


async def test_the_proxy_of_the_environment(
    tls_slack: EmulatorClient, proxy: Proxy, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("https_proxy", "no_proxy", "NO_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", proxy.url())
    async with rig_for(tls_slack, ca_file=ca_file) as rig:
        await rig.ready()
        await rig.broker.until(lambda: rig.broker.identified)
        assert len(proxy.asked) == 3
    monkeypatch.setenv("NO_PROXY", "10.0.0.0/8,127.0.0.0/8")
    async with rig_for(tls_slack, ca_file=ca_file) as rig:
        await rig.ready()
        await rig.broker.until(lambda: rig.broker.identified)
        assert len(proxy.asked) == 3


async def test_a_wrong_password_is_said_and_not_shown(
    tls_slack: EmulatorClient, proxy: Proxy, ca_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app = app_of(tls_slack, proxy=proxy.url("slackd:wr0ng@"), ca_file=ca_file)
    async with connected([app], [secrets_of(tls_slack)]) as rig:
        await rig.broker.until(lambda: rig.broker.cues().count("dial failed") >= 2)
        reason = rig.connector.status().transports[0].last_failure
        assert "407" in reason
        rig.broker.tell_peers(emulated=(0, 8))
        assert "407" in (await rig.connector.wait_ready(0.1)).reason
        assert "slackd" not in reason
    assert "wr0ng" not in caplog.text
    assert proxy.asked == []


async def test_a_certificate_that_nobody_vouches_for_is_refused_with_the_hint(
    tls_slack: EmulatorClient,
) -> None:
    async with rig_for(tls_slack, proxy="") as rig:
        await rig.broker.until(lambda: rig.broker.troubles)
        (trouble,) = rig.broker.troubles
        assert "not trusted" in trouble.trouble.reason
        assert "ca_file" in trouble.trouble.hint


async def test_a_proxy_that_is_not_there_is_said(tls_slack: EmulatorClient, ca_file: Path) -> None:
    async with rig_for(tls_slack, proxy="http://127.0.0.1:1", ca_file=ca_file) as rig:
        await rig.broker.until(lambda: "dial failed" in rig.broker.cues())
        assert "the proxy 127.0.0.1:1 can't be reached" in rig.connector.status().transports[0].last_failure


async def failure_of_dial(
    slack: EmulatorClient, ca_file: Path | None, api_proxy: str | None, proxy: str
) -> DialFailure:
    """Why a dial fails whose Web API call and WebSocket go through these proxies."""
    app, tls = app_of(slack), tls_context(ca_file)
    async with slack_session(tls, ws_response_class=SlackWebSocket) as session:
        token = secrets_of(slack).app_token
        assert token is not None
        api = SlackApi(token, app.api_url, session, api_proxy, tls)
        dialler = Dialler(app.name, api, app.api_url, session, lambda url: proxy, tls)
        with pytest.raises(DialError) as raised:
            await dialler.dial()
        assert "slackd:" not in repr(raised.value)
        return raised.value.failure


@pytest.mark.parametrize(
    ("refusal", "hint"),
    [
        ("407 Proxy Authentication Required", "put NAME:PASSWORD@ before the host"),
        ("401 Unauthorized", "put NAME:PASSWORD@ before the host"),
        ("403 Forbidden", "let CONNECT to *.slack.com:443 through"),
        ("502 Bad Gateway", "the proxy's own log"),
    ],
)
async def test_a_proxy_that_refuses_is_said_with_the_hint_wherever_it_refuses(
    tls_slack: EmulatorClient, proxy: Proxy, ca_file: Path, refusal: str, hint: str
) -> None:
    proxy.refusal = refusal
    wrong = proxy.url("slackd:wr0ng@")
    for api_proxy, where in ((wrong, "apps.connections.open"), (proxy.url(), "the WebSocket's handshake")):
        failure = await failure_of_dial(tls_slack, ca_file, api_proxy, wrong)
        assert failure.reason == f"the proxy 127.0.0.1:{proxy.port} answers HTTP {refusal[:3]} (at {where})"
        assert hint in without_secrets(failure.hint), "the log shows it as it is"
        assert not failure.fatal


async def test_a_proxy_that_refuses_without_a_connect_is_said_with_the_hint(
    slack: EmulatorClient, proxy: Proxy
) -> None:
    failure = await failure_of_dial(slack, None, proxy.url(), proxy.url())
    assert "HTTP 407" in failure.reason
    assert "NAME:PASSWORD" in failure.hint


async def test_a_proxy_that_is_not_there_is_said_with_the_hint(
    tls_slack: EmulatorClient, proxy: Proxy, ca_file: Path
) -> None:
    nowhere = "http://slackd:wr0ng@127.0.0.1:1"
    for api_proxy, where in ((nowhere, "apps.connections.open"), (proxy.url(), "the WebSocket's handshake")):
        failure = await failure_of_dial(tls_slack, ca_file, api_proxy, nowhere)
        assert failure.reason.startswith("the proxy 127.0.0.1:1 can't be reached (")
        assert failure.reason.endswith(f" (at {where})")
        assert "HTTPS_PROXY" in failure.hint


@pytest.mark.parametrize("sees", [0, 1])
@pytest.mark.parametrize("proxied", [False, True])
async def test_a_firewall_that_ends_tls_is_said_with_the_hint(
    slack: EmulatorClient, proxy: Proxy, proxied: bool, sees: int
) -> None:
    """As it knows the name in a TLS handshake, or an address, that it doesn't let through."""

    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(sees)
        writer.transport.abort()

    async with await asyncio.start_server(cut, "127.0.0.1", 0) as firewall:
        place = f"127.0.0.1:{firewall.sockets[0].getsockname()[1]}"
        app, tls = attrs.evolve(app_of(slack), api_url=f"https://{place}/api/"), tls_context(None)
        async with slack_session(tls) as session:
            way = proxy.url() if proxied else None
            answer = await SlackApi(Secret("xapp-1"), app.api_url, session, way, tls).call("api.test")
    assert answer.error == f"{place} ends the connection as TLS begins"
    assert "let *.slack.com:443 through" in answer.hint


async def test_what_does_not_speak_http_is_said(slack: EmulatorClient) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n\r\n")
        await reader.read()
        writer.close()

    async with await asyncio.start_server(babble, "127.0.0.1", 0) as server:
        api_url, tls = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/api/", tls_context(None)
        async with slack_session(tls) as session:
            answer = await SlackApi(Secret("xapp-1"), api_url, session, None, tls).call("api.test")
    assert answer.error == "what answers does not speak HTTP"


async def test_a_ca_file_that_cannot_be_read_is_that_apps_trouble_alone(
    tls_slack: EmulatorClient, tmp_path: Path
) -> None:
    async with rig_for(tls_slack, ca_file=tmp_path / "missing.pem") as rig:
        readiness = await rig.connector.wait_ready(20)
        assert readiness.ready
        assert "missing.pem" in readiness.reason
        async with asyncio.timeout(30):
            await rig.connector.drain(20)

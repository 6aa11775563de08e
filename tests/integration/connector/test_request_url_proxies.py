"""nginx and Caddy in front of the receiver, as the documents configure them."""

import asyncio
import contextlib
import json
import os
import re
import shutil
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import trustme

from slackd.connector.request_url import http1
from tests.integration.connector.request_url_rig import (
    RequestUrlRig,
    command,
    event,
    headers_for,
    read_answer,
    receiver,
    request,
)

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
FORM = "application/x-www-form-urlencoded"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


def nginx_config(folder: Path, port: int, upstream: int) -> list[str]:
    server = (EXAMPLES / "receiver-nginx.conf").read_text()
    server = re.sub(r" *ssl_certificate.*\n", "", server)
    server = server.replace("listen 443 ssl", f"listen 127.0.0.1:{port}").replace("9744", str(upstream))
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1; user root;\n"
        "worker_rlimit_nofile 16384;\n"
        f"events {{ worker_connections 4096; }}\nhttp {{ access_log off; client_body_temp_path {folder}/body;\n"
        f"proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u;\n"
        f"scgi_temp_path {folder}/s;\n{server}\n}}\n"
    )
    return ["nginx", "-c", str(folder / "nginx.conf"), "-p", str(folder), "-e", f"{folder}/error.log"]


def caddy_config(folder: Path, port: int, upstream: int) -> list[str]:
    site = (EXAMPLES / "receiver-Caddyfile").read_text().replace("9744", str(upstream))
    site = site.replace("slack.example.com {", f"http://127.0.0.1:{port} {{")
    (folder / "Caddyfile").write_text("{\n\tadmin off\n\tauto_https off\n}\n" + site)
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


CONFIGS = {"nginx": nginx_config, "caddy": caddy_config}


def nginx_in_front(folder: Path, upstream: int) -> contextlib.AbstractAsyncContextManager[str]:
    """nginx in front of a receiver on this port; gives its URL."""
    return in_front("nginx", folder, upstream)


def behind(name: str, folder: Path, rig: RequestUrlRig) -> contextlib.AbstractAsyncContextManager[str]:
    """A proxy in front of the receiver; gives its URL."""
    return in_front(name, folder, rig.port)


@contextlib.asynccontextmanager
async def in_front(name: str, folder: Path, upstream: int) -> AsyncIterator[str]:
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    port = free_port()
    environ = os.environ | {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    arguments = CONFIGS[name](folder, port, upstream)
    with (folder / "out").open("w") as out:
        process = await asyncio.create_subprocess_exec(*arguments, stdout=out, stderr=out, env=environ)
        try:
            async with asyncio.timeout(20):
                while True:
                    with contextlib.suppress(OSError):
                        _, writer = await asyncio.open_connection("127.0.0.1", port)
                        writer.close()
                        break
                    assert process.returncode is None, (folder / "out").read_text()
                    await asyncio.sleep(0.05)
            yield f"http://127.0.0.1:{port}/slack/main"
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


@pytest.mark.parametrize("name", ["nginx", "caddy"])
async def test_what_slack_posts_goes_through_as_it_is(name: str, tmp_path: Path) -> None:
    async with (
        receiver(trusted=("127.0.0.1",)) as rig,
        behind(name, tmp_path, rig) as url,
        aiohttp.ClientSession() as http,
    ):
        rig.broker.payload = '{"text":"deployed"}'
        for number in range(20):
            posts = ((event(f"Ev{number}"), "application/json"), (command(f"x {number}"), FORM))
            for body, content_type in posts:
                headers = {n: v for n, v in headers_for(body, content_type).items() if n != "Host"}
                async with http.post(url, data=body, headers=headers) as answer:
                    assert answer.status == 200
                    assert json.loads(await answer.read()) == {"text": "deployed"}
        assert len(rig.broker.arrivals) == 40
        forged = {**headers, "X-Slack-Signature": "v0=0"}
        async with http.post(url, data=body, headers=forged) as answer:
            assert answer.status == 401
        async with http.post(url + "/../main", data=body, headers=headers) as answer:
            assert answer.status in (404, 409), "one that a proxy tidies is a replay at most"
        packed = {**headers, "Content-Encoding": "gzip"}
        async with http.post(url, data=body, headers=packed) as answer:
            assert answer.status == 415
        assert len(rig.broker.arrivals) == 40


@pytest.mark.parametrize("name", ["nginx", "caddy"])
async def test_a_chunked_body_is_no_way_around(name: str, tmp_path: Path) -> None:
    """nginx gathers it and says its length; Caddy passes it on, and it is refused."""
    async with receiver() as rig, behind(name, tmp_path, rig) as url, aiohttp.ClientSession() as http:
        body = event()
        headers = {
            n: v
            for n, v in headers_for(body, "application/json").items()
            if n not in ("Content-Length", "Host")
        }

        async def pieces() -> AsyncIterator[bytes]:
            yield body[:10]
            yield body[10:]

        async with http.post(url, data=pieces(), headers=headers) as answer:
            assert answer.status in (200, 411)
            assert len(rig.broker.arrivals) == (answer.status == 200)


async def test_caddy_says_200_for_a_host_that_is_none_of_its_sites_as_the_document_warns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def by_name(folder: Path, port: int, upstream: int) -> list[str]:
        command = caddy_config(folder, port, upstream)
        file = folder / "Caddyfile"
        file.write_text(file.read_text().replace("http://127.0.0.1:", "http://slack.example.com:"))
        return command

    monkeypatch.setitem(CONFIGS, "caddy", by_name)
    body = event()
    headers = headers_for(body, "application/json")
    async with (
        receiver() as rig,
        behind("caddy", tmp_path, rig) as url,
        aiohttp.ClientSession() as http,
    ):
        for host, arrivals in (("elsewhere.example.com", 0), ("slack.example.com", 1)):
            async with http.post(url, data=body, headers={**headers, "Host": host}) as answer:
                assert (answer.status, await answer.read()) == (200, b"")
            assert len(rig.broker.arrivals) == arrivals
        async with http.get(url, headers={"Host": "slack.example.com"}) as answer:
            assert answer.status == 405


async def test_who_wants_the_connection_closed_has_it_closed_with_the_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With TLS's own goodbye, and not after a second in which nobody says anything."""
    monkeypatch.setattr(http1, "LINGER", 60.0)
    authority = trustme.CA()
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(server_side)
    client_side = ssl.create_default_context()
    authority.configure_trust(client_side)
    async with receiver(tls=server_side) as rig:
        for number, version in enumerate((b"HTTP/1.1", b"HTTP/1.0")):
            reader, writer = await asyncio.open_connection("127.0.0.1", rig.port, ssl=client_side)
            body = event(f"Ev{number}")
            data = request(body, {**headers_for(body, "application/json"), "Connection": "close"})
            writer.write(data.replace(b"HTTP/1.1", version, 1))
            async with asyncio.timeout(10):
                assert (await reader.read()).startswith(b"HTTP/1.1 200")
            writer.close()


async def test_tls_of_its_own() -> None:
    authority = trustme.CA()
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(server_side)
    client_side = ssl.create_default_context()
    authority.configure_trust(client_side)
    async with receiver(tls=server_side) as rig:
        reader, writer = await asyncio.open_connection("127.0.0.1", rig.port, ssl=client_side)
        body = event()
        writer.write(request(body, headers_for(body, "application/json")))
        assert (await read_answer(reader))[0] == 200
        writer.write(request(body, headers_for(body, "application/json"), path="/elsewhere"))
        assert (await read_answer(reader))[0] == 404
        writer.close()

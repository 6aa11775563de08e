"""A broker that starts: whoever waited for it comes first."""

import importlib
import socket
from pathlib import Path

import pytest

from slackd.broker.daemon import Sockets
from slackd.link.codec import encode
from slackd.link.messages import LINK_VERSION, Deliver, Hello
from slackd.systemd.sockets import bind
from tests.integration.broker.broker_rig import plugin
from tests.support import slack_texts
from tests.support.broker import broker_config, running_broker


async def test_what_waited_for_it_is_acknowledged_before_it_imports_what_operators_need(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = broker_config(tmp_path, (plugin(),))
    link, plugins, control = (bind(tmp_path / f"{name}.sock", 0o600) for name in ("l", "p", "c"))
    real = importlib.import_module
    heard: list[str] = []

    with socket.socket(socket.AF_UNIX) as connector:
        connector.connect(str(tmp_path / "l.sock"))
        connector.sendall(encode(Hello(LINK_VERSION, 1, 1, "", apps={"main": 1})))
        connector.sendall(encode(Deliver((slack_texts.arrival(slack_texts.event()),)), LINK_VERSION))
        connector.setblocking(False)

        def noting(name: str) -> object:
            if name == "slackd.broker.control.server":
                heard.append(connector.recv(65_536).decode())
            return real(name)

        monkeypatch.setattr(importlib, "import_module", noting)
        sockets = Sockets(link.socket, plugins.socket, control.socket)
        async with running_broker(config, sockets):
            assert [said.count('"settled"') for said in heard] == [1]
    for each in (link, plugins, control):
        each.close()

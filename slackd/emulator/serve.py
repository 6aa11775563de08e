"""Serving the emulator from a command line, until a signal stops it."""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import signal
import ssl
import sys
import webbrowser
from collections.abc import Callable, Sequence
from typing import Any

import attrs

from slackd.emulator.client import EmulatorClient
from slackd.emulator.server import Emulator
from slackd.emulator.settings import EmulatedApp, EmulatorSettings
from slackd.text import nearest_name


async def serve(
    apps: Sequence[EmulatedApp],
    settings: EmulatorSettings,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    tls: ssl.SSLContext | None = None,
    public_url: str | None = None,
    listening: Callable[[EmulatorClient], None] = lambda slack: None,
) -> None:
    """Serve until SIGINT or SIGTERM; `listening` is called once, when clients may connect."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with Emulator(apps, settings).serving(host, port, tls=tls, public_url=public_url) as slack:
        listening(slack)
        await stop.wait()


def announce_readable(slack: EmulatorClient) -> None:
    """Say, for a person, where it listens, and what to write where to use it."""
    print(f"An emulated Slack serves {slack.api_url}, until Ctrl-C.")
    print("\nIn slackd.toml:\n")
    alone = len(slack.apps) == 1
    variables = {app.name: "" if alone else f"{app.name.upper()}_" for app in slack.apps}
    for app in slack.apps:
        print(f"  [apps.{'main' if alone else app.name}]")
        print(f'  app_token = "env:{variables[app.name]}APP_TOKEN"')
        print(f'  bot_token = "env:{variables[app.name]}BOT_TOKEN"')
        print(f'  api_url = "{slack.api_url}"\n')
    print("In the terminal that slackd runs in:\n")
    for app in slack.apps:
        print(f"  export {variables[app.name]}APP_TOKEN={app.app_token}")
        print(f"  export {variables[app.name]}BOT_TOKEN={app.bot_token}")
    print(f"\nTo be a person in it, in a browser: {slack.base_url}/")
    print("\nThe same from a terminal:\n")
    print(f'  curl {slack.base_url}/control/mention -d \'{{"text": "hello"}}\'')
    print(f"\nAll that can be done: curl {slack.base_url}/control/")
    sys.stdout.flush()


def announce_json(slack: EmulatorClient) -> None:
    """The same as one line of JSON, for a program."""
    apps = [
        {"name": app.name, "app_id": app.app_id, "app_token": app.app_token, "bot_token": app.bot_token}
        for app in slack.apps
    ]
    print(json.dumps({"api_url": slack.api_url, "control_url": f"{slack.base_url}/control/", "apps": apps}))
    sys.stdout.flush()


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) < 65_536:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r}: expected a port, from 0 to 65535")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser("slackd emulate", description="A Slack for laptops and tests.")
    made.add_argument("--host", default="127.0.0.1")
    made.add_argument("--port", type=_port, default=0, help="0 takes a free one (the default)")
    made.add_argument("--app-token", action="append", default=[], help="xapp-...; again for another app")
    made.add_argument("--bot-token", action="append", default=[], help="xoxb-...; one for each app token")
    made.add_argument("--app-id", action="append", default=[], help="A...; one for each app token")
    made.add_argument(
        "--event",
        action="append",
        metavar="NAME",
        help="a bot event that the apps subscribe to, as app_mention or message.channels; all if none is named",
    )
    made.add_argument(
        "--command", action="append", default=[], metavar="/NAME", help="a slash command that the page offers"
    )
    made.add_argument(
        "--shortcut", action="append", default=[], metavar="ID", help="a global shortcut that the page offers"
    )
    made.add_argument("--open", action="store_true", help="open the page in a browser")
    made.add_argument("--apps", type=int, default=1, help="how many apps, when no tokens are given")
    made.add_argument("--time-scale", type=float, default=1.0, help="0.1: all delays a tenth of Slack's")
    made.add_argument("--setting", action="append", default=[], metavar="NAME=JSON", help="any other setting")
    made.add_argument("--public-url", help="how apps find this Slack, where that isn't host and port")
    made.add_argument("--tls-cert", help="PEM file; makes it https and wss")
    made.add_argument("--tls-key", help="PEM file")
    made.add_argument("--json", action="store_true", help="announce as one line of JSON")
    return made


def apps_from(arguments: argparse.Namespace) -> list[EmulatedApp]:
    """The apps that the command line asks for."""
    count = len(arguments.app_token)
    shared: dict[str, Any] = {
        "events": None if arguments.event is None else tuple(arguments.event),
        "commands": tuple(arguments.command),
        "shortcuts": tuple(arguments.shortcut),
    }
    if len(arguments.bot_token) > count or len(arguments.app_id) > count:
        parser().error("every --bot-token and --app-id needs an --app-token")
    if not count:
        return [EmulatedApp.numbered(number, **shared) for number in range(1, arguments.apps + 1)]
    apps = []
    for number, token in enumerate(arguments.app_token, start=1):
        given: dict[str, Any] = {"app_token": token, **shared}
        for field, values in (("bot_token", arguments.bot_token), ("app_id", arguments.app_id)):
            if number <= len(values):
                given[field] = values[number - 1]
        apps.append(EmulatedApp.numbered(number, **given))
    return apps


def settings_from(arguments: argparse.Namespace) -> EmulatorSettings:
    """The settings that the command line asks for."""
    changes: dict[str, Any] = {}
    known = [field.name for field in attrs.fields(EmulatorSettings)]
    for setting in arguments.setting:
        name, _, value = setting.partition("=")
        if name not in known:
            near = nearest_name(name, known)
            parser().error(
                f"--setting {setting}: no such setting" + (f"; did you mean {near}?" if near else "")
            )
        try:
            changes[name] = json.loads(value)
        except ValueError:
            parser().error(f'--setting {setting}: expected {name}=JSON: true, 0.5, null or "text"')
        try:
            EmulatorSettings(**{name: changes[name]})
        except (TypeError, ValueError) as error:
            parser().error(f"--setting {setting}: {error}")
    return EmulatorSettings(time_scale=arguments.time_scale, **changes)


def main(argv: Sequence[str] | None = None) -> None:
    """`python -m slackd.emulator`."""
    arguments = parser().parse_args(argv)
    # The ledger only grows: looking through all of it for garbage would pause what it measures.
    gc.set_threshold(100_000, 50, 1000)
    settings = settings_from(arguments)
    tls = None
    if arguments.tls_cert:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(arguments.tls_cert, arguments.tls_key)

    def announce(slack: EmulatorClient) -> None:
        (announce_json if arguments.json else announce_readable)(slack)
        if arguments.open:
            webbrowser.open(f"{slack.base_url}/")

    try:
        asyncio.run(
            serve(
                apps_from(arguments),
                settings,
                host=arguments.host,
                port=arguments.port,
                tls=tls,
                public_url=arguments.public_url,
                listening=announce,
            )
        )
    except OSError as error:
        parser().error(f"can't listen on {arguments.host} port {arguments.port}: {error.strerror}")

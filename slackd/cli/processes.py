"""Starts each process of the daemon, and imports no more than what it needs."""

import contextlib
import gc
import os
from collections.abc import Iterator


@contextlib.contextmanager
def _imports() -> Iterator[None]:
    """Nothing that an import makes is garbage: it is not looked for."""
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()


@contextlib.contextmanager
def connector_imports() -> Iterator[None]:
    """As `_imports`, and no certificates are read meanwhile: aiohttp makes a TLS context of its own as soon as
    it is imported, and reading the system's takes a tenth of the start. Every session of a connector is given
    slackd's (`slackd.connector.trust`); one that were not would trust nobody."""
    before = {name: os.environ.get(name) for name in ("SSL_CERT_FILE", "SSL_CERT_DIR")}
    os.environ.update(dict.fromkeys(before, os.devnull))
    try:
        with _imports():
            yield
    finally:
        for name, value in before.items():
            del os.environ[name]
            if value is not None:
                os.environ[name] = value


def start_broker(config_file: str | None = None) -> None:
    """The process with the journal and the plugins."""
    with _imports():
        from slackd.cli.broker_process import run_broker

    run_broker(config_file)


def start_connector(number: int, config_file: str | None = None) -> None:
    """One of the two processes with the tokens and the connections to Slack."""
    with connector_imports():
        from slackd.cli.connector_process import run_connector

    run_connector(config_file, number)


def start_gateway(config_file: str | None) -> None:
    """The side that faces apps that speak Slack."""
    with _imports():
        from slackd.cli.gateway_process import run_gateway

    run_gateway(config_file)


def start_receiver(config_file: str | None) -> None:
    """What takes Slack's requests to request URLs."""
    with _imports():
        from slackd.cli.receiver_process import run_receiver

    run_receiver(config_file)


def start_all_in_one(config_file: str | None) -> None:
    """The broker and both connectors, in the foreground."""
    with connector_imports():
        from slackd.cli.all_in_one import run_together

    run_together(config_file)

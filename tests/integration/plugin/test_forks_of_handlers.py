"""What handlers fork, by `multiprocessing` or themselves, is no second plugin, and doesn't end the first."""

import os
import signal
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from slackd import jsonrpc
from tests.integration.plugin.test_plugin_over_a_socket import Broker, Peer, broker, process, within_patience

__all__ = ["broker"]  # the fixture

PROGRAM = """
import multiprocessing, os, signal, time
from slackd.plugin import Plugin

plugin = Plugin("child")
forks = multiprocessing.get_context("fork")

def wait(pipe):
    pipe.send(True)
    time.sleep(600)

def call(pipe):
    try:
        plugin.slack.call_sync("api.test")
    except Exception as error:
        pipe.send(f"{type(error).__name__}: {error}")

def begun(target):
    mine, theirs = forks.Pipe()
    child = forks.Process(target=target, args=(theirs,), daemon=True)
    child.start()
    return child, mine.recv()

@plugin.command("/terminate")
def terminate(envelope):
    child, _ = begun(wait)
    child.terminate()
    child.join(10)
    return str(child.exitcode)

@plugin.command("/call")
def call_in_fork(envelope):
    return begun(call)[1]

@plugin.command("/keep")
def keep(envelope):
    return str(begun(wait)[0].pid)

@plugin.command("/plain")
def plain(envelope):
    return returned(os.fork())

@plugin.command("/async")
async def in_loop(envelope):
    return returned(os.fork())

def returned(pid):
    if not pid:
        return "the fork"
    _, status = os.waitpid(pid, 0)
    return f"status {os.waitstatus_to_exitcode(status)}"

plugin.run()
"""


@pytest.fixture
async def peer(broker: Broker) -> AsyncIterator[Peer]:
    async with process(broker, sys.executable, "-c", PROGRAM):
        yield await broker.accepted()


async def said(peer: Peer, delivery: str, command: str) -> Any:
    peer.hand_command(delivery, command)
    answer = await peer.read()
    assert isinstance(answer, jsonrpc.Result)
    assert answer.id == f"{delivery}.1"
    return answer.result["response"]["text"]


async def test_a_fork_that_is_terminated_ends_and_the_plugin_does_not(peer: Peer) -> None:
    assert await said(peer, "1", "/terminate") == str(-signal.SIGTERM)
    assert await said(peer, "2", "/terminate") == str(-signal.SIGTERM)


async def test_a_fork_that_calls_slack_is_told_at_once_that_it_cannot(peer: Peer) -> None:
    assert "NotRunning: slack.call: plugin child is served by the process" in await said(peer, "1", "/call")


@pytest.mark.parametrize("command", ["/plain", "/async"])
async def test_a_fork_that_comes_back_from_its_handler_answers_nothing_and_ends(
    peer: Peer, command: str
) -> None:
    assert await said(peer, "1", command) == "status 70"
    assert await said(peer, "2", command) == "status 70"


async def test_a_connection_ends_with_its_program_although_a_fork_of_it_lives(
    broker: Broker,
) -> None:
    async with process(broker, sys.executable, "-c", PROGRAM) as program:
        peer = await broker.accepted()
        fork = int(await said(peer, "1", "/keep"))
        try:
            program.kill()
            assert await within_patience(peer.at_eof()) == []
        finally:
            os.kill(fork, signal.SIGKILL)

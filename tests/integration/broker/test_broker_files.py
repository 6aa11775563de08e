"""Files of plugins, piece by piece: under the file's grants, each transfer its own plugin's."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from slackd import jsonrpc
from slackd.broker.file_transfers import MAX_TRANSFERS, size_of
from slackd.link.messages import FILES, Call, CallKind, Hello, Returned
from slackd.plugin import CallFailed
from slackd.plugin.files import download, upload
from tests.integration.broker.broker_rig import House, Program, house, plugin

BOT = plugin(methods=("files.*",), apps=("main",))
CONTENT = bytes(range(256)) * 300


class Asker:
    """A program as the SDK's file functions want it."""

    def __init__(self, program: Program) -> None:
        self._program = program

    async def request(self, method: str, params: dict[str, Any]) -> jsonrpc.Result | jsonrpc.Failure:
        await self._program.say(id=5, method=method, params=params)
        heard = await self._program.hear()
        if "result" in heard:
            return jsonrpc.Result(5, heard["result"])
        return jsonrpc.Failure(5, heard["error"]["code"], heard["error"]["message"])


class FileSlack:
    """A connector's answers: one file to be had, and what was sent."""

    def __init__(self, here: House) -> None:
        self.sent, self._left = b"", CONTENT
        here.connector.answer = self.answer
        here.connector.say(Hello(1, 1, 1, "digest", apps={"main": 1}, features=(FILES,)))

    def again(self) -> None:
        self._left = CONTENT

    def answer(self, call: Call) -> Returned:
        if call.args.get("cancel"):
            return Returned(call.number, {"end": True})
        if call.target:
            return Returned(
                call.number, {} if call.kind is CallKind.UPLOAD else {"status": 200, "length": None}
            )
        if call.kind is CallKind.UPLOAD:
            self.sent += base64.b64decode(call.args["data"])
            is_over = {"status": 200, "text": "OK", "end": True} if call.args["end"] else {}
            return Returned(call.number, is_over)
        piece, self._left = self._left[:32_768], self._left[32_768:]
        return Returned(call.number, {"data": base64.b64encode(piece).decode(), "end": not self._left})


async def code_of(program: Program, method: str, **params: Any) -> int:
    outcome = await Asker(program).request(method, params)
    assert isinstance(outcome, jsonrpc.Failure), outcome
    return outcome.code


async def test_a_file_comes_and_goes_in_pieces() -> None:
    async with house(BOT) as here:
        slack, asker = FileSlack(here), Asker(await here.program())
        url = "https://files.slack.com/files-pri/T1-F1/a"
        assert b"".join([piece async for piece in download(asker, url, None)]) == CONTENT
        await upload(asker, "https://files.slack.com/upload/v1/x", CONTENT, "text/plain", "main")
        assert slack.sent == CONTENT


async def test_how_far_it_is_can_be_told_at_every_piece() -> None:
    async with house(BOT) as here:
        FileSlack(here)
        asker, came, went = Asker(await here.program()), [], []
        async for _ in download(asker, "https://x", None, lambda *told: came.append(told)):
            pass
        await upload(asker, "https://x", CONTENT, "text/plain", None, lambda *told: went.append(told))
        assert [moved for moved, _ in came] == [32_768, 65_536, len(CONTENT)]
        assert went == [(32_768, len(CONTENT)), (65_536, len(CONTENT)), (len(CONTENT), len(CONTENT))]
        begun = await asker.request("slack.upload", {"url": "https://x"})
        assert isinstance(begun, jsonrpc.Result)
        piece = {"transfer": begun.result["transfer"], "data": base64.b64encode(b"hello").decode()}
        for moved in (5, 10):
            said = await asker.request("slack.upload", piece)
            assert isinstance(said, jsonrpc.Result)
            assert said.result["moved"] == moved


@pytest.mark.parametrize("content", [b"", b"a", b"ab", b"abc", b"abcd"])
def test_the_size_of_a_piece_is_read_off_its_base64(content: bytes) -> None:
    assert size_of(base64.b64encode(content).decode()) == len(content)


async def test_who_may_not_name_the_method_moves_no_file() -> None:
    async with house(plugin(methods=("chat.*",), apps=("main",))) as here:
        FileSlack(here)
        program = await here.program()
        assert await code_of(program, "slack.download", url="https://x") == jsonrpc.METHOD_NOT_GRANTED
        assert await code_of(program, "slack.upload", url="https://x") == jsonrpc.METHOD_NOT_GRANTED
        assert here.connector.calls == []


async def test_a_transfer_is_its_plugins_alone() -> None:
    other = plugin("other", methods=("files.*",), apps=("main",))
    async with house(BOT, other) as here:
        FileSlack(here)
        program, another = await here.program(), await here.program("other")
        begun = await Asker(program).request("slack.download", {"url": "https://x"})
        assert isinstance(begun, jsonrpc.Result)
        transfer = begun.result["transfer"]
        assert await code_of(another, "slack.download", transfer=transfer) == jsonrpc.INVALID_PARAMS
        assert await code_of(program, "slack.upload", transfer=transfer) == jsonrpc.INVALID_PARAMS
        assert isinstance(
            await Asker(program).request("slack.download", {"transfer": transfer}), jsonrpc.Result
        )


async def test_who_wants_no_more_of_a_file_leaves_its_place_to_the_next() -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b"hello"
        sent.set()
        await asyncio.Event().wait()

    async def torn() -> AsyncIterator[bytes]:
        yield b"hello"
        raise ValueError("the disk is gone")

    async with house(BOT) as here:
        slack, asker = FileSlack(here), Asker(await here.program())
        for _ in range(MAX_TRANSFERS):
            slack.again()
            async with aclosing(download(asker, "https://x", None)) as pieces:
                assert len(await anext(pieces)) == 32_768
            sent = asyncio.Event()
            sending = asyncio.create_task(upload(asker, "https://x", endless(), "text/plain", None))
            await sent.wait()
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
            with pytest.raises(ValueError, match="the disk is gone"):
                await upload(asker, "https://x", torn(), "text/plain", None)
        slack.again()
        assert b"".join([piece async for piece in download(asker, "https://x", None)]) == CONTENT


async def test_a_connector_of_an_earlier_release_is_asked_for_no_file() -> None:
    async with house(BOT) as here:
        program = await here.program()
        assert await code_of(program, "slack.download", url="https://x") == jsonrpc.SLACK_UNAVAILABLE
        assert here.connector.calls == []


async def test_what_makes_no_sense_is_named() -> None:
    async with house(BOT) as here:
        program = await here.program()
        for params in ({}, {"url": "x", "transfer": "y"}, {"url": 1}, {"transfer": "t", "data": "x" * 50_000}):
            assert await code_of(program, "slack.upload", **params) == jsonrpc.INVALID_PARAMS


async def test_what_slack_has_no_file_of_is_refused_with_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """None is empty, and none has more than a gigabyte, however long one goes on."""
    async with house(BOT) as here:
        FileSlack(here)
        asker, url = Asker(await here.program()), "https://files.slack.com/upload/v1/x"
        with pytest.raises(CallFailed, match="Slack takes no empty file"):
            await upload(asker, url, b"", "text/plain", "main")
        huge = await asker.request("slack.upload", {"url": url, "length": (1 << 30) + 1, "app": "main"})
        assert isinstance(huge, jsonrpc.Failure)
        assert "up to 1073741824" in huge.message
        monkeypatch.setattr("slackd.broker.file_transfers.FILE_LIMIT", 50_000)
        with pytest.raises(CallFailed, match="beyond 50000 bytes"):
            async for _ in download(asker, "https://files.slack.com/files-pri/T1-F1/a", None):
                pass
        begun = await asker.request("slack.download", {"url": "https://files.slack.com/x", "app": "main"})
        assert isinstance(begun, jsonrpc.Result), "the one that was ended takes no place"

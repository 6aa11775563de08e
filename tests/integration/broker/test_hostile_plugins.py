"""Programs that break every rule: each gets an error or nothing, and the plugin beside it notices nothing."""

import asyncio
import contextlib
import gc
import json
import os
import pwd
import threading
from typing import Any

import pytest

from slackd import jsonrpc
from slackd.broker.plugins.conduct import CRASHES, Fault
from slackd.broker.plugins.peer_limits import NOTICE_BURST
from slackd.broker.plugins.server import MAX_OPENING
from slackd.cli.broker_process import broker_status
from tests.integration.broker.broker_rig import House, house, plugin
from tests.support.slack_texts import command, event

TWO = (plugin("bot"), plugin("victim"))


@pytest.fixture(autouse=True)
def no_garbage_of_other_tests() -> None:
    """A turn of the collector over a whole test run takes a second, which a plugin would be charged for."""
    gc.freeze()


async def still_works(here: House, number: int = 1) -> None:
    """The plugin beside it is handed an event and a command, and its answer is acknowledged."""
    victim = await here.program("victim")
    here.connector.deliver(event(10_000 + number, {"type": "message", "channel": f"V{number}"}))
    await victim.answer(await victim.handed())
    (arrived,) = here.connector.deliver(command(20_000 + number, "/victim"))
    await victim.answer(await victim.handed(), {"text": "here"})
    assert await here.connector.acknowledgement(arrived) == {"text": "here"}
    await victim.goes()


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (b"hello\n", jsonrpc.PARSE_ERROR),
        (b"\xff\xfe\n", jsonrpc.PARSE_ERROR),
        (b"[" * 100_000 + b"\n", jsonrpc.PARSE_ERROR),
        (b"x" * (2 << 20), jsonrpc.LINE_TOO_LONG),
        (b'{"jsonrpc":"2.0","id":"%s","method":"initialize"}\n' % (b"x" * 257), jsonrpc.INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":%s,"method":"initialize"}\n' % (b"9" * 20), jsonrpc.INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":1,"method":"slack.call"}\n', jsonrpc.NOT_INITIALIZED),
        (b'{"jsonrpc":"2.0","id":1,"method":"initialize"}\n', jsonrpc.UNSUPPORTED_PROTOCOL),
    ],
)
async def test_broken_lines_are_an_error_and_then_the_door(said: bytes, code: int) -> None:
    async with house(*TWO) as here:
        program = await here.connect()
        program.writer.write(said)
        assert await program.refused_with() == code
        await still_works(here)


async def test_half_a_line_and_then_nothing() -> None:
    async with house(*TWO) as here:
        program = await here.program("bot")
        await program.raw(b'{"jsonrpc":"2.0","id":"1.1","res')
        await program.goes()
        await still_works(here)


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"plugin": "nobody"}, jsonrpc.UNKNOWN_PLUGIN),
        ({"plugin": "../bot"}, jsonrpc.UNKNOWN_PLUGIN),
        ({"session": "\n"}, jsonrpc.INVALID_PARAMS),
        ({"holding": [f"{10**30}.1"], "session": "s"}, jsonrpc.INVALID_PARAMS),
    ],
)
async def test_who_may_not_come_in_is_told_why(params: dict[str, Any], code: int) -> None:
    async with house(*TWO) as here:
        program = await here.connect()
        await program.say(id=0, method="initialize", params={"protocol": 1, "plugin": "bot", **params})
        assert await program.refused_with() == code
        await still_works(here)


async def test_a_process_of_another_user_is_not_the_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    async with house(*TWO) as here:
        monkeypatch.setattr("os.getuid", lambda: 4_711)
        program = await here.connect()
        await program.say(id=0, method="initialize", params={"protocol": 1, "plugin": "bot"})
        assert await program.refused_with() == jsonrpc.NOT_PERMITTED
        monkeypatch.undo()
        await still_works(here)


async def test_a_directory_of_users_that_hangs_holds_nobody_else_up(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, answers = threading.Event(), threading.Event()

    def getpwnam(name: str) -> pwd.struct_passwd:
        asked.set()
        assert answers.wait(60)
        raise KeyError(name)

    monkeypatch.setattr(pwd, "getpwnam", getpwnam)
    async with house(plugin("bot", users=("somebody",)), plugin("victim")) as here:
        program = await here.connect()
        await program.say(id=0, method="initialize", params={"protocol": 1, "plugin": "bot"})
        await asyncio.to_thread(asked.wait, 60)
        await still_works(here)
        answers.set()
        assert await program.refused_with() == jsonrpc.NOT_PERMITTED


async def test_answers_that_nobody_waits_for_are_ignored() -> None:
    async with house(*TWO) as here:
        hostile, victim = await here.program("bot"), await here.program("victim")
        (arrived,) = here.connector.deliver(command(1, "/victim"))
        delivery = await victim.handed()
        for id_ in (delivery["id"], "1.2", "999.1", f"{2**62}.1", f"{10**38}.1", "x", 7):
            await hostile.say(id=id_, result={"response": {"text": "stolen"}})
            await hostile.say(id=id_, error={"code": 1, "message": "x", "data": {"permanent": True}})
        await hostile.say(id=1, method="slack.call", params={"method": "api.test"})
        assert (await hostile.hear())["error"]["code"] == jsonrpc.METHOD_NOT_GRANTED  # all of it was heard
        await victim.answer(delivery, {"text": "mine"})
        await victim.answer(delivery, {"text": "again"})
        assert await here.connector.acknowledgement(arrived) == {"text": "mine"}
        await victim.goes()
        await still_works(here)


@pytest.mark.parametrize(
    "response", ['{"text":"\\ud800"}', '{"text":"' + "é" * 9_000 + '"}', "[]", "7", '{"a":' * 400]
)
async def test_odd_responses_cost_neither_the_acknowledgement_nor_the_place(response: str) -> None:
    async with house(*TWO) as here:
        program = await here.program("bot")
        for number in (1, 2):
            (arrived,) = here.connector.deliver(command(number, "/bot"))
            delivery = await program.handed()
            text = response + "1" + "}" * response.count("{") if response.endswith(":") else response
            line = f'{{"jsonrpc":"2.0","id":"{delivery["id"]}","result":{{"response":{text}}}}}\n'
            await program.raw(line.encode())
            if "ud800" in response or "é" in response:
                assert await here.connector.acknowledgement(arrived) is not None
            else:
                assert await here.connector.acknowledgement(arrived) is None
                assert (await program.hear())["error"]["code"] == jsonrpc.INVALID_PARAMS
        await here.nothing_is_open()


async def test_odd_words_in_the_same_breath_as_initialize() -> None:
    async with house(*TWO) as here:
        program = await here.connect()
        opening = {
            "jsonrpc": "2.0",
            "id": 0,
            "method": "initialize",
            "params": {"protocol": 1, "plugin": "bot"},
        }
        odd: list[dict[str, Any]] = [
            {"id": "1.1", "result": {"response": {"text": "\ud800"}}},
            {"id": "1.1", "error": {"code": 1, "message": "\ud800", "data": {"retry_after": 10**400}}},
            {"id": 1, "method": "slack.call", "params": {"method": "api.test", "call_id": "\ud800"}},
            {"method": "log", "params": {"level": ["x"], "message": "\ud800\n\x1b[2J"}},
            {"method": "log", "params": {"message": "\ud800\n\x1b[2J"}},
        ]
        lines = [json.dumps({"jsonrpc": "2.0", **each}).encode() for each in odd]
        await program.raw(b"\n".join([json.dumps(opening).encode(), *lines, b""]))
        assert "result" in await program.hear()
        assert (await program.hear())["error"]["code"] == jsonrpc.INVALID_PARAMS
        await still_works(here)


async def test_a_program_that_never_reads_delays_nobody_else() -> None:
    async with house(*TWO) as here:
        deaf = await here.program("bot", session="deaf")
        deaf.writer.transport.pause_reading()  # type: ignore[attr-defined]
        big = {"type": "message", "text": "x" * 200_000}
        here.connector.deliver(*(event(n, {**big, "channel": f"C{n}"}) for n in range(1, 33)))
        victim = await here.program("victim")
        for _ in range(32):
            await victim.answer(await victim.handed())
        await victim.goes()
        await still_works(here)


async def test_a_program_that_asks_for_ever_and_never_reads_is_read_no_further() -> None:
    async with house(*TWO) as here:
        greedy = await here.program("bot")
        greedy.writer.transport.pause_reading()  # type: ignore[attr-defined]
        line = b'{"jsonrpc":"2.0","id":1,"method":"%s"}\n' % (b"x" * 200)
        written = 0
        with contextlib.suppress(TimeoutError):
            while written < 64 << 20:
                greedy.writer.write(line * 1_000)
                written += len(line) * 1_000
                await asyncio.wait_for(greedy.writer.drain(), 1.0)
        assert written < 64 << 20
        await still_works(here)


async def test_lines_that_cost_much_to_read_are_heard_later_and_hold_nobody_else_up() -> None:
    line = b'{"jsonrpc":"2.0","id":"99999.1","result":{"response":{"blocks":[%b{}]}}}\n' % (b"{}," * 4_000)
    call = b'{"jsonrpc":"2.0","id":7,"method":"slack.call","params":{"method":"api.test"}}\n'
    async with house(*TWO) as here:
        costly = [await here.program("bot") for _ in range(3)]
        async with asyncio.TaskGroup() as sending:
            for each in costly:
                sending.create_task(each.raw(line + call))
            await still_works(here)
        for each in costly:
            while (heard := await each.hear()).get("method") == "envelope":
                pass
            assert heard["error"]["code"] == jsonrpc.METHOD_NOT_GRANTED
        await still_works(here, 2)


async def test_five_hundred_connections_that_say_nothing_keep_nobody_out() -> None:
    async with house(*TWO) as here:
        for _ in range(500):
            await here.connect()
        await still_works(here)


async def test_connections_that_say_nothing_take_no_sessions_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slackd.broker.plugins.server.MAX_SESSIONS_IN_ALL", 3)
    async with house(*TWO) as here:
        for _ in range(10):
            await here.connect()
        await still_works(here)


async def test_without_descriptors_connections_that_say_nothing_end_and_sessions_stay() -> None:
    async with house(*TWO) as here:
        victim = await here.program("victim")
        silent = [await here.connect() for _ in range(8)]
        await here.program("bot")  # Whoever came before it is served by now.
        here.daemon.plugin_host.spare_descriptors()
        for oldest in silent[:2]:
            with contextlib.suppress(ConnectionError):
                assert await oldest.hear() is None
        (arrived,) = here.connector.deliver(command(1, "/victim"))
        await victim.answer(await victim.handed(), {"text": "here"})
        assert await here.connector.acknowledgement(arrived) == {"text": "here"}


async def test_handlers_that_a_program_announces_do_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    handlers = [{"kind": "command", "pattern": f"/no{n}"} for n in range(1_000)]
    async with house(*TWO) as here:
        for _ in range(2):
            await here.program("bot", handlers=handlers)
        await still_works(here)
    lines = [each for each in caplog.records if getattr(each, "event", "") == "handler-unmatched"]
    assert 0 < len(lines) <= NOTICE_BURST


async def test_a_session_is_told_which_journal_its_deliveries_are_of() -> None:
    async with house(*TWO) as here:
        program = await here.connect()
        await program.say(id=0, method="initialize", params={"protocol": 1, "plugin": "bot"})
        assert (await program.hear())["result"]["journal"] == here.daemon.journal.id


async def test_of_one_users_silent_connections_the_oldest_makes_room() -> None:
    async with house(*TWO) as here:
        silent = [await here.connect() for _ in range(MAX_OPENING + 3)]
        for oldest in silent[:3]:
            with contextlib.suppress(ConnectionError):
                assert await oldest.hear() is None
        first_left = silent[3]
        await first_left.say(id=0, method="initialize", params={"protocol": 1, "plugin": "bot"})
        assert (await first_left.hear())["result"]["protocol"] == 1


async def test_a_session_id_ends_the_connection_that_had_it() -> None:
    async with house(*TWO) as here:
        first = await here.program("bot", session="s")
        second = await here.program("bot", session="s")
        assert await first.hear() is None
        here.connector.deliver(event(1))
        await second.answer(await second.handed())
        await here.program("victim", session="s")  # another plugin's session of that name is another one
        here.connector.deliver(event(2))
        assert (await second.handed())["envelope"]["payload"]["event_id"] == "Ev2"


async def test_sessions_that_end_at_once_are_faults_and_systemds_line_says_so() -> None:
    async with house(*TWO) as here:
        assert "connector 2 is not linked" in broker_status(here.daemon)
        for _ in range(CRASHES):
            await (await here.program("bot")).goes()
        async with asyncio.timeout(30):
            while "bot crashes" not in broker_status(here.daemon):
                await asyncio.sleep(0.01)
        (fault,) = here.daemon.plugin_host.peers.faults_of("bot")
        assert (fault.fault, fault.count) == (Fault.CRASHED, CRASHES)


async def test_a_session_that_handled_something_did_not_crash() -> None:
    async with house(*TWO) as here:
        for number in range(CRASHES):
            program = await here.program("bot")
            here.connector.deliver(event(number))
            await program.answer(await program.handed())
            await program.goes()
        await (await here.program("victim")).goes()
        assert here.daemon.plugin_host.peers.faults_of("bot") == []


async def test_a_refusal_is_a_fault_of_whoever_was_refused() -> None:
    async with house(*TWO) as here:
        program = await here.connect()
        program.writer.write(b"\xff\n")
        assert await program.refused_with() == jsonrpc.PARSE_ERROR
        ((uid, (fault,)),) = here.daemon.plugin_host.peers.faults_of_users().items()
        assert (uid, fault.fault, fault.count) == (os.getuid(), Fault.REFUSED, 1)
        assert "not UTF-8" in fault.last

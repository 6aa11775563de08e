"""The SDK on a real Unix socket, against a small broker that does as it is told; also as a real process."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pytest

from slackd import jsonrpc
from slackd.plugin import (
    CallFailed,
    Context,
    Envelope,
    Permanent,
    Plugin,
    PluginRefused,
    Ready,
    Retry,
    SlackError,
)
from slackd.plugin.connection import READ_AT_ONCE

ROOT = Path(__file__).parents[3]
PATIENCE = 20.0  # seconds


CIRCLE: dict[str, Any] = {}
CIRCLE["circle"] = CIRCLE


class Peer:
    """One accepted connection, read line by line."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._lines = jsonrpc.LineReader(jsonrpc.MAX_LINE_FROM_PLUGIN)
        self._messages: list[jsonrpc.Message] = []
        self.initialize: dict[str, Any] = {}

    async def read(self) -> jsonrpc.Message:
        async with asyncio.timeout(PATIENCE):
            while not self._messages:
                data = await self._reader.read(65536)
                assert data, "the plugin has closed the connection"
                self._messages = self._lines.receive(data)
        return self._messages.pop(0)

    async def read_request(self) -> jsonrpc.Request:
        message = await self.read()
        assert isinstance(message, jsonrpc.Request)
        return message

    async def at_eof(self) -> list[jsonrpc.Message]:
        """What the plugin still sent before it closed."""
        with contextlib.suppress(ConnectionResetError):  # so ends a process that was killed with data unread
            async with asyncio.timeout(PATIENCE):
                while data := await self._reader.read(65536):
                    self._messages += self._lines.receive(data)
        return self._messages

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    def hand(
        self, delivery: str, type_: str, payload: dict[str, Any], *, attempt: int = 1, after: str | None = None
    ) -> None:
        prompt = type_ != "events_api"
        params: dict[str, Any] = {
            "attempt": attempt,
            "app": "main",
            "type": type_,
            "received_at": 1000.0,
            "respond_by": 1002.5 if prompt else None,
            "envelope": {"envelope_id": delivery, "type": type_, "payload": payload},
        }
        if after is not None:
            params["after"] = after
        self.send(jsonrpc.encode_request(f"{delivery}.{attempt}", "envelope", params))

    def hand_command(self, delivery: str, command: str, text: str = "", *, attempt: int = 1) -> None:
        self.hand(delivery, "slash_commands", {"command": command, "text": text}, attempt=attempt)

    def hand_event(
        self, delivery: str, name: str, *, attempt: int = 1, after: str | None = None, **event: Any
    ) -> None:
        self.hand(delivery, "events_api", {"event": {"type": name, **event}}, attempt=attempt, after=after)

    def cut(self) -> None:
        self._writer.transport.abort()


class Broker:
    """Listens where slackd would; may go away and come back."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._peers: asyncio.Queue[Peer] = asyncio.Queue()
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []

    async def open(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        self._server = await asyncio.start_unix_server(self._connected, self.path)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._writers:
            writer.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        await self._peers.put(Peer(reader, writer))

    async def peer(self) -> Peer:
        """The next connection, with its first request read and not answered."""
        async with asyncio.timeout(PATIENCE):
            peer = await self._peers.get()
        request = await peer.read_request()
        assert (request.id, request.method) == (0, "initialize")
        peer.initialize = request.params
        return peer

    async def accepted(self) -> Peer:
        peer = await self.peer()
        result = {
            "protocol": 1,
            "server": "x",
            "apps": ["main"],
            "methods": ["*"],
            "window": 4,
            "deadline_window": 2,
        }
        peer.send(jsonrpc.encode_result(0, result))
        return peer


@pytest.fixture
async def broker() -> AsyncIterator[Broker]:
    folder = tempfile.mkdtemp(dir="/tmp", prefix="sp")
    broker = Broker(f"{folder}/s")
    await broker.open()
    yield broker
    await broker.close()
    shutil.rmtree(folder)


Serve = Callable[[Plugin], None]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Serves a plugin until the test ends."""
    tasks: list[asyncio.Task[None]] = []
    yield lambda plugin: tasks.append(asyncio.create_task(plugin.serve()))
    for task in tasks:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def within_patience(awaitable: Awaitable[Any]) -> Any:
    async with asyncio.timeout(PATIENCE):
        return await awaitable


class TestHandlers:
    async def test_async_and_plain_functions_answer(self, broker: Broker, serve: Serve) -> None:
        plugin = Plugin("deploybot", socket=broker.path)

        @plugin.command("/async")
        async def one(envelope: Envelope) -> str:
            return f"async {envelope.text}"

        @plugin.command("/plain")
        def two(envelope: Envelope) -> dict[str, str]:
            assert threading.current_thread() is not threading.main_thread()
            return {"text": f"plain {envelope.text}"}

        serve(plugin)
        peer = await broker.accepted()
        assert peer.initialize["plugin"] == "deploybot"
        peer.hand_command("1", "/async", "a")
        assert await peer.read() == jsonrpc.Result("1.1", {"response": {"text": "async a"}})
        peer.hand_command("2", "/plain", "b")
        assert await peer.read() == jsonrpc.Result("2.1", {"response": {"text": "plain b"}})

    async def test_what_a_handler_raises_is_a_nack(
        self, broker: Broker, serve: Serve, caplog: pytest.LogCaptureFixture
    ) -> None:
        plugin = Plugin("p", socket=broker.path)

        class Odd(Exception):
            def __str__(self) -> str:
                raise RuntimeError

        @plugin.event()
        def fail(envelope: Envelope) -> None:
            raise {
                "mistake": ValueError("no such service"),
                "odd": Odd(),
                "retry": Retry("busy", after=1.5),
                "permanent": Permanent("never"),
                "stop": StopIteration(),
            }[envelope.event["type"]]

        serve(plugin)
        peer = await broker.accepted()

        async def failure(delivery: str, name: str) -> jsonrpc.Failure:
            peer.hand_event(delivery, name)
            message = await peer.read()
            assert isinstance(message, jsonrpc.Failure)
            assert message.id == f"{delivery}.1"
            return message

        assert (await failure("1", "mistake")).message == "ValueError: no such service"
        assert "Traceback" in caplog.text
        assert (await failure("2", "retry")).data == {"retry_after": 1.5}
        assert (await failure("3", "permanent")).data == {"permanent": True}
        assert "Odd" in (await failure("4", "odd")).message
        assert "StopIteration" in (await failure("5", "stop")).message

    async def test_a_handler_cancelled_by_its_own_code_is_a_nack(self, broker: Broker, serve: Serve) -> None:
        plugin = Plugin("p", socket=broker.path)

        @plugin.event()
        async def cancelled(_: Envelope) -> None:
            raise asyncio.CancelledError

        serve(plugin)
        peer = await broker.accepted()
        peer.hand_event("1", "x")
        assert isinstance(await peer.read(), jsonrpc.Failure)

    async def test_a_handler_that_another_cancels_is_a_nack_and_its_next_attempt_is_begun(
        self, broker: Broker, serve: Serve
    ) -> None:
        plugin = Plugin("p", socket=broker.path)
        works: list[asyncio.Task[Any] | None] = []

        @plugin.event("slow")
        async def slow(envelope: Envelope) -> None:
            works.append(asyncio.current_task())
            if envelope.attempt == 1:
                await asyncio.Event().wait()

        @plugin.event("newer")
        async def newer(_: Envelope) -> None:
            assert works[0] is not None
            works[0].cancel()

        serve(plugin)
        peer = await broker.accepted()
        peer.hand_event("1", "slow")
        peer.hand_event("2", "newer")
        settled = {
            message.id: message for message in (await peer.read(), await peer.read()) if hasattr(message, "id")
        }
        assert isinstance(settled["1.1"], jsonrpc.Failure)
        assert isinstance(settled["2.1"], jsonrpc.Result)
        peer.hand_event("1", "slow", attempt=2)
        assert await peer.read() == jsonrpc.Result("1.2", {})
        assert len(works) == 2

    @pytest.mark.parametrize("plain", [False, True])
    async def test_a_handler_sees_no_context_variables_of_the_one_that_it_came_after(
        self, plain: bool, broker: Broker, serve: Serve
    ) -> None:
        plugin = Plugin("p", socket=broker.path)
        whose: ContextVar[str] = ContextVar("whose", default="nobody")
        whose.set("the program")
        seen: list[str] = []

        async def handle(envelope: Envelope, context: Context) -> None:
            seen.append(whose.get())
            whose.set(envelope.delivery)
            context.ack()

        def handle_plain(envelope: Envelope, context: Context) -> None:
            seen.append(whose.get())
            whose.set(envelope.delivery)
            context.ack()

        plugin.event()(handle_plain if plain else handle)
        serve(plugin)
        peer = await broker.accepted()
        peer.hand_event("1", "x")
        peer.hand_event("2", "x", after="1.1")
        peer.hand_event("3", "x", after="2.1")
        for number in (1, 2, 3):
            assert await peer.read() == jsonrpc.Result(f"{number}.1", {})
        assert seen == ["the program"] * 3

    @pytest.mark.parametrize(
        ("value", "reason"),
        [
            ({"when": object()}, "object"),
            ({"a set"}, "not set"),
            (5, "not int"),
            ({"text": float("nan")}, "JSON"),
            (CIRCLE, "JSON"),
            ("x" * 2_000_000, "bytes"),
        ],
        ids=["object", "set", "int", "nan", "circle", "large"],
    )
    async def test_of_a_response_that_cannot_be_sent_no_attempt_makes_a_better_one(
        self, value: Any, reason: str, broker: Broker, serve: Serve, caplog: pytest.LogCaptureFixture
    ) -> None:
        plugin = Plugin("p", socket=broker.path)

        @plugin.command("/returned")
        def mistaken(_: Envelope) -> Any:
            return value

        @plugin.command("/said")
        async def says(_: Envelope, context: Context) -> None:
            context.respond(value)

        serve(plugin)
        peer = await broker.accepted()
        for delivery, command in (("1", "/returned"), ("2", "/said")):
            peer.hand_command(delivery, command)
            message = await peer.read()
            assert isinstance(message, jsonrpc.Failure)
            assert message.data == {"permanent": True}
            assert "the handler's mistake" in message.message
            assert reason in message.message
        errors = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
        assert len(errors) == 2
        assert "mistaken answered delivery 1, attempt 1" in errors[0]

    @pytest.mark.parametrize("after", [-1.0, float("nan")])
    async def test_a_retry_at_no_time_is_not_tried_again(
        self, after: float, broker: Broker, serve: Serve, caplog: pytest.LogCaptureFixture
    ) -> None:
        plugin = Plugin("p", socket=broker.path)

        @plugin.event("raised")
        async def raises(_: Envelope) -> None:
            raise Retry("busy", after=after)

        @plugin.event("said")
        def nacks(_: Envelope, context: Context) -> None:
            context.nack("busy", retry_after=after)

        serve(plugin)
        peer = await broker.accepted()
        for delivery, name in (("1", "raised"), ("2", "said")):
            peer.hand_event(delivery, name)
            message = await peer.read()
            assert isinstance(message, jsonrpc.Failure)
            assert message.data == {"permanent": True}
            assert "seconds from now" in message.message
        assert [record.levelname for record in caplog.records].count("ERROR") == 2

    async def test_answer_first_then_work_on(self, broker: Broker, serve: Serve) -> None:
        plugin = Plugin("p", socket=broker.path)
        go_on, ended = asyncio.Event(), asyncio.Event()

        @plugin.command()
        async def slow(_: Envelope, context: Context) -> str:
            context.respond({"text": "on it"})
            await go_on.wait()
            ended.set()
            return "ignored, since it is answered"

        serve(plugin)
        peer = await broker.accepted()
        peer.hand_command("1", "/x")
        assert await peer.read() == jsonrpc.Result("1.1", {"response": {"text": "on it"}})
        go_on.set()
        await within_patience(ended.wait())
        peer.hand_command("2", "/x")
        assert await peer.read() == jsonrpc.Result("2.1", {"response": {"text": "on it"}})

    async def test_each_handler_has_a_task_and_a_context_of_its_own(self, broker: Broker, serve: Serve) -> None:
        plugin = Plugin("p", socket=broker.path)
        mine: ContextVar[str] = ContextVar("mine", default="nothing")
        tasks, found = [], []

        @plugin.event()
        async def handler(envelope: Envelope) -> None:
            tasks.append(asyncio.current_task())
            found.append(mine.get())
            mine.set(envelope.delivery)

        serve(plugin)
        peer = await broker.accepted()
        for delivery in ("1", "2"):
            peer.hand_event(delivery, "x")
            assert await peer.read() == jsonrpc.Result(f"{delivery}.1", {})
        assert tasks[0] is not tasks[1]
        assert found == ["nothing", "nothing"]

    async def test_of_many_that_come_at_once_a_few_are_begun_before_more_is_read(
        self, broker: Broker, serve: Serve
    ) -> None:
        plugin = Plugin("p", socket=broker.path)
        at_once, size, count = [], 4_096, 200

        @plugin.event()
        async def handler(_: Envelope) -> None:
            at_once.append(len(asyncio.all_tasks()))

        others = len(asyncio.all_tasks())
        serve(plugin)
        peer = await broker.accepted()
        for number in range(count):
            peer.hand_event(str(number), "x", text="x" * size)
        for number in range(count):
            assert await peer.read() == jsonrpc.Result(f"{number}.1", {})
        assert max(at_once) <= others + READ_AT_ONCE // size + 10

    async def test_an_event_larger_than_what_is_read_at_once_comes_whole(
        self, broker: Broker, serve: Serve
    ) -> None:
        plugin = Plugin("p", socket=broker.path)
        texts = []

        @plugin.event()
        async def handler(envelope: Envelope) -> None:
            texts.append(envelope.text)

        serve(plugin)
        peer = await broker.accepted()
        text = "ü" * (3 * READ_AT_ONCE + 1)
        for delivery in ("1", "2"):
            peer.hand_event(delivery, "message", text=text)
        assert await peer.read() == jsonrpc.Result("1.1", {})
        assert await peer.read() == jsonrpc.Result("2.1", {})
        assert texts == [text, text]

    async def test_in_a_loop_that_begins_tasks_at_once_the_same_happens(self, broker: Broker) -> None:
        """With `asyncio.eager_task_factory` a handler may have ended before anybody knows its task."""
        eager = getattr(asyncio, "eager_task_factory", None)
        if eager is None:
            pytest.skip("Python 3.12 has it first")
        asyncio.get_running_loop().set_task_factory(eager)
        plugin = Plugin("p", socket=broker.path)
        go_on = asyncio.Event()

        @plugin.event("quick")
        async def quick(_: Envelope) -> None:
            pass

        @plugin.event("slow")
        async def slow(_: Envelope) -> None:
            await go_on.wait()

        serving = asyncio.create_task(plugin.serve())
        peer = await broker.accepted()
        peer.hand_event("1", "slow")
        peer.hand_event("2", "quick")
        assert await peer.read() == jsonrpc.Result("2.1", {})
        plugin.stop()
        go_on.set()
        assert await peer.at_eof() == [jsonrpc.Result("1.1", {})]
        peer.cut()
        await within_patience(serving)

    async def test_blocking_plain_functions_hold_up_nobody(self, broker: Broker, serve: Serve) -> None:
        plugin = Plugin("p", socket=broker.path)
        release = threading.Event()
        plugin.event()(lambda _: release.wait(PATIENCE) and None)
        plugin.command()(lambda _: "at once")
        serve(plugin)
        peer = await broker.accepted()
        try:
            for number in range(40):
                peer.hand_event(f"e{number}", "x")
            peer.hand_command("c", "/x")
            assert await peer.read() == jsonrpc.Result("c.1", {"response": {"text": "at once"}})
        finally:
            release.set()
        answered = {str(await peer.read()) for _ in range(40)}
        assert len(answered) == 40

    async def test_what_no_handler_takes_is_acknowledged_with_a_warning(
        self, broker: Broker, serve: Serve, caplog: pytest.LogCaptureFixture
    ) -> None:
        serve(Plugin("p", socket=broker.path))
        peer = await broker.accepted()
        peer.hand_event("1", "x")
        assert await peer.read() == jsonrpc.Result("1.1", {})
        assert "no handler for events_api" in caplog.text

    async def test_slow_work_is_extended_if_the_plugin_asks_for_it(self, broker: Broker, serve: Serve) -> None:
        plugin = Plugin("p", socket=broker.path, auto_extend=0.01)
        enough = asyncio.Event()

        @plugin.event()
        async def slow(_: Envelope) -> None:
            await enough.wait()

        serve(plugin)
        peer = await broker.accepted()
        peer.hand_event("1", "x", attempt=2)
        for _ in range(2):
            assert await peer.read() == jsonrpc.Notification("extend", {"id": "1.2"})
        enough.set()
        while isinstance(message := await peer.read(), jsonrpc.Notification):
            pass
        assert message == jsonrpc.Result("1.2", {})

    @pytest.mark.parametrize("every", [0, -1.0])
    async def test_extending_every_zero_seconds_is_not_extending(
        self, broker: Broker, serve: Serve, every: float
    ) -> None:
        plugin = Plugin("p", socket=broker.path, auto_extend=every)

        @plugin.event()
        async def slow(_: Envelope) -> None:
            for _turn in range(20):
                await asyncio.sleep(0)

        serve(plugin)
        peer = await broker.accepted()
        peer.hand_event("1", "x")
        assert await peer.read() == jsonrpc.Result("1.1", {})

    async def test_notices_reach_their_handlers(self, broker: Broker, serve: Serve) -> None:
        plugin = Plugin("p", socket=broker.path)
        told: asyncio.Queue[Any] = asyncio.Queue()

        @plugin.late()
        async def late(notice: Any) -> None:
            await told.put(notice.sent)

        @plugin.gap()
        async def gap(notice: Any) -> None:
            await told.put(notice.end)

        serve(plugin)
        peer = await broker.accepted()
        peer.send(jsonrpc.encode_notification("late", {"id": "1.1", "sent": "response_url"}))
        assert await within_patience(told.get()) == "response_url"
        peer.send(jsonrpc.encode_notification("gap", {"app": "main", "from": 1, "until": 2, "reason": "x"}))
        assert await within_patience(told.get()) == 2.0


class TestConnections:
    async def test_work_in_hand_survives_a_cut(self, broker: Broker, serve: Serve) -> None:
        plugin = Plugin("p", socket=broker.path)
        started: asyncio.Queue[str] = asyncio.Queue()
        go_on = asyncio.Event()

        @plugin.command()
        async def slow(envelope: Envelope) -> str:
            await started.put(envelope.delivery)
            await go_on.wait()
            return "done"

        serve(plugin)
        first = await broker.accepted()
        first.hand_command("1", "/x")
        first.send(jsonrpc.encode_notification("late", {"id": "0.1", "sent": None}) + b'{"jsonrpc":')
        first.send(jsonrpc.encode_failure("1.1", -1, ""))
        await within_patience(started.get())
        first.cut()
        second = await broker.accepted()
        assert second.initialize["session"] == first.initialize["session"]
        assert second.initialize["holding"] == ["1.1"]
        second.hand_command("1", "/x")
        second.hand_command("2", "/y")
        assert await within_patience(started.get()) == "2"
        go_on.set()
        answers = [await second.read(), await second.read()]
        assert answers == [jsonrpc.Result(id_, {"response": {"text": "done"}}) for id_ in ("1.1", "2.1")]
        assert started.empty()

    async def test_an_answer_given_without_a_connection_goes_out_on_the_next(
        self, broker: Broker, serve: Serve
    ) -> None:
        plugin = Plugin("p", socket=broker.path)
        go_on, answered = asyncio.Event(), asyncio.Event()

        @plugin.command()
        async def slow(_: Envelope, context: Context) -> None:
            await go_on.wait()
            context.respond("done")
            answered.set()

        serve(plugin)
        first = await broker.accepted()
        first.hand_command("1", "/x")
        first.send(jsonrpc.encode_request(9, "ping", {}))
        assert isinstance(await first.read(), jsonrpc.Failure)  # so the plugin has read the command
        await broker.close()
        go_on.set()
        await within_patience(answered.wait())
        await broker.open()
        second = await broker.accepted()
        assert second.initialize["holding"] == ["1.1"]
        assert await second.read() == jsonrpc.Result("1.1", {"response": {"text": "done"}})

    async def test_last_answers_are_sent_again(self, broker: Broker, serve: Serve) -> None:
        plugin = Plugin("p", socket=broker.path)
        plugin.event()(lambda _: None)
        serve(plugin)
        peer = await broker.accepted()
        peer.hand_event("1", "x")
        assert await peer.read() == jsonrpc.Result("1.1", {})
        for _ in range(3):
            peer.cut()
            peer = await broker.accepted()
            assert peer.initialize["holding"] == ["1.1"]
            assert await peer.read() == jsonrpc.Result("1.1", {})

    async def test_it_waits_for_a_slackd_that_starts_later(
        self, broker: Broker, serve: Serve, caplog: pytest.LogCaptureFixture
    ) -> None:
        await broker.close()
        # From Python 3.13 on, asyncio has removed it.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(broker.path)
        serve(Plugin("p", socket=broker.path))
        async with asyncio.timeout(PATIENCE):
            while "No such file" not in caplog.text:
                await asyncio.sleep(0.001)
        await broker.open()
        await broker.accepted()

    async def test_a_plugin_that_slackd_does_not_know_ends(self, broker: Broker) -> None:
        serving = asyncio.create_task(Plugin("p", socket=broker.path).serve())
        peer = await broker.peer()
        peer.send(jsonrpc.encode_failure(0, jsonrpc.UNKNOWN_PLUGIN, "no plugins.d/p.toml"))
        with pytest.raises(PluginRefused, match=r"no plugins\.d/p\.toml") as refusal:
            await within_patience(serving)
        assert refusal.value.code == jsonrpc.UNKNOWN_PLUGIN

    async def test_other_refusals_are_tried_again(self, broker: Broker, serve: Serve) -> None:
        serve(Plugin("p", socket=broker.path))
        peer = await broker.peer()
        peer.send(jsonrpc.encode_failure(0, jsonrpc.SHUTTING_DOWN, "stopping"))
        await broker.accepted()

    async def test_a_plugin_once_accepted_outlasts_a_refusal(self, broker: Broker, serve: Serve) -> None:
        serve(Plugin("p", socket=broker.path))
        (await broker.accepted()).cut()
        peer = await broker.peer()
        peer.send(jsonrpc.encode_failure(0, jsonrpc.UNKNOWN_PLUGIN, "not now"))
        await broker.accepted()

    async def test_a_broken_line_from_slackd_means_a_new_connection(self, broker: Broker, serve: Serve) -> None:
        serve(Plugin("p", socket=broker.path))
        (await broker.accepted()).send(b"{\n")
        await broker.accepted()


class TestHooks:
    async def test_ready_is_told_with_the_ids_of_the_apps(self, broker: Broker, serve: Serve) -> None:
        plugin, ready = Plugin("p", socket=broker.path), asyncio.Queue[Ready]()
        plugin.ready()(ready.put)
        plugin.command("/deploy")(lambda _: None)
        serve(plugin)
        peer = await broker.accepted()
        assert peer.initialize["handlers"] == [{"kind": "command", "pattern": "/deploy"}]
        told = await within_patience(ready.get())
        assert told.server
        peer.send(jsonrpc.encode_notification("identity", {"app": "main", "bot_id": "B1", "team_id": "T1"}))
        async with asyncio.timeout(PATIENCE):
            while "main" not in plugin.identities:
                await asyncio.sleep(0.005)
        assert (plugin.identities["main"].bot_id, plugin.identities["main"].team_id) == ("B1", "T1")

    async def test_an_error_handler_answers_in_the_handlers_place(self, broker: Broker, serve: Serve) -> None:
        plugin = Plugin("p", socket=broker.path)

        @plugin.event("fails")
        async def fails(_: Envelope) -> None:
            raise LookupError("no such service")

        seen: list[tuple[str, str]] = []

        @plugin.error()
        async def failed(error: Exception, envelope: Envelope, context: Context) -> None:
            seen.append((str(error), envelope.delivery))
            context.nack("later", retry_after=60)

        serve(plugin)
        peer = await broker.accepted()
        peer.hand_event("1", "fails")
        told = await peer.read()
        assert isinstance(told, jsonrpc.Failure)
        assert (told.message, told.data) == ("later", {"retry_after": 60})
        assert seen == [("no such service", "1")]

    async def test_a_call_from_another_loop_in_another_thread(self, broker: Broker, serve: Serve) -> None:
        plugin = Plugin("p", socket=broker.path)
        serve(plugin)
        peer = await broker.accepted()
        made = asyncio.create_task(asyncio.to_thread(lambda: asyncio.run(plugin.slack.call("api.test"))))
        call = await peer.read_request()
        assert "delivery" not in call.params
        peer.send(jsonrpc.encode_result(call.id, {"ok": True}))
        assert await within_patience(made) == {"ok": True}


class TestCalls:
    async def test_a_call_and_its_answer(self, broker: Broker, serve: Serve) -> None:
        plugin = Plugin("p", socket=broker.path)
        outcomes: asyncio.Queue[Any] = asyncio.Queue()

        @plugin.event("async")
        async def one(envelope: Envelope) -> None:
            await outcomes.put(await plugin.slack.call("chat.postMessage", channel=envelope.channel))

        @plugin.event("plain")
        def two(_: Envelope) -> None:
            plugin.slack.call_sync("auth.test", {"app": "as an argument"}, app="other", call_id="mine")

        serve(plugin)
        peer = await broker.accepted()
        peer.hand_event("1", "async", channel="C1")
        call = await peer.read_request()
        assert call.method == "slack.call"
        assert call.params.pop("call_id")
        assert call.params.pop("delivery") == "1.1"
        assert call.params == {"app": "main", "method": "chat.postMessage", "args": {"channel": "C1"}}
        peer.send(jsonrpc.encode_result(call.id, {"ok": True, "ts": "1"}))
        assert await within_patience(outcomes.get()) == {"ok": True, "ts": "1"}
        assert await peer.read() == jsonrpc.Result("1.1", {})

        peer.hand_event("2", "plain")
        call = await peer.read_request()
        args = {"app": "as an argument"}
        assert call.params.pop("delivery") == "2.1"
        assert call.params == {"app": "other", "method": "auth.test", "args": args, "call_id": "mine"}
        peer.send(jsonrpc.encode_result(call.id, {"ok": True}))
        assert await peer.read() == jsonrpc.Result("2.1", {})

    async def test_what_goes_wrong_is_raised(self, broker: Broker, serve: Serve) -> None:
        plugin = Plugin("p", socket=broker.path)
        serve(plugin)
        peer = await broker.accepted()
        slack = asyncio.create_task(plugin.slack.call("x"))
        call = await peer.read_request()
        peer.send(jsonrpc.encode_result(call.id, {"ok": False, "error": "channel_not_found"}))
        with pytest.raises(SlackError, match="channel_not_found") as answer:
            await within_patience(slack)
        assert answer.value.response == {"ok": False, "error": "channel_not_found"}
        daemon = asyncio.create_task(plugin.slack.call("x"))
        call = await peer.read_request()
        peer.send(jsonrpc.encode_failure(call.id, jsonrpc.METHOD_NOT_GRANTED, "add x"))
        with pytest.raises(CallFailed, match="add x") as failure:
            await within_patience(daemon)
        assert failure.value.code == jsonrpc.METHOD_NOT_GRANTED

    async def test_a_call_is_repeated_under_its_id_after_a_cut(self, broker: Broker, serve: Serve) -> None:
        plugin = Plugin("p", socket=broker.path)
        serve(plugin)
        first = await broker.accepted()
        calling = asyncio.create_task(plugin.slack.call("x"))
        before = await first.read_request()
        first.cut()
        second = await broker.accepted()
        again = await second.read_request()
        assert again == before
        second.send(jsonrpc.encode_result(again.id, {"ok": True}))
        assert await within_patience(calling) == {"ok": True}

    async def test_log_lines_go_to_slackd(self, broker: Broker, serve: Serve) -> None:
        plugin = Plugin("p", socket=broker.path)
        plugin.event()(lambda _: plugin.log("hello", level="warning"))
        serve(plugin)
        peer = await broker.accepted()
        peer.hand_event("1", "x")
        assert await peer.read() == jsonrpc.Notification("log", {"level": "warning", "message": "hello"})


class TestSaying:
    async def test_a_plain_function_says_something_in_the_thread_of_the_message(
        self, broker: Broker, serve: Serve
    ) -> None:
        plugin = Plugin("p", socket=broker.path)
        said: list[object] = []

        @plugin.event("app_mention")
        def greet(_: Envelope, context: Context) -> None:
            said.append(context.say_sync("hello", thread=True))

        serve(plugin)
        peer = await broker.accepted()
        peer.hand_event("1", "app_mention", channel="C1", user="U1", ts="1.0")
        call = await peer.read_request()
        assert call.params["method"] == "chat.postMessage"
        assert call.params["args"] == {"channel": "C1", "thread_ts": "1.0", "text": "hello"}
        peer.send(jsonrpc.encode_result(call.id, {"ok": True, "ts": "2.0"}))
        assert await peer.read() == jsonrpc.Result("1.1", {})
        assert said == [{"ok": True, "ts": "2.0"}]


class TestLeaving:
    async def test_stop_ends_what_is_in_hand_and_takes_no_more(self, broker: Broker) -> None:
        plugin = Plugin("p", socket=broker.path)
        started, go_on = asyncio.Event(), asyncio.Event()

        @plugin.event()
        async def slow(_: Envelope) -> None:
            started.set()
            await go_on.wait()

        serving = asyncio.create_task(plugin.serve())
        peer = await broker.accepted()
        peer.hand_event("1", "x")
        await within_patience(started.wait())
        plugin.stop()
        peer.hand_event("2", "x")
        peer.send(jsonrpc.encode_request(9, "ping", {}))
        assert isinstance(await peer.read(), jsonrpc.Failure)  # so the plugin has read the event
        go_on.set()
        assert await peer.at_eof() == [jsonrpc.Result("1.1", {})]
        peer.cut()
        await within_patience(serving)

    async def test_a_handler_that_does_not_end_is_left_behind(self, broker: Broker) -> None:
        plugin = Plugin("p", socket=broker.path, stop_timeout=0.05)
        started, forever = threading.Event(), threading.Event()

        @plugin.event()
        def hang(_: Envelope) -> None:
            started.set()
            forever.wait(PATIENCE)

        serving = asyncio.create_task(plugin.serve())
        peer = await broker.accepted()
        peer.hand_event("1", "x")
        assert await asyncio.to_thread(started.wait, PATIENCE)
        plugin.stop()
        assert await peer.at_eof() == []
        peer.cut()
        await within_patience(serving)
        forever.set()

    async def test_no_handler_outlives_a_plugin_that_is_cancelled(self, broker: Broker) -> None:
        plugin = Plugin("p", socket=broker.path)
        started, ended, cleaned = asyncio.Event(), [], 0.05

        @plugin.event()
        async def slow(envelope: Envelope) -> None:
            try:
                if envelope.delivery == "2":
                    started.set()
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(cleaned)
                ended.append(envelope.delivery)

        serving = asyncio.create_task(plugin.serve())
        peer = await broker.accepted()
        peer.hand_event("1", "x")
        peer.hand_event("2", "x")
        await within_patience(started.wait())
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await within_patience(serving)
        assert sorted(ended) == ["1", "2"]
        assert await peer.at_eof() == []

    async def test_one_that_is_left_behind_is_cancelled_once_and_awaited(self, broker: Broker) -> None:
        plugin = Plugin("p", socket=broker.path, stop_timeout=0.05)
        started, cleaning, go_on, ended = asyncio.Event(), asyncio.Event(), asyncio.Event(), []

        @plugin.event()
        async def slow(envelope: Envelope) -> None:
            try:
                started.set()
                await asyncio.Event().wait()
            finally:
                cleaning.set()
                await go_on.wait()
                ended.append(envelope.delivery)

        serving = asyncio.create_task(plugin.serve())
        peer = await broker.accepted()
        peer.hand_event("1", "x")
        await within_patience(started.wait())
        plugin.stop()
        await within_patience(cleaning.wait())
        assert await peer.at_eof() == []
        peer.cut()
        assert not serving.done()
        go_on.set()
        await within_patience(serving)
        assert ended == ["1"]

    async def test_what_is_no_exception_ends_the_plugin_and_its_other_handlers(self, broker: Broker) -> None:
        class Enough(BaseException):
            pass

        plugin = Plugin("p", socket=broker.path)
        started, ended = asyncio.Event(), []

        @plugin.event("slow")
        async def slow(envelope: Envelope) -> None:
            try:
                started.set()
                await asyncio.Event().wait()
            finally:
                ended.append(envelope.delivery)

        @plugin.event("enough")
        async def enough(_: Envelope) -> None:
            raise Enough

        serving = asyncio.create_task(plugin.serve())
        peer = await broker.accepted()
        peer.hand_event("1", "slow")
        await within_patience(started.wait())
        peer.hand_event("2", "enough")
        with pytest.raises(Enough):
            await within_patience(serving)
        assert ended == ["1"]

    async def test_a_thread_that_answers_after_the_plugin_has_left_harms_nothing(
        self, broker: Broker, caplog: pytest.LogCaptureFixture
    ) -> None:
        plugin = Plugin("p", socket=broker.path, stop_timeout=0.01)
        started, go_on, ended = threading.Event(), threading.Event(), threading.Event()

        @plugin.event()
        def slow(_: Envelope, context: Context) -> None:
            started.set()
            go_on.wait(PATIENCE)
            context.extend()
            context.ack()
            ended.set()

        serving = asyncio.create_task(plugin.serve())
        peer = await broker.accepted()
        peer.hand_event("1", "x")
        assert await asyncio.to_thread(started.wait, PATIENCE)
        plugin.stop()
        assert await peer.at_eof() == []
        go_on.set()
        assert await asyncio.to_thread(ended.wait, PATIENCE)
        peer.cut()
        await within_patience(serving)
        assert "Exception in callback" not in caplog.text

    async def test_an_answer_given_while_slackd_restarts_is_delivered_first(self, broker: Broker) -> None:
        plugin = Plugin("p", socket=broker.path)
        started, go_on = asyncio.Event(), asyncio.Event()

        @plugin.event()
        async def slow(_: Envelope) -> None:
            started.set()
            await go_on.wait()

        serving = asyncio.create_task(plugin.serve())
        peer = await broker.accepted()
        peer.hand_event("1", "x")
        await within_patience(started.wait())
        await broker.close()
        plugin.stop()
        go_on.set()
        await broker.open()
        peer = await broker.accepted()
        assert await peer.read() == jsonrpc.Result("1.1", {})
        peer.cut()
        await within_patience(serving)


CHILD = """
import time
from slackd.plugin import Plugin

plugin = Plugin("child")

@plugin.event("slow")
def slow(envelope):
    plugin.log("at work")
    time.sleep(0.3)

@plugin.event("hang")
def hang(envelope):
    plugin.log("at work")
    time.sleep(600)

plugin.stop_timeout = 5.0 if __import__("sys").argv[1] == "slow" else 0.2
plugin.run()
"""


@contextlib.asynccontextmanager
async def process(broker: Broker, *command: str) -> AsyncIterator[asyncio.subprocess.Process]:
    environment = {**os.environ, "SLACKD_PLUGINS_SOCKET": broker.path, "PYTHONPATH": str(ROOT)}
    child = await asyncio.create_subprocess_exec(*command, env=environment, stderr=asyncio.subprocess.PIPE)
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


class TestProcesses:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    async def test_a_signal_lets_the_work_in_hand_end(self, broker: Broker, number: signal.Signals) -> None:
        async with process(broker, sys.executable, "-c", CHILD, "slow") as child:
            peer = await broker.accepted()
            peer.hand_event("1", "slow")
            assert isinstance(await peer.read(), jsonrpc.Notification)
            child.send_signal(number)
            assert await peer.read() == jsonrpc.Result("1.1", {})
            assert await peer.at_eof() == []
            peer.cut()
            assert await within_patience(child.wait()) == 0

    async def test_a_thread_that_hangs_does_not_keep_the_process(self, broker: Broker) -> None:
        async with process(broker, sys.executable, "-c", CHILD, "hang") as child:
            peer = await broker.accepted()
            peer.hand_event("1", "hang")
            assert isinstance(await peer.read(), jsonrpc.Notification)
            child.terminate()
            assert await peer.at_eof() == []
            peer.cut()
            assert await within_patience(child.wait()) == 0

    async def test_a_killed_program_comes_back_as_another_session(self, broker: Broker) -> None:
        async with process(broker, sys.executable, "-c", CHILD, "slow") as child:
            before = await broker.accepted()
            child.kill()
            assert await before.at_eof() == []
        async with process(broker, sys.executable, "-c", CHILD, "slow"):
            after = await broker.accepted()
            assert after.initialize["session"] != before.initialize["session"]
            assert after.initialize["holding"] == []

    async def test_a_refused_program_ends_with_the_reason(self, broker: Broker) -> None:
        async with process(broker, sys.executable, "-c", CHILD, "slow") as child:
            peer = await broker.peer()
            peer.send(jsonrpc.encode_failure(0, jsonrpc.NOT_PERMITTED, "user 7 is not child's"))
            assert child.stderr is not None
            said = await within_patience(child.stderr.read())
            assert await within_patience(child.wait()) == 1
            assert b"user 7 is not child's" in said


EXAMPLES = {
    "python": [sys.executable, str(ROOT / "docs/examples/deploybot.py")],
    "bash": ["bash", str(ROOT / "docs/examples/deploybot.sh")],
}


@pytest.mark.parametrize("language", EXAMPLES)
async def test_the_examples_do_the_same_job(broker: Broker, language: str) -> None:
    if language == "bash" and not (shutil.which("socat") and shutil.which("jq")):
        pytest.skip("socat or jq is not installed")
    async with process(broker, *EXAMPLES[language]):
        peer = await broker.accepted()
        assert (peer.initialize["plugin"], peer.initialize["protocol"]) == ("deploybot", 1)
        peer.hand_command("1", "/deploy", 'api "now"')
        assert await peer.read() == jsonrpc.Result("1.1", {"response": {"text": 'Deploying api "now"'}})
        peer.hand_event("2", "app_mention", channel="C1", user="U1", ts="1.0")
        call = await peer.read_request()
        assert call.method == "slack.call"
        assert call.params["method"] == "chat.postMessage"
        assert call.params["args"] == {"channel": "C1", "thread_ts": "1.0", "text": "Hello <@U1>"}
        assert call.params["call_id"] == "2/hello"
        peer.send(jsonrpc.encode_result(call.id, {"ok": True}))
        assert await peer.read() == jsonrpc.Result("2.1", {})
        peer.hand_event("3", "nobody_asked_for")
        assert await peer.read() == jsonrpc.Result("3.1", {})

"""`SlackTester`: a test plays the people in an emulated Slack, and sees what plugins and apps do.

Everything runs on an event loop in a thread of its own, so that tests are plain functions, and apps under test
may run on the test's own thread.
"""

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeVar

import attrs

from slackd.emulator import ApiCall, EmulatedApp, EmulatorSettings, LedgerEntry
from slackd.local.program import Program, command_of
from slackd.local.scripts import script_command, with_local_script
from slackd.local.stack import SIGNING_SECRET, LocalStack, Transport, free_port, local_stack
from slackd.testing.posting import PostingToApp

T = TypeVar("T")

ANSWER_PATIENCE: Final = 3.0
"""Seconds in which Slack wants an answer ("Handling user interaction in your Slack apps")."""
PATIENCE: Final = 10.0
"""Seconds that a wait lasts if nothing else is said."""


class LoopThread:
    """An event loop in a thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="slackd-testing", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the loop, and return what it returns."""
        future: Future[T] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return future.result()

    def close(self) -> None:
        """End the loop and its thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@attrs.frozen
class Played:
    """Something that a person did, and what became of it.

    Attributes:
        entry: The emulator's ledger entry: envelopes sent, acknowledgements received.
        payload: What Slack sent.
    """

    entry: LedgerEntry
    payload: Mapping[str, Any]
    _tester: "SlackTester"

    @property
    def acknowledged(self) -> bool:
        """Slack had an acknowledgement in time."""
        return self.entry.acknowledged

    @property
    def response(self) -> Any:
        """What the acknowledgement carried, once it is there.

        Raises:
            WaitedTooLongError: Slack had none within its three seconds.
        """
        self._tester.wait_for_ack(self)
        return self.entry.response

    def posts(self, count: int = 1, timeout: float = PATIENCE) -> list[Any]:
        """Wait for so many posts to the `response_url` of this, and return all that came.

        Raises:
            WaitedTooLongError: Fewer came within `timeout` seconds.
        """
        return self._tester.posts_of(self, count, timeout)


class SlackTester:
    """People in an emulated Slack, in the words of a test.

    Attributes:
        stack: The emulated Slack and slackd, to be used from their own loop.
    """

    def __init__(self, loop: LoopThread, stack: LocalStack) -> None:
        self._loop, self.stack = loop, stack
        self._declarations: dict[str, str] = {}
        self._programs: list[Program] = []
        self._posting: list[PostingToApp] = []
        self._started = False
        self.output: list[str] = []

    @property
    def api_url(self) -> str:
        """The Web API's base URL, for apps that speak to Slack themselves."""
        return self.stack.emulator.api_url

    @property
    def app_token(self) -> str:
        """The emulated app-level token."""
        return self.stack.emulator.apps[0].app_token

    @property
    def bot_token(self) -> str:
        """The emulated bot token."""
        return self.stack.emulator.apps[0].bot_token

    @property
    def signing_secret(self) -> str:
        """What an emulated Slack signs its requests with."""
        return SIGNING_SECRET

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs to find all this: `SLACKD_PLUGINS_SOCKET`, `SLACK_API_URL`, the tokens."""
        return self.stack.environment

    def run_plugin(
        self,
        program: str | Path | Sequence[str],
        declaration: str | Path,
        *,
        name: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Run a plugin under slackd, and wait until it is connected.

        Args:
            program: A file (Python, JavaScript, bash, Go, or executable), or a whole command.
            declaration: Its `plugins.d` file, or that file's text.
            name: The plugin's name; the name of the file, if it is one.
            environment: Added to the program's environment.

        Raises:
            SlackdError: The file cannot be used, or the program did not connect.
            ValueError: The declaration is a text, and no name is given.
        """
        file = Path(program) if isinstance(program, str | Path) else None
        name = self._declare(declaration, name, file)
        script = script_command(
            name, self._declarations[name], self.stack.folder, str(self.stack.plugins_socket)
        )
        if script is not None and file is not None:
            command, more = script
            self._run(command, {**more, **(environment or {})})
        else:
            self._run(program, environment)
        self._loop.run(self.stack.wait_for_session(name))

    def declare(self, declaration: str | Path, name: str | None = None) -> str:
        """Tell slackd of a plugin whose program the test runs itself; returns its name.

        Raises:
            ValueError: The declaration is a text, and no name is given.
        """
        return self._declare(declaration, name, None)

    def _declare(self, declaration: str | Path, name: str | None, program: Path | None) -> str:
        if isinstance(declaration, Path) or "\n" not in declaration:
            file = Path(declaration)
            name, text = name or file.stem, file.read_text(encoding="utf-8")
        elif name is not None:
            text = declaration
        else:
            raise ValueError("a declaration given as text needs a name: name=…")
        self._declarations[name] = text if program is None else with_local_script(text, program)
        self._loop.run(self.stack.restart(self._declarations))
        if self.stack.request_url and not self._posting:
            self.post_to(self.stack.request_url)
        self._started = True
        return name

    def run_app(
        self,
        program: str | Path | Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        connections: int = 1,
    ) -> None:
        """Run an app that speaks Slack's own Socket Mode (Bolt, say), and wait until it is connected.

        It finds `SLACK_API_URL`, `SLACK_APP_TOKEN` and `SLACK_BOT_TOKEN` in its environment. A Python file
        needs no change: slack_sdk's clients call the emulated Slack there, unless they are given another base
        URL.

        Args:
            program: As in `run_plugin`.
            environment: Added to the program's environment.
            connections: How many connections it opens.

        Raises:
            LocalStackError: The program can't be run.
            WaitedTooLongError: It was not connected in time.
        """
        self._run(program, environment, app=True)
        self.wait_for_connections(connections)

    def run_http_app(
        self,
        program: str | Path | Sequence[str],
        *,
        path: str = "/slack/events",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Run an app that Slack posts to, and wait until it has verified its request URL.

        It finds `PORT`, where it is to listen on 127.0.0.1, and `SLACK_SIGNING_SECRET` in its environment,
        beside what `run_app` says.

        Args:
            program: As in `run_plugin`.
            path: The path of its request URL, for events, commands and interactivity alike.
            environment: Added to the program's environment.

        Raises:
            LocalStackError: The program can't be run, or did not answer.
        """
        port = free_port()
        mine = {"PORT": str(port), "SLACK_SIGNING_SECRET": self.signing_secret}
        app = self._run(program, {**mine, **(environment or {})}, app=True)
        self._post_to(f"http://127.0.0.1:{port}{path}", lambda: app.status is not None)

    def post_to(self, url: str) -> None:
        """Post to the request URL of an app that the test serves itself; `signing_secret` is its secret.

        Raises:
            LocalStackError: It did not answer `url_verification`.
        """
        self._post_to(url, lambda: False)

    def wait_for_connections(self, count: int = 1, timeout: float = PATIENCE) -> None:
        """Wait until an app has so many Socket Mode connections.

        Raises:
            WaitedTooLongError: It had fewer after `timeout` seconds.
        """
        emulator = self.stack.emulator
        self._loop.run(emulator.wait_until_ready(count, timeout=timeout))

    def post_message(self, text: str, **more: Any) -> Played:
        """A person posts a message (`channel`, `user`, `thread_ts`)."""
        return self.play("post_message", text, **more)

    def mention(self, text: str, **more: Any) -> Played:
        """A person mentions the app."""
        return self.play("mention", text, **more)

    def react(self, reaction: str, item_ts: str, **more: Any) -> Played:
        """A person reacts to a message."""
        return self.play("react", reaction, item_ts, **more)

    def command(self, command: str, text: str = "", **more: Any) -> Played:
        """A person types a slash command (`channel`, `user`)."""
        return self.play("command", command, text, **more)

    def click(self, action_id: str, **more: Any) -> Played:
        """A person clicks the latest element with that `action_id`."""
        return self.play("click", action_id, **more)

    def submit_view(self, values: Mapping[str, Any] | None = None, **more: Any) -> Played:
        """A person submits a modal: `values` is `{block_id: {action_id: {…}}}`."""
        return self.play("submit_view", values, **more)

    def close_view(self, **more: Any) -> Played:
        """A person closes a modal."""
        return self.play("close_view", **more)

    def shortcut(self, callback_id: str, **more: Any) -> Played:
        """A person uses a global shortcut."""
        return self.play("shortcut", callback_id, **more)

    def options(self, action_id: str, value: str = "", **more: Any) -> Played:
        """A person types into a menu whose options the app gives."""
        return self.play("options", action_id, value, **more)

    def send_event(self, event: Mapping[str, Any]) -> Played:
        """Slack sends any event: `{"type": "reaction_added", …}`.

        Returns:
            What was sent, and what became of it.
        """
        return self.play("send_event", event)

    def play(self, what: str, *arguments: Any, **more: Any) -> Played:
        """Do anything that `slackd.emulator.EmulatorClient` has a method for, by its name.

        Returns:
            What was sent, and what became of it.
        """

        def do() -> Played:
            entry = getattr(self.stack.emulator, what)(*arguments, **more)
            return Played(entry, json.loads(entry.payload or "{}"), self)

        return self._do(do)

    def calls(self, method: str) -> list[ApiCall]:
        """Calls of that Web API method so far."""
        return self._do(lambda: list(self.stack.emulator.ledger.calls_of(method)))

    def wait_for_call(self, method: str, *, count: int = 1, timeout: float = PATIENCE) -> ApiCall:
        """Wait for the call of that method that makes `count` of them, past ones included.

        Returns:
            The call.

        Raises:
            WaitedTooLongError: It did not come within `timeout` seconds.
        """
        return self._loop.run(self.stack.emulator.wait_for_call(method, count=count, timeout=timeout))

    def wait_for_ack(self, played: Played, *, timeout: float = ANSWER_PATIENCE) -> None:
        """Wait until Slack has an acknowledgement.

        Raises:
            WaitedTooLongError: It had none after `timeout` seconds.
        """
        self._loop.run(self.stack.emulator.wait_for_ack(played.entry, timeout=timeout))

    def wait_until_idle(self, timeout: float = PATIENCE) -> None:
        """Wait until all that Slack sent is acknowledged, and every delivery handled or a dead letter.

        Raises:
            LocalStackError: It was not so after `timeout` seconds.
        """
        self._loop.run(self.stack.wait_until_idle(timeout))

    def inject_fault(self, kind: str, **details: Any) -> None:
        """Do a fault of Slack's: "warning", "drop", "stall", … (`slackd.emulator.faults` lists them)."""
        self._do(lambda: self.stack.emulator.fault(kind, **details))

    def posts_of(self, played: Played, count: int, timeout: float) -> list[Any]:
        """As `Played.posts`."""
        self._loop.run(self.stack.emulator.wait_for_post(played.entry, count=count, timeout=timeout))
        return self._do(lambda: [post.body for post in played.entry.posts])

    def close(self) -> None:
        """End the programs, and posting to them."""
        for posting in self._posting:
            self._loop.run(posting.close())
        for program in self._programs:
            self._loop.run(program.stop())

    def _post_to(self, url: str, has_ended: Callable[[], bool]) -> None:
        posting = PostingToApp(self.stack.emulator, url, self.signing_secret)
        self._loop.run(posting.start(PATIENCE, has_ended))
        self._posting.append(posting)

    def _run(
        self, program: str | Path | Sequence[str], environment: Mapping[str, str] | None, *, app: bool = False
    ) -> Program:
        if isinstance(program, str | Path):
            file = Path(program)
            command, folder = command_of(file), file.absolute().parent
            if app and file.suffix == ".py":
                command = (*command[:-1], "-m", "slackd.testing.python_app", command[-1])
        else:
            command, folder = tuple(program), Path.cwd()
        process = Program(command, {**self.environment, **(environment or {})}, folder, self.output.append)
        self._programs.append(process)
        self._loop.run(process.start())
        return process

    def _do(self, work: Callable[[], T]) -> T:
        async def in_loop() -> T:
            return work()

        return self._loop.run(in_loop())


@contextmanager
def running_slack(
    loop: LoopThread,
    *,
    apps: Sequence[EmulatedApp] | None = None,
    settings: EmulatorSettings | None = None,
    transport: Transport = "socketmode",
) -> Iterator[SlackTester]:
    """Run an emulated Slack until the block ends; slackd comes with the first plugin.

    Args:
        loop: Where it runs.
        apps: The emulated apps; one if none is given.
        settings: How Slack behaves.
        transport: How slackd is to get what Slack sends.
    """
    with TemporaryDirectory(prefix="slackd-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        stack = local_stack(
            Path(folder), apps=list(apps) if apps else None, settings=settings, transport=transport
        )
        tester = SlackTester(loop, loop.run(stack.__aenter__()))
        try:
            yield tester
        finally:
            tester.close()
            loop.run(stack.__aexit__(None, None, None))

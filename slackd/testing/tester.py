"""`SlackTester`: programs under test, beside an emulated Slack in which the test plays the people.

Everything runs on an event loop in a thread of its own, so that tests are plain functions, and apps under test
may run on the test's own thread.
"""

from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from slackd.emulator import EmulatedApp, EmulatorSettings
from slackd.local.configuration import SIGNING_SECRET
from slackd.local.program import LocalStackError, Program, command_of, start_process
from slackd.local.project import read_declaration
from slackd.local.scripts import script_command, with_local_script
from slackd.local.stack import LocalStack, Transport, free_port, local_stack
from slackd.testing.loop_thread import LoopThread
from slackd.testing.people import PATIENCE, People, Played
from slackd.testing.posting import PostingToApp

__all__ = ["LoopThread", "Played", "SlackTester", "running_slack"]

LAST_LINES: Final = 20
"""How much of a program's output is shown when it ends too early."""


class SlackTester(People):
    """Runs plugins and apps in an emulated Slack, and plays its people.

    Attributes:
        stack: The emulated Slack and slackd, to be used from their own loop.
        output: What the programs printed, line by line.
    """

    def __init__(self, loop: LoopThread, stack: LocalStack) -> None:
        super().__init__(loop, stack.emulator)
        self.stack = stack
        self._declarations: dict[str, str] = {}
        self._programs: list[Program] = []
        self._posting: list[PostingToApp] = []
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
            running = self._run(command, {**more, **(environment or {})})
        else:
            running = self._run(program, environment)
        connected = self.stack.wait_for_session(name)
        self._loop.run(self._while_it_runs(running, connected, f"plugin {name}", "was connected to slackd"))

    def declare(self, declaration: str | Path, name: str | None = None) -> str:
        """Tell slackd of a plugin whose program the test runs itself; returns its name.

        Raises:
            ValueError: The declaration is a text, and no name is given.
        """
        return self._declare(declaration, name, None)

    def _declare(self, declaration: str | Path, name: str | None, program: Path | None) -> str:
        if isinstance(declaration, Path) or "\n" not in declaration:
            file = Path(declaration)
            name, text = name or file.stem, read_declaration(file)
        elif name is not None:
            text = declaration
        else:
            raise ValueError("a declaration given as text needs a name: name=…")
        text = text if program is None else with_local_script(text, program)
        declarations = {**self._declarations, name: text}
        self._loop.run(self.stack.restart(declarations))
        self._declarations = declarations
        if self.stack.request_url and not self._posting:
            self.post_to(self.stack.request_url)
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
            LocalStackError: The program can't be run, or ended before it was connected.
            WaitedTooLongError: It was not connected in time.
        """
        running = self._run(program, environment, app=True)
        connected = self.stack.emulator.wait_until_ready(connections, timeout=PATIENCE)
        self._loop.run(self._while_it_runs(running, connected, "the app", "was connected to Slack"))

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

    def wait_until_idle(self, timeout: float = PATIENCE) -> None:
        """Wait until all that Slack sent is acknowledged, and every delivery handled or a dead letter.

        Raises:
            LocalStackError: It was not so after `timeout` seconds.
        """
        self._loop.run(self.stack.wait_until_idle(timeout))

    def close(self) -> None:
        """End the programs, and posting to them."""
        for posting in self._posting:
            self._loop.run(posting.close())
        for program in self._programs:
            self._loop.run(program.stop())

    async def _while_it_runs(
        self, program: Program, coming: Coroutine[Any, Any, object], who: str, what: str
    ) -> None:
        if not await program.runs_until(coming):
            await program.stop()
            printed = "".join(f"\n    {line}" for line in self.output[-LAST_LINES:])
            status = program.status
            raise LocalStackError(
                f"{who} ended with status {status} before it {what}; it printed:{printed or ' nothing'}"
            )

    def _post_to(self, url: str, has_ended: Callable[[], bool]) -> None:
        posting = PostingToApp(self.stack.emulator, url, self.signing_secret)
        self._loop.run(posting.start(PATIENCE, has_ended))
        self._posting.append(posting)

    def _run(
        self, program: str | Path | Sequence[str], environment: Mapping[str, str] | None, *, app: bool = False
    ) -> Program:
        start = start_process
        for variable, value in (environment or {}).items():
            if not isinstance(value, str):
                raise TypeError(f"environment: {variable} is {value!r}: expected a text")
        if not program:
            raise ValueError("the command is empty")
        if isinstance(program, str | Path):
            file = Path(program)
            command, folder = command_of(file), file.absolute().parent
            if file.suffix == ".py" and app:
                command = (*command[:-1], "-m", "slackd.testing.python_app", command[-1])
                start = self._loop.apps.start
            elif file.suffix == ".py":
                start = self._loop.plugins.start
        else:
            command, folder = tuple(program), Path.cwd()
        surroundings = {**self.environment, **(environment or {})}
        process = Program(command, surroundings, folder, self.output.append, start)
        self._programs.append(process)
        self._loop.run(process.start())
        return process


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

"""Standard input and output of a command, as odd as a shell may leave them: closed, full, or read by nobody."""

import errno
import io
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TextIO

import click

from slackd import SlackdError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

NOT_PRINTED: Final = 74
"""Exit status when standard output can't be written (EX_IOERR of sysexits): no verdict has this number."""
READER_GONE: Final = 141
"""Exit status when whoever read the output has gone: what SIGPIPE would leave (128 + 13)."""


class CannotPrint(SlackdError):
    """Standard output can't be written; the message says why. What the command was to do may be done."""


class ReaderGone(SlackdError):
    """Whoever read standard output has read enough (`| head`)."""


def run(command: Callable[[], object], name: str) -> None:
    """Run a command line; output that fails is said in a line, and has an exit status of its own."""
    if sys.stdout is not None:
        sys.stdout = _telling(sys.stdout)
    try:
        command()
    except ReaderGone:
        sys.exit(READER_GONE)
    except CannotPrint as error:
        click.echo(f"{name}: {error}", err=True)
        sys.exit(NOT_PRINTED)


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a person is at this stream; nobody is where it is closed (`<&-`, `>&-`)."""
    return stream is not None and stream.isatty()


class _Output(io.FileIO):
    """Standard output whose failure is told from every other error of the system, once."""

    def __init__(self, number: int) -> None:
        super().__init__(number, "w", closefd=False)
        self._fails = False

    def write(self, data: "ReadableBuffer", /) -> int:
        """Write what can be written.

        Raises:
            CannotPrint: The disk is full, say.
            ReaderGone: The pipe is closed.
        """
        if self._fails:
            return memoryview(data).nbytes
        try:
            return super().write(data)
        except OSError as error:
            self._fails = True
            if error.errno == errno.EPIPE:
                raise ReaderGone("nobody reads standard output any more") from error
            words = f"standard output cannot be written: {error.strerror}"
            raise CannotPrint(f"{words}; what the command was to do may be done") from error


def _telling(stream: TextIO) -> TextIO:
    try:
        output = _Output(stream.fileno())
    except (OSError, ValueError):
        return stream
    return io.TextIOWrapper(
        io.BufferedWriter(output),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.isatty(),
    )

"""Files that are written whole or not at all: a crash in the middle leaves what was there before."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def written_whole(file: Path, *, folder: Path | None = None) -> Iterator[BinaryIO]:
    """A file to write, which nobody else may read; at the end of the block it is on the disk, under its name.

    Args:
        file: What is made, or replaced.
        folder: Where it is until it is complete, on the same file system; the file's own folder if None.

    Raises:
        OSError: It cannot be written. Then, and whatever the block raises, the file is as it was.
    """
    descriptor, unfinished = tempfile.mkstemp(prefix=f".{file.name}.", dir=folder or file.parent)
    try:
        with os.fdopen(descriptor, "wb") as opened:
            yield opened
            opened.flush()
            os.fsync(opened.fileno())
        os.replace(unfinished, file)
    except BaseException:
        os.unlink(unfinished)
        raise

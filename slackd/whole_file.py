"""Files that are written whole or not at all: a crash in the middle leaves what was there before."""

import contextlib
import os
import secrets
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
    # As tempfile's `mkstemp` does it, without what that imports for temporary folders (bz2, lzma, zlib, …).
    unfinished = (folder or file.parent) / f".{file.name}.{secrets.token_hex(8)}"
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as opened:
            yield opened
            opened.flush()
            os.fsync(opened.fileno())
        os.replace(unfinished, file)
    except BaseException:
        os.unlink(unfinished)
        raise

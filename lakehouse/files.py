"""Files that several processes use: written whole or not at all, and one user at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lakehouse.errors import Unavailable


def write_atomically(path: Path, content: str | bytes, *, mode: int = 0o644) -> None:
    """Write a file so that a reader sees the old content or the new one, whatever ends this process.

    Parameters
    ----------
    path : Path
        The folder is made when missing.
    content : str or bytes
        Text is written as UTF-8 with Unix line ends.
    mode : int
        Permissions of the file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode() if isinstance(content, str) else content
    descriptor, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.chmod(partial, mode)
        os.replace(partial, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(partial)
        raise


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a file; wait while another process or thread holds it. It ends with this process."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def locked_or_refused(path: Path, what: str) -> Iterator[None]:
    """Hold the lock of a file, which then holds this process's id, or refuse when another process holds it.

    Parameters
    ----------
    path : Path
        The lock.
    what : str
        What the holder does, for the message: ``"runs the course"``.

    Raises
    ------
    Unavailable
        The message names the process that holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Unavailable(f"process {holder(path)} {what} already: wait for it, or end it") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def holder(path: Path) -> str | None:
    """The process that holds the lock of a file by :func:`locked_or_refused`, None when nobody does."""
    if not path.exists():
        return None
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return file.read()
    return None

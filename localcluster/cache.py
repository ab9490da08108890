"""Folders for what is made once and kept: built programs, image layers."""

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import ClusterError


def folder(name: str) -> Path:
    """Return a folder of this name below the user's cache folder, made if need be."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    path = Path(base) / "mltask-operator" / name
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ClusterError(f"The cache folder {path} can't be made: {error}") from error
    return path


@contextmanager
def locked(path: Path, purpose: str) -> Iterator[None]:
    """Let one process at a time in; the kernel lets go of the lock of one that dies."""
    with (path / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"{purpose}: waiting for another process that does the same", file=sys.stderr)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield

"""A cluster's own folder, and how it is told from what a crash has left behind.

The folders of all clusters stand side by side in the system's folder for temporary files. The
process that runs a cluster holds a lock on its folder for as long as it lives; a cluster that is to
outlive that process is marked as detached. A folder with neither was left by a crash.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

from .errors import ClusterError

PREFIX = "mltask-cluster-"
VARIABLE = "MLTASK_CLUSTER"
"""Every process of a cluster has this in its environment; the value is the cluster's id."""


@dataclass(frozen=True)
class State:
    """The folder of one cluster; `id` is unique among those that run."""

    id: str

    @property
    def path(self) -> Path:
        """The folder itself."""
        return _entry(self.id).resolve()

    @property
    def logs(self) -> Path:
        """Where each component's output is."""
        return self.path / "logs"

    @property
    def is_detached(self) -> bool:
        """Whether the cluster was told to outlive the process that started it."""
        return self._mark.exists()

    @property
    def detached_at(self) -> float:
        """When it was told so, in seconds since 1970."""
        return self._mark.stat().st_mtime

    @property
    def exports(self) -> str:
        """What a shell evaluates to use a detached cluster."""
        return self._mark.read_text()

    @property
    def is_abandoned(self) -> bool:
        """Whether nobody will ever stop this cluster."""
        if self.is_detached:
            return not self.processes()
        try:
            with (self.path / "lock").open() as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            # Its owner has removed it in this moment; but of a folder that somebody else has
            # deleted, the link to it stays.
            return _entry(self.id).is_symlink()
        except BlockingIOError:
            return False
        return True

    def processes(self) -> list[psutil.Process]:
        """Return the cluster's processes that are running, in no order."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get(VARIABLE) == self.id and process.pid != os.getpid():
                    found.append(process)
        return found

    def detach(self, exports: str) -> None:
        """Mark the cluster as one that outlives this process, and keep its `exports`."""
        self._mark.write_text(exports)

    @property
    def _mark(self) -> Path:
        return self.path / "detached"

    def remove(self) -> None:
        """Delete the folder; of one that the user has chosen, the logs stay."""
        entry, path = _entry(self.id), self.path
        is_chosen = entry.is_symlink()
        # Without its lock, the rest would look like what a crash has left, and be removed twice.
        kept = {path / "lock"} | ({self.logs} if is_chosen else set())
        for each in set(path.glob("*")) - kept:
            shutil.rmtree(each) if each.is_dir() else each.unlink()
        if is_chosen:
            entry.unlink()
            (path / "lock").unlink(missing_ok=True)
        else:
            shutil.rmtree(entry.rename(_base() / f".{self.id}"))


def new_state(path: Path | None) -> tuple[State, IO[str]]:
    """Make the folder of a new cluster and return it with its lock, which is held until closed.

    `path` is a folder to use; it may exist but must hold nothing else than an earlier cluster's
    logs. None means a new folder for temporary files.
    """
    if path is not None:
        path.mkdir(parents=True, exist_ok=True)
        if set(path.iterdir()) - {path / "logs"}:
            raise ClusterError(f"{path} is not empty. Choose a folder for the cluster alone.")
        shutil.rmtree(path / "logs", ignore_errors=True)
    # The dot hides the folder from whoever looks for abandoned ones until it is locked.
    hidden = Path(tempfile.mkdtemp(prefix=f".{PREFIX}", dir=_base()))
    state = State(hidden.name[1:])
    lock = ((path or hidden) / "lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    if path is None:
        hidden.rename(_entry(state.id))
    else:
        _entry(state.id).symlink_to(path.absolute())
        hidden.rmdir()
    state.logs.mkdir()
    return state, lock


def all_states() -> Iterator[State]:
    """Yield this user's clusters, running or not."""
    for entry in _base().glob(f"{PREFIX}*"):
        with suppress(FileNotFoundError):
            if entry.lstat().st_uid == os.getuid():
                yield State(entry.name)


def _entry(state_id: str) -> Path:
    return _base() / state_id


def _base() -> Path:
    return Path(tempfile.gettempdir())

"""Shared clusters: the first worker that needs one starts it, and the others use it too."""

import fcntl
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from localcluster import Cluster
from localcluster.state import State
from tests.harness.costs import METER

Start = Callable[[], AbstractContextManager[Cluster]]


@contextmanager
def shared(
    request: pytest.FixtureRequest, factory: pytest.TempPathFactory, name: str, start: Start
) -> Iterator[Cluster]:
    """Have the cluster of this name, which all workers of a run share.

    `start` starts it. The worker that called it stops the cluster when no worker uses it any more.
    """
    folder = factory.getbasetemp()
    if hasattr(request.config, "workerinput"):
        folder = folder.parent
    address = folder / f"{name}.json"
    with (folder / f"{name}.users").open("a") as users, (folder / f"{name}.lock").open("a") as lock:
        # Locks, because the kernel releases those of a worker that dies.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if address.exists():
            fcntl.flock(users, fcntl.LOCK_SH)
            fcntl.flock(lock, fcntl.LOCK_UN)
            yield Cluster.attach(json.loads(address.read_text()))
            return
        with measured(request, name, start) as cluster:
            address.write_text(json.dumps(cluster.address))
            fcntl.flock(lock, fcntl.LOCK_UN)
            yield cluster
            fcntl.flock(lock, fcntl.LOCK_EX)
            address.unlink()
            fcntl.flock(lock, fcntl.LOCK_UN)
            fcntl.flock(users, fcntl.LOCK_EX)


@contextmanager
def measured(request: pytest.FixtureRequest, name: str, start: Start) -> Iterator[Cluster]:
    """Have a cluster of this worker, and report what it costs by itself instead of as tests."""
    with start() as cluster:
        processes = State(cluster.address["id"]).processes
        with request.config.stash[METER].apart(name, processes):
            yield cluster

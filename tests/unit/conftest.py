"""Event loop of the asynchronous tests of this folder, and fixtures that many of them use."""

import asyncio
import logging
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from mltask_operator.kube.api import Api
from mltask_operator.kube.credentials import Credentials
from mltask_operator.runtime.store import Store
from mltask_operator.runtime.supervisor import Supervisor
from mltask_operator.runtime.workqueue import WorkQueue
from tests.unit.api_server import ApiServer, write_kubeconfig
from tests.unit.clock import Clock
from tests.unit.work import GRACE, WORKERS, Work

# A busy machine fails no test.
settings.register_profile("unit", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unit")


def pytest_asyncio_loop_factories(
    item: pytest.Function,
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Let a module choose its event loop: the class that it names `loop_factory`."""
    return {"chosen": getattr(item.module, "loop_factory", asyncio.new_event_loop)}


@pytest.fixture
async def server() -> AsyncIterator[ApiServer]:
    """A server that stands in for an API server, for one test."""
    async with ApiServer() as server:
        yield server


@pytest.fixture
def kubeconfig(server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The ambient kubeconfig, with a token."""
    path = tmp_path / "kubeconfig"
    write_kubeconfig(path, server.url, {"token": "first"})
    monkeypatch.setenv("KUBECONFIG", str(path))
    return path


@pytest.fixture
async def credentials(kubeconfig: Path) -> Credentials:
    """Credentials from that kubeconfig, which reload without a pause."""
    credentials = Credentials(reload_pause=0)
    await credentials.load()
    return credentials


@pytest.fixture
async def api(credentials: Credentials) -> AsyncIterator[Api]:
    """The operator's client of that server."""
    async with Api(credentials) as api:
        yield api


@pytest.fixture
def clock() -> Clock:
    """A clock that only the test moves."""
    return Clock()


@pytest.fixture
def store(clock: Clock) -> Store:
    """An empty store that goes by that clock."""
    return Store(clock)


@pytest.fixture
async def work() -> Work:
    """Work that notes its calls."""
    return Work()


@pytest.fixture
async def queue(work: Work) -> AsyncIterator[WorkQueue]:
    """A running queue of keys for it."""
    queue = WorkQueue(work, WORKERS)
    queue.start(Supervisor())
    yield queue
    work.gate.set()
    await queue.stop(GRACE)


@pytest.fixture
def logging_as_before() -> Iterator[None]:
    """Undo what configuring the log does to loggers and hooks that all tests share."""
    root = logging.getLogger()
    handlers, level, last_resort = list(root.handlers), root.level, logging.lastResort
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    # Out of reach of basicConfig, which closes the handlers that it finds.
    root.handlers.clear()
    names = ("kopf", "asyncio", "aiohttp.access", "kubernetes")
    levels = {name: logging.getLogger(name).level for name in names}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.lastResort = last_resort
    logging.captureWarnings(capture=False)
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)

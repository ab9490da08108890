"""Event loop of the asynchronous tests of this folder, and fixtures that many of them use."""

import asyncio
import logging
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path

import aiohttp
import pytest
from hypothesis import HealthCheck, settings

from mltask_operator.access.credentials import Credentials
from mltask_operator.kube.api import Api
from mltask_operator.kube.kopf_session import session_for_kopf
from mltask_operator.runtime.store import Store
from mltask_operator.runtime.supervisor import Supervisor
from mltask_operator.runtime.workqueue import WorkQueue
from tests.unit.api_server import ApiServer, Json, write_kubeconfig
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
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder, on a machine that no cluster has set anything for."""
    for variable in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate and a key of `server`, of `first` and of `second`."""
    folder = tmp_path_factory.mktemp("certificates")
    names = "subjectAltName=IP:127.0.0.1,DNS:api.example"
    for name in ("server", "first", "second"):
        files = ["-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.crt")]
        subject = ["-subj", f"/CN={name}", "-addext", names]
        make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes"]
        subprocess.run([*make, *files, *subject], check=True, capture_output=True)
    return folder


@pytest.fixture
async def listed() -> list[tuple[str, Json]]:
    """What Kopf's listings have shown."""
    return []


@pytest.fixture
async def begun() -> list[str]:
    """The paths of the listings that began."""
    return []


@pytest.fixture
async def session(
    server: ApiServer, kubeconfig: Path, listed: list[tuple[str, Json]], begun: list[str]
) -> AsyncIterator[aiohttp.ClientSession]:
    """The session that Kopf receives."""
    credentials = Credentials(reload_pause=0.05)
    await credentials.load()
    given = session_for_kopf(
        credentials, lambda plural, body: listed.append((plural, body)), begun.append
    )
    assert given.server == server.url
    async with given.aiohttp_session as session:
        yield session


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

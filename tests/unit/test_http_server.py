"""What the operator's ports answer, and that no client can use them up."""

import asyncio
import json
import os
import resource
import socket
import subprocess
import sys
import threading
import urllib.request
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager, suppress
from http import HTTPStatus
from pathlib import Path

import psutil
import pytest
from aiohttp import ClientSession

from localcluster.operator_process import free_port
from mltask_operator.runtime import http_server
from mltask_operator.runtime.http_server import MAX_CONNECTIONS, Answer, serving
from tests.crowd import CROWD, connect, idle, many_files
from tests.unit import port_process
from tests.waiting import BOUND, wait_until

PATHS = ("/healthz", "/metrics")
PROBE_SECONDS = 5
"""The chart's `timeoutSeconds`."""


class Site:
    """The process of `port_process`."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        assert process.stdout
        self._process = process
        self._log = log
        self.ports: dict[str, int] = json.loads(process.stdout.readline())

    def probe(self, path: str) -> int:
        url = f"http://127.0.0.1:{self.ports[path]}{path}"
        with urllib.request.urlopen(url, timeout=PROBE_SECONDS) as answer:
            return int(answer.status)

    @property
    def open_files(self) -> int:
        return psutil.Process(self._process.pid).num_fds()

    def assert_undisturbed(self) -> None:
        """Stop it; its own requests must have met nothing, and no line must be in its log."""
        output, _ = self._process.communicate("", timeout=BOUND)
        met: dict[str, float] = json.loads(output)
        assert met.pop("longest") < PROBE_SECONDS
        assert list(met) == ["200"]
        assert self._log.read_text() == ""


@pytest.fixture(scope="module", autouse=True)
def _many_files() -> Iterator[None]:
    with many_files():
        yield


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    log = tmp_path / "log"
    command = [sys.executable, "-m", port_process.__name__]
    with (
        log.open("w") as errors,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        yield Site(process, log)
        process.kill()


class Arrivals(threading.Thread):
    """Opens one connection after the other, and closes none of the last few thousand."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.count = 0
        self._port = port
        self._is_over = threading.Event()

    def run(self) -> None:
        clients: deque[socket.socket] = deque()
        while not self._is_over.is_set():
            clients.append(connect(self._port))
            self.count += 1
            if len(clients) > CROWD:
                clients.popleft().close()
        for client in clients:
            client.close()

    def wait_for(self, more: int) -> None:
        """Wait until so many more have arrived."""
        count = self.count + more
        wait_until(lambda: self.count >= count, "more connections arrive")

    def end(self) -> None:
        self._is_over.set()
        self.join()


@contextmanager
def arriving(port: int) -> Iterator[Arrivals]:
    arrivals = Arrivals(port)
    arrivals.start()
    try:
        yield arrivals
    finally:
        arrivals.end()


def test_probes_and_requests_pass_beside_5000_idle_connections_to_each_port(site: Site) -> None:
    with idle(site.ports["/healthz"]), idle(site.ports["/metrics"]):
        assert [site.probe(path) for path in PATHS] == [200, 200]
        assert site.open_files < 2 * MAX_CONNECTIONS + 100
    site.assert_undisturbed()


def test_probes_and_requests_pass_while_idle_connections_keep_arriving(site: Site) -> None:
    with arriving(site.ports["/healthz"]) as first, arriving(site.ports["/metrics"]) as second:
        for _ in range(5):
            assert [site.probe(path) for path in PATHS] == [200, 200]
            for arrivals in (first, second):
                arrivals.wait_for(MAX_CONNECTIONS)
    site.assert_undisturbed()


# One port of this process


async def hello() -> Answer:
    return Answer(HTTPStatus.OK, b"hello")


@pytest.fixture
async def port() -> AsyncIterator[int]:
    number = free_port()
    async with serving(number, "/page", hello):
        yield number


async def status(port: int, method: str = "GET", path: str = "/page") -> int:
    async with (
        ClientSession() as session,
        session.request(method, f"http://127.0.0.1:{port}{path}") as answer,
    ):
        return answer.status


async def closed(reader: asyncio.StreamReader) -> bytes:
    """Return what the server sends until it closes the connection."""
    with suppress(ConnectionResetError):
        return await asyncio.wait_for(reader.read(), BOUND)
    return b""


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/page", 200),
        ("HEAD", "/page", 200),
        ("GET", "/page?a=b", 200),
        ("GET", "/", 404),
        ("GET", "/page/more", 404),
        ("POST", "/page", 405),
    ],
)
async def test_only_the_page_is_served(port: int, method: str, path: str, expected: int) -> None:
    assert await status(port, method, path) == expected


async def test_no_connection_outlives_its_answer(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /page HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")
    assert (await closed(reader)).endswith(b"hello")
    writer.close()


async def test_ipv6_is_served_too(port: int) -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    reader, writer = await asyncio.open_connection("::1", port)
    writer.write(b"GET /page HTTP/1.0\r\n\r\n")
    assert (await closed(reader)).endswith(b"hello")
    writer.close()


@pytest.mark.parametrize("sent", [b"", b"GET /page HTTP/1.1\r\nHost: a\r\n"])
async def test_a_request_that_is_not_finished_in_time_ends_its_connection(
    port: int, sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_server, "REQUEST_SECONDS", 0.1)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    assert await closed(reader) == b""
    writer.close()


async def test_a_client_that_does_not_read_its_answer_is_cut_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def large() -> Answer:
        return Answer(HTTPStatus.OK, bytes(50_000_000))

    monkeypatch.setattr(http_server, "ANSWER_SECONDS", 0.1)
    number = free_port()
    async with serving(number, "/page", large):
        reader, writer = await asyncio.open_connection("127.0.0.1", number)
        writer.write(b"GET /page HTTP/1.0\r\n\r\n")
        await asyncio.sleep(0.5)
        assert len(await closed(reader)) < 50_000_000
        writer.close()


async def test_a_crowd_closes_its_own_connections_and_no_others(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /page HTTP/1.0\r\n")
    async with AsyncExitStack() as stack:
        for _ in range(3 * MAX_CONNECTIONS):
            _, other = await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.0.2", 0))
            stack.callback(other.close)
        writer.write(b"\r\n")
        assert (await closed(reader)).endswith(b"hello")
    writer.close()


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01",
        b"GET /page HTTP/1.1\r\nHost: " + b"a" * 100_000 + b"\r\n\r\n",
        b"GET /page HTTP/1.1\r\n" + b"A: b\r\n" * 10_000 + b"\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /page HTTP/9\r\n\r\n",
        b"get /page HTTP/1.1\r\n\r\n",
        b"GET /page\x1b[31m HTTP/1.1\r\n\r\n",
    ],
)
async def test_what_is_no_proper_request_gets_an_error_and_logs_nothing(
    port: int, sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    writer.write_eof()
    assert b"hello" not in await closed(reader)
    writer.close()
    assert await status(port) == 200
    assert caplog.records == []


async def test_a_page_that_fails_is_an_error_and_one_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def failing() -> Answer:
        raise ValueError("no page")

    number = free_port()
    async with serving(number, "/page", failing):
        assert [await status(number) for _ in range(3)] == [500] * 3
    assert caplog.messages == ["failed to answer a request for /page: ValueError('no page')"]


async def test_without_free_files_accepting_pauses(
    port: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(http_server, "ACCEPT_RETRY_SECONDS", 0.1)
    client = socket.socket()
    client.settimeout(0)
    with no_free_files():
        await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", port))
        await asyncio.sleep(0.5)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "Too many open files" in caplog.text
    client.send(b"GET /page HTTP/1.0\r\n\r\n")
    assert b"hello" in await asyncio.get_running_loop().sock_recv(client, 10_000)
    client.close()


@contextmanager
def no_free_files() -> Iterator[None]:
    """Let this process open no further file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as stack:
        # Several numbers below the highest one in use may be free.
        highest = os.dup(0)
        stack.callback(os.close, highest)
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, hard))
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        with suppress(OSError):
            while True:
                stack.enter_context(socket.socket())
        yield


async def test_a_port_that_is_taken_is_an_error(port: int) -> None:
    with pytest.raises(OSError, match="in use"):
        async with serving(port, "/page", hello):
            pass

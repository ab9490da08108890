"""Connections that never finish their request leave the operator able to work."""

import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import psutil

from tests.api.operator_process import OperatorProcess
from tests.attack.extent import size
from tests.attack.log import tracebacks
from tests.attack.record import PORTS, Record
from tests.attack.scene import Scene, peak_mib
from tests.waiting import wait_until

CONNECTIONS = size(5_000, 1_100)
SOFT_FILES = 1_024
LINES = 1_000
ACCEPT_SECONDS = 8
"""A server whose queue is full makes the kernel try again after one, three and seven seconds."""
PROBES_FAIL_SECONDS = 30
"""The chart's liveness probe: three failures in a row, ten seconds apart."""


def health_port(operator: OperatorProcess) -> int:
    """Return the port of its probes."""
    command = psutil.Process(operator.pid).cmdline()
    return int(command[command.index("--health-port") + 1])


@contextmanager
def idle(ports: list[int], count: int) -> Iterator[None]:
    """Hold so many connections to each port, each with half a request."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = len(ports) * count + 200
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, wanted)), hard))
    try:
        with ExitStack() as held:
            opened = [held.enter_context(_connecting(p)) for p in ports for _ in range(count)]
            _send_half_a_request(opened)
            yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _connecting(port: int) -> socket.socket:
    connection = socket.socket()
    connection.settimeout(0)
    connection.connect_ex(("127.0.0.1", port))
    return connection


def _send_half_a_request(connections: list[socket.socket]) -> None:
    """Send on each connection once the server accepts it; give up on the others after a while."""
    deadline = time.monotonic() + ACCEPT_SECONDS
    while connections and time.monotonic() < deadline:
        connections = [each for each in connections if not _has_sent(each)]
        time.sleep(0.1)


def _has_sent(connection: socket.socket) -> bool:
    with suppress(OSError):
        return connection.send(b"GET /metrics HTTP/1.1\r\nHost: x") > 0
    return False


def test_idle_connections_to_both_ports(scene: Scene, record: Record) -> None:
    what = f"{CONNECTIONS:,} idle connections to each port, a soft limit of {SOFT_FILES:,} files"
    with record.attack(PORTS, what) as attack:
        operator = scene.start(soft_files=SOFT_FILES)
        scene.wait_until_leader(60)
        scene.probe(attack)
        with idle([health_port(operator), scene.metrics_port], CONNECTIONS):
            for _ in range(size(10, 2)):
                scene.probe(attack)
            began = time.monotonic()
            wait_until(operator.is_healthy, "its probe succeeds", PROBES_FAIL_SECONDS)
            answered = time.monotonic() - began
            operator.raise_if_ended()
        lines = operator.log.count("\n")
        attack.memory = peak_mib(operator)
        attack.seen = f"probe answered after {answered:.1f} s, {lines:,} log lines"
        assert lines < LINES, operator.log_tail()
        assert tracebacks(operator) == 0, operator.log_tail()
        scene.scrape()

"""Connections that never finish their request."""

import resource
import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from tests.waiting import BOUND

CROWD = 5000
"""How many one client opens to a port."""
FIRST_LINE = b"GET /healthz HTTP/1.1\r\n"


@contextmanager
def many_files() -> Iterator[None]:
    """Let this process open as many connections as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def connect(port: int) -> socket.socket:
    """Open a connection from another address than 127.0.0.1, as another Pod does.

    Send the first line of a request.
    """
    client = socket.create_connection(("127.0.0.1", port), BOUND, source_address=("127.0.0.2", 0))
    client.sendall(FIRST_LINE)
    return client


@contextmanager
def idle(port: int) -> Iterator[None]:
    """Hold a crowd of connections to this port."""
    with ExitStack() as stack:
        clients = {}
        waiting = select.poll()
        for _ in range(CROWD):
            client = stack.enter_context(socket.socket())
            client.settimeout(0)
            client.connect_ex(("127.0.0.1", port))
            clients[client.fileno()] = client
            waiting.register(client, select.POLLOUT)
        # All at once: the kernel tries those again later for which the server has no room yet.
        while clients:
            for number, _ in waiting.poll(BOUND * 1000):
                waiting.unregister(number)
                with suppress(OSError):  # The server may have closed it already.
                    clients.pop(number).sendall(FIRST_LINE)
        yield

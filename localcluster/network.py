"""Where a cluster's components listen."""

import secrets
import socket
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Host:
    """An address, and ports of it that nobody else uses."""

    address: str
    ports: Iterator[int]

    def port(self) -> int:
        """Return a port that no other component has been given."""
        return next(self.ports)


def loopback() -> Host:
    """Return an address that is this machine's alone and most likely no other cluster's.

    All of 127.0.0.0/8 is this machine. On an address of its own, a port stays free until it is
    used, and again between a component's stop and its next start: outgoing connections, which take
    any port, have 127.0.0.1.
    """
    address = "127." + ".".join(str(1 + secrets.randbelow(254)) for _ in range(3))
    return Host(address, _free_ports(address))


def _free_ports(address: str) -> Iterator[int]:
    given = {0}
    while True:
        port = 0
        while port in given:
            with socket.socket() as probe:
                probe.bind((address, 0))
                port = probe.getsockname()[1]
        given.add(port)
        yield port

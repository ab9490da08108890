"""A server in the place of an API server, and a client of it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mltask import AsyncClient, Patience
from tests.client.script import client_with
from tests.unit.api_server import ApiServer, write_kubeconfig


@pytest.fixture
async def server() -> AsyncIterator[ApiServer]:
    """A server in the place of an API server, for one test."""
    async with ApiServer() as server:
        yield server


@pytest.fixture
def kubeconfig(server: ApiServer, tmp_path: Path) -> Path:
    """A kubeconfig that leads to it, with a token."""
    path = tmp_path / "kubeconfig"
    write_kubeconfig(path, server.url, {"token": "first"})
    return path


@pytest.fixture
async def client(kubeconfig: Path) -> AsyncIterator[AsyncClient]:
    """A client of the namespace team-a, which does not pause between its requests."""
    async with client_with(kubeconfig, Patience(pause=0)) as client:
        yield client

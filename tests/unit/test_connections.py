"""Connections of the operator and of Kopf: certificates and proxies."""

import asyncio
import shutil
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer

from mltask_operator.access.credentials import Credentials
from mltask_operator.kube.api import Api
from mltask_operator.kube.errors import Unreachable
from mltask_operator.kube.kopf_session import session_for_kopf
from tests.unit.api_server import ApiServer, object_at, write_kubeconfig
from tests.waiting import BOUND


async def loaded(kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> Credentials:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    credentials = Credentials(reload_pause=0)
    await credentials.load()
    return credentials


@pytest.fixture
async def https_server(certificates: Path) -> AsyncIterator[TestServer]:
    """A server that accepts only the certificate of `second` and answers 401 to `first`."""

    async def answer(request: web.Request) -> web.Response:
        assert request.transport
        [[(_, who)]] = request.transport.get_extra_info("peercert")["subject"]
        is_known = who == "second"
        return web.json_response(object_at(request.path), status=200 if is_known else 401)

    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificates / "server.crt", certificates / "server.key")
    tls.verify_mode = ssl.CERT_REQUIRED
    for name in ("first", "second"):
        tls.load_verify_locations(certificates / f"{name}.crt")
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server(ssl=tls)
    yield server
    await server.close()


def as_whom(
    name: str,
    certificates: Path,
    server: TestServer,
    kubeconfig: Path,
    authority: str = "",
    server_name: str | None = None,
) -> None:
    """Write a kubeconfig with the client certificate of this name."""
    files = {kind: str(certificates / f"{name}.{end}") for kind, end in KINDS.items()}
    write_kubeconfig(kubeconfig, str(server.make_url("")).rstrip("/"), files)
    config = yaml.safe_load(kubeconfig.read_text())
    cluster = config["clusters"][0]["cluster"]
    cluster["certificate-authority"] = authority or str(certificates / "server.crt")
    cluster["tls-server-name"] = server_name
    kubeconfig.write_text(yaml.safe_dump(config))


KINDS = {"client-certificate": "crt", "client-key": "key"}


async def test_a_replaced_certificate_is_reloaded(
    https_server: TestServer, certificates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_whom("first", certificates, https_server, tmp_path / "kubeconfig")
    credentials = await loaded(tmp_path / "kubeconfig", monkeypatch)
    watches = session_for_kopf(credentials, print, print).aiohttp_session
    async with Api(credentials) as api, watches:
        as_whom("second", certificates, https_server, tmp_path / "kubeconfig")
        assert (await api.get_pod("team-a", "train-1"))["kind"] == "Pod"
        assert (await watches.get(https_server.make_url("/api/v1/pods"))).status == 200


async def test_kopf_alone_reloads_a_replaced_certificate(
    https_server: TestServer, certificates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_whom("first", certificates, https_server, tmp_path / "kubeconfig")
    credentials = await loaded(tmp_path / "kubeconfig", monkeypatch)
    as_whom("second", certificates, https_server, tmp_path / "kubeconfig")
    watches = session_for_kopf(credentials, print, print).aiohttp_session
    async with asyncio.timeout(BOUND), watches:
        assert (await watches.get(https_server.make_url("/api/v1/pods"))).status == 200


async def test_a_replaced_ca_is_reloaded(
    https_server: TestServer, certificates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kubeconfig names a file whose content is that of another CA at first."""
    authority, kubeconfig = tmp_path / "ca.crt", tmp_path / "kubeconfig"
    shutil.copy(certificates / "first.crt", authority)
    as_whom("second", certificates, https_server, kubeconfig, str(authority))
    credentials = await loaded(kubeconfig, monkeypatch)
    async with (
        Api(credentials) as api,
        session_for_kopf(credentials, print, print).aiohttp_session as watches,
    ):
        with pytest.raises(Unreachable, match="its certificate is not trusted: self-signed"):
            await api.get_pod("team-a", "train-1")
        with pytest.raises(aiohttp.ClientConnectionError):
            await watches.get(https_server.make_url("/api/v1/pods"))
        shutil.copy(certificates / "server.crt", authority)
        assert (await api.get_pod("team-a", "train-1"))["kind"] == "Pod"
        assert (await watches.get(https_server.make_url("/api/v1/pods"))).status == 200


async def test_kopf_alone_reloads_a_replaced_ca(
    https_server: TestServer, certificates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, kubeconfig = tmp_path / "ca.crt", tmp_path / "kubeconfig"
    shutil.copy(certificates / "first.crt", authority)
    as_whom("second", certificates, https_server, kubeconfig, str(authority))
    credentials = await loaded(kubeconfig, monkeypatch)
    shutil.copy(certificates / "server.crt", authority)
    async with session_for_kopf(credentials, print, print).aiohttp_session as watches:
        url = https_server.make_url("/api/v1/pods")
        with pytest.raises(aiohttp.ClientConnectionError):  # Kopf retries it
            await watches.get(url)
        assert (await watches.get(url)).status == 200


async def test_the_servers_certificate_is_checked_for_tls_server_name(
    https_server: TestServer, certificates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    as_whom("second", certificates, https_server, kubeconfig, server_name="api.example")
    credentials = await loaded(kubeconfig, monkeypatch)
    async with (
        Api(credentials) as api,
        session_for_kopf(credentials, print, print).aiohttp_session as watches,
    ):
        assert (await api.get_pod("team-a", "train-1"))["kind"] == "Pod"
        assert (await watches.get(https_server.make_url("/api/v1/pods"))).status == 200


async def test_a_wrong_tls_server_name_is_told(
    https_server: TestServer, certificates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    as_whom("second", certificates, https_server, kubeconfig, server_name="other.example")
    credentials = await loaded(kubeconfig, monkeypatch)
    async with Api(credentials) as api:
        with pytest.raises(Unreachable, match=r"not valid for 'other\.example'"):
            await api.get_pod("team-a", "train-1")
    async with session_for_kopf(credentials, print, print).aiohttp_session as watches:
        with pytest.raises(aiohttp.ClientConnectionError):
            await watches.get(https_server.make_url("/api/v1/pods"))


@pytest.mark.parametrize(("exempt", "is_asked"), [("", True), ("api.example", False)])
async def test_a_proxy_of_the_environment_is_used(
    server: ApiServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    exempt: str,
    *,
    is_asked: bool,
) -> None:
    write_kubeconfig(tmp_path / "kubeconfig", "http://api.example", {"token": "first"})
    monkeypatch.setenv("http_proxy", server.url)
    monkeypatch.setenv("no_proxy", exempt)
    async with Api(await loaded(tmp_path / "kubeconfig", monkeypatch)) as api:
        try:
            await api.get_pod("team-a", "train-1")
        except OSError:
            assert not is_asked
    assert [request.headers["Host"] for request in server.requests] == ["api.example"] * is_asked


async def test_no_proxy_is_used_for_a_loopback_address(
    server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_kubeconfig(tmp_path / "kubeconfig", server.url, {"token": "first"})
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    async with Api(await loaded(tmp_path / "kubeconfig", monkeypatch)) as api:
        assert (await api.get_pod("team-a", "train-1"))["kind"] == "Pod"

"""The credentials that operator and client find, and how these are renewed."""

import asyncio
import gc
import shutil
import ssl
import weakref
from pathlib import Path

import pytest
from kubernetes.aio.config import incluster_config

from mltask_operator.access.credentials import NoCredentials
from tests.unit.ambient import SERVER, loaded, token, why_not
from tests.unit.api_server import write_kubeconfig

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def kubeconfig(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that KUBECONFIG names; it does not exist yet."""
    path = home / "kubeconfig"
    monkeypatch.setenv("KUBECONFIG", str(path))
    return path


# A kubeconfig


async def test_token(kubeconfig: Path) -> None:
    write_kubeconfig(kubeconfig, SERVER, {"token": "secret"})
    credentials = await loaded()
    assert credentials.current.host == SERVER
    assert await token(credentials) == "Bearer secret"


async def test_a_token_in_a_file_beside_the_kubeconfig(kubeconfig: Path, home: Path) -> None:
    (home / "token").write_text("secret\n")
    write_kubeconfig(kubeconfig, SERVER, {"tokenFile": "token"})
    assert await token(await loaded()) == "Bearer secret"


def test_a_token_that_no_header_can_have(kubeconfig: Path) -> None:
    write_kubeconfig(kubeconfig, SERVER, {"token": "s3cret\nmore"})
    text = why_not()
    assert "the token has characters that no token has" in text
    assert "s3cret" not in text


async def test_nobody(kubeconfig: Path) -> None:
    write_kubeconfig(kubeconfig, SERVER)
    credentials = await loaded()
    assert credentials.current.host == SERVER
    assert await token(credentials) is None
    assert credentials.current.tls.verify_mode is ssl.CERT_REQUIRED


async def test_home_folder_is_where_a_kubeconfig_is_by_default(home: Path) -> None:
    (home / ".kube").mkdir()
    write_kubeconfig(home / ".kube/config", SERVER, {"token": "secret"})
    assert (await loaded()).current.host == SERVER


async def test_what_kubeconfig_names_comes_before_the_home_folder(
    kubeconfig: Path, home: Path
) -> None:
    (home / ".kube").mkdir()
    write_kubeconfig(home / ".kube/config", "https://other:6443")
    write_kubeconfig(kubeconfig, SERVER)
    assert (await loaded()).current.host == SERVER


# A Pod


@pytest.fixture
def service_account(home: Path, certificates: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that a kubelet mounts into each container, with a token and the CA in it."""
    (home / "token").write_text("secret")
    shutil.copy(certificates / "server.crt", home / "ca.crt")
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(home / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(home / "ca.crt"))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    return home


async def test_service_account(service_account: Path) -> None:
    credentials = await loaded()
    assert credentials.current.host == "https://10.96.0.1:443"
    assert await token(credentials) == "bearer secret"
    assert len(credentials.current.tls.get_ca_certs()) == 1


def test_service_account_without_a_token(service_account: Path) -> None:
    (service_account / "token").unlink()
    assert "in this Pod: Service token file does not exist." in why_not()


def test_neither_a_kubeconfig_nor_a_pod() -> None:
    assert "in this Pod: Service host/port is not set." in why_not()


# Reload


async def test_changed_credentials_are_reloaded(kubeconfig: Path) -> None:
    write_kubeconfig(kubeconfig, SERVER, {"token": "first"})
    credentials = await loaded()
    write_kubeconfig(kubeconfig, SERVER, {"token": "second"})
    assert await token(credentials) == "Bearer first"
    await credentials.renew(credentials.current)
    assert await token(credentials) == "Bearer second"


async def test_replaced_credentials_are_freed(kubeconfig: Path) -> None:
    write_kubeconfig(kubeconfig, SERVER, {"token": "first"})
    credentials = await loaded()
    first = weakref.ref(credentials.current)
    await credentials.renew(credentials.current)
    await asyncio.sleep(0)
    gc.collect()
    assert first() is None


async def test_a_rotated_ca_of_the_pod_is_reloaded(
    service_account: Path, certificates: Path
) -> None:
    credentials = await loaded()
    [old] = credentials.current.tls.get_ca_certs()
    shutil.copy(certificates / "first.crt", service_account / "ca.crt")
    await credentials.renew(credentials.current)
    [new] = credentials.current.tls.get_ca_certs()
    assert new != old


async def test_credentials_that_cannot_be_reloaded_stay_unchanged(
    kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_kubeconfig(kubeconfig, SERVER, {"token": "first"})
    credentials = await loaded()
    monkeypatch.setenv("KUBECONFIG", f"{kubeconfig}-gone")
    with pytest.raises(NoCredentials):
        await credentials.renew(credentials.current)
    assert credentials.current.host == SERVER

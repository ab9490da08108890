"""Which credentials the operator finds."""

import asyncio
from pathlib import Path

import pytest
from kubernetes.aio.config import incluster_config

from mltask_operator.kube.credentials import Credentials, NoCredentials
from tests.unit.api_server import Json, write_kubeconfig

SERVER = "https://10.0.0.1:6443"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder, on a machine that no cluster has set anything for."""
    for variable in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def kubeconfig(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that KUBECONFIG names; it does not exist yet."""
    path = home / "kubeconfig"
    monkeypatch.setenv("KUBECONFIG", str(path))
    return path


async def loaded() -> Credentials:
    credentials = Credentials(reload_pause=0)
    await credentials.load()
    return credentials


async def token(credentials: Credentials) -> str | None:
    """Return what the header Authorization is to say."""
    found: str | None = await credentials.configuration.get_api_key_with_prefix("BearerToken")
    return found


def why_not() -> str:
    """Return what a person is told who starts the operator."""
    with pytest.raises(NoCredentials) as raised:
        asyncio.run(loaded())
    text = str(raised.value)
    assert "\n" not in text
    assert text.endswith(
        ". Set KUBECONFIG to a kubeconfig file, or run in a Pod that has a service account"
    )
    return text


# A kubeconfig


async def test_token(kubeconfig: Path) -> None:
    write_kubeconfig(kubeconfig, SERVER, {"token": "secret"})
    credentials = await loaded()
    assert credentials.configuration.host == SERVER
    assert await token(credentials) == "Bearer secret"
    assert credentials.configuration.cert_file is None


async def test_client_certificate(kubeconfig: Path, home: Path) -> None:
    for name in ("client.crt", "client.key"):
        (home / name).write_text("PEM")
    user = {"client-certificate": "client.crt", "client-key": "client.key"}
    write_kubeconfig(kubeconfig, SERVER, user)
    credentials = await loaded()
    assert credentials.configuration.cert_file == str(home / "client.crt")
    assert credentials.configuration.key_file == str(home / "client.key")
    assert await token(credentials) is None


async def test_nobody(kubeconfig: Path) -> None:
    write_kubeconfig(kubeconfig, SERVER)
    credentials = await loaded()
    assert credentials.configuration.host == SERVER
    assert (await token(credentials), credentials.configuration.cert_file) == (None, None)
    assert credentials.configuration.verify_ssl is True


async def test_home_folder_is_where_a_kubeconfig_is_by_default(home: Path) -> None:
    (home / ".kube").mkdir()
    write_kubeconfig(home / ".kube/config", SERVER, {"token": "secret"})
    assert (await loaded()).configuration.host == SERVER


async def test_what_kubeconfig_names_comes_before_the_home_folder(
    kubeconfig: Path, home: Path
) -> None:
    (home / ".kube").mkdir()
    write_kubeconfig(home / ".kube/config", "https://other:6443")
    write_kubeconfig(kubeconfig, SERVER)
    assert (await loaded()).configuration.host == SERVER


@pytest.mark.parametrize(
    "content",
    [None, "", "{", "- a\n- b\n", "kind: Config\n", "\x00"],
    ids=["missing", "empty", "not YAML", "a list", "nothing in it", "binary"],
)
def test_kubeconfig_that_is_of_no_use_is_named(kubeconfig: Path, content: str | None) -> None:
    if content is not None:
        kubeconfig.write_text(content)
    assert why_not().startswith(f"no usable credentials in {kubeconfig}: ")


def test_kubeconfig_that_is_a_folder_is_named(kubeconfig: Path) -> None:
    kubeconfig.mkdir()
    assert why_not().startswith(f"no usable credentials in {kubeconfig}: ")


def test_kubeconfig_with_a_missing_file_is_named(kubeconfig: Path, home: Path) -> None:
    user: Json = {"client-certificate": "gone.crt", "client-key": "gone.key"}
    write_kubeconfig(kubeconfig, SERVER, user)
    assert f"{kubeconfig}: File does not exists: {home / 'gone.crt'}" in why_not()


# A Pod


@pytest.fixture
def service_account(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that a kubelet mounts into each container, with a token and the CA in it."""
    (home / "token").write_text("secret")
    (home / "ca.crt").write_text("PEM")
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(home / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(home / "ca.crt"))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    return home


async def test_service_account(service_account: Path) -> None:
    credentials = await loaded()
    assert credentials.configuration.host == "https://10.96.0.1:443"
    assert await token(credentials) == "bearer secret"
    assert credentials.configuration.ssl_ca_cert == str(service_account / "ca.crt")


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
    await credentials.renew(credentials.configuration)
    assert await token(credentials) == "Bearer second"


async def test_credentials_that_cannot_be_reloaded_stay_unchanged(
    kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_kubeconfig(kubeconfig, SERVER, {"token": "first"})
    credentials = await loaded()
    monkeypatch.setenv("KUBECONFIG", f"{kubeconfig}-gone")
    with pytest.raises(NoCredentials):
        await credentials.renew(credentials.configuration)
    assert credentials.configuration.host == SERVER

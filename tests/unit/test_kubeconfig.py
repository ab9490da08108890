"""Kubeconfig files that cannot be used, or only in part."""

from pathlib import Path

import pytest
import yaml

from tests.unit.ambient import SERVER, loaded, token, why_not
from tests.unit.api_server import Json, write_kubeconfig

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def kubeconfig(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that KUBECONFIG names; it does not exist yet."""
    path = home / "kubeconfig"
    monkeypatch.setenv("KUBECONFIG", str(path))
    return path


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


@pytest.mark.parametrize("content", ["", "no certificate"])
def test_a_certificate_authority_that_is_none_is_named(
    kubeconfig: Path, home: Path, content: str
) -> None:
    (home / "ca.crt").write_text(content)
    write_kubeconfig(kubeconfig, SERVER, {"token": "secret"})
    change(kubeconfig, "cluster", {"certificate-authority": "ca.crt"})
    assert f"the certificate authority {home / 'ca.crt'} cannot be used: " in why_not()


def test_a_client_certificate_that_is_none_is_named(kubeconfig: Path, home: Path) -> None:
    for name in ("client.crt", "client.key"):
        (home / name).write_text("PEM")
    user = {"client-certificate": "client.crt", "client-key": "client.key"}
    write_kubeconfig(kubeconfig, SERVER, user)
    assert f"the client certificate {home / 'client.crt'} cannot be used: " in why_not()


@pytest.mark.parametrize(
    ("kind", "changes", "fault"),
    [
        ("cluster", {"server": None}, "no server that begins with https://"),
        ("cluster", {"server": "10.0.0.1:6443"}, "no server that begins with https://"),
        ("cluster", {"server": "https://10.0.0.1:64430000"}, "Port out of range"),
        ("cluster", {"proxy-url": "socks5://10.0.0.1"}, "proxy-url"),
        ("context", {"user": "other"}, "there is no user 'other'"),
        ("context", {"user": None}, "no user is chosen"),
        ("context", {"cluster": "other"}, "there is no cluster 'other'"),
        ("user", {"token": None}, "neither a token nor a certificate"),
        ("user", {"token": None, "tokn": "secret"}, "neither a token nor a certificate"),
        ("user", {"auth-provider": {"name": "oidc", "config": {"id-token": "secret"}}}, "oidc"),
        ("user", {"auth-provider": {"name": "oidc", "config": {"refresh-token": "secret"}}}, ""),
    ],
)
def test_a_fault_is_told_without_any_secret(
    kubeconfig: Path, kind: str, changes: Json, fault: str
) -> None:
    write_kubeconfig(kubeconfig, SERVER, {"token": "secret"})
    change(kubeconfig, kind, changes)
    text = why_not()
    assert fault in text
    assert "secret" not in text


def test_a_line_that_is_not_yaml_is_not_quoted(kubeconfig: Path) -> None:
    kubeconfig.write_text('users:\n- name: a\n  user: {token: "secret}\n')
    text = why_not()
    assert f"{kubeconfig} is not YAML (line " in text
    assert "secret" not in text


async def test_the_first_kubeconfig_to_name_something_wins(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So does kubectl. Files are relative to the kubeconfig that names them."""
    folders = [home / "a", home / "b"]
    for folder, server in zip(folders, (SERVER, "https://other:6443"), strict=True):
        folder.mkdir()
        (folder / "token").write_text(folder.name)
        write_kubeconfig(folder / "config", server, {"tokenFile": "token"})
    config = yaml.safe_load((folders[0] / "config").read_text())
    del config["users"]
    (folders[0] / "config").write_text(yaml.safe_dump(config))
    monkeypatch.setenv("KUBECONFIG", f"{home / 'none'}:{folders[0] / 'config'}:{folders[1]}/config")
    credentials = await loaded()
    assert credentials.current.host == SERVER
    assert await token(credentials) == "Bearer b"


def change(kubeconfig: Path, kind: str, changes: Json) -> None:
    """Change fields of the only context, cluster or user; None removes one."""
    config = yaml.safe_load(kubeconfig.read_text())
    fields = config[f"{kind}s"][0][kind]
    fields |= changes
    config[f"{kind}s"][0][kind] = {k: v for k, v in fields.items() if v is not None or k == "token"}
    kubeconfig.write_text(yaml.safe_dump(config))

"""Who is who in the cluster: bearer tokens, kubeconfig files and the key of service accounts."""

import secrets
import shutil
import subprocess
from pathlib import Path

import yaml

from .errors import ClusterError

NODE = "node"
"""The name of the real node; the kubelet's rights depend on it."""

IDENTITIES = {
    # Which file, which user, which group; as kubeadm names them.
    "admin": ("kubernetes-admin", "system:masters"),
    "kube-controller-manager": ("system:kube-controller-manager", ""),
    "kube-scheduler": ("system:kube-scheduler", ""),
    "kwok": ("kwok", "system:masters"),
    "kubelet": (f"system:node:{NODE}", "system:nodes"),
    "kube-proxy": ("system:kube-proxy", ""),
}


class Credentials:
    """Files below one folder; `url` is where the API server will be."""

    def __init__(self, folder: Path, url: str) -> None:
        self.tokens = folder / "tokens.csv"
        self.service_account_key = folder / "service-account.key"
        self.certificates = folder / "certificates"
        """Where the API server keeps its certificate, which it makes and signs itself."""
        self.url = url
        self._folder = folder

    @property
    def authority(self) -> Path:
        """What clients check the API server's certificate against; there once it has run."""
        return self.certificates / "apiserver.crt"

    def create(self) -> None:
        """Write new credentials for every identity."""
        self._folder.mkdir()
        if not shutil.which("openssl"):
            raise ClusterError("`openssl` is needed to make a key. Install the package openssl.")
        subprocess.run(
            ["openssl", "genrsa", "-out", self.service_account_key, "2048"],
            check=True,
            capture_output=True,
        )
        rows = []
        for name, (user, group) in IDENTITIES.items():
            token = secrets.token_hex(16)
            rows.append(f"{token},{user},{user},{group}".rstrip(","))
            self.write_kubeconfig(name, token)
        self.tokens.write_text("\n".join(rows) + "\n")

    def kubeconfig(self, name: str) -> Path:
        """Return where the kubeconfig file of this name is or will be."""
        return self._folder / f"{name}.kubeconfig"

    def write_kubeconfig(self, name: str, token: str) -> Path:
        """Write and return a kubeconfig file for the owner of this bearer token."""
        cluster = {"server": self.url, "certificate-authority": str(self.authority)}
        context = {"cluster": "mltask", "user": name, "namespace": "default"}
        path = self.kubeconfig(name)
        # Operators may be reading an earlier file of this name.
        unfinished = path.with_name(f"{secrets.token_hex(8)}.unfinished")
        unfinished.write_text(
            yaml.safe_dump(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "clusters": [{"name": "mltask", "cluster": cluster}],
                    "users": [{"name": name, "user": {"token": token}}],
                    "contexts": [{"name": "mltask", "context": context}],
                    "current-context": "mltask",
                }
            )
        )
        unfinished.rename(path)
        return path

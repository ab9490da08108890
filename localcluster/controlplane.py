"""etcd, the API server, the controller manager and the scheduler."""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from .audit import AuditLog
from .credentials import Credentials
from .network import Host
from .processes import Component, answers_http

SERVICE_NETWORK = "10.96.0.0/16"


def etcd(state: Path, host: Host) -> tuple[Component, str]:
    """Return etcd and its URL."""
    clients = f"http://{host.address}:{host.port()}"
    peers = f"http://{host.address}:{host.port()}"
    command = [
        "etcd",
        f"--data-dir={state / 'etcd'}",
        f"--listen-client-urls={clients}",
        f"--advertise-client-urls={clients}",
        f"--listen-peer-urls={peers}",
        f"--initial-advertise-peer-urls={peers}",
        f"--initial-cluster=default={peers}",
        "--log-level=warn",
        # The data need not survive a power failure, and benchmarks must not measure the disk.
        "--unsafe-no-fsync",
        "--quota-backend-bytes=8589934592",
    ]
    return Component("etcd", command, answers_http(clients, "/health")), clients


def kube_apiserver(
    audit_log: AuditLog,
    credentials: Credentials,
    etcd_url: str,
    advertised: str,
    admission_plugins: Sequence[str],
) -> Component:
    """Return the API server, at the URL in `credentials`.

    Pods reach it at the address `advertised`. `admission_plugins` are enabled in addition to those
    that are on by default.
    """
    url = urlsplit(credentials.url)
    command = [
        "kube-apiserver",
        f"--etcd-servers={etcd_url}",
        f"--bind-address={url.hostname}",
        f"--secure-port={url.port}",
        f"--advertise-address={advertised}",
        f"--cert-dir={credentials.certificates}",
        f"--service-cluster-ip-range={SERVICE_NETWORK}",
        f"--token-auth-file={credentials.tokens}",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={credentials.service_account_key}",
        f"--service-account-signing-key-file={credentials.service_account_key}",
        "--authorization-mode=Node,RBAC",
        f"--enable-admission-plugins={','.join(admission_plugins)}",
        *audit_log.configure(),
        "--max-requests-inflight=4000",
        "--max-mutating-requests-inflight=2000",
        # By default, a stopping API server waits a minute for watches to end, which none does.
        "--shutdown-watch-termination-grace-period=2s",
        "--allow-privileged=true",
        # By default, the API server first looks up the node's name, which no DNS server knows.
        "--kubelet-preferred-address-types=InternalIP",
    ]
    return Component("kube-apiserver", command, answers_http(credentials.url, "/readyz"))


def kube_controller_manager(credentials: Credentials, host: Host) -> Component:
    """Return the controller manager; each controller has its own service account."""
    return _client_of_the_api(
        "kube-controller-manager",
        credentials,
        host,
        "--use-service-account-credentials",
        f"--service-account-private-key-file={credentials.service_account_key}",
        f"--root-ca-file={credentials.authority}",
    )


def kube_scheduler(credentials: Credentials, host: Host) -> Component:
    """Return the scheduler."""
    return _client_of_the_api("kube-scheduler", credentials, host)


def _client_of_the_api(name: str, credentials: Credentials, host: Host, *options: str) -> Component:
    port = host.port()
    command = [
        name,
        f"--kubeconfig={credentials.kubeconfig(name)}",
        f"--bind-address={host.address}",
        f"--secure-port={port}",
        f"--cert-dir={credentials.certificates / name}",
        # There is a single replica, and an election would cost seconds.
        "--leader-elect=false",
        # Benchmarks would otherwise measure the rate limits of these clients.
        "--kube-api-qps=10000",
        "--kube-api-burst=10000",
        *options,
    ]
    return Component(name, command, answers_http(f"https://{host.address}:{port}", "/healthz"))

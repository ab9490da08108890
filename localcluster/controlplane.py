"""etcd, the API server, the controller manager and the scheduler."""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from .credentials import Credentials
from .network import Host
from .processes import Component, answers_http

SERVICE_NETWORK = "10.96.0.0/16"

AUDIT_POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted, Panic]
rules:
- level: Metadata
"""


def audit_log(state: Path) -> Path:
    """Return the file to which the API server writes a line for each request."""
    return state / "logs" / "audit.log"


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
        # The data need not survive a power cut, and a benchmark should not measure the disk.
        "--unsafe-no-fsync",
        "--quota-backend-bytes=8589934592",
    ]
    return Component("etcd", command, answers_http(clients, "/health")), clients


def kube_apiserver(
    state: Path,
    credentials: Credentials,
    etcd_url: str,
    advertised: str,
    admission_plugins: Sequence[str],
) -> Component:
    """Return the API server, at the URL that its clients know; Pods are told of `advertised`.

    `admission_plugins` are those beside the ones that are on by default.
    """
    url = urlsplit(credentials.url)
    policy = state / "audit-policy.yaml"
    policy.write_text(AUDIT_POLICY)
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
        f"--audit-policy-file={policy}",
        f"--audit-log-path={audit_log(state)}",
        # In MB; by default a new file is begun after 100, and counts would begin anew.
        "--audit-log-maxsize=100000",
        "--max-requests-inflight=4000",
        "--max-mutating-requests-inflight=2000",
        # By default it waits a minute for watches when it stops, and they do not end by themselves.
        "--shutdown-watch-termination-grace-period=2s",
        "--allow-privileged=true",
        # By default the node's name is looked up first, and no DNS knows it.
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
        # There is only one of it, and to be elected would cost seconds.
        "--leader-elect=false",
        # No client of ours is to wait because of a limit of its own: benchmarks would measure that.
        "--kube-api-qps=10000",
        "--kube-api-burst=10000",
        *options,
    ]
    return Component(name, command, answers_http(f"https://{host.address}:{port}", "/healthz"))

"""The real node: containerd, kubelet and kube-proxy."""

import json
import os
import sys
from pathlib import Path

import psutil
import yaml

from . import busybox, debian
from .credentials import NODE, Credentials
from .errors import ClusterError
from .network import Host
from .processes import Component, answers_http
from .state import State

POD_NETWORK = "10.244.0.0/16"
CLUSTER_DNS = "10.96.0.10"
CNI_FOLDERS = [Path("/usr/lib/cni"), Path("/opt/cni/bin"), Path("/usr/libexec/cni")]

CONTAINERD = """\
version = 3
root = "{folder}/root"
state = "{folder}/state"

[grpc]
address = "{folder}/containerd.sock"

[plugins."io.containerd.internal.v1.opt"]
path = "{folder}/opt"

[plugins."io.containerd.nri.v1.nri"]
disable = true

[plugins."io.containerd.cri.v1.images"]
snapshotter = "overlayfs"

[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "{pause}"

[plugins."io.containerd.cri.v1.runtime"]
# To lower a score takes CAP_SYS_RESOURCE, which not every root has.
restrict_oom_score_adj = true
# A profile would be loaded into the machine's kernel and stay there.
disable_apparmor = true

[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = ["{plugins}"]
conf_dir = "{folder}/cni"
"""


def why_not_here() -> str | None:
    """Return why no real node can run here, or None where it can."""
    if not sys.platform.startswith("linux"):
        return "this is not Linux"
    if os.geteuid() != 0:
        return "you are not root"
    return None


def require() -> None:
    """Make sure that this machine has what a real node needs; raises ClusterError."""
    if reason := why_not_here():
        raise ClusterError(f"A real node can't run: {reason}. Simulated nodes can.")
    debian.require(
        "A real node",
        {
            "busybox-static": busybox.find,
            "containernetworking-plugins": _cni_plugins,
            "iproute2": debian.command("ip"),
            "iptables": debian.command("iptables"),
            "mount": debian.command("mount"),
            "util-linux": debian.command("nsenter"),
        },
    )


def containerd(state: State) -> Component:
    """Return the container runtime."""
    folder = state.path / "containerd"
    (folder / "cni").mkdir(parents=True)
    (folder / "cni" / "10-ptp.conflist").write_text(json.dumps(_pod_network(folder)))
    configuration = folder / "config.toml"
    configuration.write_text(
        CONTAINERD.format(folder=folder, pause=busybox.PAUSE, plugins=_cni_plugins())
    )
    return Component(
        "containerd", ["containerd", f"--config={configuration}"], ctr(state, "version")
    )


def ctr(state: State, *arguments: str) -> list[str]:
    """Return a command for the container runtime, in the namespace that the kubelet uses."""
    socket = state.path / "containerd" / "containerd.sock"
    return ["ctr", f"--address={socket}", "--namespace=k8s.io", *arguments]


def kubelet(
    state: State, credentials: Credentials, host: Host, allocatable_cpus: int | None
) -> Component:
    """Return the kubelet, which registers the node and runs Pods."""
    folder = state.path / "kubelet"
    folder.mkdir()
    (folder / "resolv.conf").touch()
    configuration = folder / "config.yaml"
    configuration.write_text(yaml.safe_dump(_kubelet_configuration(state, folder)))
    command = [
        "kubelet",
        f"--config={configuration}",
        f"--root-dir={folder}",
        f"--cert-dir={folder / 'certificates'}",
        f"--kubeconfig={credentials.kubeconfig('kubelet')}",
        f"--hostname-override={NODE}",
        f"--node-ip={host.address}",
    ]
    cpus = psutil.cpu_count() or 1
    if allocatable_cpus and allocatable_cpus < cpus:
        command.append(f"--system-reserved=cpu={cpus - allocatable_cpus}")
    return Component("kubelet", command, answers_http("http://127.0.0.1:10248", "/healthz"))


def kube_proxy(credentials: Credentials) -> Component:
    """Return what makes services, the API server's own among them, reachable from Pods."""
    command = [
        "kube-proxy",
        f"--kubeconfig={credentials.kubeconfig('kube-proxy')}",
        f"--hostname-override={NODE}",
        "--proxy-mode=iptables",
        f"--cluster-cidr={POD_NETWORK}",
        # The limit is the whole machine's.
        "--conntrack-max-per-core=0",
    ]
    return Component("kube-proxy", command, answers_http("http://127.0.0.1:10256", "/healthz"))


def _kubelet_configuration(state: State, folder: Path) -> dict[str, object]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": f"unix://{state.path}/containerd/containerd.sock",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{state.id}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "maxPods": 250,
        # Only the API server and the cluster's own Pods can reach it.
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"},
        # The disk is the machine's, and how full it is says nothing about the cluster: no Pod is
        # to be evicted for it, and no image to be deleted that can't be pulled again.
        "evictionHard": dict.fromkeys(
            ["memory.available", "nodefs.available", "nodefs.inodesFree", "imagefs.available"], "0%"
        ),
        "imageGCHighThresholdPercent": 100,
        # How often it looks whether a volume has outgrown its limit: by default once a minute.
        "volumeStatsAggPeriod": "5s",
        "podLogsDir": str(folder / "logs"),
        "volumePluginDir": str(folder / "volume-plugins"),
        # The machine's own file may be hidden inside, and names servers that nobody inside reaches.
        "resolvConf": str(folder / "resolv.conf"),
        # There is no DNS, but unless the kubelet is told of one it writes a warning for each Pod.
        "clusterDNS": [CLUSTER_DNS],
        "clusterDomain": "cluster.local",
    }


def _pod_network(folder: Path) -> dict[str, object]:
    addresses = {
        "type": "host-local",
        "ranges": [[{"subnet": POD_NETWORK}]],
        "routes": [{"dst": "0.0.0.0/0"}],
        "dataDir": str(folder / "leases"),
    }
    return {
        "cniVersion": "1.0.0",
        "name": "mltask",
        "plugins": [{"type": "ptp", "ipMasq": True, "ipam": addresses}],
    }


def _cni_plugins() -> Path | None:
    return next((folder for folder in CNI_FOLDERS if (folder / "ptp").exists()), None)

"""Local cluster: start a Kubernetes on this machine, use it, inject faults, stop it."""

import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Self

from . import busybox, cgroups, controlplane, leftovers, namespaces, network, node, simulated, tools
from .audit import AuditLog
from .credentials import NODE, Credentials
from .errors import ClusterError
from .loopback import without_proxy
from .network import Host
from .processes import Processes
from .state import VARIABLE, State, new_state

# An address reserved for documentation (RFC 5737). The API server refuses to advertise a loopback
# address. With simulated nodes, no Pod runs that could use the advertised one.
NOWHERE = "192.0.2.1"


class Cluster:
    """A running cluster. As a context manager, it stops at the end of the block.

    `kubeconfig` is the administrator's file. `url` is the API server's URL, and `etcd_url` is the
    URL of etcd within the cluster's network. `bin` is the folder of the cluster's programs, and
    `state` the folder of its files; `state / "logs"` has each component's output. `audit_log` is
    the API server's audit log.
    """

    def __init__(self, own: State, lock: IO[str] | None, binaries: Path, *, is_real: bool) -> None:
        """Create the object only; use `Cluster.start` or `Cluster.attach` instead."""
        self.is_real = is_real
        self.bin = binaries
        self.state = own.path
        self.audit_log = AuditLog(own.path)
        self._own = own
        self._lock = lock
        self._processes = Processes(own, binaries)

    @classmethod
    def start(
        cls,
        *,
        real_node: bool,
        simulated_nodes: int = 2,
        allocatable_cpus: int | None = None,
        state: Path | None = None,
    ) -> Self:
        """Start a cluster and return it when Pods can be scheduled and run.

        A real node runs containers and needs root on Linux; simulated nodes have no requirements.
        `allocatable_cpus` limits the CPUs that each node offers to Pods. `state` is an empty folder
        to use; its logs stay after the cluster has stopped. From now on, SIGTERM raises
        KeyboardInterrupt in this process, as Ctrl-C does, unless the process handles SIGTERM
        already. Raises ClusterError.
        """
        _unwind_on_sigterm()
        if real_node:
            node.require()
        binaries = tools.ensure()
        leftovers.remove_abandoned()
        cluster = cls(*new_state(state), binaries, is_real=real_node)
        try:
            cluster._start(simulated_nodes, allocatable_cpus)
        except BaseException:
            cluster.stop()
            raise
        return cluster

    @property
    def address(self) -> dict[str, str]:
        """The values that `attach` needs in another process."""
        return {"id": self._own.id, "url": self.url, "etcd_url": self.etcd_url}

    @classmethod
    def attach(cls, address: Mapping[str, str]) -> Self:
        """Return the cluster that another process runs. This one can use it but not stop it."""
        attached = cls(State(address["id"]), None, tools.ensure(), is_real=False)
        attached._set_up_clients(address["url"])
        attached.etcd_url = address["etcd_url"]
        return attached

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._own.is_detached:
            self.stop()

    def stop(self) -> None:
        """Stop the cluster and remove its files, except the logs in a folder given to `start`."""
        leftovers.remove(self._own)
        self._processes.reap()
        if self._lock:
            self._lock.close()

    def detach(self) -> None:
        """Let the cluster outlive its block and this process, until `localcluster down`.

        `localcluster env` then prints the variables for a shell. Their PATH includes this project's
        programs, such as the kubectl plugin.
        """
        programs = f"{self.bin}{os.pathsep}{Path(sys.executable).parent}"
        variables = {"KUBECONFIG": str(self.kubeconfig)} | without_proxy(self.url)
        exported = " ".join(f"{name}={shlex.quote(value)}" for name, value in variables.items())
        self._own.detach(f"export {exported} PATH={shlex.quote(programs)}:$PATH")

    @property
    def environment(self) -> dict[str, str]:
        """The variables for a program that uses the cluster and must end with it."""
        own = {"KUBECONFIG": str(self.kubeconfig), VARIABLE: self._own.id}
        return own | without_proxy(self.url)

    def kubectl(self, *args: str, stdin: str | None = None) -> str:
        """Run kubectl as the administrator; return its output, or raise ClusterError with it."""
        return self._run("kubectl", *args, stdin=stdin)

    def helm(self, *args: str) -> str:
        """Run helm as the administrator; return its output, or raise ClusterError with it."""
        return self._run("helm", *args)

    def kubeconfig_for_service_account(self, namespace: str, name: str) -> Path:
        """Return a new kubeconfig file for this service account, good for a day."""
        token = self.kubectl("create", "token", name, "--namespace", namespace, "--duration=24h")
        return self._credentials.write_kubeconfig(f"{namespace}.{name}", token.strip())

    def stop_component(self, name: str) -> None:
        """Stop a component, such as kube-apiserver, with SIGTERM; return when it has ended."""
        self._processes.stop(name)

    def kill_component(self, name: str) -> None:
        """Kill a component, as a crash would; return when it has ended."""
        self._processes.kill(name)

    def start_component(self, name: str, *options: str) -> None:
        """Restart a component, with these extra options for this run; return when it answers."""
        self._processes.restart(name, *options)

    def pid(self, name: str) -> int:
        """Return the process id of a component of a cluster with simulated nodes."""
        return self._processes.pid(name)

    def import_image(self, tar: Path) -> None:
        """Import the images of an OCI or `docker save` archive into the real node."""
        self._processes.run(*node.ctr(self._own, "images", "import", str(tar)))

    def _start(self, simulated_nodes: int, allocatable_cpus: int | None) -> None:
        if self.is_real:
            cgroups.create(self._own)
            host, private = namespaces.create(self._own, self._processes)
        else:
            host = private = network.loopback()
        self._set_up_clients(f"https://{host.address}:{host.port()}")
        self._credentials.create()
        self._start_control_plane(host, private)
        if self.is_real:
            self._start_real_node(host, allocatable_cpus)
        else:
            self._start_simulated_nodes(host, simulated_nodes, allocatable_cpus)
        self.kubectl("wait", "--for=condition=Ready", "node", "--all", "--timeout=60s")
        # Until this service account exists, the API server refuses Pods.
        self.kubectl("wait", "--for=create", "serviceaccount/default", "--timeout=60s")

    def _set_up_clients(self, url: str) -> None:
        self.url = url
        self._credentials = Credentials(self.state / "credentials", url)
        self.kubeconfig = self._credentials.kubeconfig("admin")

    def _start_control_plane(self, host: Host, private: Host) -> None:
        etcd, self.etcd_url = controlplane.etcd(self.state, private)
        # With this plugin, a client that sets blockOwnerDeletion needs rights on the owner.
        advertised, plugins = NOWHERE, ["OwnerReferencesPermissionEnforcement"]
        if self.is_real:
            # That plugin needs half a minute to learn a new kind of owner: too long for a demo.
            advertised, plugins = host.address, ["NodeRestriction"]
        self._processes.start(
            etcd,
            controlplane.kube_apiserver(
                self.audit_log, self._credentials, self.etcd_url, advertised, plugins
            ),
        )
        self._processes.start(
            controlplane.kube_controller_manager(self._credentials, private),
            controlplane.kube_scheduler(self._credentials, private),
        )

    def _start_simulated_nodes(self, host: Host, count: int, cpus: int | None) -> None:
        self._processes.start(simulated.kwok(self.state, self._credentials, host))
        self.kubectl("create", "-f", "-", stdin=simulated.nodes(count, cpus))

    def _start_real_node(self, host: Host, cpus: int | None) -> None:
        self._processes.start(node.containerd(self._own))
        images = self.state / "images.tar"
        busybox.write_images(images)
        self.import_image(images)
        # There is no DNS server. A local address that refuses connections makes lookups fail fast.
        self._processes.run("ip", "address", "add", f"{node.CLUSTER_DNS}/32", "dev", "lo")
        self._processes.start(
            node.kubelet(self._own, self._credentials, host, cpus),
            node.kube_proxy(self._credentials),
        )
        self.kubectl("wait", "--for=create", f"node/{NODE}", "--timeout=60s")

    def _run(self, program: str, *args: str, stdin: str | None = None) -> str:
        result = subprocess.run(
            [self.bin / program, *args],
            input=stdin,
            env=os.environ | self._client_settings(),
            capture_output=True,
            text=True,
        )
        if result.returncode != 0:
            command = " ".join([program, *args])
            raise ClusterError(
                f"`{command}` ended with exit status {result.returncode}:\n{result.stderr.strip()}"
            )
        return result.stdout

    def _client_settings(self) -> dict[str, str]:
        """Return variables that point clients at this cluster and away from the user's home."""
        return {
            "KUBECONFIG": str(self.kubeconfig),
            "KUBECACHEDIR": str(self.state / "kubectl"),
            "HELM_CACHE_HOME": str(self.state / "helm" / "cache"),
            "HELM_CONFIG_HOME": str(self.state / "helm" / "config"),
            "HELM_DATA_HOME": str(self.state / "helm" / "data"),
            "NO_PROXY": "*",
        }


def _unwind_on_sigterm() -> None:
    """Make SIGTERM raise KeyboardInterrupt, so that the process removes its clusters."""
    in_main_thread = threading.current_thread() is threading.main_thread()
    if in_main_thread and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, signal.default_int_handler)

"""A namespace with what a team does in it, through kubectl as they would."""

import json
import uuid
from collections import Counter
from dataclasses import dataclass
from typing import Any, Self

from localcluster import Cluster

Json = dict[str, Any]
FAKE = "fake.mltask.dev"
"""Prefix of the annotations by which a simulated node knows how a Pod is to end."""


def manifest(
    name: str, *, fate: Json | None = None, template: Json | None = None, **spec: Any
) -> Json:
    """Return an MLTask; `fate` says how its simulated Pod ends, for example run_seconds."""
    annotations = {f"{FAKE}/{k.replace('_', '-')}": str(v) for k, v in (fate or {}).items()}
    pod = template or {}
    metadata = {**pod.get("metadata", {}), "annotations": annotations}
    return {
        "apiVersion": "mltask.dev/v1alpha1",
        "kind": "MLTask",
        "metadata": {"name": name},
        "spec": {
            "image": "trainer:1",
            "resources": {"requests": {"cpu": "100m"}},
            "template": {**pod, "metadata": metadata},
            **spec,
        },
    }


def outcome(status: Json) -> tuple[str, str, int, int]:
    """Return phase, reason, and how many attempts and failures there were."""
    return status["phase"], status["reason"], status["attempts"], status.get("failures", 0)


@dataclass(frozen=True)
class Team:
    """One namespace."""

    cluster: Cluster
    namespace: str

    @classmethod
    def create(cls, cluster: Cluster) -> Self:
        """Create a namespace, ready for Pods."""
        namespace = f"team-{uuid.uuid4().hex[:8]}"
        cluster.kubectl("create", "namespace", namespace)
        team = cls(cluster, namespace)
        # Without its service account the first Pod would be refused.
        team.kubectl("wait", "--for=create", "serviceaccount/default", "--timeout=90s")
        return team

    def delete(self) -> None:
        """Ask for the deletion of the namespace, with all that is in it."""
        self.cluster.kubectl(
            *("delete", "namespace", self.namespace, "--ignore-not-found", "--wait=false")
        )

    def kubectl(self, *args: str, stdin: str | None = None) -> str:
        """Run kubectl in the namespace."""
        return self.cluster.kubectl("--namespace", self.namespace, *args, stdin=stdin)

    def apply(self, *manifests: Json) -> None:
        """Run `kubectl apply` with these objects."""
        items = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
        self.kubectl("apply", "-f", "-", stdin=json.dumps(items))

    def run(self, name: str, **how: Any) -> None:
        """Apply one MLTask; the arguments are those of `manifest`."""
        self.apply(manifest(name, **how))

    def wait(self, name: str, condition: str, seconds: int = 30) -> None:
        """Wait until the MLTask is as `kubectl wait --for=` says."""
        self.kubectl("wait", f"--for={condition}", f"mltask/{name}", f"--timeout={seconds}s")

    def wait_for_phase(self, name: str, phase: str, seconds: int = 30) -> None:
        """Wait for a phase."""
        self.wait(name, f"jsonpath={{.status.phase}}={phase}", seconds)

    def wait_for_reason(self, name: str, reason: str, seconds: int = 30) -> None:
        """Wait for a reason."""
        self.wait(name, f"jsonpath={{.status.reason}}={reason}", seconds)

    def finish(self, name: str, seconds: int = 30) -> Json:
        """Wait until the MLTask is finished and its Pod gone, and return its status."""
        self.wait(name, "condition=Finished", seconds)
        self.wait_for_no_pods(name)
        return self.status(name)

    def wait_for_no_pods(self, name: str) -> None:
        """Wait until no Pod of the MLTask exists."""
        selector = f"--selector=mltask.dev/task={name}"
        self.kubectl("wait", "--for=delete", "pod", selector, "--timeout=60s")

    def status(self, name: str) -> Json:
        """Return the MLTask's status."""
        status: Json = self.get("mltask", name)["status"]
        return status

    def has_finished(self, count: int) -> bool:
        """Whether that many of the MLTasks are finished."""
        template = '{range .items[?(@.status.completionTime)]}{.metadata.name}{"\\n"}{end}'
        return len(self.kubectl("get", "mltasks", "-o", f"jsonpath={template}").split()) >= count

    def outcomes(self) -> Counter[tuple[str, int]]:
        """Count the MLTasks by phase and number of attempts."""
        tasks = json.loads(self.kubectl("get", "mltasks", "-o", "json"))["items"]
        return Counter((task["status"]["phase"], task["status"]["attempts"]) for task in tasks)

    def get(self, kind: str, name: str) -> Json:
        """Return an object."""
        found: Json = json.loads(self.kubectl("get", kind, name, "-o", "json"))
        return found

    def evict(self, pod: str) -> None:
        """Evict a Pod through the API, as `kubectl drain` does."""
        path = f"/api/v1/namespaces/{self.namespace}/pods/{pod}/eviction"
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}}
        self.kubectl("create", "--raw", path, "-f", "-", stdin=json.dumps(body))

    def pods(self) -> list[Json]:
        """Return the Pods of the namespace."""
        found: list[Json] = json.loads(self.kubectl("get", "pods", "-o", "json"))["items"]
        return found

    def pod_of(self, name: str, attempt: int | None = None, seconds: int = 30) -> Json:
        """Wait for the MLTask's present Pod, or for that of an attempt, and return it."""
        selector = f"--selector=mltask.dev/task={name}"
        if attempt is not None:
            selector += f",mltask.dev/attempt={attempt}"
        self.kubectl("wait", "--for=create", "pod", selector, f"--timeout={seconds}s")
        [pod] = json.loads(self.kubectl("get", "pods", selector, "-o", "json"))["items"]
        found: Json = pod
        return found

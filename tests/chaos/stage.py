"""A namespace in which a scenario is played: what its users and its kubelet do there."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.api.client import Client, tasks_path
from tests.api.team import FAKE, Json, Team
from tests.api.watch import PODS
from tests.waiting import wait_until

BOUND = 60


@dataclass(frozen=True)
class Stage:
    """One team's namespace, by a connection of its own."""

    team: Team
    client: Client

    def create(self, task: Json) -> None:
        """Create an MLTask."""
        code, answer = self.client.create_task(self.team.namespace, task)
        assert code == 201, answer

    def task(self, name: str) -> Json | None:
        """Return the MLTask, or None once it is gone."""
        code, found = self.client.request("GET", self._task(name))
        assert code in (200, 404), found
        return found if code == 200 else None

    def status(self, name: str) -> Json:
        """Return the MLTask's status; it is empty where there is none yet."""
        status: Json = (self.task(name) or {}).get("status") or {}
        return status

    def suspend(self, name: str, *, value: bool = True) -> None:
        """Set `spec.suspend`."""
        change = {"spec": {"suspend": value}}
        code, answer = self.client.edit_task(self.team.namespace, name, change)
        assert code == 200, answer

    def delete(self, name: str) -> None:
        """Delete the MLTask, in the background as kubectl does."""
        options = {"propagationPolicy": "Background"}
        code, answer = self.client.request("DELETE", self._task(name), options)
        assert code == 200, answer

    def pods(self) -> list[Json]:
        """Return the Pods of the namespace."""
        return self.client.objects(self._pods)

    def runs(self, name: str, attempt: int) -> str:
        """Wait until the Pod of this attempt runs, and status says so; return the Pod's name."""
        found: list[str] = []

        def is_running() -> bool:
            status = self.status(name)
            found[:] = [
                pod["metadata"]["name"]
                for pod in self.pods()
                if pod["metadata"]["labels"].get("mltask.dev/task") == name
                and pod["metadata"]["labels"]["mltask.dev/attempt"] == str(attempt)
                and pod["status"]["phase"] == "Running"
            ]
            return bool(found) and (status.get("phase"), status.get("attempts")) == (
                "Running",
                attempt,
            )

        self.until(is_running, f"attempt {attempt} of {name} runs")
        return found[0]

    def end(self, pod: str, exit_code: int = 0) -> None:
        """Have the simulated node end this Pod."""
        fate = {f"{FAKE}/exit-code": str(exit_code), f"{FAKE}/run-seconds": "0"}
        change = {"metadata": {"annotations": fate}}
        code, answer = self.client.request("PATCH", f"{self._pods}/{pod}", change)
        assert code == 200, answer

    def delete_pod(self, pod: str) -> None:
        """Delete this Pod, as somebody may who knows no better."""
        code, answer = self.client.request("DELETE", f"{self._pods}/{pod}")
        assert code == 200, answer

    def evict(self, pod: str) -> None:
        """Evict this Pod, as `kubectl drain` does."""
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}}
        code, answer = self.client.request("POST", f"{self._pods}/{pod}/eviction", body)
        assert code == 201, answer

    def until(self, holds: Callable[[], bool], what: str) -> None:
        """Wait until this is so."""
        wait_until(holds, what, BOUND)

    @property
    def _pods(self) -> str:
        return PODS.format(self.team.namespace)

    def _task(self, name: str) -> str:
        return f"{tasks_path(self.team.namespace)}/{name}"

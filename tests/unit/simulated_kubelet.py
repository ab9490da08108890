"""A kubelet for the API server in memory: it runs the containers of Pods, told by a test when."""

from datetime import datetime
from typing import Any

from tests.fake_api import FakeApi

Json = dict[str, Any]
FINAL = ("Succeeded", "Failed")


class SimulatedKubelet:
    """Starts and ends containers as a kubelet does: init containers in order, then the others."""

    def __init__(self, api: FakeApi) -> None:
        self._api = api

    def live_pods(self) -> list[Json]:
        """Return the Pods that have not ended."""
        return [pod for pod in self._api.pods.values() if pod["status"]["phase"] not in FINAL]

    def start(self, pod: Json, now: datetime) -> None:
        """Start the first container of a Pod that waits and is not being deleted."""
        if current(pod) is None and "deletionTimestamp" not in pod["metadata"]:
            self._run(pod, 0, [], now)

    def end_container(self, pod: Json, exit_code: int, now: datetime) -> str | None:
        """End the container that runs, which starts the next or ends the Pod; return its name.

        In a Pod that is being deleted nothing starts any more.
        """
        running = current(pod)
        if running is None:
            return None
        states = [*ended_states(pod), _terminated(exit_code, running["state"], now)]
        is_last = len(states) == len(names(pod))
        if exit_code or ("deletionTimestamp" in pod["metadata"] and not is_last):
            self._report(pod, "Failed", states)
        elif not is_last:
            self._run(pod, len(states), states, now)
        else:
            self._report(pod, "Succeeded", states)
        name: str = running["name"]
        return name

    def kill(self, pod: Json, exit_code: int, now: datetime, **why: Any) -> None:
        """End a Pod from outside; `why` are further fields of its status."""
        states = ended_states(pod)
        if (running := current(pod)) is not None:
            states.append(_terminated(exit_code, running["state"], now))
        self._report(pod, "Failed", states, **why)

    def _run(self, pod: Json, index: int, states: list[Json], now: datetime) -> None:
        running = {"running": {"startedAt": _stamp(now)}}
        is_last = index == len(names(pod)) - 1
        self._report(pod, "Running" if is_last else "Pending", [*states, running])

    def _report(self, pod: Json, phase: str, states: list[Json], **why: Any) -> None:
        inits = len(pod["spec"].get("initContainers", ()))
        waiting = [{"waiting": {"reason": "PodInitializing"}}] * (len(names(pod)) - len(states))
        containers = [
            {"name": name, "state": state}
            for name, state in zip(names(pod), [*states, *waiting], strict=True)
        ]
        status = {
            "phase": phase,
            "initContainerStatuses": containers[:inits],
            "containerStatuses": containers[inits:],
            **why,
        }
        self._api.set_pod_status(pod["metadata"]["name"], status, node="n1")


def names(pod: Json) -> list[str]:
    """Return the names of the Pod's containers, in the order in which they run."""
    spec = pod["spec"]
    return [c["name"] for c in (*spec.get("initContainers", ()), *spec["containers"])]


def current(pod: Json) -> Json | None:
    """Return the status of the container that runs, if one does."""
    return next((c for c in _statuses(pod) if "running" in c["state"]), None)


def ended_states(pod: Json) -> list[Json]:
    """Return the states of the containers that have ended."""
    return [c["state"] for c in _statuses(pod) if "terminated" in c["state"]]


def _statuses(pod: Json) -> list[Json]:
    status = pod["status"]
    return [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]


def _terminated(exit_code: int, state: Json, now: datetime) -> Json:
    reason = "Error" if exit_code else "Completed"
    times = {"startedAt": state["running"]["startedAt"], "finishedAt": _stamp(now)}
    return {"terminated": {"exitCode": exit_code, "reason": reason, **times}}


def _stamp(moment: datetime) -> str:
    return moment.replace(microsecond=0).isoformat()

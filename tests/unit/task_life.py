"""What may befall a task: users, kubelets, faults and stale reads, as Hypothesis chooses them.

Events are delivered late, watches break and lose deletions, writes crash the operator or lose
their answers, containers end well or badly, Pods are deleted, quota comes and goes; users suspend,
resume and delete tasks.
"""

import copy
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.fake_api import FakeApi, Fault
from tests.unit.simulated_kubelet import SimulatedKubelet, current
from tests.unit.simulated_operator import KINDS, SimulatedOperator

NAMESPACE, NAME = "team-a", "train"
SPEC: dict[str, Any] = {"image": "i", "resources": {"requests": {"cpu": "1"}}}
STEPS = {"steps": [{"name": "a"}, {"name": "b"}, {"name": "c"}]}
SPECS: list[dict[str, Any]] = [
    {},
    {"backoffLimit": 2, "backoff": {"baseSeconds": 5}},
    {"activeDeadlineSeconds": 30, "backoffLimit": 1, "backoff": {"baseSeconds": 5}},
    {"pendingDeadlineSeconds": 60},
    STEPS,
    {**STEPS, "stepFailurePolicy": "Continue"},
    {**STEPS, "stepFailurePolicy": "Continue", "backoffLimit": 1},
    {"ttlSecondsAfterFinished": 20},
]


class TaskLife(RuleBasedStateMachine):
    """One task and its operator."""

    def __init__(self) -> None:
        super().__init__()
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.api = FakeApi(lambda: self.now)
        self.api.on_event = self.note
        self.kubelet = SimulatedKubelet(self.api)
        self.operator = SimulatedOperator(self.api, lambda: self.now)
        self.uid: str | None = None
        self.succeeded: set[str] = set()
        """Pods whose last container ended well by itself."""
        self.failed: set[str] = set()
        """Pods of which a container failed by itself."""
        self.disturbed: set[str] = set()
        """Pods that somebody else deleted."""
        self.steps_done: Counter[str] = Counter()

    def note(self, kind: str, event: str, body: dict[str, Any]) -> None:
        """Be told of each change that the API server makes."""
        self.operator.note(kind, event, body)

    @property
    def status(self) -> dict[str, Any]:
        """The task's status, as the API server has it."""
        status: dict[str, Any] = self.api.tasks[NAMESPACE, NAME]["status"]
        return status

    # The operator

    @initialize(spec=st.sampled_from(SPECS), is_suspended=st.sampled_from([False, False, True]))
    def start(self, spec: dict[str, Any], *, is_suspended: bool) -> None:
        self.spec = {**SPEC, **copy.deepcopy(spec), "suspend": is_suspended}
        self.uid = self.api.create_task(NAMESPACE, NAME, self.spec)["metadata"]["uid"]
        self.operator.restart()

    @rule()
    def restart(self) -> None:
        self.operator.restart()

    @rule(fault=st.sampled_from([None, None, *Fault]))
    def reconcile(self, fault: Fault | None) -> None:
        assert self.uid is not None
        self.operator.reconcile(self.uid, fault)

    @rule(kind=st.sampled_from(KINDS), count=st.sampled_from([1, 1, 2, 100]))
    def deliver(self, kind: str, count: int) -> None:
        self.operator.deliver(kind, count)

    @rule(seconds=st.sampled_from([0, 2]))
    def go_on_undisturbed(self, seconds: int = 2) -> None:
        """Let the watch of Pods catch up, as it mostly does, and the operator act on it."""
        self.deliver("pods", 100)
        self.now += timedelta(seconds=seconds)
        self.reconcile(None)

    @rule(kind=st.sampled_from(KINDS))
    def break_watch(self, kind: str) -> None:
        self.operator.break_watch(kind)

    @rule()
    def list_anew(self) -> None:
        self.operator.list_anew()

    @rule(seconds=st.integers(0, 40))
    def pass_time(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    # Kubelets

    @precondition(lambda self: self.kubelet.live_pods())
    @rule()
    def run_pod(self) -> None:
        for pod in self.kubelet.live_pods():
            self.kubelet.start(pod, self.now)

    @precondition(lambda self: self.kubelet.live_pods())
    @rule(exit_code=st.sampled_from([0, 0, 1]))
    def end_container(self, exit_code: int) -> None:
        for pod in self.kubelet.live_pods():
            is_told_to_end = "deletionTimestamp" in pod["metadata"]
            ended = self.kubelet.end_container(pod, exit_code, self.now)
            if ended is None or is_told_to_end:
                continue
            name = pod["metadata"]["name"]
            if exit_code:
                self.failed.add(name)
            elif "steps" in self.spec:
                self.steps_done[ended] += 1
            if not exit_code and self.api.pods[NAMESPACE, name]["status"]["phase"] == "Succeeded":
                self.succeeded.add(name)

    @precondition(lambda self: self.kubelet.live_pods())
    @rule(exit_code=st.sampled_from([0, 1]), seconds=st.sampled_from([0, 2]))
    def pod_lives(self, exit_code: int, seconds: int) -> None:
        """Have the Pod run to its end, with the operator looking on."""
        self.run_pod()
        self.go_on_undisturbed()
        self.end_container(exit_code)
        self.go_on_undisturbed(seconds)

    @rule()
    def kubelet_ends_deleted_pods(self) -> None:
        for pod in self.kubelet.live_pods():
            if "deletionTimestamp" in pod["metadata"] and "nodeName" in pod["spec"]:
                self.kubelet.kill(pod, 143, self.now)

    @precondition(lambda self: any(current(pod) for pod in self.kubelet.live_pods()))
    @rule()
    def node_preempts_pod(self) -> None:
        for pod in self.kubelet.live_pods():
            self.disturbed.add(pod["metadata"]["name"])
            self.kubelet.kill(pod, 137, self.now, reason="Preempting")

    # Users

    @precondition(lambda self: self.api.pods)
    @rule()
    def user_deletes_pod(self) -> None:
        # A second later at least: within one second nobody could tell the order of two events.
        self.now += timedelta(seconds=1)
        for namespace, name in list(self.api.pods):
            self.disturbed.add(name)
            self.api.remove_pod(namespace, name)

    @precondition(lambda self: self.api.tasks and self.now.second % 8 == 0)
    @rule()
    def user_deletes_task(self) -> None:
        self.api.user_deletes_task(NAMESPACE, NAME)

    @precondition(lambda self: self.api.tasks)
    @rule(is_suspended=st.booleans())
    def user_suspends_or_resumes(self, *, is_suspended: bool) -> None:
        # The same second again: what the suspension ends must not seem to have ended by itself.
        self.now += timedelta(seconds=1)
        self.spec["suspend"] = is_suspended
        self.api.change_spec(NAMESPACE, NAME, suspend=is_suspended)

    @precondition(lambda self: self.api.tasks and self.spec["suspend"])
    @rule()
    def suspension_takes_effect(self) -> None:
        """Left alone, a suspended task soon has no Pod."""
        for _ in range(8):
            self.deliver("tasks", 100)
            self.go_on_undisturbed()
            self.kubelet_ends_deleted_pods()
        assert not self.api.pods

    @rule(is_full=st.booleans())
    def quota_fills_or_empties(self, *, is_full: bool) -> None:
        self.api.is_quota_full = is_full
        self.operator.quota.note_quota("MODIFIED", self.api.quota(NAMESPACE))

    @precondition(lambda self: self.api.pods and not self.api.tasks)
    @rule()
    def garbage_is_collected(self) -> None:
        for namespace, name in list(self.api.pods):
            self.api.remove_pod(namespace, name)

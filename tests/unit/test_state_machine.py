"""The promises, held against random histories of users, kubelets, faults and stale reads.

The real store, reconciler and `decide` run against an API server in memory. Hypothesis chooses
what happens: events are delivered late, watches break and lose deletions, writes crash the
operator or lose their answers, Pods end, are evicted, are deleted; users delete tasks.
"""

import copy
from collections import deque
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mltask_operator.kube.errors import ApiError, Unreachable
from mltask_operator.runtime.listing import list_all
from mltask_operator.runtime.quotaqueue import QuotaQueue
from mltask_operator.runtime.reconciler import Reconciler
from mltask_operator.runtime.store import Store
from tests.fake_api import Crash, FakeApi, Fault

NAMESPACE, NAME = "team-a", "train"
SPEC: dict[str, Any] = {"image": "i", "resources": {"requests": {"cpu": "1"}}}
FINAL = ("Succeeded", "Failed")
T = TypeVar("T")


def finish(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never really waits, as none does against the server in memory."""
    try:
        work.send(None)
    except StopIteration as end:
        value: T = end.value
        return value
    raise AssertionError("the coroutine waits for something")


class TaskLife(RuleBasedStateMachine):
    """One task and its operator."""

    def __init__(self) -> None:
        super().__init__()
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.api = FakeApi(lambda: self.now)
        self.api.on_event = self.note
        self.events: dict[str, deque[tuple[str, dict[str, Any]]]] = {
            "tasks": deque(),
            "pods": deque(),
        }
        self.late_events: dict[str, int] = {}
        """How many of them are older than the last listing."""
        self.uid: str | None = None
        self.outcome: dict[str, Any] | None = None
        self.ended_by_itself: set[str] = set()
        self.created_when_finished = 0

    def note(self, kind: str, event: str, body: dict[str, Any]) -> None:
        self.events[kind].append((event, body))
        if kind == "pods" and event == "DELETED" and self.api.tasks:
            self.check_recorded_before(body)

    def check_recorded_before(self, pod: dict[str, Any]) -> None:
        """Promise 2: the end of an attempt is durable before its Pod is gone."""
        status = self.api.tasks[NAMESPACE, NAME]["status"]
        recorded = {record["podName"] for record in status.get("history", ())}
        if status["phase"] in FINAL:
            recorded.add(status.get("podName"))
        assert pod["metadata"]["name"] in recorded

    # The operator

    @initialize()
    def start(self) -> None:
        self.uid = self.api.create_task(NAMESPACE, NAME, SPEC)["metadata"]["uid"]
        self.restart()

    @rule()
    def restart(self) -> None:
        """Start the operator's process anew, with an empty memory: it lists, then Kopf does."""
        self.store = Store(lambda: self.now)
        self.quota = QuotaQueue(lambda _: None, lambda _: 0)
        self.reconciler = Reconciler(self.api, self.store, self.quota, lambda: self.now)
        finish(list_all(self.api, self.store, [None]))
        for kind in self.events:
            self.break_watch(kind)

    @rule(fault=st.sampled_from([None, None, *Fault]))
    def reconcile(self, fault: Fault | None) -> None:
        assert self.uid is not None
        self.api.fault = fault
        try:
            finish(self.reconciler.reconcile(self.uid))
        except (ApiError, Unreachable):
            pass
        except Crash:
            self.restart()
        self.api.fault = None

    @rule(kind=st.sampled_from(["tasks", "pods"]), count=st.sampled_from([1, 1, 2, 100]))
    def deliver(self, kind: str, count: int) -> None:
        """Let the watch show its next events."""
        for _ in range(min(count, len(self.events[kind]))):
            event, body = self.events[kind].popleft()
            self.late_events[kind] = max(0, self.late_events.get(kind, 0) - 1)
            if event == "DELETED" and kind == "tasks":
                self.store.record_task_removed(body["metadata"]["uid"])
            elif event == "DELETED":
                self.store.record_pod_removed(body)
            elif kind == "tasks":
                self.store.record_task(body)
            else:
                self.store.record_pod(body)

    @rule()
    def go_on_undisturbed(self) -> None:
        """Let the watch of Pods catch up, as it mostly does, and the operator act on it."""
        self.deliver("pods", 100)
        self.now += timedelta(seconds=2)
        self.reconcile(None)

    @rule(kind=st.sampled_from(["tasks", "pods"]))
    def break_watch(self, kind: str) -> None:
        """Let the watch begin anew: it lists what exists, and what went is never told of."""
        self.events[kind].clear()
        self.late_events[kind] = 0
        objects = self.api.tasks if kind == "tasks" else self.api.pods
        for body in objects.values():
            self.events[kind].append(("LISTED", copy.deepcopy(body)))

    @rule()
    def list_anew(self) -> None:
        """List everything, minutes after the last time: no watch lags behind by that much."""
        for kind, count in self.late_events.items():
            self.deliver(kind, count)
        self.late_events = {kind: len(queue) for kind, queue in self.events.items()}
        finish(list_all(self.api, self.store, [None]))

    @rule(seconds=st.integers(0, 40))
    def pass_time(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    # Users and kubelets

    def live_pods(self) -> list[dict[str, Any]]:
        return [pod for pod in self.api.pods.values() if pod["status"]["phase"] not in FINAL]

    @precondition(lambda self: self.live_pods())
    @rule()
    def run_pod(self) -> None:
        for pod in self.live_pods():
            if "deletionTimestamp" not in pod["metadata"]:
                self.report(pod, "Running", {"running": {"startedAt": self.stamp()}})

    @precondition(lambda self: self.live_pods())
    @rule(exit_code=st.sampled_from([0, 1]))
    def end_pod(self, exit_code: int) -> None:
        for pod in self.live_pods():
            if pod["status"]["phase"] == "Running":
                if "deletionTimestamp" not in pod["metadata"]:
                    self.ended_by_itself.add(pod["metadata"]["name"])
                phase = "Failed" if exit_code else "Succeeded"
                self.report(pod, phase, self.terminated(exit_code))

    @precondition(lambda self: self.live_pods())
    @rule(exit_code=st.sampled_from([0, 1]))
    def pod_lives(self, exit_code: int) -> None:
        """Have the Pod run to its end, with the operator looking on."""
        self.run_pod()
        self.go_on_undisturbed()
        self.end_pod(exit_code)
        self.go_on_undisturbed()

    @precondition(lambda self: self.live_pods())
    @rule()
    def evict_pod(self) -> None:
        for pod in self.live_pods():
            if pod["status"]["phase"] == "Running":
                self.report(pod, "Failed", self.terminated(137), reason="Evicted")

    @precondition(lambda self: self.api.pods)
    @rule()
    def user_deletes_pod(self) -> None:
        # A second later at least: within one second nobody could tell the order of two events.
        self.now += timedelta(seconds=1)
        for namespace, name in list(self.api.pods):
            self.api.remove_pod(namespace, name)

    @rule()
    def kubelet_ends_deleted_pods(self) -> None:
        for pod in self.live_pods():
            if "deletionTimestamp" in pod["metadata"] and "nodeName" in pod["spec"]:
                self.report(pod, "Failed", self.terminated(143))

    @precondition(lambda self: self.api.tasks and self.now.second % 8 == 0)
    @rule()
    def user_deletes_task(self) -> None:
        self.api.user_deletes_task(NAMESPACE, NAME)

    @precondition(lambda self: self.api.pods and not self.api.tasks)
    @rule()
    def garbage_is_collected(self) -> None:
        for namespace, name in list(self.api.pods):
            self.api.remove_pod(namespace, name)

    def report(self, pod: dict[str, Any], phase: str, state: Any, reason: str = "") -> None:
        status = {
            "phase": phase,
            "reason": reason,
            "containerStatuses": [{"name": "main", "state": state}],
        }
        self.api.set_pod_status(pod["metadata"]["name"], status, node="n1")

    def stamp(self) -> str:
        return self.now.replace(microsecond=0).isoformat()

    def terminated(self, exit_code: int) -> dict[str, Any]:
        times = {"startedAt": self.stamp(), "finishedAt": self.stamp()}
        return {"terminated": {"exitCode": exit_code, "reason": "Error", **times}}

    # The promises

    @invariant()
    def at_most_one_pod_exists(self) -> None:
        assert len(self.api.pods) <= 1

    @invariant()
    def at_most_one_pod_is_made_per_attempt(self) -> None:
        assert len(self.api.created) == len(set(self.api.created))

    @invariant()
    def an_outcome_never_changes_and_nothing_runs_after_it(self) -> None:
        if not self.api.tasks:
            return
        status = self.api.tasks[NAMESPACE, NAME]["status"]
        if self.outcome is not None:
            assert status == self.outcome
            assert len(self.api.created) == self.created_when_finished
        elif status["phase"] in FINAL:
            self.outcome = status
            self.created_when_finished = len(self.api.created)

    @invariant()
    def what_ended_by_itself_is_the_last_attempt(self) -> None:
        if self.ended_by_itself:
            assert self.api.created[-1] in self.ended_by_itself

    def teardown(self) -> None:
        """Promise 3: left alone, everything comes to its end."""
        if self.uid is None:
            return
        for _ in range(60):
            for kind in self.events:
                self.deliver(kind, 100)
            self.now += timedelta(seconds=5)
            self.reconcile(None)
            if not self.api.tasks:
                self.garbage_is_collected()
            self.run_pod()
            self.kubelet_ends_deleted_pods()
            self.end_pod(0)
        for _ in range(3):
            finish(list_all(self.api, self.store, [None]))
        self.reconcile(None)
        assert not self.api.pods
        if self.api.tasks:
            assert self.api.tasks[NAMESPACE, NAME]["status"]["phase"] in FINAL
            assert len(self.store) == 1
        else:
            assert len(self.store) == 0


TestTaskLife = TaskLife.TestCase
TestTaskLife.settings = settings(
    max_examples=1000,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)

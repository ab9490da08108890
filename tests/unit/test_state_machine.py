"""The promises, held against random histories of users, kubelets, faults and stale reads.

The real store, queue, reconciler and `decide` run against an API server in memory. Hypothesis
chooses a spec and what happens (tests/unit/task_life.py).
"""

from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from tests.chaos.extent import IS_WHOLE
from tests.unit.simulated_kubelet import FINAL, names
from tests.unit.simulated_operator import KINDS, SimulatedOperator
from tests.unit.task_life import NAME, NAMESPACE, TaskLife


class Promises(TaskLife):
    """What must be so at any moment, and in the end."""

    def __init__(self) -> None:
        super().__init__()
        self.outcome: dict[str, Any] | None = None
        self.created_when_finished = 0

    def note(self, kind: str, event: str, body: dict[str, Any]) -> None:
        super().note(kind, event, body)
        if kind == "pods" and event == "DELETED" and self.api.tasks:
            self.check_recorded_before(body)
        if kind == "pods" and event == "ADDED":
            self.check_steps_are_new(body)

    def check_recorded_before(self, pod: dict[str, Any]) -> None:
        """Promise 2: the end of an attempt is durable before its Pod is gone."""
        recorded = {record["podName"] for record in self.status.get("history", ())}
        if self.status["phase"] in FINAL:
            recorded.add(self.status.get("podName"))
        assert pod["metadata"]["name"] in recorded

    def check_steps_are_new(self, pod: dict[str, Any]) -> None:
        """No step that ended runs again."""
        assert not self.steps_done.keys() & set(names(pod))

    @invariant()
    def nothing_is_told_twice(self) -> None:
        """Each Event of an attempt is posted once; only waits for quota meet their own again."""
        names = [event["metadata"]["name"] for event in self.api.events]
        once = [name for name in names if not name.endswith(".quotaexceeded")]
        assert len(once) == len(set(once))

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
        if self.outcome is not None:
            assert self.status == self.outcome
            assert len(self.api.created) == self.created_when_finished
        elif self.status["phase"] in FINAL:
            self.outcome = self.status
            self.created_when_finished = len(self.api.created)

    @invariant()
    def what_succeeded_is_the_last_attempt(self) -> None:
        if self.succeeded:
            assert self.api.created[-1] in self.succeeded

    @invariant()
    def only_what_failed_is_counted_as_a_failure(self) -> None:
        if self.api.tasks and "activeDeadlineSeconds" not in self.spec:
            assert self.status.get("failures", 0) <= len(self.failed)

    @invariant()
    def only_what_others_did_is_counted_as_a_disruption(self) -> None:
        if self.api.tasks:
            assert self.status.get("disruptions", 0) <= len(self.disturbed)

    @invariant()
    def only_steps_that_did_their_work_have_succeeded(self) -> None:
        if self.api.tasks:
            steps = self.status.get("steps", ())
            succeeded = {step["name"] for step in steps if step["phase"] == "Succeeded"}
            assert succeeded <= self.steps_done.keys()

    @invariant()
    def failures_are_retried_as_often_as_allowed(self) -> None:
        if self.api.tasks and "steps" not in self.spec:
            assert self.status.get("failures", 0) <= self.spec.get("backoffLimit", 0) + 1

    def teardown(self) -> None:
        """Promise 3: left alone, everything comes to its end."""
        if self.uid is None:
            return
        self.api.is_quota_full = False
        if self.api.tasks:
            self.api.change_spec(NAMESPACE, NAME, suspend=False)
        for _ in range(80):
            for kind in KINDS:
                self.deliver(kind, 100)
            self.now += timedelta(seconds=5)
            self.reconcile(None)
            if not self.api.tasks:
                self.garbage_is_collected()
            self.run_pod()
            self.kubelet_ends_deleted_pods()
            self.end_container(0)
        for _ in range(3):
            self.operator.list_anew()
        self.reconcile(None)
        assert not self.api.pods
        if self.api.tasks:
            assert self.status["phase"] in FINAL
            assert "ttlSecondsAfterFinished" not in self.spec
            assert len(self.operator.store) == 1
        else:
            assert len(self.operator.store) == 0


class PromisesUnderFailover(Promises):
    """The same where one operator acts, and another, whose watches lag, takes over."""

    def __init__(self) -> None:
        super().__init__()
        self.standby = SimulatedOperator(self.api, lambda: self.now)
        self.standby.restart()

    def note(self, kind: str, event: str, body: dict[str, Any]) -> None:
        self.standby.note(kind, event, body)
        super().note(kind, event, body)

    @rule(kind=st.sampled_from(KINDS), count=st.sampled_from([1, 2, 100]))
    def deliver_to_standby(self, kind: str, count: int) -> None:
        self.standby.deliver(kind, count)

    @rule()
    def fail_over(self) -> None:
        self.operator, self.standby = self.standby, self.operator
        self.operator.take_over()
        self.reconcile(None)

    @rule()
    def fail_over_to_one_just_started(self) -> None:
        self.standby.restart()
        self.fail_over()


TestPromises = Promises.TestCase
TestPromises.settings = settings(
    max_examples=1000 if IS_WHOLE else 300,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)

TestPromisesUnderFailover = PromisesUnderFailover.TestCase
TestPromisesUnderFailover.settings = settings(
    TestPromises.settings, max_examples=500 if IS_WHOLE else 150
)

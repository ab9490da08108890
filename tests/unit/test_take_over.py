"""What an operator that takes over must know, though its watches have shown none of it yet."""

from typing import Any

import pytest

from tests.fake_api import FakeApi, Fault
from tests.unit.clock import Clock
from tests.unit.simulated_kubelet import SimulatedKubelet
from tests.unit.simulated_operator import SimulatedOperator

NAMESPACE, NAME = "team-a", "train"
SPEC: dict[str, Any] = {"image": "i", "resources": {"requests": {"cpu": "1"}}, "backoffLimit": 1}


class Pair:
    """A task that one operator has acted for, and another whose watches have shown nothing since.

    `knows_task` is whether that other one has seen the task at all.
    """

    def __init__(self, *, knows_task: bool) -> None:
        self.clock = Clock()
        self.api = FakeApi(self.clock)
        self.kubelet = SimulatedKubelet(self.api)
        self.leader = SimulatedOperator(self.api, self.clock)
        self.standby = SimulatedOperator(self.api, self.clock)
        self.api.on_event = self._note
        if not knows_task:
            self.standby.restart()
        task = self.api.create_task(NAMESPACE, NAME, SPEC)
        self.uid: str = task["metadata"]["uid"]
        if knows_task:
            self.standby.restart()
        self.leader.restart()
        self.leader.reconcile(self.uid, None)

    def _note(self, kind: str, event: str, body: dict[str, Any]) -> None:
        self.leader.note(kind, event, body)
        self.standby.note(kind, event, body)

    def end_pod(self, exit_code: int, fault: Fault | None = None) -> None:
        """Have the Pod run to its end, and the leader act on that, until the fault strikes."""
        [pod] = self.kubelet.live_pods()
        self.kubelet.start(pod, self.clock())
        self.kubelet.end_container(pod, exit_code, self.clock())
        self.leader.deliver("pods", 100)
        self.leader.reconcile(self.uid, fault)

    def take_over(self) -> None:
        """Let the other one lead; its watches then show all that has happened, in order."""
        self.standby.take_over()
        self.standby.reconcile(self.uid, None)
        for _ in range(10):
            for kind in ("tasks", "pods"):
                self.standby.deliver(kind, 1)
                self.standby.reconcile(self.uid, None)


@pytest.mark.parametrize("knows_task", [True, False])
def test_a_finished_task_is_not_run_again(*, knows_task: bool) -> None:
    pair = Pair(knows_task=knows_task)
    pair.end_pod(0)
    assert not pair.api.pods
    pair.take_over()
    assert pair.api.created == [f"{NAME}-{pair.uid[:8]}-1"]


@pytest.mark.parametrize("knows_task", [True, False])
def test_no_attempt_begins_beside_a_pod_that_is_still_there(*, knows_task: bool) -> None:
    pair = Pair(knows_task=knows_task)
    # It is recorded, and its Pod neither deleted nor released yet.
    pair.end_pod(1, Fault.CRASH_AFTER)
    assert len(pair.api.pods) == 1
    pair.clock.pass_seconds(60)
    pair.standby.take_over()
    pods_at_once = []
    pair.api.on_event = lambda *_: pods_at_once.append(len(pair.api.pods))
    pair.standby.reconcile(pair.uid, None)
    assert max(pods_at_once) == 1
    assert len(pair.api.created) == 2, "the next attempt, once the first Pod was gone"


@pytest.mark.parametrize("knows_task", [True, False])
def test_a_deleted_task_gets_no_pod(*, knows_task: bool) -> None:
    pair = Pair(knows_task=knows_task)
    pair.end_pod(1, Fault.CRASH_BEFORE)
    pair.api.user_deletes_task(NAMESPACE, NAME)
    for namespace, name in list(pair.api.pods):
        pair.api.remove_pod(namespace, name)
    pair.take_over()
    assert len(pair.api.created) == 1
    assert not pair.api.pods

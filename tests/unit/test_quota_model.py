"""Many tasks and one quota, held against a list that is sorted by priority and age.

The real queue, store, reconciler and `decide` run against an API server in memory whose quota
holds a few Pods. Hypothesis chooses when tasks come, end and are cancelled, in which order woken
tasks are worked on, how late the quota's watch is, and when the operator restarts.
"""

from collections import deque
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from mltask_operator.runtime.listing import Lister
from mltask_operator.runtime.quota_queue import QuotaQueue
from mltask_operator.runtime.reconciler import Reconciler
from mltask_operator.runtime.set_aside import SetAside
from mltask_operator.runtime.store import Store
from tests.unit.quota_api import FINAL, QuotaApi
from tests.unit.simulated_operator import METRICS, finish

Json = dict[str, Any]

NAMESPACE = "team-a"
PRIORITIES: dict[str | None, int] = {None: 0, "high": 10, "low": -10}


def amounts(quota: Json) -> tuple[int, int]:
    """Return how many Pods use the quota, and how many it holds."""
    status = quota["status"]
    return int(status["used"]["pods"]), int(status["hard"]["pods"])


class Admission(RuleBasedStateMachine):
    """The tasks of one namespace, and the operator that sees to them."""

    def __init__(self) -> None:
        super().__init__()
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.ranks: dict[str, tuple[int, str, str]] = {}
        """Of every task: what it is sorted by."""
        self.waiting: set[str] = set()
        """The model: who was told that it waits for quota, and has not been admitted since."""
        self.woken: dict[str, None] = {}
        self.timers: dict[str, datetime] = {}
        self.changes: deque[Json] = deque()
        """Of the quota, which the watch has yet to show."""
        self.refusals = self.reasons_to_ask = 0

    @initialize(hard=st.integers(1, 3))
    def start(self, hard: int) -> None:
        self.api = QuotaApi(lambda: self.now, hard)
        self.api.on_event = self.see
        self.api.on_ask = self.check_turn
        self.restart()

    @rule()
    def restart(self) -> None:
        """Start the operator anew, with an empty memory."""
        self.woken.clear()
        self.timers.clear()
        self.changes.clear()
        self.store = Store(lambda: self.now)
        self.queue = QuotaQueue(self.wake, lambda name: PRIORITIES[name])
        self.reconciler = Reconciler(
            self.api,
            self.store,
            self.queue,
            lambda: self.now,
            METRICS,
            lambda _: None,
            is_crowded=lambda: False,
        )
        lister = Lister(self.api, self.store, [None], SetAside(lambda _: None))
        finish(lister.catch_up())
        self.shown = self.api.quota(NAMESPACE)
        self.queue.note_quota(None, self.shown)
        for task in self.store.waiting_for_quota():
            self.queue.park(task)
        for uid in self.ranks:
            self.wake(uid)
        self.reasons_to_ask += 1

    def wake(self, uid: str) -> None:
        self.woken[uid] = None

    def see(self, kind: str, event: str, body: Json) -> None:
        """Have the watches of tasks and Pods show each change at once."""
        uid = body["metadata"]["uid"]
        if kind == "pods":
            if event == "DELETED":
                self.store.record_pod_removed(body)
            else:
                self.store.record_pod(body)
            self.wake(body["metadata"]["ownerReferences"][0]["uid"])
            self.changes.append(self.api.quota(NAMESPACE))
        elif event == "DELETED":
            self.store.record_task_removed(uid)
            self.queue.leave(uid)
            self.wake(uid)
        else:
            self.store.record_task(body)
            self.wake(uid)
            if body["status"].get("reason") == "QuotaExceeded":
                self.waiting.add(uid)

    def check_turn(self, uid: str, has_room: bool) -> None:  # noqa: FBT001 (a callback)
        """Nobody asks, and so nobody is admitted, before those that are ahead of it in the list."""
        assert all(self.ranks[uid] <= self.ranks[other] for other in self.waiting)
        if has_room:
            self.waiting.discard(uid)
            # Whoever is the first then may ask.
            self.reasons_to_ask += 1
        else:
            self.refusals += 1

    # Users

    @rule(priority=st.sampled_from(list(PRIORITIES)))
    def come(self, priority: str | None) -> None:
        name = f"t{len(self.ranks):03}"
        pod_spec = {"priorityClassName": priority} if priority else {}
        spec = {
            "image": "i",
            "resources": {"requests": {"cpu": "1"}},
            "template": {"spec": pod_spec},
        }
        body = self.api.create_task(NAMESPACE, name, spec)
        rank = (-PRIORITIES[priority], body["metadata"]["creationTimestamp"], name)
        self.ranks[body["metadata"]["uid"]] = rank
        self.reasons_to_ask += 1

    @precondition(lambda self: self.api.tasks)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        _, name = data.draw(st.sampled_from(sorted(self.api.tasks)))
        uid = self.api.tasks[NAMESPACE, name]["metadata"]["uid"]
        self.waiting.discard(uid)
        self.api.user_deletes_task(NAMESPACE, name)
        self.reasons_to_ask += 1
        for pod in list(self.api.pods.values()):
            if pod["metadata"]["ownerReferences"][0]["uid"] == uid:
                self.api.remove_pod(NAMESPACE, pod["metadata"]["name"], grace_seconds=0)

    @rule(hard=st.integers(1, 4))
    def change_quota(self, hard: int) -> None:
        self.api.hard = hard
        self.changes.append(self.api.quota(NAMESPACE))

    # The cluster

    @precondition(lambda self: self.live_pods())
    @rule(data=st.data())
    def end_pod(self, data: st.DataObject) -> None:
        self.end(data.draw(st.sampled_from(self.live_pods())))

    @rule(count=st.sampled_from([1, 1, 100]))
    def show_quota(self, count: int) -> None:
        for _ in range(min(count, len(self.changes))):
            before, self.shown = self.shown, self.changes.popleft()
            self.queue.note_quota("MODIFIED", self.shown)
            is_release = amounts(self.shown)[0] < amounts(before)[0]
            is_other = amounts(self.shown)[1] != amounts(before)[1]
            self.reasons_to_ask += is_release or is_other

    # The operator

    @precondition(lambda self: self.woken)
    @rule(data=st.data())
    def work(self, data: st.DataObject) -> None:
        self.reconcile(data.draw(st.sampled_from(list(self.woken))))

    @rule()
    def work_all_off(self) -> None:
        while self.woken:
            self.reconcile(next(iter(self.woken)))

    @rule(seconds=st.integers(1, 40))
    def pass_time(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        for uid, due in list(self.timers.items()):
            if due <= self.now:
                del self.timers[uid]
                self.wake(uid)
                self.reasons_to_ask += 1

    def reconcile(self, uid: str) -> None:
        del self.woken[uid]
        delay = finish(self.reconciler.reconcile(uid))
        self.timers.pop(uid, None)
        if delay is not None:
            self.timers[uid] = self.now + delay

    def live_pods(self) -> list[str]:
        return sorted(
            name for (_, name), pod in self.api.pods.items() if pod["status"]["phase"] not in FINAL
        )

    def end(self, pod_name: str) -> None:
        stamp = self.now.replace(microsecond=0).isoformat()
        ended = {"exitCode": 0, "startedAt": stamp, "finishedAt": stamp}
        containers = [{"name": "main", "state": {"terminated": ended}}]
        status = {"phase": "Succeeded", "containerStatuses": containers}
        self.api.set_pod_status(pod_name, status, node="n1")

    def teardown(self) -> None:
        """Everybody's turn comes, without any timer, and there were few refusals."""
        if not hasattr(self, "api"):
            return
        for _ in range(3 * len(self.ranks) + 3):
            self.work_all_off()
            self.show_quota(100)
            self.work_all_off()
            for name in self.live_pods():
                self.end(name)
        assert not self.waiting
        assert {task["status"]["phase"] for task in self.api.tasks.values()} <= {"Succeeded"}
        assert not self.api.pods
        assert self.refusals <= self.reasons_to_ask


TestAdmission = Admission.TestCase
TestAdmission.settings = settings(max_examples=300, stateful_step_count=50)

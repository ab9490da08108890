"""A random history of a namespace: tasks, users, nodes, faults, and operators that die."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from tests.unit.faulty_api import FaultyApi
from tests.unit.simulated_kubelet import FINAL, SimulatedKubelet, current
from tests.unit.simulated_process import SimulatedProcess
from tests.unit.virtual_time import let_pass

Json = dict[str, Any]
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
MOST_TASKS = 30
SPEC: Json = {
    "image": "i",
    "resources": {"requests": {"cpu": "1"}},
    "backoff": {"baseSeconds": 1, "maxSeconds": 4},
}
VARIANTS: tuple[Json, ...] = (
    {"backoffLimit": 2},
    {"suspend": True},
    {"ttlSecondsAfterFinished": 0},
    {"ttlSecondsAfterFinished": 5},
    {"activeDeadlineSeconds": 5},
    {"pendingDeadlineSeconds": 5},
    {"steps": [{"name": "s1"}, {"name": "s2"}]},
)


class History:
    """What happens to the tasks of namespace `a`. The same seed makes the same history."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 -- no secret
        time = asyncio.get_running_loop().time
        self.clock: Callable[[], datetime] = lambda: EPOCH + timedelta(seconds=time())
        self.api = FaultyApi(self.clock, self.random.choice([1, 3, 100]), self.random)
        self.api.on_event = self._note
        self.kubelet = SimulatedKubelet(self.api)
        self.processes = [SimulatedProcess(self.api, self.clock) for _ in range(2)]
        self.problems: list[str] = []
        """What must never be, and was."""
        self._outcomes: dict[str, str] = {}
        self._unheld = False
        """Whether a user removed a finalizer: then an attempt may vanish, and be made again."""
        # A label that is removed in the very moment in which the operator dies stays unnoticed:
        # nothing lists Pods without the label.
        self._interfere = self.random.choice([self._kill_leader, self._strip_a_pod])

    async def run(self) -> None:
        """Let it all happen, then let everything come to its end undisturbed."""
        for process in self.processes:
            await self._start(process)
        self.processes[0].lead()
        for _ in range(self.random.choice([3, 10])):
            self._create()
        for _ in range(150):
            await let_pass(self.random.choice([0.1, 0.5, 1, 3]))
            await self._happen()
            self._collect_garbage()
            self._run_pods()
        await self._settle()
        for process in self.processes:
            await process.stop()

    @property
    def open_tasks(self) -> list[str]:
        """The names of the tasks that have not finished."""
        return [
            name for (_, name), t in self.api.tasks.items() if t["status"]["phase"] not in FINAL
        ]

    async def _start(self, process: SimulatedProcess) -> None:
        while True:
            try:
                return await process.start()
            except OSError:
                await let_pass(1)

    async def _settle(self) -> None:
        self.api.is_calm = True
        for (namespace, name), task in list(self.api.tasks.items()):
            if task["spec"].get("suspend"):
                self.api.change_spec(namespace, name, suspend=False)
        for _ in range(3000):
            await let_pass(1)
            self._collect_garbage()
            self._run_pods()
            if not self.open_tasks and not self.api.pods:
                return

    async def _happen(self) -> None:
        chances: tuple[tuple[float, Callable[[], Any]], ...] = (
            (0.1, self._create),
            (0.1, self._toggle_suspension),
            (0.03, self._delete_a_task),
            (0.03, self._interfere),
        )
        for chance, act in chances:
            if self.random.random() < chance and (self.api.tasks or act == self._create):
                result = act()
                if result is not None:
                    await result

    def _create(self) -> None:
        number = len(self._outcomes) + len(self.api.tasks)
        if number >= MOST_TASKS:
            return
        spec = dict(SPEC)
        for variant in VARIANTS:
            if self.random.random() < 0.15:
                spec |= variant
        name = f"t{self.random.getrandbits(40):x}"
        self.api.create_task("a", name, spec)

    def _toggle_suspension(self) -> None:
        namespace, name = self.random.choice(list(self.api.tasks))
        is_suspended = self.api.tasks[namespace, name]["spec"].get("suspend")
        self.api.change_spec(namespace, name, suspend=not is_suspended)

    def _delete_a_task(self) -> None:
        self.api.user_deletes_task(*self.random.choice(list(self.api.tasks)))

    async def _kill_leader(self) -> None:
        dead, standby = self.processes
        dead.die()
        standby.lead()
        self.processes = [standby, SimulatedProcess(self.api, self.clock)]
        await self._start(self.processes[1])

    def _strip_a_pod(self) -> None:
        if not self.api.pods:
            return
        pod = self.random.choice(list(self.api.pods))
        if self.random.random() < 0.7:
            self.api.remove_labels(*pod)
        else:
            self._unheld = True
            self.api.remove_finalizers(*pod)

    def _collect_garbage(self) -> None:
        uids = {task["metadata"]["uid"] for task in self.api.tasks.values()}
        for (namespace, name), pod in list(self.api.pods.items()):
            if _owner(pod) not in uids:
                self.api.remove_pod(namespace, name)

    def _run_pods(self) -> None:
        for pod in self.kubelet.live_pods():
            chance = 0.3 if self.api.is_calm else self.random.random()
            name = pod["metadata"]["name"]
            if "deletionTimestamp" in pod["metadata"]:
                if "nodeName" in pod["spec"] and chance < 0.5:
                    self.kubelet.kill(pod, 143, self.clock())
            elif current(pod) is None:
                if chance < 0.6:
                    self.kubelet.start(pod, self.clock())
            elif chance < 0.4:
                fails = not self.api.is_calm and self.random.random() < 0.3
                self.kubelet.end_container(pod, int(fails), self.clock())
            elif chance < 0.45:
                self.api.remove_pod("a", name)

    def _note(self, kind: str, event: str, body: Json) -> None:
        for process in self.processes:
            process.note(kind, event, body)
        if kind == "tasks":
            self._check_outcome(body)
        elif event == "ADDED":
            self._check_pods()

    def _check_outcome(self, task: Json) -> None:
        uid, phase = task["metadata"]["uid"], task["status"]["phase"]
        if self._outcomes.get(uid, phase) != phase:
            self.problems.append(f"an outcome changed: {task['metadata']['name']}")
        if phase in FINAL:
            self._outcomes[uid] = phase

    def _check_pods(self) -> None:
        owners = Counter(_owner(pod) for pod in self.api.pods.values())
        if max(owners.values()) > 1:
            self.problems.append(f"two Pods of a task: {list(self.api.pods)}")
        if len(set(self.api.created)) < len(self.api.created) and not self._unheld:
            self.problems.append(f"an attempt was made twice: {self.api.created[-1]}")


def _owner(pod: Json) -> str:
    uid: str = pod["metadata"]["ownerReferences"][0]["uid"]
    return uid

"""A namespace whose tasks wait for quota delays no other, however often the quota changes."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.api.team import Json, manifest
from tests.attack.bulk import create
from tests.attack.extent import POD_SECONDS, size
from tests.attack.forged import quota
from tests.attack.log import tracebacks
from tests.attack.record import EDITS, Record
from tests.attack.scene import Scene, peak_mib
from tests.waiting import wait_until

TASKS = size(10_000, 40)
PROBES = size(200, 4)
EDIT_SECONDS = 0.2
WAIT_SECONDS = 1800


def tasks() -> Iterator[Json]:
    """Yield tasks of which no two ask for the same resources."""
    for number in range(TASKS):
        requests = {"cpu": "100m", f"example.com/x{number}": "1"}
        yield manifest(f"t{number}", resources={"requests": requests})


@contextmanager
def editing(scene: Scene) -> Iterator[None]:
    """Have the quota changed five times a second within the block; no task ever fits."""
    is_over = threading.Event()

    def edit() -> None:
        amount = 1
        while not is_over.wait(EDIT_SECONDS):
            amount = 3 - amount
            body = {"spec": {"hard": {"requests.cpu": f"{amount}m"}}}
            path = scene.attacker.path("resourcequotas", "full")
            scene.attacker.client.request("PATCH", path, body)

    thread = threading.Thread(target=edit)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def test_a_quota_that_changes_all_the_time(scene: Scene, record: Record) -> None:
    what = f"{TASKS:,} tasks of different resources wait for a quota, edited 5 times a second"
    with record.attack(EDITS, what) as attack:
        operator = scene.start()
        create(scene.attacker, [quota("full", {"requests.cpu": "1m"})])
        wait_until(
            lambda: "used" in scene.attacker.get("resourcequota", "full").get("status", {}),
            "the quota is in force",
        )
        assert create(scene.attacker, tasks()) == TASKS
        gauge = "mltask_tasks_waiting_for_quota"
        wait_until(lambda: scene.scrape()(gauge) >= TASKS, "all wait for quota", WAIT_SECONDS)
        before = operator.log.count("\n")
        with editing(scene):
            delays = sorted(scene.measure(attack).pod for _ in range(PROBES))
        p99 = delays[-1 - len(delays) // 100]
        attack.memory = peak_mib(operator)
        lines = operator.log.count("\n") - before
        attack.seen = f"Pod after {p99:.2f} s at p99, {lines:,} log lines"
        assert p99 < POD_SECONDS
        assert tracebacks(operator) == 0, operator.log_tail()

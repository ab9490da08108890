"""How much memory the store takes for tasks that have finished and stay in the cluster."""

import json
import tracemalloc

from mltask_operator.runtime.store import Store
from tests.unit.bodies import ENDED, STARTED, Json, pod_body, task_body

TASKS = 500
BYTES_PER_TASK = 1500
"""The project's bound is 4 kB with all that Kopf keeps, which is 1 kB."""


def finished_body(number: int) -> Json:
    """Return an MLTask with much evidence, and times of its own."""
    condition = {
        "status": "True",
        "reason": "NonZeroExitCode",
        "message": "The container main ended with exit code 1",
        "lastTransitionTime": f"2026-01-01T00:{number // 60:02}:{number % 60:02}Z",
    }
    attempt = {
        "attempt": 1,
        "reason": "NonZeroExitCode",
        "podName": f"train-{number}-1",
        "startTime": STARTED,
        "completionTime": ENDED,
    }
    status = {
        "phase": "Failed",
        "attempts": 2,
        "conditions": [{**condition, "type": kind} for kind in ("Failed", "Finished")],
        "logTail": "x" * 2048,
        "history": [attempt],
    }
    body = task_body(number + 1, uid=f"{number:036}", status=status)
    # As it comes off the wire: nothing is shared with another object.
    parsed: Json = json.loads(json.dumps(body))
    return parsed


def test_a_finished_task_takes_little_memory(store: Store) -> None:
    for number in range(2):
        store.record_task(finished_body(TASKS + number))
    tracemalloc.start()
    try:
        for number in range(TASKS):
            store.record_task(finished_body(number))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(store) == TASKS + 2
    assert taken / TASKS < BYTES_PER_TASK


def test_nor_does_one_that_was_seen_from_its_beginning_to_its_end(store: Store) -> None:
    tracemalloc.start()
    try:
        for number in range(TASKS):
            body, uid = finished_body(number), f"{number:036}"
            store.record_task(task_body(0, uid=uid))
            pod = pod_body(1, owner_uid=uid, uid=f"pod-{number}")
            store.record_pod(pod)
            store.record_report(body)
            store.record_pod_removed(pod)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(store) == TASKS
    assert taken / TASKS < BYTES_PER_TASK

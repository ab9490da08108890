"""What is told of a task in Events: what matters, once, and nothing of a task that goes well."""

import json
from collections import Counter
from collections.abc import Callable
from functools import partial

from tests.api import kubelet
from tests.api.audit import OPERATOR, requests
from tests.api.operator_process import OperatorProcess
from tests.api.team import Json, Team
from tests.api.test_quota import quota
from tests.waiting import wait_until

FAILS = {"run_seconds": 0, "exit_code": 3, "message": "password: hunter2"}
AT_ONCE = {"baseSeconds": 1, "maxSeconds": 1}
MEMORY = {"requests": {"memory": "100Mi"}}


def events(team: Team, task: str) -> list[Json]:
    """Return the Events about a task, oldest first."""
    about = f"--field-selector=involvedObject.kind=MLTask,involvedObject.name={task}"
    found: list[Json] = json.loads(team.kubectl("get", "events", about, "-o", "json"))["items"]
    return sorted(found, key=lambda event: int(event["metadata"]["resourceVersion"]))


def told(team: Team, task: str) -> list[str]:
    """Return the reasons of the Events about a task, in order."""
    return [event["reason"] for event in events(team, task)]


def is_told(team: Team, task: str, *reasons: str) -> None:
    """Wait until just this has been told of the task."""
    wait_until(lambda: len(told(team, task)) >= len(reasons), f"{reasons} of {task}")
    assert told(team, task) == list(reasons)


def test_a_task_that_goes_well_makes_none(shared_team: Team) -> None:
    team = shared_team
    team.run("good", fate={"run_seconds": 1.5})
    team.run("bad", fate=FAILS)
    assert team.finish("good")["phase"] == "Succeeded"
    # Those of the other show that there would have been some by now.
    is_told(team, "bad", "Failed")
    assert told(team, "good") == []


def test_retries_and_the_failure_for_good(shared_team: Team) -> None:
    team = shared_team
    team.run("train", fate=FAILS, backoffLimit=2, backoff=AT_ONCE)
    team.finish("train")
    is_told(team, "train", "Retrying", "Retrying", "Failed")
    first, second, last = events(team, "train")
    failed = "failed (ContainerFailed): container main ended with exit code 3"
    assert first["message"] == f"attempt 1 {failed}; retry 1 of 2 follows in 1 s"
    assert second["message"] == f"attempt 2 {failed}; retry 2 of 2 follows in 1 s"
    assert last["message"] == (
        "ContainerFailed: container main ended with exit code 3; backoffLimit 2 is reached"
    )
    assert {event["type"] for event in (first, second, last)} == {"Warning"}
    assert "hunter2" not in json.dumps(events(team, "train"))
    assert last["involvedObject"] == {
        "apiVersion": "mltask.dev/v1alpha1",
        "kind": "MLTask",
        "name": "train",
        "namespace": team.namespace,
        "uid": team.get("mltask", "train")["metadata"]["uid"],
        "resourceVersion": team.get("mltask", "train")["metadata"]["resourceVersion"],
    }


def test_an_eviction(shared_team: Team) -> None:
    team = shared_team
    team.run("evicted")
    team.wait_for_phase("evicted", "Running")
    pod = team.status("evicted")["podName"]
    team.evict(pod)
    team.wait("evicted", "jsonpath={.status.attempts}=2")
    kubelet.end(team, "evicted", attempt=2)
    assert team.finish("evicted")["phase"] == "Succeeded"
    is_told(team, "evicted", "Disrupted")
    [event] = events(team, "evicted")
    assert event["message"].startswith(f"attempt 1 was disrupted (PodEvicted): Pod {pod}: ")


def test_a_deadline(shared_team: Team) -> None:
    shared_team.run("too-long", activeDeadlineSeconds=1)
    shared_team.finish("too-long")
    is_told(shared_team, "too-long", "DeadlineExceeded", "Failed")
    passed, last = events(shared_team, "too-long")
    assert passed["message"] == (
        "attempt 1 ran longer than activeDeadlineSeconds (1), and is told to end"
    )
    assert last["message"] == "DeadlineExceeded: ran longer than activeDeadlineSeconds (1)"


def test_more_memory(shared_team: Team) -> None:
    team = shared_team
    growth = {"memoryFactor": 2, "maxMemory": "200Mi"}
    team.run("hungry", resources=MEMORY, onOutOfMemory=growth)
    kubelet.end(team, "hungry", 1, 137, "OOMKilled")
    kubelet.end(team, "hungry", 2)
    assert team.finish("hungry")["phase"] == "Succeeded"
    is_told(team, "hungry", "MemoryIncreased")
    [event] = events(team, "hungry")
    assert event["type"] == "Normal"
    assert event["message"] == (
        "attempt 1 ran out of memory: it asked for 100Mi, the next one asks for 200Mi"
    )


def test_a_wait_for_quota_with_many_refusals(team: Team, operator: OperatorProcess) -> None:
    quota(team, pods="1")
    team.run("first")
    team.wait_for_phase("first", "Running")
    team.run("second", fate={"run_seconds": 0})
    team.run("third", fate={"run_seconds": 0})
    for name in ("second", "third"):
        team.wait_for_reason(name, "QuotaExceeded")
    wait_until(lambda: refusals(team)["second"] >= 4, "it has been refused several times")
    kubelet.end(team, "first")
    for name in ("second", "third"):
        assert team.finish(name)["phase"] == "Succeeded"
        is_told(team, name, "QuotaExceeded")
    [event] = events(team, "second")
    assert event["message"].startswith("attempt 1: ")
    assert "exceeded quota: compute" in event["message"]


def refusals(team: Team) -> Counter[str]:
    """Count the refused creations of Pods by task."""
    refused = [
        name
        for kind, name, code in requests(team, OPERATOR)
        if kind == "create pods" and code == 403
    ]
    return Counter(name.rsplit("-", 2)[0] for name in refused)


def test_who_waits_for_the_same_attempt_again_is_not_told_of_again(
    team: Team, operator: OperatorProcess
) -> None:
    quota(team, pods="0")
    team.run("train")
    team.wait_for_reason("train", "QuotaExceeded")
    for is_suspended, reason in ((True, "Suspended"), (False, "QuotaExceeded")):
        patch = json.dumps({"spec": {"suspend": is_suspended}})
        team.kubectl("patch", "mltask", "train", "--type=merge", f"--patch={patch}")
        team.wait_for_reason("train", reason)
    # The API server refuses a second Event of the name.
    wait_until(lambda: answers(team) == [201, 409], "it was posted again")
    assert told(team, "train") == ["QuotaExceeded"]


def answers(team: Team) -> list[int]:
    """Return how the API server answered to each Event that the operator posted."""
    return [code for kind, _, code in requests(team, OPERATOR) if kind == "create events"]


def has_failed(team: Team, count: int) -> bool:
    """Whether status says that the task has failed so often."""
    return bool(team.status("train").get("failures") == count)


def test_two_operators_and_one_that_is_killed_tell_nothing_twice(
    team: Team, start_operator: Callable[[Team], OperatorProcess]
) -> None:
    operators = [start_operator(team), start_operator(team)]
    team.run("train", backoffLimit=3, backoff=AT_ONCE)
    for attempt in (1, 2, 3, 4):
        kubelet.end(team, "train", attempt, exit_code=3)
        wait_until(partial(has_failed, team, attempt), "it has failed")
        if attempt < 4:
            # A kill may swallow an Event, and the last one must come.
            operators.pop(0).kill()
            operators.append(start_operator(team))
    team.finish("train")
    wait_until(lambda: told(team, "train")[-1:] == ["Failed"], "the last one is told")
    names = [event["metadata"]["name"] for event in events(team, "train")]
    assert len(names) == len(set(names)), "a kill may swallow an Event, and doubles none"
    assert Counter(told(team, "train"))["Retrying"] <= 3
    assert {event["count"] for event in events(team, "train")} == {1}

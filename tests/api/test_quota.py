"""Waiting for quota: who comes next, who does not hold up others, and at what price in requests."""

import itertools
import json
from collections import Counter
from collections.abc import Callable

import pytest

from localcluster import ClusterError
from mltask_operator.runtime.controller import WORKERS
from tests.api.audit import OPERATOR, requests
from tests.api.operator_process import OperatorProcess
from tests.api.team import Json, Team, manifest
from tests.waiting import BOUND, wait_until

GPU = "nvidia.com/gpu"
TASKS = 300


def quota(team: Team, **hard: str) -> None:
    """Create the team's ResourceQuota `compute`, or change it."""
    apply(team, {name.replace("_", "."): amount for name, amount in hard.items()})
    wait_until(lambda: is_enforced(team), "the quota is enforced")


def apply(team: Team, hard: dict[str, str]) -> None:
    """Have the team's ResourceQuota `compute` say this."""
    metadata = {"name": "compute"}
    spec = {"hard": hard}
    team.apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": spec})


def is_enforced(team: Team) -> bool:
    """Whether the quota controller has taken up what the quota says."""
    body = team.get("resourcequota", "compute")
    status = body.get("status", {})
    return bool(status.get("hard") == body["spec"]["hard"] and status.get("used"))


def order_of_creation(team: Team) -> list[str]:
    """Return the names of the tasks in the order in which their Pods were created."""
    created = [
        name
        for kind, name, code in requests(team, OPERATOR)
        if kind == "create pods" and code == 201
    ]
    return [name.rsplit("-", 2)[0] for name in created]


def creations(team: Team) -> Counter[int]:
    """Count the operator's creations of Pods by the answer's code."""
    return Counter(code for kind, _, code in requests(team, OPERATOR) if kind == "create pods")


def priority_class(team: Team, value: int) -> str:
    """Create a PriorityClass of the team's own, and return its name."""
    name = f"{team.namespace}-{value}"
    team.kubectl("create", "priorityclass", name, f"--value={value}")
    return name


def of_priority(name: str) -> Json:
    """Return a template with this PriorityClass."""
    return {"spec": {"priorityClassName": name}}


def test_a_task_waits_visibly_and_costs_one_write_for_it(
    team: Team, operator: OperatorProcess
) -> None:
    quota(team, pods="1")
    team.run("first", fate={"run_seconds": 4})
    team.pod_of("first")
    team.run("second", fate={"run_seconds": 0.2})
    team.wait_for_reason("second", "QuotaExceeded")
    waiting = team.status("second")
    assert waiting["phase"] == "Pending"
    assert "exceeded quota: compute" in waiting["message"]
    assert team.finish("second")["phase"] == "Succeeded"
    patched = [name for kind, name, _ in requests(team, OPERATOR) if kind == "patch mltasks/status"]
    # That it waits, its outcome, and where the machine is slow that it runs.
    assert patched.count("second") <= 3


def test_hundreds_of_tasks_through_a_quota_of_ten(
    team: Team, start_operator: Callable[[Team], OperatorProcess]
) -> None:
    quota(team, pods="10")
    team.apply(*(manifest(f"t{i}", fate={"run_seconds": 0.5}) for i in range(TASKS)))
    start_operator(team)
    team.wait_until_finished(TASKS, 2 * BOUND)
    asked = creations(team)
    assert asked[201] == TASKS
    # For a release one refusal at the most, in the beginning one for each worker, and few pauses.
    assert asked[403] <= TASKS + WORKERS
    waited = sum(
        kind == "patch mltasks/status" and code == 200 for kind, _, code in requests(team, OPERATOR)
    )
    assert waited <= 3 * TASKS, "that it waits, perhaps that it runs, and its outcome"


def test_the_highest_priority_comes_first_and_then_the_oldest(
    team: Team, start_operator: Callable[[Team], OperatorProcess]
) -> None:
    quota(team, pods="1")
    high, low = priority_class(team, 1000), priority_class(team, -10)
    operator = start_operator(team)
    team.run("running")
    team.wait_for_phase("running", "Running")
    for name, template in (
        ("low", of_priority(low)),
        ("none", None),
        ("high-old", of_priority(high)),
        ("high-young", of_priority(high)),
    ):
        team.run(name, template=template, fate={"run_seconds": 0.1})
        team.wait_for_reason(name, "QuotaExceeded")
    # A restart keeps the order.
    operator.stop()
    start_operator(team)
    team.kubectl("delete", "mltask", "running")
    for name in ("low", "none", "high-old", "high-young"):
        assert team.finish(name)["phase"] == "Succeeded"
    assert order_of_creation(team)[1:] == ["high-old", "high-young", "none", "low"]
    team.kubectl("delete", "priorityclass", high, low)


def test_a_task_too_large_for_the_quota_holds_up_nobody(
    team: Team, operator: OperatorProcess
) -> None:
    quota(team, requests_cpu="2")
    team.run("huge", resources={"requests": {"cpu": "3"}}, fate={"run_seconds": 0.1})
    team.wait_for_reason("huge", "QuotaExceeded")
    assert "more than the quota holds in all" in team.status("huge")["message"]
    team.run("small", resources={"requests": {"cpu": "2"}}, fate={"run_seconds": 0.1})
    assert team.finish("small")["phase"] == "Succeeded"
    quota(team, requests_cpu="4")
    assert team.finish("huge")["phase"] == "Succeeded"


def test_a_large_task_is_not_overtaken_for_ever_by_small_ones(
    team: Team, operator: OperatorProcess
) -> None:
    quota(team, requests_cpu="2")
    team.run("running", resources={"requests": {"cpu": "1"}}, fate={"run_seconds": 6})
    team.wait_for_phase("running", "Running")
    team.run("large", resources={"requests": {"cpu": "2"}}, fate={"run_seconds": 0.1})
    team.wait_for_reason("large", "QuotaExceeded")
    # It would fit beside the running one, and would keep the large one waiting.
    team.run("small", resources={"requests": {"cpu": "1"}}, fate={"run_seconds": 0.1})
    team.wait_for_reason("small", "QuotaExceeded")
    assert "after large" in team.status("small")["message"]
    for name in ("large", "small"):
        team.finish(name)
    assert order_of_creation(team) == ["running", "large", "small"]


def test_who_waits_for_gpus_does_not_hold_up_who_needs_none(
    team: Team, operator: OperatorProcess
) -> None:
    quota(team, **{f"requests.{GPU}": "1"})
    gpu = {"requests": {"cpu": "100m", GPU: 1}}
    team.run("gpu-running", resources=gpu)
    team.wait_for_phase("gpu-running", "Running")
    team.run("gpu-waiting", resources=gpu, fate={"run_seconds": 0.1})
    team.wait_for_reason("gpu-waiting", "QuotaExceeded")
    team.run("plain", fate={"run_seconds": 0.1})
    assert team.finish("plain")["phase"] == "Succeeded"
    assert team.status("gpu-waiting")["reason"] == "QuotaExceeded"
    team.kubectl("delete", "mltask", "gpu-running")
    assert team.finish("gpu-waiting")["phase"] == "Succeeded"


def test_who_waits_holds_up_only_those_whom_the_same_quota_counts(
    team: Team, operator: OperatorProcess
) -> None:
    spec = {"hard": {"pods": "1"}, "scopes": ["NotTerminating"]}
    metadata = {"name": "compute"}
    team.apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": spec})
    wait_until(lambda: is_enforced(team), "the quota is enforced")
    team.run("running")
    team.wait_for_phase("running", "Running")
    team.run("waiting", fate={"run_seconds": 0.1})
    team.wait_for_reason("waiting", "QuotaExceeded")
    short = {"spec": {"activeDeadlineSeconds": 600}}
    team.run("short", template=short, fate={"run_seconds": 0.1})
    assert team.finish("short")["phase"] == "Succeeded"
    assert team.status("waiting")["reason"] == "QuotaExceeded"


def test_what_others_release_counts_too(team: Team, operator: OperatorProcess) -> None:
    quota(team, pods="1")
    team.kubectl("run", "foreign", "--image=foreign:1")
    team.kubectl("wait", "--for=condition=Ready", "pod/foreign")
    team.run("train", fate={"run_seconds": 0.1})
    team.wait_for_reason("train", "QuotaExceeded")
    team.kubectl("delete", "pod", "foreign", "--grace-period=1")
    assert team.finish("train")["phase"] == "Succeeded"


def test_a_quota_that_goes_lets_everyone_in(team: Team, operator: OperatorProcess) -> None:
    quota(team, pods="0")
    names = [f"t{i}" for i in range(5)]
    team.apply(*(manifest(name, fate={"run_seconds": 0.1}) for name in names))
    for name in names:
        team.wait_for_reason(name, "QuotaExceeded")
    team.kubectl("delete", "resourcequota", "compute")
    for name in names:
        assert team.finish(name)["phase"] == "Succeeded"


def test_a_suspended_or_deleted_task_leaves_the_queue(
    team: Team, operator: OperatorProcess
) -> None:
    quota(team, pods="1")
    team.run("running", fate={"run_seconds": 5})
    team.wait_for_phase("running", "Running")
    for name in ("suspended", "deleted", "last"):
        team.run(name, fate={"run_seconds": 0.1})
        team.wait_for_reason(name, "QuotaExceeded")
    suspend = json.dumps({"spec": {"suspend": True}})
    team.kubectl("patch", "mltask", "suspended", "--type=merge", "-p", suspend)
    team.wait_for_phase("suspended", "Suspended")
    team.kubectl("delete", "mltask", "deleted")
    assert team.finish("last")["phase"] == "Succeeded"


def test_how_many_tasks_there_may_be_is_a_quota_too(team: Team) -> None:
    counted = "count/mltasks.mltask.dev"
    changes = itertools.count(100)

    def is_counted() -> bool:
        # The quota controller looks twice a minute for kinds that are new; it takes up what a quota
        # says of one when that quota is changed next.
        apply(team, {counted: "1", "pods": str(next(changes))})
        return counted in team.get("resourcequota", "compute").get("status", {}).get("used", {})

    team.run("first")
    wait_until(is_counted, "it is counted")
    with pytest.raises(ClusterError, match="exceeded quota: compute"):
        team.run("second")

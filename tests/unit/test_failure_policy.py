"""podFailurePolicy: which rule matches an attempt, exactly as for a Pod of a batch/v1 Job.

https://kubernetes.io/docs/concepts/workloads/controllers/job/#pod-failure-policy
"""

from typing import Any

import pytest

from mltask_operator.kube.spec import rules_from
from mltask_operator.lifecycle.observed import Container, Pod
from tests.unit.builders import TaskBuilder, a_task
from tests.unit.decisions import written
from tests.unit.pods import a_pod, ended, of_steps, runs, terminated, told_to_end, waits

Json = dict[str, Any]

DISRUPTED = (("PodScheduled", "True"), ("DisruptionTarget", "True"), ("Ready", "False"))


def on_codes(operator: str, *values: int, container: str | None = None) -> Json:
    name = {"containerName": container} if container else {}
    return {"onExitCodes": {"operator": operator, "values": list(values), **name}}


def on_conditions(*patterns: Json) -> Json:
    return {"onPodConditions": list(patterns)}


def with_policy(*rules: Json) -> TaskBuilder:
    policy = {"rules": [{"action": "Fail", **rule} for rule in rules]}
    return a_task().with_rules(
        failure_policy=rules_from({"podFailurePolicy": policy}).failure_policy
    )


def matched(pod: Pod, *rules: Json, seen: TaskBuilder | None = None) -> int | None:
    """Return the index of the rule that decided over the Pod, where one did."""
    policy = with_policy(*rules).rules.failure_policy
    status = written((seen or a_task()).with_rules(failure_policy=policy).with_pod(pod))
    if status.reason != "PodFailurePolicy":
        return None
    assert status.message is not None
    return int(status.message.partition("; rule ")[2].partition(" ")[0])


def failed(*containers: Container, init: tuple[Container, ...] = ()) -> Pod:
    return ended(1, containers=containers, init_containers=init)


MAIN_3 = failed(terminated("main", 3))
MAIN_3_PROXY_0 = failed(terminated("main", 3), terminated("proxy", 0))
MAIN_3_PROXY_9 = failed(terminated("main", 3), terminated("proxy", 9))
FETCH_4 = failed(waits("main"), init=(terminated("fetch", 4),))
DISRUPTION = ended(137, disruption="EvictionByEvictionAPI", conditions=DISRUPTED)


@pytest.mark.parametrize(
    ("pod", "rule", "matches"),
    [
        (MAIN_3, on_codes("In", 3), True),
        (MAIN_3, on_codes("In", 1, 2, 3), True),
        (MAIN_3, on_codes("In", 4), False),
        (MAIN_3, on_codes("NotIn", 4), True),
        (MAIN_3, on_codes("NotIn", 3), False),
        (MAIN_3, on_codes("NotIn", 0), True),
        (MAIN_3_PROXY_0, on_codes("NotIn", 3), False),
        (MAIN_3_PROXY_0, on_codes("NotIn", 3, container="proxy"), False),
        (MAIN_3_PROXY_9, on_codes("In", 9), True),
        (MAIN_3_PROXY_9, on_codes("In", 3), True),
        (MAIN_3_PROXY_9, on_codes("NotIn", 3), True),
        (MAIN_3_PROXY_9, on_codes("NotIn", 3, 9), False),
        (MAIN_3_PROXY_9, on_codes("In", 9, container="main"), False),
        (MAIN_3_PROXY_9, on_codes("In", 9, container="proxy"), True),
        (MAIN_3_PROXY_9, on_codes("NotIn", 9, container="main"), True),
        (MAIN_3_PROXY_9, on_codes("In", 3, container="nobody"), False),
        (MAIN_3_PROXY_9, on_codes("NotIn", 1, container="nobody"), False),
        (FETCH_4, on_codes("In", 4), True),
        (FETCH_4, on_codes("In", 4, container="fetch"), True),
        (FETCH_4, on_codes("In", 4, container="main"), False),
        (failed(terminated("main", 3), init=(runs("proxy"),)), on_codes("NotIn", 3), False),
        (DISRUPTION, on_codes("In", 137), True),
    ],
)  # fmt: skip
def test_exit_codes(pod: Pod, rule: Json, *, matches: bool) -> None:
    assert (matched(pod, rule) == 0) is matches


@pytest.mark.parametrize(
    ("patterns", "matches"),
    [
        ([{"type": "DisruptionTarget"}], True),
        ([{"type": "DisruptionTarget", "status": "True"}], True),
        ([{"type": "DisruptionTarget", "status": "False"}], False),
        ([{"type": "Ready"}], False),
        ([{"type": "Ready", "status": "False"}], True),
        ([{"type": "ConfigIssue"}, {"type": "DisruptionTarget"}], True),
        ([{"type": "ConfigIssue"}, {"type": "ConfigIssue", "status": "Unknown"}], False),
    ],
)
def test_conditions(patterns: list[Json], *, matches: bool) -> None:
    assert (matched(DISRUPTION, on_conditions(*patterns)) == 0) is matches


def test_the_first_rule_that_matches_decides() -> None:
    assert matched(MAIN_3, on_codes("In", 1), on_codes("In", 3), on_codes("NotIn", 1)) == 1
    ignored = {**on_conditions({"type": "DisruptionTarget"}), "action": "Ignore"}
    assert matched(DISRUPTION, ignored, on_codes("In", 137)) is None
    assert matched(DISRUPTION, on_codes("In", 137), ignored) == 0
    counted = {**on_codes("In", 3), "action": "Count"}
    assert matched(MAIN_3, counted, on_codes("In", 3)) is None


def test_steps_are_looked_at_by_their_names() -> None:
    seen = a_task().of_steps("a", "b")
    pod = of_steps(terminated("a", 3), waits("b"))
    assert matched(pod, on_codes("In", 3, container="a"), seen=seen) == 0
    assert matched(pod, on_codes("In", 3, container="b"), seen=seen) is None


def test_a_pod_deleted_before_it_had_a_node_has_conditions_too() -> None:
    pod = a_pod(conditions=(("PodScheduled", "False"),), **told_to_end(1, grace_seconds=0))
    assert matched(pod, on_conditions({"type": "PodScheduled", "status": "False"})) == 0


def test_ignored_attempts_count_nowhere_and_cost_a_second() -> None:
    rule = {**on_codes("In", 3), "action": "Ignore"}
    status = written(with_policy(rule).with_pod(MAIN_3))
    assert (status.failures, status.disruptions, status.attempts) == (0, 0, 1)
    assert (status.phase, status.history[-1].reason) == ("Pending", "ContainerFailed")


def test_a_disruption_that_counts_is_a_failure_and_no_disruption() -> None:
    rule = {**on_conditions({"type": "DisruptionTarget"}), "action": "Count"}
    for backoff_limit, phase in ((0, "Failed"), (1, "Pending")):
        seen = with_policy(rule).with_rules(backoff_limit=backoff_limit)
        status = written(seen.with_pod(DISRUPTION))
        assert (status.phase, status.failures, status.disruptions) == (phase, 1, 0)

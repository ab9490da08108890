"""Tasks of whose end or next attempt there is something to tell."""

from mltask_operator.kube.spec import rules_from
from mltask_operator.lifecycle.announce import Notice, announce
from mltask_operator.lifecycle.rules import FailureRule, MemoryGrowth
from tests.unit.builders import TaskBuilder, a_task
from tests.unit.decisions import written
from tests.unit.pods import ended, out_of_memory
from tests.unit.statuses import running_status

MI = 2**20


def policy(rule: dict[str, object]) -> tuple[FailureRule, ...]:
    """Return a podFailurePolicy of this one rule."""
    return rules_from({"podFailurePolicy": {"rules": [rule]}}).failure_policy


CODE_3 = {"onExitCodes": {"operator": "In", "values": [3]}}
RETRIED = a_task().with_rules(backoff_limit=2)
IGNORED = a_task().with_rules(failure_policy=policy({"action": "Ignore", **CODE_3}))
HUNGRY = a_task().with_rules(
    memory=MemoryGrowth(factor=2, maximum=100 * MI, request=40 * MI, limit=None)
)
KILLED = ended(137, containers=(out_of_memory(),))
EVICTED = ended(
    143,
    disruption="EvictionByEvictionAPI",
    conditions=(("DisruptionTarget", "True"),),
)
RUNNING = a_task().with_status(running_status())


def told(seen: TaskBuilder) -> Notice | None:
    """Return what is told of the status that is to be written now."""
    return announce(seen.task, written(seen))

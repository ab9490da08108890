"""Which Pods a ResourceQuota with scopes is for."""

import pytest

from mltask_operator.lifecycle.quota_demand import NO_DEMAND
from mltask_operator.lifecycle.quota_scopes import Scopes, Selector, covers

PLAIN = NO_DEMAND
TERMINATING = PLAIN._replace(is_terminating=True)
BEST_EFFORT = PLAIN._replace(is_best_effort=True)
CROSSING = PLAIN._replace(has_cross_namespace_affinity=True)
HIGH = PLAIN._replace(priority_class="high")
ALL = (PLAIN, TERMINATING, BEST_EFFORT, CROSSING, HIGH)


def of_class(operator: str, *values: str) -> Scopes:
    return (Selector("PriorityClass", operator, values),)


@pytest.mark.parametrize(
    ("scopes", "expected"),
    [
        ((), ALL),
        ((Selector("Terminating"),), (TERMINATING,)),
        ((Selector("NotTerminating"),), (PLAIN, BEST_EFFORT, CROSSING, HIGH)),
        ((Selector("BestEffort"),), (BEST_EFFORT,)),
        ((Selector("NotBestEffort"),), (PLAIN, TERMINATING, CROSSING, HIGH)),
        ((Selector("CrossNamespacePodAffinity"),), (CROSSING,)),
        ((Selector("PriorityClass"),), (HIGH,)),
        (of_class("In", "high", "low"), (HIGH,)),
        (of_class("In", "low"), ()),
        (of_class("NotIn", "high"), (PLAIN, TERMINATING, BEST_EFFORT, CROSSING)),
        (of_class("NotIn", "low"), ALL),
        (of_class("Exists"), (HIGH,)),
        (of_class("DoesNotExist"), (PLAIN, TERMINATING, BEST_EFFORT, CROSSING)),
        (of_class("Like", "high"), ()),
        ((Selector("NotTerminating"), *of_class("In", "high")), (HIGH,)),
        ((Selector("Terminating"), *of_class("In", "high")), ()),
        ((Selector("VolumeAttributesClass", "In", ("gold",)),), ()),
        ((Selector("OfALaterKubernetes"),), ()),
    ],
)
def test_covered_pods(scopes: Scopes, expected: tuple[object, ...]) -> None:
    assert tuple(demand for demand in ALL if covers(scopes, demand, None)) == expected


def test_a_pod_without_a_class_gets_the_default_one() -> None:
    assert covers(of_class("In", "usual"), PLAIN, "usual")
    assert not covers(of_class("DoesNotExist"), PLAIN, "usual")
    assert not covers(of_class("In", "usual"), HIGH, "usual")

"""Manifests that only show to be bad, or odd, once they are to run, and what becomes of each."""

from typing import Any, NamedTuple

from tests.api.bad_manifests import KIB, memory, resources, spec, template, variables
from tests.api.bad_structures import steps
from tests.api.client import Json

BASELINE, RESTRICTED, QUOTA, LIMITS, OPEN = "baseline", "restricted", "quota", "limits", "open"
"""What the namespaces demand: a Pod Security level, a ResourceQuota, a LimitRange, or nothing."""


class Case(NamedTuple):
    """One of them: its phase and reason in the end, and words that are in the message."""

    name: str
    change: Json
    phase: str
    reason: str
    words: str
    where: str = OPEN


def pod(name: str, words: str, **pod_spec: Any) -> Case:
    """Return a case of a template with this Pod spec, which the API server finds invalid."""
    return invalid(name, template(**pod_spec), words)


def invalid(name: str, change: Json, words: str) -> Case:
    """Return a case of a Pod that the API server finds invalid."""
    return Case(name, change, "Failed", "InvalidTemplate", words)


def forbidden(name: str, change: Json, words: str, where: str = OPEN) -> Case:
    """Return a case of a Pod that admission refuses."""
    return Case(name, change, "Failed", "PodForbidden", words, where)


def waits(name: str, reason: str, change: Json, words: str, where: str = OPEN) -> Case:
    """Return a case of a task that waits."""
    return Case(name, change, "Pending", reason, words, where)


def late(name: str, reason: str, words: str, **pod_spec: Any) -> Case:
    """Return a case of a task that waits for two seconds and then has failed."""
    change = template(**pod_spec)
    change["spec"]["pendingDeadlineSeconds"] = 2
    words = f"not running within pendingDeadlineSeconds (2): {words}"
    return Case(name, change, "Failed", reason, words)


def main(**fields: Any) -> list[Json]:
    """Return the containers of a template: main, with these fields."""
    return [{"name": "main", **fields}]


HOST_PATH = [{"name": "host", "hostPath": {"path": "/etc"}}]
NO_NODE = {"disk": "tape"}

INVALID = [
    pod(
        "a mount of a volume that is not there",
        'volumeMounts[0].name: Not found: "data"',
        containers=main(volumeMounts=[{"name": "data", "mountPath": "/data"}]),
    ),
    pod(
        "a volume of no kind twice", "spec.volumes[1].name: Duplicate", volumes=[{"name": "a"}] * 2
    ),
    pod("a selector that is no label", "spec.nodeSelector: Invalid", nodeSelector={"a b": "c"}),
    pod(
        "a container without an image", "containers[1].image: Required", containers=[{"name": "x"}]
    ),
    pod(
        "an init container named main",
        'name: Duplicate value: "main"',
        initContainers=main(image="i"),
    ),
    pod(
        "a port beyond all ports",
        "containerPort",
        containers=main(ports=[{"containerPort": 70000}]),
    ),
    pod("a toleration for nothing", "tolerations[0].operator", tolerations=[{"operator": "Likes"}]),
    pod("a priority beyond int32", "int32", priority=2**40),
    pod("a negative user", "runAsUser: Invalid value: -5", securityContext={"runAsUser": -5}),
    pod("an unknown DNS policy", "spec.dnsPolicy: Unsupported value", dnsPolicy="Magic"),
    pod("a deadline of the Pod of 0", "spec.activeDeadlineSeconds", activeDeadlineSeconds=0),
    pod("a gate without a name", "spec.schedulingGates[0]", schedulingGates=[{"name": ""}]),
    pod("a node in capitals", "spec.nodeName: Invalid value", nodeName="A B"),
    invalid(
        "a label in unicode",
        spec(template={"metadata": {"labels": {"team": "ü"}}}),
        "metadata.labels: Invalid value",
    ),
    invalid(
        "annotations of 300 KiB",
        spec(template={"metadata": {"annotations": {"a": "x" * 300 * KIB}}}),
        "metadata.annotations: Too long",
    ),
    invalid("a variable in unicode", variables({"name": "GRÖSSE"}), 'Invalid value: "GRÖSSE"'),
    invalid("a variable with =", variables({"name": "A=B"}), "spec.containers[0].env[0].name"),
    invalid("a variable with an empty name", variables({"name": ""}), "env[0].name: Required"),
    invalid(
        "a variable from nowhere",
        variables({"name": "A", "valueFrom": {}}),
        "spec.containers[0].env[0].valueFrom: Invalid value",
    ),
    invalid(
        "a thousand bad variables",
        variables(*({"name": f"={'x' * 500}{n}"} for n in range(1000))),
        "spec.containers[0].env[0].name: Invalid value",
    ),
    invalid(
        "1 MiB of environment", variables({"name": "A", "value": "x" * KIB**2}), "put data into"
    ),
    invalid(
        "just below what etcd takes",
        variables({"name": "A", "value": "x" * (1536 - 4) * KIB}),
        "put data into",
    ),
    invalid(
        "steps that each get a large environment",
        steps(*(f"s{n}" for n in range(100)), env=[{"name": "A", "value": "x" * 20 * KIB}]),
        "with steps, spec.env stands in each of them",
    ),
    invalid("an unknown resource", resources({"cpu": 1, "gpu": 1}), "requests[gpu]: Invalid value"),
    invalid("half a GPU", resources({"cpu": 1, "nvidia.com/gpu": "0.5"}), "must be an integer"),
    invalid(
        "a claim that is not there",
        spec(resources={"requests": {"cpu": 1}, "claims": [{"name": "x"}]}),
        'resources.claims[0]: Not found: "x"',
    ),
]
FORBIDDEN = [
    forbidden("an unknown priority class", template(priorityClassName="urgent"), "name urgent"),
    forbidden("an unknown runtime class", template(runtimeClassName="vm"), 'RuntimeClass "vm"'),
    forbidden("a host path", template(volumes=HOST_PATH), "hostPath volumes", BASELINE),
    forbidden(
        "a privileged container",
        template(containers=main(securityContext={"privileged": True})),
        'violates PodSecurity "baseline:latest": privileged',
        BASELINE,
    ),
    forbidden("root", spec(), 'violates PodSecurity "restricted:latest"', RESTRICTED),
    forbidden("no limits under a quota of limits", spec(), "must specify limits.cpu", QUOTA),
    forbidden(
        "more than a LimitRange",
        resources({"cpu": 2}, {"cpu": 2}),
        "maximum cpu usage per Container",
        LIMITS,
    ),
]
WAITING = [
    waits(
        "an unknown service account",
        "ServiceAccountNotFound",
        template(serviceAccountName="trainer"),
        'serviceaccount "trainer" not found',
    ),
    waits(
        "a service account in capitals",
        "ServiceAccountNotFound",
        template(serviceAccountName="A B"),
        'serviceaccount "A B" not found',
    ),
    waits(
        "a runtime class without a name",
        "ApiServerFailed",
        template(runtimeClassName=""),
        "resource name may not be empty",
    ),
    waits(
        "a task larger than its quota",
        "QuotaExceeded",
        resources({"cpu": 8}, {"cpu": 8}),
        "more than the quota holds in all",
        QUOTA,
    ),
    waits(
        "a node like no other",
        "Unschedulable",
        template(nodeSelector=NO_NODE),
        "nodes are available",
    ),
    waits(
        "all the memory there can be", "Unschedulable", resources({"memory": 2**63 - 1}), "memory"
    ),
    waits(
        "growth to all the memory there can be",
        "Unschedulable",
        memory({"maxMemory": "8Ei"}, {"memory": "7Ei"}),
        "Insufficient memory",
    ),
    waits(
        "a claim of storage that is not there",
        "Unschedulable",
        template(volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": "digits"}}]),
        'persistentvolumeclaim "digits" not found',
    ),
    waits(
        "a gate that nobody lifts",
        "SchedulingGated",
        template(schedulingGates=[{"name": "example.com/review"}]),
        "non-empty scheduling gates",
    ),
    Case("a bad template, suspended", spec(suspend=True), "Suspended", "Suspended", "suspend"),
    late(
        "an unknown scheduler",
        "Unattended",
        "no scheduler has taken up the Pod; its schedulerName is oracle",
        schedulerName="oracle",
    ),
    late("an unknown node", "Unattended", "node nowhere has not taken up", nodeName="nowhere"),
    late(
        "a node like no other, for a while",
        "Unschedulable",
        "0/",
        nodeSelector=NO_NODE,
    ),
]
ODD = [
    Case(name, change, "Succeeded", "Completed", "")
    for name, change in (
        ("a name of 63 characters", {"metadata": {"name": "n" * 63}}),
        ("a name with dots", {"metadata": {"name": "v1.2-" + "n" * 40 + "." + "n" * 10}}),
        ("unicode in a value", variables({"name": "A", "value": "träning \u2603 \U0001f600"})),
        ("half a MiB of environment", variables({"name": "A", "value": "x" * 512 * KIB})),
        ("a variable twice", variables({"name": "A", "value": "1"}, {"name": "A", "value": "2"})),
        ("100 steps", steps(*(f"s{n}" for n in range(100)))),
        ("a step named main", steps("main", "last")),
        ("no memory at all", resources({"memory": 0})),
        ("a negative grace period", template(terminationGracePeriodSeconds=-5)),
        ("an empty Pod in the template", template()),
    )
]
# One for each namespace, and after all others.
GOOD = [
    Case(
        f"a good task, {where}",
        resources({"cpu": "100m"}, {"cpu": "100m"}),
        "Succeeded",
        "Completed",
        "",
        where,
    )
    for where in (OPEN, BASELINE, QUOTA, LIMITS)
]
CASES = INVALID + FORBIDDEN + WAITING + ODD + GOOD

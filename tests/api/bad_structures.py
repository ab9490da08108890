"""More manifests that are refused at `kubectl apply`: steps, failure policies, templates."""

from typing import Any

from tests.api.bad_manifests import Row, changed, spec, template
from tests.api.client import Json

__all__ = ["REFUSED", "changed", "steps"]


def steps(*each: Any, **fields: Any) -> Json:
    """Return a change: these steps, given as objects or by name alone."""
    return spec(steps=[{"name": s} if isinstance(s, str) else s for s in each], **fields)


def rule(**fields: Any) -> Json:
    """Return a change: a failure policy of one rule."""
    return spec(podFailurePolicy={"rules": [{"action": "Fail", **fields}]})


def exit_codes(values: Any, operator: str = "In", **fields: Any) -> Json:
    """Return a change: a failure policy of one rule about exit codes."""
    return rule(onExitCodes={"operator": operator, "values": values, **fields})


CONDITIONS = [{"type": "DisruptionTarget"}]
RULE = "spec.podFailurePolicy.rules[0]"

STEPS: list[Row] = [
    ("no steps", steps(), "spec.steps in body should have at least 1 items"),
    ("101 steps", steps(*(f"s{n}" for n in range(101))), "spec.steps: Too many: 101"),
    ("steps that are a map", spec(steps={"a": {}}), "spec.steps"),
    ("steps that are names", spec(steps=["a", "b"]), "spec.steps[0]"),
    ("a nameless step", steps({"image": "i"}), "spec.steps[0].name: Required value"),
    ("a step with an empty name", steps(""), "spec.steps[0].name"),
    ("two steps of one name", steps("a", "b", "a"), "spec.steps[2]: Duplicate value"),
    ("a step in capitals", steps("Prepare"), "spec.steps[0].name in body should match"),
    ("a step with an underscore", steps("step_1"), "spec.steps[0].name in body should match"),
    ("a step in unicode", steps("schön"), "spec.steps[0].name in body should match"),
    ("a step of 64 characters", steps("s" * 64), "spec.steps[0].name: Too long"),
    ("a misspelt field of a step", steps({"name": "a", "cmd": []}), '"spec.steps[0].cmd"'),
    ("a step's image with a space", steps({"name": "a", "image": "a b"}), "spec.steps[0].image"),
    ("a step's own resources", steps({"name": "a", "resources": {}}), "spec.steps[0].resources"),
    (
        "steps and a command",
        steps("a", command=["train"]),
        "spec.steps: Invalid value: with steps, command and args belong to each of them",
    ),
    ("steps and arguments", steps("a", args=[]), "command and args belong to each of them"),
    (
        "a policy for steps without steps",
        spec(stepFailurePolicy="Continue"),
        "spec.stepFailurePolicy: Invalid value: stepFailurePolicy is for tasks with steps",
    ),
    ("a misspelt policy for steps", steps("a", stepFailurePolicy="stop"), "spec.stepFailurePolicy"),
    (
        "a step named like a sidecar",
        steps("proxy", template={"spec": {"containers": [{"name": "proxy", "image": "p"}]}}),
        "a step must not have the name of one of the template's containers",
    ),
    (
        "a step named like an init container",
        steps("main", template={"spec": {"initContainers": [{"name": "main", "image": "p"}]}}),
        "a step must not have the name of one of the template's initContainers",
    ),
]
POLICIES: list[Row] = [
    ("a policy that is a list", spec(podFailurePolicy=[]), "spec.podFailurePolicy"),
    ("a policy without rules", spec(podFailurePolicy={}), "podFailurePolicy.rules: Required"),
    ("no rules", spec(podFailurePolicy={"rules": []}), "spec.podFailurePolicy.rules"),
    (
        "21 rules",
        spec(podFailurePolicy={"rules": [{"action": "Fail", "onPodConditions": CONDITIONS}] * 21}),
        "spec.podFailurePolicy.rules: Too many: 21",
    ),
    ("a rule without an action", rule(action=None), f"{RULE}.action"),
    ("an action of another API", rule(action="FailIndex"), f"{RULE}.action: Unsupported value"),
    ("a rule for nothing", rule(), f"{RULE}: Invalid value: a rule has either onExitCodes or"),
    (
        "a rule for both",
        rule(onExitCodes={"operator": "In", "values": [1]}, onPodConditions=CONDITIONS),
        f"{RULE}: Invalid value: a rule has either onExitCodes or onPodConditions",
    ),
    (
        "0 as a failure",
        exit_codes([1, 0]),
        f"{RULE}.onExitCodes.values: Invalid value: exit code 0",
    ),
    ("no exit codes", exit_codes([]), f"{RULE}.onExitCodes.values"),
    ("256 exit codes", exit_codes([*range(1, 257)]), f"{RULE}.onExitCodes.values: Too many"),
    ("an exit code twice", exit_codes([1, 2, 1]), f"{RULE}.onExitCodes.values[2]: Duplicate value"),
    ("an exit code in words", exit_codes(["SIGKILL"]), f"{RULE}.onExitCodes.values[0]"),
    ("a huge exit code", exit_codes([2**31]), f"{RULE}.onExitCodes.values[0]"),
    ("an unknown operator", exit_codes([1], operator="Exists"), f"{RULE}.onExitCodes.operator"),
    (
        "exit codes of a container that is not there",
        exit_codes([1], containerName="mian"),
        "containerName must be main, a step, or a container of the template",
    ),
    ("no conditions", rule(onPodConditions=[]), f"{RULE}.onPodConditions"),
    (
        "a condition of no type",
        rule(onPodConditions=[{"status": "True"}]),
        f"{RULE}.onPodConditions[0].type: Required value",
    ),
    (
        "a condition that is perhaps so",
        rule(onPodConditions=[{"type": "Ready", "status": "Perhaps"}]),
        f"{RULE}.onPodConditions[0].status: Unsupported value",
    ),
]
TEMPLATES: list[Row] = [
    ("a restart policy", template(restartPolicy="OnFailure"), "restartPolicy must be Never"),
    (
        "two containers named main",
        template(containers=[{"name": "main"}, {"name": "main"}]),
        "spec.template.spec.containers[1]: Duplicate value",
    ),
    (
        "a container of 64 characters",
        template(containers=[{"name": "c" * 64}]),
        "spec.template.spec.containers[0].name: Too long",
    ),
    (
        "65 containers",
        template(containers=[{"name": f"c{n}"} for n in range(65)]),
        "spec.template.spec.containers: Too many: 65",
    ),
    (
        "a nameless container",
        template(containers=[{"image": "i"}]),
        "spec.template.spec.containers[0].name: Required value",
    ),
    (
        "a misspelt field deep in the template",
        template(volumes=[{"name": "data", "emptyDirs": {}}]),
        'unknown field "spec.template.spec.volumes[0].emptyDirs"',
    ),
    (
        "a size that is none",
        template(volumes=[{"name": "data", "emptyDir": {"sizeLimit": "1 GB"}}]),
        "spec.template.spec.volumes[0].emptyDir.sizeLimit",
    ),
    (
        "a Pod's name in the template",
        spec(template={"metadata": {"name": "x"}}),
        'unknown field "spec.template.metadata.name"',
    ),
    (
        "a number as an annotation",
        spec(template={"metadata": {"annotations": {"a": 1}}}),
        "spec.template.metadata.annotations.a",
    ),
    (
        "ephemeral containers",
        template(ephemeralContainers=[]),
        'unknown field "spec.template.spec.ephemeralContainers"',
    ),
    ("a list as nodeSelector", template(nodeSelector=["a"]), "spec.template.spec.nodeSelector"),
    ("a map as containers", template(containers={"main": {}}), "spec.template.spec.containers"),
    ("a text as hostNetwork", template(hostNetwork="no"), "spec.template.spec.hostNetwork"),
]
REFUSED = STEPS + POLICIES + TEMPLATES

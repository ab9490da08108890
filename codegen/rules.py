"""CEL rules: what the API server checks at `kubectl apply`, so that nothing needs a webhook."""

from collections.abc import Iterable

from mltask_operator.api import names
from mltask_operator.api.failures import DEFAULT_BASE_SECONDS, LEAST_MEMORY_FACTOR

Rule = dict[str, str]

MUTABLE = ("activeDeadlineSeconds", "suspend", "ttlSecondsAfterFinished")
"""Fields of the spec that may be changed at any time."""

ROOT_RULES = [
    {
        "rule": f"self.metadata.name.size() <= {names.MAX_TASK_NAME_LENGTH}",
        "message": f"the name must have at most {names.MAX_TASK_NAME_LENGTH} characters, since it "
        "is a label value on the task's Pod",
    }
]


def _is_unreadable(amount: str) -> str:
    """Return a condition on an amount that the schema's pattern refuses, and no rule must read.

    Rules are judged also where a pattern does not match, and `quantity('1e-999999999')` keeps an
    API server busy for half a minute.
    """
    return f"string({amount}).matches('[eE][+-]?[0-9]{{3}}')"


AMOUNT_RULES = [
    {
        # Larger ones are not refused by Kubernetes: it schedules them as if they asked for nothing.
        "rule": f"{_is_unreadable('self')} || "
        "(!quantity(string(self)).isLessThan(quantity('0')) && "
        "!quantity(string(self)).isGreaterThan(quantity('9223372036854775807')))",
        "message": "an amount is at least 0 and at most 9223372036854775807",
    }
]
RESOURCES_RULES = [
    {
        "rule": "has(self.requests) && ('cpu' in self.requests || 'memory' in self.requests)",
        "message": "requests must have at least cpu or memory: they are the task's allocation",
    },
    {
        "rule": "!has(self.requests) || !has(self.limits) || self.requests.all(r, "
        f"!(r in self.limits) || {_is_unreadable('self.requests[r]')} || "
        f"{_is_unreadable('self.limits[r]')} || "
        "quantity(string(self.requests[r])).compareTo(quantity(string(self.limits[r]))) <= 0)",
        "message": "a request must not be larger than the limit of the same resource",
    },
]
POD_SPEC_RULES = [
    {
        "rule": "!has(self.restartPolicy) || self.restartPolicy == 'Never'",
        "message": "restartPolicy must be Never or absent: a retry is a further attempt, never a "
        "restart in place",
        "fieldPath": ".restartPolicy",
    }
]
BACKOFF_RULES = [
    {
        "rule": "self.baseSeconds <= self.maxSeconds",
        "message": "maxSeconds must not be less than baseSeconds "
        f"({DEFAULT_BASE_SECONDS} by default)",
        "fieldPath": ".maxSeconds",
    }
]
GROWTH_RULES = [
    {
        # The schema says so too, but the API server cuts a bound to a whole number where the value
        # is one, and so lets 1 pass.
        "rule": f"self.memoryFactor >= {LEAST_MEMORY_FACTOR}",
        "message": f"memoryFactor must be at least {LEAST_MEMORY_FACTOR}: memory has to grow",
        "fieldPath": ".memoryFactor",
    }
]
FAILURE_RULE_RULES = [
    {
        "rule": "has(self.onExitCodes) != has(self.onPodConditions)",
        "message": "a rule has either onExitCodes or onPodConditions",
    }
]
EXIT_CODES_RULES = [
    {
        "rule": "self.operator != 'In' || !(0 in self.values)",
        "message": "exit code 0 is no failure: it can't be among the values of In",
        "fieldPath": ".values",
    }
]


def _template_names(part: str) -> str:
    containers = f"self.template.spec.{part}"
    is_there = f"has(self.template) && has(self.template.spec) && has({containers})"
    return f"({is_there} ? {containers}.map(c, c.name) : [])"


def _growth_rule(part: str) -> Rule:
    memory, maximum = f"self.resources.{part}['memory']", "self.onOutOfMemory.maxMemory"
    return {
        "rule": f"!has(self.onOutOfMemory) || !has(self.resources.{part}) || "
        f"!('memory' in self.resources.{part}) || {_is_unreadable(memory)} || "
        f"{_is_unreadable(maximum)} || "
        f"quantity(string({memory})).compareTo(quantity(string({maximum}))) <= 0",
        "message": f"maxMemory must not be less than memory in resources.{part}",
        "fieldPath": ".onOutOfMemory.maxMemory",
    }


_OWN_NAMES = f"(has(self.steps) ? self.steps.map(s, s.name) : ['{names.MAIN_CONTAINER}'])"

SPEC_RULES = [
    {
        "rule": "!has(self.steps) || (!has(self.command) && !has(self.args))",
        "message": "with steps, command and args belong to each of them",
        "fieldPath": ".steps",
    },
    {
        "rule": "!has(self.stepFailurePolicy) || has(self.steps)",
        "message": "stepFailurePolicy is for tasks with steps",
        "fieldPath": ".stepFailurePolicy",
    },
    *(
        {
            "rule": f"!has(self.steps) || {_template_names(part)}.all(name, "
            f"name == '{replaced}' || self.steps.all(s, s.name != name))",
            "message": f"a step must not have the name of one of the template's {part}",
            "fieldPath": ".steps",
        }
        for part, replaced in (("containers", names.MAIN_CONTAINER), ("initContainers", ""))
    ),
    {
        "rule": "!has(self.podFailurePolicy) || self.podFailurePolicy.rules.all(r, "
        "!has(r.onExitCodes) || !has(r.onExitCodes.containerName) || "
        f"r.onExitCodes.containerName in {_OWN_NAMES} + {_template_names('containers')}"
        f" + {_template_names('initContainers')})",
        "message": "containerName must be main, a step, or a container of the template",
        "fieldPath": ".podFailurePolicy.rules",
    },
    {
        "rule": "!has(self.onOutOfMemory) || ["
        "has(self.resources.requests) && 'memory' in self.resources.requests, "
        "has(self.resources.limits) && 'memory' in self.resources.limits].exists(x, x)",
        "message": "onOutOfMemory needs memory in resources.requests or resources.limits",
        "fieldPath": ".onOutOfMemory",
    },
    *(_growth_rule(part) for part in ("requests", "limits")),
]


def immutability(fields: Iterable[str], required: Iterable[str]) -> list[Rule]:
    """Return a rule for each field of the spec that keeps it as it was created."""
    rules = []
    for field in fields:
        if field in MUTABLE:
            continue
        unchanged = f"self.{field} == oldSelf.{field}"
        if field not in required:
            unchanged = (
                f"has(self.{field}) == has(oldSelf.{field}) && (!has(self.{field}) || {unchanged})"
            )
        rules.append(
            {
                "rule": unchanged,
                "message": f"{field} is immutable: delete the MLTask and create it anew",
                "fieldPath": f".{field}",
            }
        )
    return rules

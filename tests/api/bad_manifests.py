"""Manifests that are refused at `kubectl apply`: what is wrong with each, and what is said of it.

A row changes a good MLTask: each field that it names is replaced, or taken out where it is None.
"""

from typing import Any

from tests.api.team import Json, manifest

Row = tuple[str, Json, str]
"""A name, a change, and words of the refusal: they say which field it is about."""
KIB = 1024
GOOD = manifest("good", fate={"run_seconds": 1})


def spec(**fields: Any) -> Json:
    """Return a change of these fields of the spec."""
    return {"spec": fields}


def template(**pod_spec: Any) -> Json:
    """Return a change: a template with this Pod spec."""
    return spec(template={"metadata": GOOD["spec"]["template"]["metadata"], "spec": pod_spec})


def resources(requests: Any, limits: Any = None) -> Json:
    """Return a change of the resources."""
    return spec(resources={"requests": requests, **({"limits": limits} if limits else {})})


def memory(grows: Any, requests: Json, limits: Json | None = None) -> Json:
    """Return a change: a task whose memory is to grow."""
    change = resources(requests, limits)
    change["spec"]["onOutOfMemory"] = grows
    return change


def variables(*each: Json) -> Json:
    """Return a change: this environment."""
    return spec(env=list(each))


def changed(name: str, change: Json) -> Json:
    """Return a good MLTask of this name with the change."""
    body = {**GOOD, "metadata": {"name": name}}
    for part, fields in change.items():
        if isinstance(fields, dict):
            fields = {**body.get(part, {}), **fields}
            fields = {field: value for field, value in fields.items() if value is not None}
        body[part] = fields
    return body


NAMES: list[Row] = [
    (f"a name of {n} characters", {"metadata": {"name": "n" * n}}, words)
    for n, words in (
        (64, "the name must have at most 63 characters"),
        (253, "the name must have at most 63 characters"),
        (254, "metadata.name: Invalid value"),
    )
] + [
    ("no name", {"metadata": {"name": None}}, "metadata.name: Required value"),
    ("a name in capitals", {"metadata": {"name": "Train"}}, "metadata.name: Invalid value"),
    ("a name in unicode", {"metadata": {"name": "träning"}}, "metadata.name: Invalid value"),
    ("a label in unicode", {"metadata": {"labels": {"team": "ü"}}}, "metadata.labels: Invalid"),
    ("a long label", {"metadata": {"labels": {"team": "l" * 64}}}, "metadata.labels: Invalid"),
]
SHAPES: list[Row] = [
    ("a misspelt spec", {"sepc": {}}, 'unknown field "sepc"'),
    ("a spec that is a list", {"spec": []}, "spec"),
    ("a misspelt field", spec(comand=["true"]), 'unknown field "spec.comand"'),
    ("no image", spec(image=None), "spec.image: Required value"),
    ("an empty image", spec(image=""), "spec.image in body should be at least 1 chars long"),
    ("an image that is a number", spec(image=5), "spec.image"),
    ("a space in the image", spec(image="my trainer:1"), "spec.image in body should match"),
    ("a space before the image", spec(image=" trainer:1"), "spec.image in body should match"),
    ("a command that is no list", spec(command="train.py"), "spec.command"),
    ("a number in the command", spec(command=["sleep", 5]), "spec.command"),
    ("arguments that are a map", spec(args={"--epochs": 5}), "spec.args"),
    ("a map as environment", spec(env={"A": "b"}), "spec.env"),
    ("a number in the environment", variables({"name": "A", "value": 1}), "spec.env[0].value"),
    ("a nameless variable", variables({"value": "b"}), "spec.env[0].name: Required value"),
    ("a text for envFrom", spec(envFrom="settings"), "spec.envFrom"),
    ("a text for suspend", spec(suspend="yes"), "spec.suspend"),
    ("a template that is a text", spec(template="pod.yaml"), "spec.template"),
]
AMOUNTS: list[Row] = [
    ("no resources", spec(resources=None), "spec.resources: Required value"),
    ("resources as a list", spec(resources=[]), "spec.resources"),
    ("no requests", spec(resources={}), "spec.resources.requests: Required value"),
    ("requests as a text", resources("1"), "spec.resources.requests"),
    ("empty requests", resources({}), "requests must have at least cpu or memory"),
    ("no cpu or memory", resources({"nvidia.com/gpu": 1}), "requests must have at least cpu or"),
    ("a truth as a quantity", resources({"cpu": True}), "spec.resources.requests.cpu"),
    ("a fraction without quotes", resources({"cpu": 0.5}), "spec.resources.requests.cpu"),
    ("words in a quantity", resources({"cpu": "1 core"}), "spec.resources.requests.cpu"),
    ("an empty quantity", resources({"cpu": ""}), "spec.resources.requests.cpu"),
    ("a unit that is none", resources({"memory": "1GiB"}), "spec.resources.requests.memory"),
    ("a quantity of 65 digits", resources({"cpu": "1" * 65}), "spec.resources.requests.cpu"),
    ("too large a number", resources({"cpu": 10**30}), "spec.resources.requests.cpu"),
    ("an exponent of three digits", resources({"memory": "1e999"}), "requests.memory"),
    (
        "exponents that would keep the API server busy",
        memory(
            {"maxMemory": "1e-999999999"}, {"memory": "1e-999999999"}, {"memory": "1e-999999999"}
        ),
        "requests.memory",
    ),
    ("more than there can be", resources({"memory": "1e19"}), "requests[memory]: Invalid value"),
    ("exabytes", resources({"memory": "9999E"}), "an amount is at least 0 and at most"),
    ("a negative request", resources({"cpu": -1}), "spec.resources.requests[cpu]: Invalid value"),
    ("a tiny negative one", resources({"memory": "-1e-99"}), "spec.resources.requests[memory]"),
    ("a negative limit", resources({"cpu": 1}, {"memory": "-1"}), "spec.resources.limits[memory]"),
    ("more than the limit", resources({"cpu": 2}, {"cpu": "1500m"}), "larger than the limit"),
    ("memory that may grow to a word", memory({"maxMemory": "lots"}, {"memory": 1}), "maxMemory"),
    ("growth without an end", memory({}, {"memory": 1}), "onOutOfMemory.maxMemory: Required value"),
    ("growth that is a text", memory("2Gi", {"memory": 1}), "spec.onOutOfMemory"),
    (
        "growth to an exponent without end",
        memory({"maxMemory": "1e99999999999999999999"}, {"memory": 1}),
        "spec.onOutOfMemory.maxMemory",
    ),
    (
        "growth downwards",
        memory({"maxMemory": "-1e999999"}, {"memory": "-1e999999"}),
        "spec.onOutOfMemory.maxMemory",
    ),
    (
        "growth without memory",
        memory({"maxMemory": "2Gi"}, {"cpu": 1}),
        "spec.onOutOfMemory: Invalid value: onOutOfMemory needs memory",
    ),
    (
        "growth to less than the request",
        memory({"maxMemory": "1Gi"}, {"memory": "2Gi"}),
        "maxMemory must not be less than memory in resources.requests",
    ),
    (
        "growth to less than the limit",
        memory({"maxMemory": "1Gi"}, {"cpu": 1}, {"memory": "2Gi"}),
        "maxMemory must not be less than memory in resources.limits",
    ),
    *(
        (
            f"growth by {factor}",
            memory({"maxMemory": "2Gi", "memoryFactor": factor}, {"memory": "1Gi"}),
            "spec.onOutOfMemory.memoryFactor",
        )
        for factor in (1, 1.05, 0, -2, 11, 10**300, "2")
    ),
]
OUT_OF_BOUNDS: dict[str, tuple[Any, ...]] = {
    "backoffLimit": (-1, 1.5, 2**31, "3"),
    "activeDeadlineSeconds": (0, -1, 2**31, 10**30, "1h"),
    "pendingDeadlineSeconds": (0, -1, 2**31, "5m"),
    "ttlSecondsAfterFinished": (-1, 2**31, 2**63, "1d"),
    "backoff": (10, []),
}
NUMBERS: list[Row] = [
    (f"{number!r} as {field}", spec(**{field: number}), f"spec.{field}")
    for field, numbers in OUT_OF_BOUNDS.items()
    for number in numbers
] + [
    ("no pause", spec(backoff={"baseSeconds": 0}), "spec.backoff.baseSeconds"),
    ("a pause of two days", spec(backoff={"maxSeconds": 172800}), "spec.backoff.maxSeconds"),
    ("a longest pause below the first", spec(backoff={"maxSeconds": 5}), "(10 by default)"),
    ("a misspelt pause", spec(backoff={"base": 1}), 'unknown field "spec.backoff.base"'),
]
REFUSED = NAMES + SHAPES + AMOUNTS + NUMBERS
